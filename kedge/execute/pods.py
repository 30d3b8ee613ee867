"""A test pod from its start to its end: made, tried the way kubectl does, taken away whatever happens."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import Any

from kedge.execute.base import LOST, Handler, Hands, Refused, Shown, StepFailed, Tell, shown
from kedge.execute.manifests import delete, find
from kedge.execute.objects import as_yaml, refusal
from kedge.i18n import Text, _
from kedge.links.base import Access
from kedge.links.kube_access import access_of
from kedge.links.kube_exec import exec_accesses
from kedge.model import LinkError, Reason, Step
from kedge.steps_pods import LINE, MARK, CreatePod, DeletePod, TryPod

_CANNOT_START = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerError", "RunContainerError"}
)
_LOG_SECONDS = 6.0
"""What a container has written is there at once; a slow link may still take a moment."""
_TOP_SECONDS = 6.0
"""For numbers of a node whose logs do not come back either."""


class CreatePodHandler(Handler[CreatePod]):
    """The pod is marked, so that one that was left over is known and replaced."""

    async def look(self, step: CreatePod, hands: Hands, at: datetime) -> Shown:
        old = await find(hands, step.path)
        if old is not None and not _is_ours(old):
            sentence = _("There is a pod {namespace}/{name} already that was not made for a test")
            raise Refused(sentence.format(namespace=step.namespace, name=step.name))
        if old is None and not hands.read_only():
            try:
                await _create(hands, step, dry_run=True)
            except LinkError as error:
                raise refusal(error) from None
        notes = [_("it waits up to {seconds} s until the pod runs").format(seconds=round(step.seconds))]
        if old is not None:
            notes.insert(0, _("one that was left over from an earlier test is deleted first"))
        return shown(
            step,
            as_yaml(step.body).rstrip(),
            step.render(),
            notes=tuple(notes),
            pin={"old": "" if old is None else old["metadata"]["uid"]},
        )

    async def change(self, step: CreatePod, shown: Shown, hands: Hands, tell: Tell) -> None:
        if shown.pin["old"]:
            await _take_away(hands, step.path, str(shown.pin["old"]), _TOP_SECONDS)
        await _create(hands, step)

    async def settle(self, step: CreatePod, shown: Shown, hands: Hands) -> bool | None:
        found = await find(hands, step.path)
        return found is not None and _is_ours(found) and found["metadata"]["uid"] != shown.pin["old"]

    async def follow(self, step: CreatePod, shown: Shown, hands: Hands, tell: Tell) -> None:
        until, said = hands.clock.monotonic() + step.seconds, ""
        while True:
            found = await find(hands, step.path)
            if found is None:
                raise StepFailed(_("pod {name} disappeared before it ran").format(name=step.name))
            phase, why = found.get("status", {}).get("phase", ""), _waiting(found)
            if phase == "Running":
                return
            now = f"{phase or 'Pending'} {why}".strip()
            if phase in ("Failed", "Succeeded") or why.partition(":")[0] in _CANNOT_START:
                raise StepFailed(_("pod {name} does not run: {why}").format(name=step.name, why=now))
            if hands.clock.monotonic() >= until:
                sentence = _("pod {name} does not run after {seconds} s: {why}")
                raise StepFailed(sentence.format(name=step.name, seconds=round(step.seconds), why=now))
            if now != said:
                tell(_("the pod is {state}").format(state=now))
                said = now
            await hands.clock.sleep(hands.settings.poll)

    def undo(self, step: CreatePod, shown: Shown) -> tuple[Step, ...]:
        return (DeletePod(step.on, step.namespace, step.name),)

    def rights(self, step: CreatePod) -> tuple[Access, ...]:
        return (access_of("POST", step.folder), access_of("GET", step.path), access_of("DELETE", step.path))


class TryPodHandler(Handler[TryPod]):
    """Every one of the three is tried whatever the others did; what failed is the end of it."""

    async def look(self, step: TryPod, hands: Hands, at: datetime) -> Shown:
        name = shlex.quote(step.name)
        body = "\n".join(
            [
                f"$ kubectl -n {step.namespace} logs {name} -c {step.container}",
                f"$ kubectl -n {step.namespace} exec {name} -c {step.container} -- {shlex.join(step.command)}",
                f"$ kubectl -n {step.namespace} top pod {name}",
            ]
        )
        note = _("numbers of a new pod take Metrics Server up to {seconds} s").format(seconds=round(step.seconds))
        return shown(step, body, step.render(), notes=(note,))

    async def change(self, step: TryPod, shown: Shown, hands: Hands, tell: Tell) -> None:
        logs = await _logs(step, hands)
        _say(tell, "logs", logs)
        ran = await _exec(step, hands)
        _say(tell, "exec", ran)
        top = await _top(step, hands, _TOP_SECONDS if logs else step.seconds, tell)
        _say(tell, "top", top)
        bad = [f"{name}: {why}" for name, why in (("logs", logs), ("exec", ran), ("top", top)) if why]
        if bad:
            raise StepFailed(_("these do not work: {what}").format(what="; ".join(bad)))
        tell(_("logs, exec and top work"))

    async def settle(self, step: TryPod, shown: Shown, hands: Hands) -> bool | None:
        return False  # trying changes nothing

    def rights(self, step: TryPod) -> tuple[Access, ...]:
        reads = (access_of("GET", f"{step.path}/log"), access_of("GET", step.metrics_path))
        return (*reads, *exec_accesses(step.namespace))


class DeletePodHandler(Handler[DeletePod]):
    """Only a pod that was made for a test is taken away; one that is gone already is what is wanted."""

    async def look(self, step: DeletePod, hands: Hands, at: datetime) -> Shown:
        body = f"DELETE {step.path}"
        return shown(step, body, step.render(), notes=(_("it is done whatever became of the steps before"),))

    async def change(self, step: DeletePod, shown: Shown, hands: Hands, tell: Tell) -> None:
        found = await find(hands, step.path)
        if found is None:
            return
        if not _is_ours(found):
            sentence = _("pod {namespace}/{name} was not made for a test, so it is left alone")
            raise StepFailed(sentence.format(namespace=step.namespace, name=step.name))
        await _take_away(hands, step.path, str(found["metadata"]["uid"]), step.seconds)

    async def settle(self, step: DeletePod, shown: Shown, hands: Hands) -> bool | None:
        return await find(hands, step.path) is None

    def rights(self, step: DeletePod) -> tuple[Access, ...]:
        return (access_of("GET", step.path), access_of("DELETE", step.path))


# ------------------------------------------------------------------------------------------------ the three


async def _logs(step: TryPod, hands: Hands) -> Text | str:
    """Empty when the line came back; else what came instead."""
    query = {"container": step.container, "tailLines": "10"}
    until = hands.clock.monotonic() + _LOG_SECONDS
    while True:
        try:
            text = (await hands.read_text(f"{step.path}/log", query)).strip()
        except LinkError as error:
            return error.unknown.text
        if LINE in text:
            return ""
        if hands.clock.monotonic() >= until:
            return _("what came back is {what}").format(what=text[:200]) if text else _("nothing came back")
        await hands.clock.sleep(hands.settings.poll)


async def _exec(step: TryPod, hands: Hands) -> Text | str:
    try:
        ran = await hands.exec(step.namespace, step.name, step.container, step.command)
    except LinkError as error:
        return error.unknown.text
    out = ran.stdout.decode(errors="replace").strip()
    if out == LINE:
        return ""
    return ran.error or _("what came back is {what}").format(what=(out or ran.stderr.decode(errors="replace"))[:200])


async def _top(step: TryPod, hands: Hands, seconds: float, tell: Tell) -> Text | str:
    until = hands.clock.monotonic() + seconds
    why: Text | str = ""
    while True:
        try:
            found = await hands.get(step.metrics_path)
        except LinkError as error:
            why = error.unknown.text
            if error.unknown.reason is Reason.DENIED:
                return why
        else:
            if usage := [one.get("usage") or {} for one in found.get("containers") or ()]:
                tell(
                    _("top: {cpu} CPU, {memory} memory").format(cpu=usage[0].get("cpu"), memory=usage[0].get("memory"))
                )
                return ""
            why = _("no numbers of the pod")
        if hands.clock.monotonic() >= until:
            return why
        await hands.clock.sleep(hands.settings.poll)


def _say(tell: Tell, name: str, why: Text | str) -> None:
    tell(_("{name}: {why}").format(name=name, why=why) if why else _("{name} works").format(name=name))


# ----------------------------------------------------------------------------------------------- in common


async def _create(hands: Hands, step: CreatePod, *, dry_run: bool = False) -> None:
    writer = await hands.writers.kube()
    access, deadline = access_of("POST", step.folder), hands.settings.command
    await writer.create(step.folder, access, json.dumps(step.body).encode(), deadline=deadline, dry_run=dry_run)


async def _take_away(hands: Hands, path: str, uid: str, seconds: float) -> None:
    """Delete a pod and wait until it is gone; a node that does not answer cannot confirm it."""
    try:
        await delete(hands, path, uid)
    except LinkError as error:
        if error.unknown.reason is not Reason.MISSING:
            raise
    until = hands.clock.monotonic() + seconds
    while True:
        try:
            found = await find(hands, path)
        except LinkError as error:
            if error.unknown.reason not in LOST or hands.clock.monotonic() >= until:
                raise
        else:
            if found is None or found["metadata"]["uid"] != uid:
                return
        if hands.clock.monotonic() >= until:
            sentence = _("the pod is marked for deletion, and its node has not confirmed that after {seconds} s")
            raise StepFailed(sentence.format(seconds=round(seconds)))
        await hands.clock.sleep(hands.settings.poll)


def _is_ours(found: dict[str, Any]) -> bool:
    labels = found["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in MARK.items())


def _waiting(found: dict[str, Any]) -> str:
    """Why its container does not run: reason and message."""
    for status in found.get("status", {}).get("containerStatuses") or ():
        for state in ("waiting", "terminated"):
            if said := (status.get("state") or {}).get(state):
                return ": ".join(filter(None, (said.get("reason"), said.get("message"))))
    return str(found.get("status", {}).get("reason") or "")
