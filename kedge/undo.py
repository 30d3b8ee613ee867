"""From the audit's record of a change to the plan that takes it back."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.audit import Entry
from kedge.execute.base import Refused
from kedge.execute.handlers import from_data
from kedge.execute.run import CHANGED, StepState
from kedge.i18n import _
from kedge.model import Plan, Risk, Step
from kedge.steps import DeletePod, RolloutRestart, ServiceAction, activates, cleans_up

FIX = "undo"


def undo_plan(entry: Entry) -> Plan:
    """The plan that undoes a change; Refused when there is nothing to undo, or it was undone."""
    title = str(entry.intent["title"])
    if entry.undone_by:
        raise Refused(_("“{title}” was undone already").format(title=title))
    try:
        steps = undo_steps(entry)
    except ValueError:
        raise Refused(
            _("“{title}” was made by another version, which knows how to undo it").format(title=title)
        ) from None
    if not steps:
        raise Refused(_("“{title}” changed nothing that could be undone").format(title=title))
    return Plan(
        fix=FIX,
        target=str(entry.intent["target"]),
        title=_("Undo: {title}").format(title=title),
        steps=steps,
        risk=Risk(entry.intent["risk"]),
        impact=_("what the repair changed is put back; the fault it repaired comes back too"),
        expect=tuple(dict.fromkeys((*entry.intent.get("answers", ()), *entry.intent.get("verify", ())))),
    )


def undo_steps(entry: Entry) -> tuple[Step, ...]:
    """The inverse steps: changes in reverse order, then what makes them take effect, such as a service restart.

    Raises ValueError for a step that this version does not know.
    """
    found: list[Sequence[Step]] = []
    gone: set[str] = set()
    for position, recorded in enumerate(entry.intent["steps"]):
        state = entry.state_of(position)
        if recorded["data"]["step"] == DeletePod.__name__ and state == StepState.DONE:
            gone.add(_path(from_data(recorded["data"])))
        if state in CHANGED | {"running"}:
            found.append([from_data(data) for data in recorded["undo"]])
    found = [[step for step in steps if not (cleans_up(step) and _path(step) in gone)] for steps in found]
    changes = [step for steps in reversed(found) for step in steps if not activates(step)]
    effects = [step for steps in found for step in steps if activates(step)]
    if not changes and all(_is_restart(step) for step in effects):
        return ()  # a restart alone has nothing to take back
    return (*changes, *effects)


def _path(step: Step) -> str:
    """Of the pod that it takes away."""
    return step.path if isinstance(step, DeletePod) else ""


def _is_restart(step: Step) -> bool:
    return isinstance(step, RolloutRestart) or (isinstance(step, ServiceAction) and step.action == "restart")
