"""A ConfigUpdateJob from its creation to its end, as KubeEdge reports it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from kedge.execute.base import LOST, Handler, Hands, Refused, Shown, StepFailed, Tell, shown
from kedge.execute.manifests import find
from kedge.execute.objects import as_yaml, refusal
from kedge.i18n import Text, _
from kedge.links.base import Access
from kedge.links.kube_access import access_of
from kedge.model import LinkError, Reason, Step
from kedge.steps_jobs import FOLDER, UpdateEdges

DONE, FAILED = ("Complated", "Completed"), ("Failure", "Failed")
"""``Complated`` is how KubeEdge writes it."""
_TAKEN_UP = 60.0
"""Seconds in which a task manager that runs has written a phase."""


class UpdateEdgesHandler(Handler[UpdateEdges]):
    """The job stays in the cluster afterwards: it is KubeEdge's own record of what was changed."""

    async def look(self, step: UpdateEdges, hands: Hands, at: datetime) -> Shown:
        try:
            await hands.get(FOLDER, {"limit": "1"})
        except LinkError as error:
            if error.unknown.reason is Reason.MISSING:
                sentence = _("This cluster has no ConfigUpdateJob: KubeEdge brings it since v1.21, with its CRDs")
                raise Refused(sentence) from None
            raise
        name = f"kedge-tui-{at:%Y%m%d%H%M%S}"
        if not hands.read_only():
            try:
                await _create(step, name, hands, dry_run=True)
            except LinkError as error:
                raise refusal(error) from None
        notes = [_("KubeEdge restarts EdgeCore there; ControllerManager and both TaskManagers must run")]
        if not step.was:
            notes.append(_("what was there before is not known, so this cannot be taken back by itself"))
        body = as_yaml(step.body(name)).rstrip()
        return shown(step, body, step.script(name), notes=tuple(notes), pin={"name": name})

    async def change(self, step: UpdateEdges, shown: Shown, hands: Hands, tell: Tell) -> None:
        await _create(step, str(shown.pin["name"]), hands)

    async def settle(self, step: UpdateEdges, shown: Shown, hands: Hands) -> bool | None:
        return await find(hands, f"{FOLDER}/{shown.pin['name']}") is not None

    async def follow(self, step: UpdateEdges, shown: Shown, hands: Hands, tell: Tell) -> None:
        path, clock = f"{FOLDER}/{shown.pin['name']}", hands.clock
        begun, said = clock.monotonic(), ""
        while True:
            phase, nodes = await _status(hands, path)
            passed = clock.monotonic() - begun
            if phase in DONE and not any(state in FAILED for state, _why in nodes):
                tell(Text("; ".join([phase, *(why for _state, why in nodes)])))
                return
            if phase in FAILED or phase in DONE:
                why = "; ".join(why for _state, why in nodes) or phase
                raise StepFailed(_("the job {name} failed: {why}").format(name=shown.pin["name"], why=why))
            if not phase and passed >= _TAKEN_UP:
                sentence = _(
                    "nobody took up the job {name} in {seconds} s: ControllerManager and TaskManager are off by default"
                )
                raise StepFailed(sentence.format(name=shown.pin["name"], seconds=round(_TAKEN_UP)))
            if passed >= step.seconds:
                sentence = _("the job {name} did not end within {seconds} s; it is {phase}")
                raise StepFailed(sentence.format(name=shown.pin["name"], seconds=round(step.seconds), phase=phase))
            now = "; ".join([phase or "not taken up yet", *(why for _state, why in nodes)])
            if now != said:
                tell(Text(now))
                said = now
            await clock.sleep(hands.settings.poll)

    def undo(self, step: UpdateEdges, shown: Shown) -> tuple[Step, ...]:
        return (UpdateEdges(step.on, step.nodes, step.was, step.fields, step.seconds),) if step.was else ()

    def rights(self, step: UpdateEdges) -> tuple[Access, ...]:
        one = f"{FOLDER}/name"
        return (access_of("GET", FOLDER), access_of("GET", one), access_of("POST", FOLDER))


async def _create(step: UpdateEdges, name: str, hands: Hands, *, dry_run: bool = False) -> None:
    writer = await hands.writers.kube()
    body, deadline = json.dumps(step.body(name)).encode(), hands.settings.command
    await writer.create(FOLDER, access_of("POST", FOLDER), body, deadline=deadline, dry_run=dry_run)


async def _status(hands: Hands, path: str) -> tuple[str, list[tuple[str, str]]]:
    """The job's phase, and of each node its phase and a sentence; a lost API is waited for."""
    try:
        found = await hands.get(path)
    except LinkError as error:
        if error.unknown.reason in LOST:
            return "?", [("", str(error.unknown.text))]
        raise StepFailed(error.unknown.text) from None
    status: dict[str, Any] = found.get("status") or {}
    nodes = []
    for node in status.get("nodeStatus") or ():
        flow = node.get("actionFlow") or [{}]
        why = node.get("reason") or flow[-1].get("reason") or ""
        said = f"{node.get('nodeName', '?')} {node.get('phase', '?')} ({flow[-1].get('action', '-')})"
        nodes.append((str(node.get("phase", "")), f"{said}: {why}" if why else said))
    return str(status.get("phase") or ""), nodes
