"""``kedge-tui diff``: healthy against sick, as two bundles or two nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from kedge.commands.common import put, site_options, stop
from kedge.commands.durations import duration
from kedge.commands.terminal import say
from kedge.differences import Difference, Side, differences, of_node
from kedge.engine import Engine
from kedge.i18n import _, translate
from kedge.model import Cost
from kedge.printable import one_line
from kedge.recording import RecordingError
from kedge.registry import discover
from kedge.report import API_VERSION
from kedge.report_formats.markdown import quoted
from kedge.workbench import Options


@click.command("diff")
@click.argument("paths", metavar="[A [B]]", nargs=-1)
@click.option("--node", "nodes", nargs=2, default=None, metavar="NODE NODE", help="Compare two nodes of one site.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "markdown"]), default="table", help="Format of the report."
)
@duration("--timeout", "60s", "For the look at a live site.")
@site_options
def command(paths: tuple[str, ...], nodes: tuple[str, str] | None, output: str, timeout: float, **given: Any) -> None:
    """Say what differs in findings and facts, moments and ids left out.

    A and B are bundles of `collect` or folders of recordings. With `--node edge1 edge2` two nodes are compared, of the
    bundle A or, without one, of the live site. The exit code is 0 whatever differs.
    """
    if len(paths) != 2 if nodes is None else len(paths) > 1:
        stop(_("Name two bundles to compare, or --node with two nodes and at most one bundle"))
    try:
        looks = [asyncio.run(_recorded(Path(path).expanduser())) for path in paths] or [
            asyncio.run(_live(Options(**given), timeout))
        ]
    except RecordingError as error:
        stop(error.text)
    a, b = looks if nodes is None else (_node(looks[0], node) for node in nodes)
    put(FORMATS[output](a.name, b.name, differences(a, b)))


async def _recorded(path: Path) -> Side:
    from kedge.opening import recorded_engine

    engine = recorded_engine(path, discover())
    await engine.look(tuple(Cost))
    return _side(str(path), engine)


async def _live(options: Options, timeout: float) -> Side:
    from kedge.commands.live import ask_once, opened

    async with opened(discover(), options, read_only=lambda: True) as session:
        try:
            async with session.within(timeout):
                await ask_once(session, ())
        except TimeoutError:
            say(_("Not everything had answered in time; see --timeout"))
        return _side(session.site.engine.site.name, session.site.engine)


def _side(name: str, engine: Engine) -> Side:
    return Side(name, engine.findings(), dict(engine.store.items()))


def _node(side: Side, node: str) -> Side:
    known = sorted({target for kind, target in side.facts} - {"-"})
    if node not in known:
        text = _("There is no node or host {name}; there are: {known}")
        stop(text.format(name=node, known=", ".join(known) or "-"))
    return of_node(side, node)


# ------------------------------------------------------------------------------------------------ telling


def as_table(a: str, b: str, found: Sequence[Difference]) -> str:
    """Three lines each, so that long values stay readable on a narrow terminal."""
    lines = [f"--- {one_line(a)}", f"+++ {one_line(b)}"]
    for one in found:
        lines += [f"{one.target}  {one.what}", f"  - {one.before}", f"  + {one.after}"]
    return "\n".join([*lines, *_nothing(found)]) + "\n"


def as_json(a: str, b: str, found: Sequence[Difference]) -> str:
    """English, names frozen."""
    rows = [
        {"kind": one.kind, "what": one.what, "target": one.target, "a": one.before, "b": one.after} for one in found
    ]
    whole = {"apiVersion": API_VERSION, "kind": "diff", "a": a, "b": b, "differences": rows}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def as_markdown(a: str, b: str, found: Sequence[Difference]) -> str:
    """For a ticket."""
    lines = [f"| | | {quoted(a)} | {quoted(b)} |", "|---|---|---|---|"]
    lines += [
        f"| {quoted(one.target)} | {quoted(one.what)} | {quoted(one.before)} | {quoted(one.after)} |" for one in found
    ]
    return "\n".join([*lines, *_nothing(found)]) + "\n"


def _nothing(found: Sequence[Difference]) -> list[str]:
    return [] if found else ["", translate(_("Nothing differs"))]


FORMATS: dict[str, Callable[[str, str, Sequence[Difference]], str]] = {
    "table": as_table,
    "json": as_json,
    "markdown": as_markdown,
}
