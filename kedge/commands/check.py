"""``kedge-tui check``: one look at a site, a recording or this machine, then a report and an exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from kedge.commands.common import put, site_options, stop
from kedge.commands.durations import duration
from kedge.commands.looks import Asked, Look, Wanted, tell_problems, write_textfile
from kedge.exit_codes import Exit
from kedge.i18n import _
from kedge.model import SITE, Status
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.recording import RecordingError
from kedge.registry import discover
from kedge.report import EVERYTHING, SCHEMA
from kedge.report_formats import FORMATS
from kedge.selection import GROUPS, matches


def _statuses(context: click.Context, parameter: click.Parameter, value: str) -> frozenset[Status]:
    """A list such as ``fail,warn``; nothing means everything."""
    words = [word.strip() for word in value.split(",") if word.strip()]
    known = [status.value for status in Status]
    if unknown := [word for word in words if word not in known]:
        raise click.BadParameter(f"{', '.join(unknown)}: no such status; there are {', '.join(known)}.")
    return frozenset(Status(word) for word in words) or EVERYTHING


def _schema(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Print the schema of ``-o json`` and end."""
    if value:
        click.echo(SCHEMA.read_text(encoding="utf-8"), nl=False)
        context.exit()


@click.command("check")
@click.argument("codes", metavar="[CODE-GLOB]...", nargs=-1)
@click.option("--node", "nodes", multiple=True, help="Only this node or host; repeatable.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    type=click.Choice(GROUPS),
    metavar="PART",
    help=f"Only this part: {', '.join(GROUPS)}.",
)
@click.option("-o", "--output", type=click.Choice(sorted(FORMATS)), default="table", help="Format of the report.")
@click.option(
    "--show", callback=_statuses, default="", metavar="STATUS,…", help="Only results of these statuses, e.g. fail,warn."
)
@click.option("--fail-on", type=click.Choice(["fail", "warn"]), default="fail", help="What makes the exit code.")
@click.option("--strict", is_flag=True, help="Exit 5 when anything could not be judged.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever is found; mistakes still count.")
@click.option("--with", "files", multiple=True, metavar="FILE", help="Output of a `probe-script`; repeatable.")
@click.option(
    "--intrusive",
    is_flag=True,
    help="Also run what no look runs by itself: with KE502, one `kubectl exec` per edge. Can disturb; see --node.",
)
@click.option(
    "--bundle", "--recording", "recording", metavar="PATH", default="", help="Judge a bundle or recorded site instead."
)
@duration("--timeout", "60s", "For one look.")
@duration("--wait", "", "Look again until nothing fails, for at most so long.")
@click.option("--watch", is_flag=True, help="Go on looking; print what changes, one JSON object a line.")
@duration("--interval", "30s", "Between two looks of --watch.")
@click.option("--textfile", default="", metavar="FILE", help="Write Prometheus metrics there too, whole or not at all.")
@click.option(
    "--schema", is_flag=True, is_eager=True, expose_value=False, callback=_schema, help="Print the JSON Schema."
)
@site_options
def command(codes: tuple[str, ...], recording: str, **options: Any) -> None:
    """Check the site once and report what is broken, and why.

    CODE-GLOB names the checks to report, e.g. KE206 or 'KE5*'; what explains them is told with them.
    """
    registry = discover()
    _known_codes(codes, registry)
    wanted = Wanted(registry, codes, **{name: options.pop(name) for name in Wanted.NAMES})
    asked = Asked(**{name: options.pop(name) for name in Asked.NAMES})
    if recording and (asked.watch or asked.wait):
        stop(_("A bundle does not change; leave out --watch and --wait"))
    if recording and (asked.intrusive or asked.files):
        stop(_("A bundle holds all that is judged; leave out --intrusive and --with"))
    if asked.watch and (asked.intrusive or asked.wait or asked.files):
        stop(_("--watch looks on for ever, and passively; leave out --intrusive, --wait and --with"))
    look = _recorded(recording, registry) if recording else _live(wanted, asked, options)
    tell_problems(look, wanted)
    _known_nodes(wanted.nodes, look.picture)
    chosen = wanted.part(look.picture)
    if asked.textfile:
        write_textfile(asked.textfile, chosen)
    put(FORMATS[wanted.output](chosen, wanted.show))
    sys.exit(wanted.code(look))


def _known_codes(globs: Iterable[str], registry: Registry) -> None:
    """A glob that no check matches is a mistake, not a clean bill of health."""
    for glob in globs:
        if not any(matches(check.code, (glob,)) for check in registry.checks):
            stop(_("No check matches {glob}; codes look like KE206 or 'KE5*'").format(glob=glob))


def _known_nodes(nodes: Iterable[str], picture: Picture) -> None:
    known = sorted({finding.target for finding in picture.findings} - {SITE})
    for node in nodes:
        if node not in known:
            text = _("There is no node or host {name}; there are: {known}")
            stop(text.format(name=node, known=", ".join(known) or "-"))


def _on_demand(globs: tuple[str, ...], registry: Registry) -> tuple[str, ...]:
    """The intrusive checks that were named; to run one, one says which."""
    from kedge.intrusive import intrusive_codes

    chosen = sorted(code for code in intrusive_codes(registry) if globs and matches(code, globs))
    if not chosen:
        known = ", ".join(sorted(intrusive_codes(registry)))
        stop(_("--intrusive runs the checks that are named with it; there are: {known}").format(known=known))
    return tuple(chosen)


def _recorded(directory: str, registry: Registry) -> Look:
    try:
        return Look(asyncio.run(judge_recording(Path(directory), registry)))
    except RecordingError as error:
        stop(error.text)


async def judge_recording(directory: Path, registry: Registry) -> Picture:
    """Judge a recorded site with today's checks; intrusive ones too, as far as it holds them."""
    from kedge.opening import open_recorded

    return (await open_recorded(directory, registry)).picture()


def _live(wanted: Wanted, asked: Asked, site: dict[str, Any]) -> Look:
    from kedge.commands.live import look_once
    from kedge.commands.probe_script import read_files
    from kedge.commands.watching import watch_site
    from kedge.workbench import Options

    def will_do(picture: Picture) -> bool:
        return wanted.code(Look(picture)) not in (Exit.FAILURE, Exit.WARNING)

    on_demand = _on_demand(wanted.codes, wanted.registry) if asked.intrusive else ()
    saved, options, nodes = read_files(asked.files), Options(**site), wanted.nodes
    if asked.watch:
        asyncio.run(watch_site(wanted, options, asked.interval, asked.textfile))
    look = look_once(wanted.registry, wanted.timeout, options, nodes, saved, on_demand, wait=asked.wait, until=will_do)
    return asyncio.run(look)
