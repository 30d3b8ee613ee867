"""The only code that changes anything anywhere: preview, apply, verify, undo, account.

It never asks a person. The front end shows a :class:`Preview`, makes the
:class:`~kedge.model.Approval` of its digest, and hands both to :meth:`Executor.apply`.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kedge.audit import Audit, AuditError, Entry, History, moment, writer
from kedge.execute.account import Account, brief, outcome_text, sum_up
from kedge.execute.base import Clock, Hands, Refused, Settings, Shown, StepFailed, SystemClock, Writers
from kedge.execute.handlers import from_data, handler_of, to_data
from kedge.execute.permission import permit_steps
from kedge.execute.run import Progress, Result, Run, StepOutcome, StepState, settled
from kedge.i18n import Text, _
from kedge.locks import Locks
from kedge.model import SITE, Approval, Finding, LinkError, Plan
from kedge.steps import KUBERNETES, script_of
from kedge.undo import undo_plan, undo_steps
from kedge.verification import Recheck, Verification, Verifier, VerifyResult

__all__ = [
    "Executor",
    "Outcome",
    "Preview",
    "Progress",
    "Refused",
    "Result",
    "Settings",
    "StepOutcome",
    "StepState",
    "Verification",
    "VerifyResult",
    "Where",
    "Writers",
]


@dataclass(frozen=True, slots=True)
class Where:
    """Who works on which site, for the audit."""

    site: str
    context: str = ""
    os_user: str = ""
    kube_user: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """Exactly what would be done, as shown to a person.

    Attributes:
        at: when it was looked at. undoes: id of the change that it takes back, "" otherwise.
        site: name of the site it would be done on.
    """

    plan: Plan
    steps: tuple[Shown, ...]
    at: datetime
    undoes: str = ""
    site: str = ""

    @property
    def name(self) -> str:
        """What a person types to consent to a high risk: the node or host; the site for what is the whole site's."""
        return self.plan.target if self.plan.target != SITE else self.site or SITE

    @property
    def digest(self) -> str:
        """Fingerprint of the plan, of what it was shown on, and of what was shown."""
        parts = [(str(s.title), s.body, str(s.user), [str(n) for n in s.notes], dict(s.pin)) for s in self.steps]
        data = json.dumps([self.plan.digest(), self.undoes, parts], sort_keys=True, default=str)
        return hashlib.sha256(data.encode()).hexdigest()

    @property
    def idle(self) -> bool:
        """True when everything is as wanted already."""
        return all(shown.idle for shown in self.steps)

    def text(self) -> str:
        """What was shown, in English, for the audit and for terminals."""
        lines = [str(self.plan.title), f"impact: {self.plan.impact}", f"risk: {self.plan.risk.value}"]
        for number, shown in enumerate(self.steps, 1):
            lines.append(f"{number}. {shown.title}" + (f" (as {shown.user})" if shown.user else ""))
            lines += [shown.body] if shown.body else []
            lines += [f"   {note}" for note in shown.notes]
        return "\n".join(lines)

    def script(self) -> str:
        """The same as a shell script for a person to run by hand."""
        parts = [(s.step.on, str(s.title), s.shell) for s in self.steps if not s.idle]
        return script_of(str(self.plan.title), parts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How applying a plan ended.

    Attributes:
        id: of the change in the audit; what an undo names.
        problems: what else went wrong and matters to nobody but the operator: a lock left, an audit line lost.
    """

    id: str
    plan: Plan
    result: Result
    steps: tuple[StepOutcome, ...]
    text: Text
    can_undo: bool
    problems: tuple[Text, ...] = ()


class Executor:
    """See the module. One per site; ``read_only`` is asked every time."""

    def __init__(
        self,
        writers: Writers,
        audit: Audit,
        read_only: Callable[[], bool],
        where: Where,
        clock: Clock | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._settings = settings or Settings()
        self._hands = Hands(writers, self._clock, self._settings, read_only)
        self._audit = audit
        self._read_only = read_only
        self._where = where
        self._busy: set[str] = set()

    # ------------------------------------------------------------------------------------------- preview

    async def preview(self, plan: Plan, *, undoes: str = "") -> Preview:
        """Read the present state and say exactly what would be done; raises Refused.

        Looking changes nothing, so it is allowed to those who may only look as well.
        """
        at = self._clock.now()
        with _refusing():
            users = {on: await self._user(on) for on in dict.fromkeys(step.on for step in plan.steps)}
            if not self._read_only():
                await permit_steps(plan.steps, self._hands)
        steps = await self._look(plan, at)
        return Preview(plan, tuple(replace(s, user=users[s.step.on]) for s in steps), at, undoes, self._where.site)

    async def _look(self, plan: Plan, at: datetime) -> list[Shown]:
        with _refusing():
            return [await handler_of(step).look(step, self._hands, at) for step in plan.steps]

    async def _user(self, on: str) -> Text | str:
        """As whom things run there. Asking also proves the right to, before the first step and not in the middle."""
        if on == KUBERNETES:
            return self._where.kube_user
        login, working = [
            (await self._hands.must(on, ("id", "-un"), root=root)).stdout.decode(errors="replace").strip()
            for root in (False, True)
        ]
        if login == working:
            return login
        return _("{user}, by sudo from {login}").format(user=working, login=login)

    # --------------------------------------------------------------------------------------------- apply

    async def apply(
        self,
        preview: Preview,
        approval: Approval,
        progress: Callable[[Progress], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Do what was shown and approved; never asks.

        Raises:
            Refused: nothing was changed: read-only, another digest, a lock, a state that is no longer the one
                shown, or an audit log that cannot be written.
        """
        self._permit()
        if approval.plan_digest != preview.digest:
            raise Refused(_("What was approved is not what was shown; look at it again"))
        if preview.plan.target in self._busy:
            raise Refused(_("A repair of {target} is running already").format(target=preview.plan.target))
        await self._rested(preview.plan)
        with _refusing():  # a preview may be older than a right, or made where none was asked for: read-only
            await permit_steps(preview.plan.steps, self._hands)
        self._busy.add(preview.plan.target)
        try:
            return await self._apply(preview, approval, progress, stop)
        finally:
            self._busy.discard(preview.plan.target)

    async def _rested(self, plan: Plan) -> None:
        """The same repair again and again would keep what it restarts from ever coming up; raises Refused."""
        now, rest = self._hands.clock.now(), self._settings.cooldown
        for entry in (await self.history()).entries if plan.verify else ():
            same = (entry.intent.get("site"), entry.intent.get("target"), entry.intent.get("fix"))
            if same != (self._where.site, plan.target, plan.fix) or entry.undone_by or not entry.outcome:
                continue
            left = rest - (now - moment(entry.outcome)).total_seconds()
            if entry.result == "done" and 0 < left <= rest:
                sentence = _("{title} was done on {target} only just now; give it {seconds} s more, then look again")
                raise Refused(sentence.format(title=plan.title, target=plan.target, seconds=round(left) or 1))

    async def _apply(
        self,
        preview: Preview,
        approval: Approval,
        progress: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> Outcome:
        plan = preview.plan
        who = f"{self._where.os_user}@{os.uname().nodename}"
        locks = Locks(self._hands, who, self._lock_seconds(plan), self._left_locks)
        paths = [lock for step in plan.steps for lock in handler_of(step).locks(step)]
        await locks.acquire(paths)
        try:
            steps = await self._unchanged(preview)
            intent = {**self._intent(preview, steps, approval), "lock": locks.token}
            account = Account(self._hands, self._audit, _new_id(preview.at))
            await account.begin(intent)
            run = Run(steps, self._hands, account.record, progress, stop)
            result = await run.go()
        finally:
            left = await locks.release()
        text = outcome_text(plan, result, run.outcomes)
        event = {"event": "outcome", "result": result.value, "text": str(text), "left": [str(t) for t in left]}
        await account.record(event)
        problems = (*left, *account.problems)
        return Outcome(account.id, plan, result, tuple(run.outcomes), text, _can_undo(intent, run.outcomes), problems)

    async def _left_locks(self) -> frozenset[str]:
        return (await self.history()).left_locks()

    async def _unchanged(self, preview: Preview) -> tuple[Shown, ...]:
        """Look again, under lock: what was seen then must be there now."""
        again = await self._look(preview.plan, preview.at)
        for old, new in zip(preview.steps, again, strict=True):
            if dict(old.pin) != dict(new.pin) or old.idle != new.idle:
                raise Refused(_("{title}: it changed since it was shown; look again").format(title=old.title))
        return tuple(replace(new, user=old.user) for old, new in zip(preview.steps, again, strict=True))

    # -------------------------------------------------------------------------------------------- verify

    async def verify(
        self,
        outcome: Outcome,
        recheck: Recheck,
        before: Sequence[Finding] = (),
        tell: Callable[[Text], None] = lambda _text: None,
    ) -> Verification:
        """Measure the plan's checks again until they are green or its deadline; the answer is audited."""
        verifier = Verifier(outcome.plan, recheck, self._clock, self._settings, before, tell)
        found = await verifier.verify()
        account = Account(self._hands, self._audit, outcome.id)
        await account.record(
            {
                "event": "verify",
                "result": found.result.value,
                "text": str(found.text),
                "seconds": round(found.seconds, 1),
                "before": [brief(f) for f in found.before],
                "after": [brief(f) for f in found.after],
            }
        )
        return found

    # ---------------------------------------------------------------------------------------------- undo

    async def undo_preview(self, id: str) -> Preview:
        """What would take a change back; to be shown, approved and applied like any other; raises Refused."""
        history = await self.history()
        entry = history.entry(id)
        if entry is None:
            raise Refused(_("The audit log knows no change {id}").format(id=id))
        return await self.preview(undo_plan(entry), undoes=id)

    async def history(self) -> History:
        """Every change ever made from this machine; raises Refused when the log cannot be read."""
        try:
            return await self._hands.work(self._audit.read)
        except AuditError as error:
            raise Refused(error.text) from None

    async def find_out(self, id: str) -> Entry:
        """Look into a change whose end is not known (:meth:`History.unfinished`) and record what is found."""
        self._permit()
        entry = (await self.history()).entry(id)
        if entry is None:
            raise Refused(_("The audit log knows no change {id}").format(id=id))
        states = [await self._state(entry, position) for position in range(len(entry.intent["steps"]))]
        account = Account(self._hands, self._audit, id)
        await account.begin({"event": "settled", "steps": [s.value for s in states], "result": sum_up(states)})
        found = (await self.history()).entry(id)
        return found or entry

    async def _state(self, entry: Entry, position: int) -> StepState:
        recorded = entry.steps.get(position)
        if recorded is None:
            return StepState.NOT_RUN
        if recorded["state"] not in (StepState.RUNNING, StepState.UNKNOWN):
            return StepState(recorded["state"])
        step = entry.intent["steps"][position]
        try:
            done = from_data(step["data"])
        except ValueError:  # of another version
            return StepState.UNKNOWN
        shown = Shown(done, Text(""), "", "", pin=step["pin"], seen=step["seen"])
        state, _problem = await settled(shown, self._hands)
        return state

    # ------------------------------------------------------------------------------------------- helpers

    @property
    def read_only(self) -> bool:
        """True when nothing may be changed here; previews are still made."""
        return self._read_only()

    def _permit(self) -> None:
        if self._read_only():
            raise Refused(_("This site is read-only for you; nothing is changed"))

    def _lock_seconds(self, plan: Plan) -> int:
        waiting = sum(float(getattr(step, "seconds", 0.0)) for step in plan.steps)
        return self._settings.lock + round(waiting)

    def _intent(self, preview: Preview, steps: Sequence[Shown], approval: Approval) -> dict[str, Any]:
        plan = preview.plan
        return {
            "event": "intent",
            "who": {"os": self._where.os_user, "kube": self._where.kube_user, "approved": approval.who},
            "how": approval.how,
            "site": self._where.site,
            "context": self._where.context,
            **writer(),
            "fix": plan.fix,
            "target": plan.target,
            "title": str(plan.title),
            "risk": plan.risk.value,
            "answers": plan.answers,
            "verify": plan.verify,
            "expect": plan.expect,
            "digest": preview.digest,
            "preview": preview.text(),
            "undoes": preview.undoes,
            "steps": [_step_data(shown) for shown in steps],
        }


@contextmanager
def _refusing() -> Iterator[None]:
    """What goes wrong before anything is changed is a refusal."""
    try:
        yield
    except LinkError as error:
        raise Refused(error.unknown.text) from None
    except StepFailed as error:
        raise Refused(error.text) from None


def _new_id(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _step_data(shown: Shown) -> dict[str, Any]:
    undo = () if shown.idle else handler_of(shown.step).undo(shown.step, shown)
    return {
        "title": str(shown.title),
        "data": to_data(shown.step),
        "user": str(shown.user),
        "pin": dict(shown.pin),
        "seen": dict(shown.seen),
        "undo": [to_data(step) for step in undo],
    }


def _can_undo(intent: dict[str, Any], outcomes: Sequence[StepOutcome]) -> bool:
    states = {position: {"state": outcome.state.value} for position, outcome in enumerate(outcomes)}
    return bool(undo_steps(Entry("", intent, states)))
