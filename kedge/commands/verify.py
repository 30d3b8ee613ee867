"""``kedge-tui verify``: do logs, exec and top work, tested end to end on every edge?"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click
import yaml

from kedge.commands.common import put, site_options, stop
from kedge.commands.durations import duration
from kedge.commands.interrupts import interrupted
from kedge.commands.live import Session, opened
from kedge.commands.looks import Look
from kedge.commands.pod_tests import PodTest, Stopped, tested_with_pods, with_tests
from kedge.commands.progress import Progress
from kedge.commands.terminal import say
from kedge.eight_points import CODES, POINTS, PROVEN, Result, counted, results
from kedge.exit_codes import Exit
from kedge.facts.kubectl import CRASHED_BY_EXEC
from kedge.facts.nodes import Node
from kedge.i18n import Text, _, ngettext, translate
from kedge.model import Cost, Role, Status
from kedge.picture import Picture
from kedge.registry import discover
from kedge.report import GLYPHS, document, said, stamp
from kedge.report_formats import FORMATS
from kedge.selection import select
from kedge.workbench import Options

SWEEP = (Cost.PASSIVE, Cost.ACTIVE)


@click.command("verify")
@click.option("--node", "nodes", multiple=True, help="Only this edge node; repeatable.")
@click.option("--no-exec", is_flag=True, help="Run no command in any container; point 5 stays untested.")
@click.option(
    "--deploy-test-pod",
    is_flag=True,
    help="Test logs, exec and top of every edge with a small pod of its own, and always take it away again.",
)
@click.option("-o", "--output", type=click.Choice(sorted(FORMATS)), default="table", help="Format of the report.")
@duration("--timeout", "120s", "For the look at the site.")
@site_options
def command(
    nodes: tuple[str, ...], no_exec: bool, deploy_test_pod: bool, output: str, timeout: float, **site: Any
) -> None:
    """Test end to end whether kubectl logs, exec and top work, on every edge node.

    Eight points: CloudCore, CloudStream, the edge nodes, logs, exec, Metrics Server, top and the iptables rules. What
    comes back is looked at, not only exit codes. It runs one command, `hostname`, in one container of every edge; with
    --deploy-test-pod in a pod of its own instead, which also tests edges on which nothing runs.
    Exit code 0: all eight were tested and work; 3: one fails; 5: nothing fails, but not all could be tested.
    """
    if no_exec and deploy_test_pod:
        stop(_("--deploy-test-pod tests exec too; leave out --no-exec"))
    costs = SWEEP if no_exec or deploy_test_pod else tuple(Cost)
    try:
        seen = asyncio.run(_seen(timeout, Options(**site), nodes, costs, deploy_test_pod))
    except asyncio.CancelledError:
        interrupted(_("Interrupted twice; `kedge-tui history` shows whether a test pod is left"))
    except Stopped as end:
        interrupted(end.text)
    picture = seen.look.picture
    for problem in picture.problems:
        say(_("kedge-tui: {problem}").format(problem=problem))
    if not seen.look.complete:
        say(_("kedge-tui: not everything answered within {seconds:g} s; see --timeout").format(seconds=timeout))
    found = [r for r in results(picture) if not nodes or r.finding.target in nodes or not _is_edge(r)]
    proven = with_tests(found, seen.tests)
    put(rendered(picture, proven, output, seen.tests))
    sys.exit(code_of(proven, seen.tests))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found, and what came of the test pods."""

    look: Look
    tests: tuple[PodTest, ...] = ()


async def _seen(
    timeout: float, options: Options, nodes: Sequence[str], costs: Sequence[Cost], deploy_test_pod: bool
) -> Seen:
    registry = discover()
    async with opened(registry, options, read_only=None if deploy_test_pod else lambda: True) as session:
        try:
            async with session.within(timeout):
                await session.site.engine.look_at_site()
                edges = _edges(session, nodes)
                if Cost.INTRUSIVE in costs or deploy_test_pod:
                    _warn_of_exec(session, edges)
                await _ask(session, edges, costs)
        except TimeoutError:
            return Seen(Look(session.site.picture(), complete=False))
        look = Look(session.site.picture())
        return Seen(look, await tested_with_pods(session, registry, edges) if deploy_test_pod else ())


async def _ask(session: Session, edges: Sequence[str], costs: Sequence[Cost]) -> None:
    engine = session.site.engine
    cloud = [host.name for host in engine.hosts if Role.EDGE not in host.roles]
    with Progress() as progress:
        engine.tell(progress)
        progress.expect([*cloud, *edges])
        await asyncio.gather(engine.look_at_hosts(cloud, SWEEP), engine.look_at_hosts(edges, costs))


def _edges(session: Session, nodes: Sequence[str]) -> list[str]:
    """The edges to test; a name that is none of them ends the program."""
    edges = list(session.site.engine.edges)
    for node in nodes:
        if node not in edges and edges:
            text = _("There is no edge node {name}; there are: {known}")
            stop(text.format(name=node, known=", ".join(edges)))
    return [edge for edge in edges if not nodes or edge in nodes]


def _warn_of_exec(session: Session, edges: Iterable[str]) -> None:
    """A person who asked for an exec is told before it what it has been seen to do (facts 11)."""
    versions = {edge: session.site.engine.store.known(Node, edge) for edge in edges}
    at_risk = [edge for edge, node in versions.items() if node is not None and node.kubeedge_version in CRASHED_BY_EXEC]
    if at_risk:
        text = _(
            "kedge-tui: an exec was seen to crash EdgeCore {versions}, after which every stream of the node drops for "
            "some 15 s: {nodes}. --no-exec leaves it out"
        )
        say(text.format(versions=", ".join(sorted(CRASHED_BY_EXEC)), nodes=", ".join(at_risk)))


def _is_edge(result: Result) -> bool:
    return result.finding.component.startswith("edge/")


def code_of(found: Sequence[Result], tests: Sequence[PodTest] = ()) -> Exit:
    """Working means tested: 5 where nothing fails and something was not."""
    if any(result.finding.status is Status.FAIL for result in found) or any(test.works is False for test in tests):
        return Exit.FAILURE
    works, _failed, _untested = counted(found)
    return Exit.OK if works == len(POINTS) else Exit.UNJUDGED


# ------------------------------------------------------------------------------------------------ telling


def rendered(picture: Picture, found: Sequence[Result], output: str, tests: Sequence[PodTest] = ()) -> str:
    """The report; structured formats are those of ``check`` with a list ``points`` added."""
    if output == "table":
        return as_table(picture, found, tests)
    chosen = select(picture, CODES, {result.finding.target for result in found})
    if output == "json":
        return json.dumps(points_document(chosen, found, tests), ensure_ascii=False, indent=2) + "\n"
    if output == "yaml":
        text: str = yaml.safe_dump(
            points_document(chosen, found, tests), sort_keys=False, allow_unicode=True, width=4096
        )
        return text
    return FORMATS[output](chosen)


def points_document(picture: Picture, found: Iterable[Result], tests: Sequence[PodTest] = ()) -> dict[str, Any]:
    """The document of ``check`` with the points; names are frozen."""
    points = [
        {
            "point": result.point.id,
            "title": str(result.point.title),
            "target": result.finding.target,
            "works": result.is_proven if result.finding.status in (*PROVEN, Status.FAIL) else None,
            "status": result.finding.status.value,
            "code": result.finding.code,
            "message": str(result.finding.text),
            "seen": None if result.finding.seen is None else str(result.finding.seen),
        }
        for result in found
    ]
    pods = [{"target": test.target, "works": test.works, "message": str(test.text)} for test in tests]
    return {**document(picture), "points": points, "testPods": pods}


def as_table(picture: Picture, found: Sequence[Result], tests: Sequence[PodTest] = ()) -> str:
    """One line a point and target, then how it adds up, and what is behind what fails."""
    where = f"{picture.site} ({picture.context})" if picture.context else picture.site
    titles = max(len(translate(point.title)) for point in POINTS)
    targets = max((len(said(result.finding.target)) for result in found), default=1)
    lines = [said(_("{where}, tested {at}").format(where=where, at=stamp(picture.taken))), ""]
    for result in found:
        finding = result.finding
        head = f"{result.point.number} {translate(result.point.title):<{titles}}  {said(finding.target):<{targets}}"
        because = f" (because {finding.because} {said(finding.because_target or '')})" if finding.because else ""
        lines.append(f"{GLYPHS[finding.status]} {head}  {said(finding.text)}{because}")
        if result.is_proven and finding.seen and result.point.id in ("logs", "exec", "top"):
            lines.append(f"  {'':<{titles + 2}}  {'':<{targets}}  → {said(finding.seen)}")
    tested = {result.point for result in found}
    for point in POINTS:
        if point not in tested:
            head = f"{GLYPHS[Status.UNKNOWN]} {point.number} {translate(point.title):<{titles}}  {'-':<{targets}}"
            lines.append(f"{head}  {said(_('There is nothing to test it on: no edge node is known'))}")
    for test in tests:
        glyph = GLYPHS[Status.UNKNOWN if test.works is None else Status.PASS if test.works else Status.FAIL]
        lines.append(
            f"{glyph} + {translate(_('Test pod')):<{titles}}  {said(test.target):<{targets}}  {said(test.text)}"
        )
    lines += ["", *map(said, _summed(picture, found))]
    return "\n".join(lines) + "\n"


def _summed(picture: Picture, found: Sequence[Result]) -> list[Text]:
    works, failed, untested = counted(found)
    if works == len(POINTS):
        return [_("All eight points were tested and work")]
    parts = [ngettext("{count} of 8 points works", "{count} of 8 points work", "count").format(count=works)]
    if failed:
        parts.append(ngettext("{count} fails", "{count} fail", "count").format(count=failed))
    if untested:
        parts.append(_("{count} could not be tested").format(count=untested))
    lines = [Text(", ".join(map(translate, parts)))]
    if failed:
        named = _("  {glyph} {code} {target}: {text}")
        lines.append(_("Causes:"))
        lines += [
            named.format(glyph=GLYPHS[Status.FAIL], code=cause.code, target=cause.target, text=cause.text)
            for cause in picture.causes
        ]
        lines += _repairs(picture)
    return lines


def _repairs(picture: Picture) -> list[Text]:
    """The command that would repair the first cause that has one."""
    for cause in picture.causes:
        if cause.fixes:
            node = f" --node {cause.target}" if cause.target != "-" else ""
            return [_("Repair: kedge-tui fix {fix}{node} --dry-run").format(fix=cause.fixes[0], node=node)]
    return []
