"""Accounting for a change: its events in the audit, and the sentence that sums it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kedge.audit import Audit, AuditError, stamp
from kedge.execute.base import Hands, Refused
from kedge.execute.run import CHANGED, Result, StepOutcome, StepState
from kedge.i18n import Text, _
from kedge.model import Finding, Plan


class Account:
    """Writes the events of one change. Only the first one must succeed."""

    def __init__(self, hands: Hands, audit: Audit, id: str) -> None:
        self.id = id
        self.problems: list[Text] = []
        self._hands, self._audit = hands, audit

    async def begin(self, event: dict[str, Any]) -> None:
        """Write an event without which nothing may go on; raises Refused."""
        try:
            await self._write(event)
        except AuditError as error:
            raise Refused(_("{problem}. Nothing was changed").format(problem=error.text)) from None

    async def record(self, event: dict[str, Any]) -> None:
        """Write an event of something that has happened already."""
        try:
            await self._write(event)
        except AuditError as error:
            if error.text not in self.problems:
                self.problems.append(error.text)

    async def _write(self, event: dict[str, Any]) -> None:
        whole = {"v": 1, "id": self.id, "at": stamp(self._hands.clock.now()), **event}
        await self._hands.work(lambda: self._audit.append(whole))


def brief(finding: Finding) -> dict[str, Any]:
    """A finding as the audit keeps it."""
    return {
        "code": finding.code,
        "target": finding.target,
        "status": finding.status.value,
        "because": finding.because,
        "message": str(finding.text),
    }


def sum_up(states: Sequence[StepState]) -> str:
    """The result of a change whose steps were found in these states."""
    if StepState.UNKNOWN in states:
        return Result.UNKNOWN.value
    if all(state in (StepState.DONE, StepState.ALREADY) for state in states):
        return Result.DONE.value
    return "partly done" if CHANGED & set(states) else "nothing changed"


def outcome_text(plan: Plan, result: Result, outcomes: Sequence[StepOutcome]) -> Text:
    """How it ended: what is done, what is not, and why."""
    if result is Result.DONE:
        return _("{title}: done").format(title=plan.title)
    done = [o.title for o in outcomes if o.state in (StepState.DONE, StepState.ALREADY, StepState.INEFFECTIVE)]
    open_ones = [o.title for o in outcomes if o.state is StepState.NOT_RUN]
    parts: dict[str, Any] = {
        "done": _listed(done),
        "open": _listed(open_ones),
        "total": len(outcomes),
    }
    if result is Result.STOPPED:
        return _("Stopped as asked. Done: {done}. Not done: {open}").format(**parts)
    position = next(i for i, o in enumerate(outcomes) if o.state not in (StepState.DONE, StepState.ALREADY))
    parts |= {"number": position + 1, "title": outcomes[position].title, "why": outcomes[position].text}
    if result is Result.UNKNOWN:
        sentence = _("Step {number} of {total} ({title}): it is not known whether it was done: {why}. Not run: {open}")
    else:
        sentence = _("Step {number} of {total} ({title}) failed: {why}. Done: {done}. Not run: {open}")
    return sentence.format(**parts)


def _listed(titles: Sequence[Text]) -> str:
    return ", ".join(map(str, titles)) or "-"
