"""An edit of a Deployment's pods: flags, port, network and place, sent as a patch and waited for."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from kedge.execute.base import Handler, Hands, Refused, Shown, Tell
from kedge.execute.objects import PatchObjectHandler, essence, get_object, merge_diff
from kedge.execute.rollout import RolloutRestartHandler, patch_workload, pods_of, wait_for_rollout
from kedge.facts.flags import value_of, with_flag
from kedge.i18n import _
from kedge.links.base import Access
from kedge.model import Step
from kedge.steps import MERGE_PATCH, EditDeployment, PatchObject, RolloutRestart, title_of

PORT = "https"
HOST_NAME = "kubernetes.io/hostname"


class EditDeploymentHandler(Handler[EditDeployment]):
    """The patch is made from the object as it is at the preview; the generation guards it until it is sent."""

    one_call = True

    def __init__(self) -> None:
        self._objects = PatchObjectHandler()

    async def look(self, step: EditDeployment, hands: Hands, at: datetime) -> Shown:
        found = await get_object(hands, step.path)
        old = essence(found)
        body = json.dumps(merge_diff(old, edited(step, old)))
        shown = await self._objects.look(PatchObject(step.on, step.path, body), hands, at)
        wait = _("then wait up to {seconds} s until the new pods are ready").format(seconds=round(step.seconds))
        return replace(  # noqa: S604 - a text to be shown, not a process
            shown,
            step=step,
            title=title_of(step),
            shell=f"{shown.shell}\n{step.wait()}",
            notes=shown.notes if shown.idle else (*shown.notes, wait),
            # Not its resourceVersion: the status of a Deployment whose pods fail changes all the time.
            pin={"uid": shown.pin["uid"], "generation": found["metadata"].get("generation", 0), "body": body},
            seen={**shown.seen, **shown.pin, "pods": await pods_of(hands, _rollout(step), found)},
        )

    async def change(self, step: EditDeployment, shown: Shown, hands: Hands, tell: Tell) -> None:
        await patch_workload(hands, step.path, shown, json.loads(shown.pin["body"]), MERGE_PATCH)

    async def settle(self, step: EditDeployment, shown: Shown, hands: Hands) -> bool | None:
        # The controller counts rollouts in an annotation, so what is asked for is compared, not the whole object.
        found = await hands.get(step.path)
        if not merge_diff(essence(found), edited(step, essence(found))):
            return True
        return False if found["metadata"]["generation"] == shown.pin["generation"] else None

    async def follow(self, step: EditDeployment, shown: Shown, hands: Hands, tell: Tell) -> None:
        await wait_for_rollout(_rollout(step), frozenset(shown.seen["pods"].values()), hands, tell)

    def undo(self, step: EditDeployment, shown: Shown) -> tuple[Step, ...]:
        return self._objects.undo(_patch(step, shown), shown)

    def rights(self, step: EditDeployment) -> tuple[Access, ...]:
        return RolloutRestartHandler().rights(_rollout(step))


def edited(step: EditDeployment, found: dict[str, Any]) -> dict[str, Any]:
    """The Deployment with what the step asks for; raises Refused when there is no such container."""
    after = copy.deepcopy(found)
    spec = after["spec"]["template"]["spec"]
    container = next((one for one in spec["containers"] if one["name"] == step.container), None)
    if container is None:
        sentence = _("Deployment {namespace}/{name} has no container {container}; look again")
        raise Refused(sentence.format(namespace=step.namespace, name=step.name, container=step.container))
    for flag, value in step.flags:
        _set_flag(container, flag, value)
    if step.port:
        _set_port(container, step.port)
    if step.host_network:
        spec["hostNetwork"] = True
    if step.avoid:
        _require(spec, {"key": step.avoid, "operator": "DoesNotExist"})
    if step.nodes:
        _require(spec, {"key": HOST_NAME, "operator": "In", "values": list(step.nodes)})
    return after


def _set_flag(container: dict[str, Any], flag: str, value: str) -> None:
    """Where the flag stands already; else behind the arguments, which follow the command."""
    command = container.get("command") or []
    key = "command" if flag in command or value_of(command, flag) is not None else "args"
    container[key] = with_flag(container.get(key) or [], flag, value)


def _set_port(container: dict[str, Any], port: int) -> None:
    ports = container.setdefault("ports", [])
    named = next((one for one in ports if one.get("name") == PORT), None)
    if named is None:
        ports.append({"name": PORT, "containerPort": port, "protocol": "TCP"})
        return
    named["containerPort"] = port
    if "hostPort" in named:
        named["hostPort"] = port


def _require(spec: dict[str, Any], expression: dict[str, Any]) -> None:
    """A further condition on the nodes. Terms are alternatives, so each of them must hold it."""
    affinity = _child(_child(spec, "affinity"), "nodeAffinity")
    required = _child(affinity, "requiredDuringSchedulingIgnoredDuringExecution")
    terms = required.get("nodeSelectorTerms") or [{}]
    for term in terms:
        known = term.setdefault("matchExpressions", [])
        if expression not in known:
            known.append(expression)
    required["nodeSelectorTerms"] = terms


def _child(parent: dict[str, Any], key: str) -> dict[str, Any]:
    if not parent.get(key):
        parent[key] = {}
    child: dict[str, Any] = parent[key]
    return child


def _patch(step: EditDeployment, shown: Shown) -> PatchObject:
    return PatchObject(step.on, step.path, shown.pin["body"])


def _rollout(step: EditDeployment) -> RolloutRestart:
    return RolloutRestart(step.on, step.namespace, "deployment", step.name, step.seconds)
