"""Restarting a workload, and waiting until its new pods really serve."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kedge.execute.base import LOST, Handler, Hands, Refused, Shown, StepFailed, Tell, shown
from kedge.execute.objects import get_object, refusing
from kedge.i18n import Text, _, ngettext
from kedge.links.base import Access
from kedge.links.kube_access import access_of
from kedge.model import LinkError, Reason, Step
from kedge.steps import STRATEGIC_MERGE_PATCH, RolloutRestart

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The annotation that ``kubectl rollout restart`` sets in the pod template."""
_CANNOT_START = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
_PORTS_TAKEN = "free ports"
"""Words of the scheduler: ``node(s) didn't have free ports for the requested pod ports`` (facts 11)."""

_GONE = frozenset({Reason.MISSING, Reason.CONFLICT})
"""With its uid as a precondition: the pod of the preview is there no more, whatever bears its name now."""

_STATUS_WRITES = 5
"""How often a controller may write the status between reading and patching before it counts as a conflict."""


class RolloutRestartHandler(Handler[RolloutRestart]):
    """The same annotation that kubectl sets; then what ``kubectl rollout status`` waits for."""

    one_call = True

    async def look(self, step: RolloutRestart, hands: Hands, at: datetime) -> Shown:
        workload = await get_object(hands, step.path)
        if step.kind == "deployment" and workload["spec"].get("replicas", 1) == 0:
            sentence = _("{namespace}/{name} is scaled to 0; a restart would start nothing")
            raise Refused(sentence.format(namespace=step.namespace, name=step.name))
        stamp = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        await refusing(hands, step.path, _restart(stamp), STRATEGIC_MERGE_PATCH)
        pods = await pods_of(hands, step, workload)
        notes = [_("then wait up to {seconds} s until the new pods are ready").format(seconds=round(step.seconds))]
        if step.replace and _uses_host_ports(workload):
            sentence = _("if the new pod finds its host ports taken, these old pods are deleted: {pods}")
            notes.append(sentence.format(pods=", ".join(sorted(pods)) or "-"))
        return shown(
            step,
            f"PATCH {step.path}\n{json.dumps(_restart(stamp), indent=2)}",
            step.render(),
            notes=tuple(notes),
            pin={"uid": workload["metadata"]["uid"], "generation": workload["metadata"].get("generation", 0)},
            seen={"stamp": stamp, "pods": pods, "resourceVersion": workload["metadata"]["resourceVersion"]},
        )

    async def change(self, step: RolloutRestart, shown: Shown, hands: Hands, tell: Tell) -> None:
        await patch_workload(hands, step.path, shown, _restart(shown.seen["stamp"]), STRATEGIC_MERGE_PATCH)

    async def settle(self, step: RolloutRestart, shown: Shown, hands: Hands) -> bool | None:
        workload = await hands.get(step.path)
        annotations = workload["spec"]["template"]["metadata"].get("annotations") or {}
        return bool(annotations.get(RESTARTED_AT) == shown.seen["stamp"])

    async def follow(self, step: RolloutRestart, shown: Shown, hands: Hands, tell: Tell) -> None:
        await wait_for_rollout(step, frozenset(shown.seen["pods"].values()), hands, tell)

    def undo(self, step: RolloutRestart, shown: Shown) -> tuple[Step, ...]:
        return (step,)  # so that what is put back is read again

    def rights(self, step: RolloutRestart) -> tuple[Access, ...]:
        pods = f"/api/v1/namespaces/{step.namespace}/pods"
        needed = [access_of("GET", step.path), access_of("PATCH", step.path), access_of("GET", pods)]
        return (*needed, access_of("DELETE", f"{pods}/name")) if step.replace else tuple(needed)


async def patch_workload(hands: Hands, path: str, shown: Shown, body: Mapping[str, Any], content_type: str) -> None:
    """Patch a workload whose spec is still the one of the preview; raises LinkError(CONFLICT) when it is not.

    Its controller writes the status at any time, and every write moves the resourceVersion. So the generation, which
    counts changes of the spec, decides whether it is the same; the newest resourceVersion then guards the patch.
    ``shown``: ``pin`` holds uid and generation, ``seen`` the resourceVersion of the preview.
    """
    for _attempt in range(_STATUS_WRITES - 1):
        try:
            return await _send(hands, path, shown, body, content_type)
        except LinkError as error:
            if error.unknown.reason is not Reason.CONFLICT:
                raise
    await _send(hands, path, shown, body, content_type)


async def _send(hands: Hands, path: str, shown: Shown, body: Mapping[str, Any], content_type: str) -> None:
    now = (await hands.get(path))["metadata"]
    same = now["uid"] == shown.pin["uid"] and now.get("generation", 0) == shown.pin["generation"]
    version = now["resourceVersion"] if same else shown.seen["resourceVersion"]  # the server refuses the old one
    metadata = {**(body.get("metadata") or {}), "resourceVersion": version}
    await hands.patch(path, {**body, "metadata": metadata}, content_type)


async def wait_for_rollout(step: RolloutRestart, old: frozenset[str], hands: Hands, tell: Tell) -> None:
    """Wait until the new pods of a workload serve; raises StepFailed. ``old``: uids of the pods from before."""
    await _Rollout(step, old, hands, tell).wait()


@dataclass(slots=True)
class _Rollout:
    """One rollout being watched. ``old`` are the uids of the pods that were there before."""

    step: RolloutRestart
    old: frozenset[str]
    hands: Hands
    tell: Tell
    waiting_since: float | None = None
    said: str = ""
    replaced: bool = False

    async def wait(self) -> None:
        clock, deadline = self.hands.clock, self.hands.clock.monotonic() + self.step.seconds
        progress: Text = _("nothing was seen yet")
        while clock.monotonic() < deadline:
            try:
                done, progress = await self._look()
            except LinkError as error:
                if error.unknown.reason not in LOST:
                    raise StepFailed(error.unknown.text) from None
                done, progress = False, error.unknown.text
            if str(progress) != self.said:
                self.said = str(progress)
                self.tell(progress)
            if done:
                return
            await clock.sleep(self.hands.settings.poll)
        sentence = _("{kind} {namespace}/{name} was restarted but is not ready after {seconds} s: {progress}")
        raise StepFailed(
            sentence.format(
                kind=self.step.kind,
                namespace=self.step.namespace,
                name=self.step.name,
                seconds=round(self.step.seconds),
                progress=progress,
            )
        )

    async def _look(self) -> tuple[bool, Text]:
        workload = await self.hands.get(self.step.path)
        done, progress = _progress(workload)
        if not done:
            pods = _items(await self.hands.get(*_pod_list(self.step, workload)))
            new = [pod for pod in pods if pod["metadata"]["uid"] not in self.old]
            _refuse_broken(new)
            await self._unblock(pods, new)
        return done, progress

    async def _unblock(self, pods: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
        """A pod that cannot be scheduled: free the ports it waits for, or say so when it stays that way."""
        pod, message = next(((pod, why) for pod in new if (why := _unschedulable(pod))), (None, ""))
        now = self.hands.clock.monotonic()
        if pod is None:
            self.waiting_since = None
            return
        if self.waiting_since is None:
            self.waiting_since = now
        if self.step.replace and not self.replaced and _PORTS_TAKEN in message:
            self.replaced = True
            await self._delete(pod for pod in pods if pod["metadata"]["uid"] in self.old)
        elif now - self.waiting_since >= self.hands.settings.stuck:
            sentence = _("The new pod {pod} cannot be scheduled: {message}. The old pods keep serving as before")
            raise StepFailed(sentence.format(pod=pod["metadata"]["name"], message=message))

    async def _delete(self, pods: Iterable[Mapping[str, Any]]) -> None:
        writer = await self.hands.writers.kube()
        for pod in pods:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            path = f"/api/v1/namespaces/{self.step.namespace}/pods/{name}"
            deadline = self.hands.settings.command
            try:
                await writer.delete(path, access_of("DELETE", path), deadline=deadline, precondition_uid=uid)
            except LinkError as error:
                if error.unknown.reason not in _GONE:
                    raise
                continue  # the controller was faster: what held the ports is gone
            self.tell(_("deleted pod {pod}, which held the host ports").format(pod=name))


def _restart(stamp: str) -> dict[str, Any]:
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: stamp}}}}}


async def pods_of(hands: Hands, step: RolloutRestart, workload: Mapping[str, Any]) -> dict[str, str]:
    """The pods that its selector chooses: uid by name."""
    found = _items(await hands.get(*_pod_list(step, workload)))
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in found}


def _items(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(found.get("items") or [])


def _pod_list(step: RolloutRestart, workload: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    labels = workload["spec"]["selector"].get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"/api/v1/namespaces/{step.namespace}/pods", {"labelSelector": selector}


def _uses_host_ports(workload: Mapping[str, Any]) -> bool:
    pod = workload["spec"]["template"]["spec"]
    ports = [port for container in pod.get("containers", ()) for port in container.get("ports") or ()]
    return bool(ports) and (bool(pod.get("hostNetwork")) or any(port.get("hostPort") for port in ports))


def _progress(workload: Mapping[str, Any]) -> tuple[bool, Text]:
    """As ``kubectl rollout status`` counts."""
    status = workload.get("status") or {}
    if "desiredNumberScheduled" in status:
        wanted, total = status["desiredNumberScheduled"], status["desiredNumberScheduled"]
        updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    else:
        wanted, total = workload["spec"].get("replicas", 1), status.get("replicas", 0)
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    done = seen and updated >= wanted and total <= updated and available >= updated
    if not seen:
        return done, _("waiting for the controller to see the change")
    if total > updated:
        sentence = ngettext("{old} old pod is still there", "{old} old pods are still there", "old")
        return done, sentence.format(old=total - updated)
    return done, _("{ready} of {wanted} new pods ready").format(ready=min(available, updated), wanted=wanted)


def _unschedulable(pod: Mapping[str, Any]) -> str:
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return str(condition.get("message") or "no reason given")
    return ""


def _refuse_broken(pods: list[dict[str, Any]]) -> None:
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or ():
            waiting = status.get("state", {}).get("waiting") or {}
            if waiting.get("reason") in _CANNOT_START:
                sentence = _("The new pod {pod} cannot start: {reason}: {message}")
                raise StepFailed(
                    sentence.format(
                        pod=pod["metadata"]["name"], reason=waiting["reason"], message=waiting.get("message", "")
                    )
                )
