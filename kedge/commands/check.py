"""``kedge-tui check``: one look at a site, a recording or this machine, then a report and an exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kedge.commands.common import site_options, stop
from kedge.exit_codes import Exit, exit_code
from kedge.i18n import _, translate
from kedge.model import SITE, Status
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.recording import RecordingError
from kedge.registry import discover
from kedge.report import EVERYTHING
from kedge.report_formats import FORMATS
from kedge.selection import matches, select

if TYPE_CHECKING:
    from kedge.commands.live import Look


def _statuses(context: click.Context, parameter: click.Parameter, value: str) -> frozenset[Status]:
    """A list such as ``fail,warn``; nothing means everything."""
    words = [word.strip() for word in value.split(",") if word.strip()]
    known = [status.value for status in Status]
    if unknown := [word for word in words if word not in known]:
        raise click.BadParameter(f"{', '.join(unknown)}: no such status; there are {', '.join(known)}.")
    return frozenset(Status(word) for word in words) or EVERYTHING


@click.command("check")
@click.argument("codes", metavar="[CODE-GLOB]...", nargs=-1)
@click.option("--node", "nodes", multiple=True, help="Only this node or host; repeatable.")
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
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds for the whole look.")
@site_options
def command(
    codes: tuple[str, ...],
    nodes: tuple[str, ...],
    output: str,
    show: frozenset[Status],
    fail_on: str,
    strict: bool,
    exit_zero: bool,
    files: tuple[str, ...],
    recording: str,
    timeout: float,
    **site: Any,
) -> None:
    """Check the site once and report what is broken, and why.

    CODE-GLOB names the checks to report, e.g. KE206 or 'KE5*'; what explains them is told with them.
    """
    registry = discover()
    _known_codes(codes, registry)
    on_demand = _on_demand(codes, registry) if site.pop("intrusive") else ()
    look = _recorded(recording, registry) if recording else _live(registry, timeout, nodes, files, on_demand, site)
    for problem in look.picture.problems:
        click.echo(f"kedge-tui: {translate(problem)}", err=True)
    _known_nodes(nodes, look.picture)
    if not look.complete:
        click.echo(f"kedge-tui: not everything answered within {timeout:g} s; see --timeout", err=True)
    chosen = select(look.picture, codes, nodes)
    click.echo(FORMATS[output](chosen, show), nl=False)
    code = exit_code(
        chosen, registry, fail_on=fail_on, strict=strict or not look.complete, partial=bool(codes or nodes)
    )
    sys.exit(Exit.OK if exit_zero else code)


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
    from kedge.commands.live import Look

    try:
        return Look(asyncio.run(judge_recording(Path(directory), registry)))
    except RecordingError as error:
        stop(error.text)


async def judge_recording(directory: Path, registry: Registry) -> Picture:
    """Judge a recorded site with today's checks; intrusive ones too, as far as it holds them."""
    from kedge.opening import open_recorded

    return (await open_recorded(directory, registry)).picture()


def _live(
    registry: Registry,
    timeout: float,
    nodes: tuple[str, ...],
    files: tuple[str, ...],
    on_demand: tuple[str, ...],
    site: dict[str, Any],
) -> Look:
    from kedge.commands.live import look_once
    from kedge.commands.probe_script import read_files
    from kedge.workbench import Options

    saved = read_files(files)
    try:
        return asyncio.run(look_once(registry, timeout, Options(**site), nodes, saved, on_demand))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
