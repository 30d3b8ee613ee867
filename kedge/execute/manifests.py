"""Applying a manifest object by object, and deleting objects again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kedge.execute.base import Handler, Hands, Refused, Shown, Tell, shown
from kedge.execute.documents import WORKLOADS, Document, documents
from kedge.execute.objects import as_yaml, essence, fingerprint, merge_diff, object_diff, refusal, refusing
from kedge.execute.rollout import pods_of, wait_for_rollout
from kedge.i18n import _
from kedge.links.base import Access
from kedge.links.kube_access import access_of
from kedge.model import LinkError, Reason, Step
from kedge.steps import MERGE_PATCH, ApplyManifest, DeleteObjects, PatchObject, RolloutRestart, here_document

CREATE, PATCH, REPLACE, KEEP = "create", "patch", "replace", "keep"
_SAID = {
    CREATE: _("{object} is created"),
    PATCH: _("{object} is changed"),
    REPLACE: _("{object} is deleted and created anew"),
    KEEP: _("{object} is there and stays as it is"),
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done with one document, and what was found in its place."""

    document: Document
    verb: str
    found: dict[str, Any] | None = None
    diff: str = ""
    patch: str = ""
    inverse: str = ""
    written: str = ""


class ApplyManifestHandler(Handler[ApplyManifest]):
    """Every document is sent to the server as a dry run first."""

    async def look(self, step: ApplyManifest, hands: Hands, at: datetime) -> Shown:
        parts = [await _plan(step, hands, one) for one in documents(step.text, step.source)]
        _refuse_owned(parts)
        doing = [part for part in parts if part.verb != KEEP]
        old = {p.document.path: await _pods(step, hands, p) for p in doing if p.document.kind == "Deployment"}
        return shown(
            step,
            "\n".join(part.diff for part in doing),
            "\n".join(filter(None, (_shell(part) for part in doing))),
            notes=tuple(_SAID[part.verb].format(object=part.document.label) for part in parts),
            pin={"parts": [[part.document.path, part.verb, _version(part.found)] for part in parts]},
            seen={
                "parts": [
                    {
                        "path": part.document.path,
                        "verb": part.verb,
                        "uid": (part.found or {}).get("metadata", {}).get("uid", ""),
                        "patch": part.patch,
                        "inverse": part.inverse,
                        "written": part.written,
                        "old": as_yaml(essence(part.found)) if part.found and part.verb == REPLACE else "",
                    }
                    for part in doing
                ],
                "pods": old,
            },
            idle=not doing,
        )

    async def change(self, step: ApplyManifest, shown: Shown, hands: Hands, tell: Tell) -> None:
        todo = {part["path"]: part for part in shown.seen["parts"]}
        for document in documents(step.text, step.source):
            part = todo.get(document.path)
            if part is None:
                continue
            if part["verb"] == PATCH:
                await hands.patch(document.path, json.loads(part["patch"]), MERGE_PATCH)
            else:
                if part["verb"] == REPLACE:
                    await delete(hands, document.path, part["uid"])
                await _create(hands, document)
            tell(_SAID[part["verb"]].format(object=document.label))

    async def settle(self, step: ApplyManifest, shown: Shown, hands: Hands) -> bool | None:
        states = {await _is_done(hands, part) for part in shown.seen["parts"]}
        return states.pop() if len(states) == 1 else None

    async def follow(self, step: ApplyManifest, shown: Shown, hands: Hands, tell: Tell) -> None:
        for path, pods in shown.seen["pods"].items():
            await wait_for_rollout(_rollout(step, path), frozenset(pods), hands, tell)

    def undo(self, step: ApplyManifest, shown: Shown) -> tuple[Step, ...]:
        parts = shown.seen["parts"]
        created = tuple(part["path"] for part in reversed(parts) if part["verb"] == CREATE)
        steps: list[Step] = [DeleteObjects(step.on, created)] if created else []
        steps += [
            PatchObject(step.on, part["path"], part["inverse"], MERGE_PATCH, part["written"])
            for part in reversed(parts)
            if part["verb"] == PATCH
        ]
        old = "---\n".join(part["old"] for part in parts if part["verb"] == REPLACE)
        if old:
            steps.append(
                ApplyManifest(step.on, old, str(_("what was there before")), tuple(sorted(WORKLOADS)), step.seconds)
            )
        return tuple(steps)

    def rights(self, step: ApplyManifest) -> tuple[Access, ...]:
        needed = []
        for one in documents(step.text, step.source):
            verbs = ("DELETE",) if one.kind in step.replace else ("PATCH",)
            needed += [access_of("GET", one.path), access_of("POST", one.folder)]
            needed += [access_of(verb, one.path) for verb in verbs if one.kind not in WORKLOADS or step.replace]
        return tuple(needed)


class DeleteObjectsHandler(Handler[DeleteObjects]):
    """Each object is pinned by its uid. What belongs to a controller is made anew by it, so no undo does that."""

    async def look(self, step: DeleteObjects, hands: Hands, at: datetime) -> Shown:
        found = {path: await find(hands, path) for path in step.paths}
        there = {path: one for path, one in found.items() if one is not None}
        if any(one.get("kind") == "Secret" for one in there.values()):
            raise Refused(_("The program neither reads nor writes Secrets"))
        return shown(
            step,
            "\n".join(object_diff(path, essence(one), {}) for path, one in there.items()),
            DeleteObjects(step.on, tuple(there)).render(),
            notes=tuple(_("{object} is gone already").format(object=path) for path in step.paths if path not in there),
            pin={"uids": {path: one["metadata"]["uid"] for path, one in there.items()}},
            seen={"old": [as_yaml(essence(one)) for one in reversed(there.values()) if not _owner(one)]},
            idle=not there,
        )

    async def change(self, step: DeleteObjects, shown: Shown, hands: Hands, tell: Tell) -> None:
        for path, uid in shown.pin["uids"].items():
            await delete(hands, path, uid)
            tell(_("deleted {object}").format(object=path))

    async def settle(self, step: DeleteObjects, shown: Shown, hands: Hands) -> bool | None:
        there = [await find(hands, path) is not None for path in shown.pin["uids"]]
        return None if any(there) and not all(there) else not any(there)

    def undo(self, step: DeleteObjects, shown: Shown) -> tuple[Step, ...]:
        old = "---\n".join(shown.seen["old"])
        return (ApplyManifest(step.on, old, str(_("what was there before"))),) if old else ()

    def rights(self, step: DeleteObjects) -> tuple[Access, ...]:
        return tuple(access_of(verb, path) for path in step.paths for verb in ("GET", "DELETE"))


# ----------------------------------------------------------------------------------------------- in common


async def find(hands: Hands, path: str) -> dict[str, Any] | None:
    """The object, None when there is none."""
    try:
        return await hands.get(path)
    except LinkError as error:
        if error.unknown.reason is Reason.MISSING:
            return None
        raise


async def delete(hands: Hands, path: str, uid: str) -> None:
    """Delete an object that still has this uid."""
    writer = await hands.writers.kube()
    deadline = hands.settings.command
    await writer.delete(path, access_of("DELETE", path), deadline=deadline, precondition_uid=uid)


async def _create(hands: Hands, document: Document, *, dry_run: bool = False) -> dict[str, Any]:
    writer = await hands.writers.kube()
    body = json.dumps(document.body).encode()
    access, deadline = access_of("POST", document.folder), hands.settings.command
    answer = await writer.create(document.folder, access, body, deadline=deadline, dry_run=dry_run)
    made: dict[str, Any] = json.loads(answer.body)
    return made


async def _plan(step: ApplyManifest, hands: Hands, document: Document) -> _Plan:
    found = await find(hands, document.path)
    if found is None:
        if not hands.read_only():
            try:
                await _create(hands, document, dry_run=True)
            except LinkError as error:
                raise refusal(error) from None
        return _Plan(document, CREATE, diff=object_diff(document.path, {}, document.body))
    if document.kind in step.replace:
        diff = object_diff(document.path, essence(found), document.body)
        return _Plan(document, REPLACE, found, diff)
    if document.kind in WORKLOADS:
        return _Plan(document, KEEP, found)
    before = essence(found)
    wanted = merge_diff(before, _merged(before, document.body))
    if not wanted:
        return _Plan(document, KEEP, found)
    metadata = {**wanted.get("metadata", {}), "resourceVersion": found["metadata"]["resourceVersion"]}
    patch = {**wanted, "metadata": metadata}
    after = essence(await refusing(hands, document.path, patch, MERGE_PATCH))
    if after == before:
        return _Plan(document, KEEP, found)
    diff = object_diff(document.path, before, after)
    inverse, written = json.dumps(merge_diff(after, before)), json.dumps(merge_diff(before, after))
    return _Plan(document, PATCH, found, diff, json.dumps(patch), inverse, written)


def _merged(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """``wanted`` laid over ``found``. Lists of objects keep what only the server's defaults have put into them."""
    result = dict(found)
    for key, value in wanted.items():
        old = found.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            result[key] = _merged(old, value)
        elif isinstance(value, list) and isinstance(old, list) and len(value) == len(old):
            pairs = zip(old, value, strict=True)
            result[key] = [_merged(a, b) if isinstance(a, dict) and isinstance(b, dict) else b for a, b in pairs]
        else:
            result[key] = value
    return result


def _refuse_owned(parts: Iterable[_Plan]) -> None:
    """What a controller made, it makes anew once it is deleted."""
    for part in parts:
        owner = _owner(part.found or {})
        if part.verb == REPLACE and owner:
            sentence = _("{object} belongs to {kind} {name}, which would make it anew; change that one")
            raise Refused(sentence.format(object=part.document.label, kind=owner.get("kind"), name=owner.get("name")))


def _owner(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object that keeps this one alive; empty when there is none."""
    owners: list[dict[str, Any]] = found.get("metadata", {}).get("ownerReferences") or [{}]
    return owners[0]


async def _pods(step: ApplyManifest, hands: Hands, part: _Plan) -> list[str]:
    """uids of the pods that a Deployment has before it is replaced."""
    if part.found is None:
        return []
    return sorted((await pods_of(hands, _rollout(step, part.document.path), part.found)).values())


async def _is_done(hands: Hands, part: Mapping[str, Any]) -> bool:
    found = await find(hands, part["path"])
    if found is None:
        return False
    if part["verb"] == PATCH:
        return not merge_diff(essence(found), _merged(essence(found), json.loads(part["written"])))
    return bool(found["metadata"]["uid"] != part["uid"])


def _rollout(step: ApplyManifest, path: str) -> RolloutRestart:
    words = path.split("/")
    return RolloutRestart(step.on, words[-3], "deployment", words[-1], step.seconds)


def _version(found: Mapping[str, Any] | None) -> str:
    """What must not change before it is applied; the status of a workload may."""
    return "" if found is None else f"{found['metadata']['uid']} {fingerprint(essence(dict(found)))}"


def _shell(part: _Plan) -> str:
    if part.verb == PATCH:
        return PatchObject("", part.document.path, part.patch).render()
    create = f"kubectl create -f - {here_document(as_yaml(part.document.body))}"
    if part.verb == CREATE:
        return create
    return f"{DeleteObjects('', (part.document.path,)).render()}\n{create}"
