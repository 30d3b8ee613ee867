"""systemctl on one unit of a host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from kedge.execute.base import Handler, Hands, LockPath, Refused, Shown, StepFailed, Tell, shown
from kedge.i18n import Text, _
from kedge.model import Step
from kedge.steps import ServiceAction

PROPERTIES = ("LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "ActiveEnterTimestamp")
_UNDO = {"start": "stop", "stop": "start", "enable": "disable", "disable": "enable"}


class ServiceHandler(Handler[ServiceAction]):
    """Restart, start, stop, enable, disable."""

    one_call = True

    async def look(self, step: ServiceAction, hands: Hands, at: datetime) -> Shown:
        state = await read_state(hands, step)
        if state["LoadState"] == "masked":
            sentence = _("The unit {unit} is masked on {host}: somebody forbade its start")
            raise Refused(sentence.format(unit=step.unit, host=step.on))
        if state["LoadState"] != "loaded":
            raise Refused(_("{host} has no systemd unit {unit}").format(host=step.on, unit=step.unit))
        idle = _is_so(step, state)
        note = _now(state)
        return shown(
            step,
            f"$ {step.render()}",
            step.render(),
            notes=(note, _("there is nothing to do")) if idle else (note,),
            pin={"load": state["LoadState"]},  # not its pid: a service that keeps crashing must stay repairable
            seen=dict(state),
            idle=idle,
        )

    async def change(self, step: ServiceAction, shown: Shown, hands: Hands, tell: Tell) -> None:
        await hands.must(step.on, step.argv, seconds=hands.settings.service)

    async def settle(self, step: ServiceAction, shown: Shown, hands: Hands) -> bool | None:
        state = await _at_rest(hands, step)
        if step.action != "restart":
            return _is_so(step, state)
        return any(state[name] != shown.seen[name] for name in ("MainPID", "ActiveEnterTimestamp"))

    async def follow(self, step: ServiceAction, shown: Shown, hands: Hands, tell: Tell) -> None:
        state = await read_state(hands, step)
        tell(_now(state))
        if step.action in ("restart", "start") and state["ActiveState"] not in ("active", "activating"):
            sentence = _("{unit} on {host} is {state} after its {action}; its journal says why")
            raise StepFailed(
                sentence.format(unit=step.unit, host=step.on, state=state["ActiveState"], action=step.action)
            )

    def undo(self, step: ServiceAction, shown: Shown) -> tuple[Step, ...]:
        if step.action == "restart":  # so that what is put back is read again
            return (ServiceAction(step.on, step.unit, "restart"),)
        if _is_so(step, shown.seen):
            return ()
        return (ServiceAction(step.on, step.unit, _UNDO[step.action]),)  # type: ignore[arg-type]

    def locks(self, step: ServiceAction) -> tuple[LockPath, ...]:
        return (host_lock(step.on, step.unit),)


def host_lock(on: str, what: str) -> LockPath:
    """A lock for something that is no file. The host's name is in it, since hosts may share a file system."""
    return LockPath(on, "kedge-tui." + re.sub(r"[^A-Za-z0-9_-]", "_", f"{on}.{what}") + ".lock")


async def read_state(hands: Hands, step: ServiceAction) -> dict[str, str]:
    """``systemctl show`` of the unit; StepFailed when it fails."""
    argv = ("systemctl", "show", step.unit, "-p", ",".join(PROPERTIES), "--no-pager")
    answer = await hands.must(step.on, argv, root=False)
    rows = dict(line.partition("=")[::2] for line in answer.stdout.decode(errors="replace").splitlines())
    return {name: rows.get(name, "") for name in PROPERTIES}


async def _at_rest(hands: Hands, step: ServiceAction) -> dict[str, str]:
    """The state once systemd is through with what it was told before the link was lost."""
    until = hands.clock.monotonic() + hands.settings.service
    while True:
        state = await read_state(hands, step)
        if state["ActiveState"] not in ("activating", "deactivating") or hands.clock.monotonic() >= until:
            return state
        await hands.clock.sleep(hands.settings.poll)


def _is_so(step: ServiceAction, state: Mapping[str, str]) -> bool:
    match step.action:
        case "start":
            return state["ActiveState"] == "active"
        case "stop":
            return state["ActiveState"] in ("inactive", "failed")
        case "enable":
            return state["UnitFileState"] == "enabled"
        case "disable":
            return state["UnitFileState"] == "disabled"
        case "restart":
            return False


def _now(state: Mapping[str, str]) -> Text:
    since = state["ActiveEnterTimestamp"]
    if state["ActiveState"] == "active" and since:
        return _("it is {state} since {since}").format(state=state["ActiveState"], since=since)
    return _("it is {state} ({sub})").format(state=state["ActiveState"], sub=state["SubState"])
