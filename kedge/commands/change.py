"""One change from plan to outcome, for a command: shown, approved, applied, verified.

The document that ``-o json`` prints of it has frozen names; fields are only added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.audit import Entry
from kedge.execute.account import brief
from kedge.executor import Outcome, Preview, Result, Verification
from kedge.exit_codes import Exit
from kedge.i18n import Text
from kedge.model import Finding
from kedge.report import API_VERSION, stamp


@dataclass(slots=True)
class Change:
    """What became of one ``fix`` or ``undo``; filled in as it goes.

    Attributes:
        action: ``fix`` or ``undo``. name: of the fix, or the id of the change that is undone.
        text: the sentence that sums it up. code: what the shell is told.
    """

    action: str
    name: str
    site: str = ""
    context: str = ""
    target: str = ""
    preview: Preview | None = None
    outcome: Outcome | None = None
    verification: Verification | None = None
    text: Text = field(default_factory=lambda: Text(""))
    code: Exit = Exit.FAILURE

    def ended(self, code: Exit, text: Text) -> Change:
        """The same with its last word."""
        self.code, self.text = code, text
        return self

    def document(self) -> dict[str, Any]:
        """English, whatever the locale."""
        outcome = self.outcome
        return {
            "apiVersion": API_VERSION,
            "action": self.action,
            "name": self.name,
            "site": self.site,
            "context": self.context,
            "target": self.target,
            "message": str(self.text),
            "exitCode": int(self.code),
            "plan": _plan(self.preview) if self.preview else None,
            "change": None if outcome is None else _outcome(outcome),
            "verification": _verification(self.verification) if self.verification else None,
        }


def code_of(outcome: Outcome, verification: Verification | None) -> Exit:
    """Applied and verified are two things: 0, 6 when it was applied but is not proven good, 3 when it was not."""
    if outcome.result is Result.UNKNOWN:
        return Exit.NOT_VERIFIED
    if outcome.result is Result.STOPPED:
        return Exit.INTERRUPTED
    if outcome.result is not Result.DONE:
        return Exit.FAILURE
    return Exit.OK if verification is None or verification.result.is_good else Exit.NOT_VERIFIED


def _plan(preview: Preview) -> dict[str, Any]:
    plan = preview.plan
    return {
        "title": str(plan.title),
        "risk": plan.risk.value,
        "impact": str(plan.impact),
        "digest": preview.digest,
        "lookedAt": stamp(preview.at),
        "undoes": preview.undoes or None,
        "idle": preview.idle,
        "answers": list(plan.answers),
        "verify": list(plan.verify),
        "expect": list(plan.expect),
        "steps": [
            {
                "title": str(shown.title),
                "on": shown.step.on,
                "as": str(shown.user),
                "change": shown.body,
                "notes": [str(note) for note in shown.notes],
                "idle": shown.idle,
            }
            for shown in preview.steps
        ],
        "script": preview.script(),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "result": outcome.result.value,
        "message": str(outcome.text),
        "canUndo": outcome.can_undo,
        "steps": [
            {"title": str(step.title), "state": step.state.value, "message": str(step.text) if step.text else None}
            for step in outcome.steps
        ],
        "problems": [str(problem) for problem in outcome.problems],
    }


def _verification(found: Verification) -> dict[str, Any]:
    cause = found.next_cause
    return {
        "result": found.result.value,
        "message": str(found.text),
        "seconds": round(found.seconds, 1),
        "nextCause": {"code": cause[0], "target": cause[1]} if cause else None,
        "before": _findings(found.before),
        "after": _findings(found.after),
    }


def _findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [brief(finding) for finding in findings]


def entry_document(entry: Entry, *, unfinished: bool) -> dict[str, Any]:
    """One change of the audit log; a log of an older version may lack fields."""
    intent = entry.intent
    who = intent.get("who") or {}
    return {
        "id": entry.id,
        "at": intent.get("at"),
        "site": intent.get("site"),
        "context": intent.get("context"),
        "fix": intent.get("fix"),
        "target": intent.get("target"),
        "title": intent.get("title"),
        "risk": intent.get("risk"),
        "who": {"os": who.get("os"), "kube": who.get("kube"), "approved": who.get("approved")},
        "how": intent.get("how"),
        "unfinished": unfinished,
        "result": entry.result or None,
        "message": (entry.outcome or {}).get("text"),
        "verification": (entry.verify or {}).get("result"),
        "undoes": intent.get("undoes") or None,
        "undoneBy": entry.undone_by or None,
        "steps": [
            {"title": step.get("title"), "state": entry.state_of(position) or None}
            for position, step in enumerate(intent.get("steps") or ())
        ],
    }
