"""The functional test of ``verify --deploy-test-pod``: the fix of that name, carried out on every edge at once.

The executor takes the pod away again whatever became of it, also on ctrl+c and SIGTERM.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kedge.commands.live import Session
from kedge.commands.repair import GLYPHS, stoppable
from kedge.commands.terminal import say
from kedge.eight_points import PROVEN, Result
from kedge.executor import Executor, Outcome, Progress, Refused, StepState
from kedge.i18n import Text, _
from kedge.model import Approval, Plan, Status
from kedge.plugins import Registry
from kedge.proposals import propose
from kedge.steps import DeletePod, TryPod

FIX = "functional-test"
HOW = "verify --deploy-test-pod"
TRIED = frozenset({"logs", "exec", "top"})
"""Ids of the points that such a pod tests."""


@dataclass(frozen=True, slots=True)
class PodTest:
    """What came of one test pod: ``works`` is None when nothing could be tried; ``left`` when it is still there."""

    target: str
    works: bool | None
    text: Text
    left: bool = False


async def tested_with_pods(session: Session, registry: Registry, edges: Sequence[str]) -> tuple[PodTest, ...]:
    """Test every edge with a pod of our own, all at once."""
    executor = session.executor
    if executor is None:
        return tuple(PodTest(edge, None, _("Nothing can be changed here: this is no live site")) for edge in edges)
    fix, store = registry.fix(FIX), session.site.engine.store
    proposals = {edge: propose(fix, edge, store) for edge in edges}
    with stoppable() as stop:
        tests = await asyncio.gather(
            *(
                _carried_out(executor, edge, one.plan, stop)
                if one.plan is not None
                else _not_tried(edge, one.why_not or _("there is no test for it"))
                for edge, one in proposals.items()
            )
        )
        if stop():
            raise Stopped([test.target for test in tests if test.left])
    return tuple(tests)


class Stopped(Exception):
    """The tests were told to end; ``text`` says what became of their pods."""

    def __init__(self, left: Sequence[str]) -> None:
        gone = _("Interrupted; every test pod was taken away again")
        there = _("Interrupted; the test pod of {edges} could not be taken away: `kedge-tui history` tells more")
        self.text = there.format(edges=", ".join(left)) if left else gone
        super().__init__(str(self.text))


async def _not_tried(edge: str, why: Text) -> PodTest:
    return PodTest(edge, None, why)


async def _carried_out(executor: Executor, edge: str, plan: Plan, stop: Callable[[], bool]) -> PodTest:
    try:
        preview = await executor.preview(plan)
        approval = Approval(preview.digest, getpass.getuser(), HOW)
        outcome = await executor.apply(preview, approval, lambda progress: _tell(edge, progress), stop)
    except Refused as error:
        return PodTest(edge, None, error.text)
    for problem in outcome.problems:
        say(problem)
    return judged(edge, outcome)


def judged(edge: str, outcome: Outcome) -> PodTest:
    """A pod that could not be started says nothing about the path; one that was tried says everything."""
    tried = next(
        (found for step, found in zip(outcome.plan.steps, outcome.steps, strict=True) if isinstance(step, TryPod)), None
    )
    gone = next(
        found for step, found in zip(outcome.plan.steps, outcome.steps, strict=True) if isinstance(step, DeletePod)
    )
    left = gone.state not in (StepState.DONE, StepState.ALREADY, StepState.NOT_RUN)
    if tried is None or tried.state not in (StepState.DONE, StepState.ALREADY, StepState.FAILED):
        return PodTest(edge, None, outcome.text, left)
    if tried.state is StepState.FAILED:
        return PodTest(edge, False, tried.text or outcome.text, left)
    if left:
        text = _("logs, exec and top of the pod work, but it could not be taken away: {why}")
        return PodTest(edge, True, text.format(why=gone.text or gone.title), left)
    return PodTest(edge, True, _("logs, exec and top of a pod of our own work; it was taken away again"))


def _tell(edge: str, progress: Progress) -> None:
    said = progress.text if progress.text is not None else progress.title
    say(_("{glyph} {node}: {text}").format(glyph=GLYPHS[progress.state], node=edge, text=said))


def with_tests(found: Sequence[Result], tests: Sequence[PodTest]) -> tuple[Result, ...]:
    """The points with what the pods proved, where nothing else could."""
    by_target = {test.target: test for test in tests}
    return tuple(_with_test(result, by_target) for result in found)


def _with_test(result: Result, tests: Mapping[str, PodTest]) -> Result:
    test, status = tests.get(result.finding.target), result.finding.status
    if test is None or result.point.id not in TRIED or status in (*PROVEN, Status.FAIL):
        return result
    if test.works:
        finding = replace(result.finding, status=Status.PASS, text=_("works with a pod of our own"), seen=None)
    else:
        finding = replace(result.finding, text=_("tried with a pod of our own; what came of it is told below"))
    return replace(result, finding=finding)
