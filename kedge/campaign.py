"""One fix on many nodes: one node first, the rest when that one is verified, and none any more once one goes wrong.

It decides in which order; what may be done, and what came of it, is the executor's to say. Every node is a change
of its own in the audit, so each can be taken back alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kedge.executor import Outcome, Preview, Progress, Refused, Result, Verification
from kedge.i18n import Text, _
from kedge.model import Approval, Finding, Plan, Risk

AT_ONCE = 4
"""Nodes that are changed side by side once the first one is verified."""
_RISKS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)


class Actor(Protocol):
    """Who carries out one change; a :class:`kedge.workbench.Workbench` is one."""

    async def preview(self, plan: Plan) -> Preview:
        """What exactly would be done; raises Refused."""
        ...

    async def undo_preview(self, id: str) -> Preview:
        """What would take a change back; raises Refused."""
        ...

    async def apply(
        self,
        preview: Preview,
        approval: Approval,
        progress: Callable[[Progress], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Do what was shown; raises Refused."""
        ...

    async def verify(
        self, outcome: Outcome, before: tuple[Finding, ...], tell: Callable[[Text], None] = lambda text: None
    ) -> Verification:
        """Measure whether it helped."""
        ...


class Standing(StrEnum):
    """How one node stands."""

    LOOKING = "looking"
    SHOWN = "shown"
    ALREADY = "already so"
    REFUSED = "refused"
    APPLYING = "applying"
    VERIFYING = "verifying"
    GOOD = "done"
    BAD = "failed"
    NOT_BEGUN = "not begun"


ENDED = frozenset({Standing.ALREADY, Standing.REFUSED, Standing.GOOD, Standing.BAD, Standing.NOT_BEGUN})


@dataclass(slots=True)
class Member:
    """One node of a campaign. ``undo`` names the change to take back where there is no plan."""

    target: str
    plan: Plan | None = None
    undo: str = ""
    standing: Standing = Standing.LOOKING
    text: Text | None = None
    preview: Preview | None = None
    outcome: Outcome | None = None
    verification: Verification | None = None


class Campaign:
    """See the module.

    Args:
        members: in the order in which they are changed; the first that is not so already is the canary.
    """

    def __init__(self, actor: Actor, title: Text, members: Sequence[Member]) -> None:
        self.title = title
        self.members = tuple(members)
        self.on_change: Callable[[Member | None], None] | None = None
        """Called on the event loop with the member that has changed, or None."""
        self._actor = actor
        self._stop = False
        self._running = False
        self._asked: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, actor: Actor, plans: Sequence[Plan]) -> Campaign:
        """The campaign of some plans of one fix."""
        return cls(actor, plans[0].title, [Member(plan.target, plan) for plan in plans])

    # ------------------------------------------------------------------------------------------------ as it stands

    @property
    def running(self) -> bool:
        """True from the first change to the end of the last verification."""
        return self._running

    @property
    def stopping(self) -> bool:
        """True after :meth:`stop`."""
        return self._stop or self._asked()

    @property
    def looked(self) -> bool:
        """True once every node was looked at."""
        return all(one.standing is not Standing.LOOKING for one in self.members)

    @property
    def ready(self) -> tuple[Member, ...]:
        """Those that were shown and can be changed."""
        return tuple(one for one in self.members if one.standing is Standing.SHOWN)

    @property
    def ended(self) -> bool:
        """True when nothing is left to be done."""
        return not self._running and all(one.standing in ENDED for one in self.members)

    @property
    def ended_well(self) -> bool:
        """True when every node is as wanted."""
        return all(one.standing in (Standing.GOOD, Standing.ALREADY) for one in self.members)

    @property
    def risk(self) -> Risk:
        """The highest of all."""
        risks = [one.preview.plan.risk for one in self.members if one.preview is not None]
        return max(risks, key=_RISKS.index, default=Risk.MEDIUM)

    @property
    def summary(self) -> Text:
        """How many ended how, and where and why it went wrong first."""
        counts = Counter(one.standing for one in self.members)
        parts = ", ".join(f"{counts[one]} {one.value}" for one in Standing if counts[one])
        bad = next((one for one in self.members if one.standing in (Standing.BAD, Standing.REFUSED)), None)
        if bad is None:
            return _("{title}: {parts}").format(title=self.title, parts=parts)
        sentence = _("{title}: {parts}. {target}: {why}")
        return sentence.format(title=self.title, parts=parts, target=bad.target, why=bad.text)

    def script(self) -> str:
        """Everything as one shell script for a person to run by hand."""
        previews = [one.preview for one in self.members if one.preview is not None]
        return "\n".join(preview.script() for preview in previews if not preview.idle)

    def undoing(self) -> Campaign:
        """The campaign that takes back whatever this one changed, the last first."""
        changed = [one for one in reversed(self.members) if one.outcome is not None and one.outcome.can_undo]
        members = [Member(one.target, undo=one.outcome.id) for one in changed if one.outcome is not None]
        return Campaign(self._actor, _("Undo: {title}").format(title=self.title), members)

    @property
    def can_undo(self) -> bool:
        """True when something was changed that can be taken back, and nothing runs any more."""
        return not self._running and any(one.outcome is not None and one.outcome.can_undo for one in self.members)

    # ------------------------------------------------------------------------------------------------ the way

    async def look(self) -> None:
        """Read the present state of every node: what would be done there, or why not."""
        await self._side_by_side(self.members, self._look)

    async def run(
        self,
        approve: Callable[[Preview], Approval],
        before: Sequence[Finding] = (),
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Change them: the canary alone, then the rest; whatever happens, it ends.

        Args:
            approve: gives a person's approval of one preview; every one of them was shown.
            before: the findings from before. stop: asked before each node and between its steps, beside :meth:`stop`.
        """
        waiting = self.ready
        self._running, self._asked = True, stop
        try:
            await self._one(waiting[0], approve, tuple(before))
            await self._side_by_side(waiting[1:], lambda one: self._one(one, approve, tuple(before)))
        finally:
            self._running = False
            for one in waiting:
                if one.standing is Standing.SHOWN:
                    one.standing = Standing.NOT_BEGUN
            self._tell(None)

    def stop(self) -> None:
        """Begin nothing further."""
        self._stop = True
        self._tell(None)

    async def _side_by_side(self, members: Sequence[Member], work: Callable[[Member], Awaitable[None]]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(member: Member) -> None:
            async with gate:
                await work(member)

        async with asyncio.TaskGroup() as tasks:
            for member in members:
                tasks.create_task(one(member))

    async def _look(self, one: Member) -> None:
        try:
            if one.plan is not None:
                one.preview = await self._actor.preview(one.plan)
            else:
                one.preview = await self._actor.undo_preview(one.undo)
        except Refused as error:
            self._to(one, Standing.REFUSED, error.text)
        else:
            self._to(one, Standing.ALREADY if one.preview.idle else Standing.SHOWN)

    async def _one(self, one: Member, approve: Callable[[Preview], Approval], before: tuple[Finding, ...]) -> None:
        if one.preview is None or self.stopping or any(other.standing is Standing.BAD for other in self.members):
            return
        self._to(one, Standing.APPLYING)
        try:
            one.outcome = await self._actor.apply(
                one.preview, approve(one.preview), lambda progress: self._progress(one, progress), lambda: self.stopping
            )
            if one.outcome.result is not Result.DONE:
                self._to(one, Standing.BAD, one.outcome.text)
            elif not (one.outcome.plan.verify or one.outcome.plan.expect):
                self._to(one, Standing.GOOD, one.outcome.text)
            else:
                await self._verify(one, one.outcome, before)
        except Refused as error:
            self._to(one, Standing.BAD, error.text)
        finally:
            if one.standing in (Standing.APPLYING, Standing.VERIFYING):
                self._to(one, Standing.BAD, _("It is not known how this ended; :history has what is known"))

    async def _verify(self, one: Member, outcome: Outcome, before: tuple[Finding, ...]) -> None:
        self._to(one, Standing.VERIFYING)
        one.verification = await self._actor.verify(outcome, before, lambda text: self._to(one, one.standing, text))
        good = one.verification.result.is_good
        self._to(one, Standing.GOOD if good else Standing.BAD, one.verification.text)

    def _progress(self, one: Member, progress: Progress) -> None:
        self._to(one, one.standing, progress.text or progress.title)

    def _to(self, one: Member, standing: Standing, text: Text | None = None) -> None:
        one.standing, one.text = standing, text
        self._tell(one)

    def _tell(self, one: Member | None) -> None:
        if self.on_change is not None:
            self.on_change(one)
