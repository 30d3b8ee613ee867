"""A patch of one Kubernetes object, guarded by its resourceVersion."""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
from datetime import datetime
from typing import Any

import yaml

from kedge.execute.base import Handler, Hands, Refused, Shown, Tell, shown
from kedge.execute.files import SECRET_KEYS
from kedge.i18n import _
from kedge.links.base import Access
from kedge.links.kube_access import access_of
from kedge.model import LinkError, Reason, Step
from kedge.sources.mask import masked
from kedge.steps import JSON_PATCH, MERGE_PATCH, PatchObject

_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")


class PatchObjectHandler(Handler[PatchObject]):
    """Shows what the server itself says the patch would do (dry run)."""

    one_call = True

    async def look(self, step: PatchObject, hands: Hands, at: datetime) -> Shown:
        before = await get_object(hands, step.path)
        if before.get("kind") == "Secret" or "/secrets/" in step.path:
            raise Refused(_("The program neither reads nor writes Secrets"))
        _compare(step, before)
        after = await refusing(hands, step.path, guarded(step, before), step.content_type)
        old, new = essence(before), essence(after)
        _refuse_secrets(step, merge_diff(new, old), merge_diff(old, new))
        return shown(
            step,
            object_diff(step.path, old, new),
            step.render(),
            notes=(_("the object says so already; there is nothing to do"),) if old == new else (),
            pin={
                "uid": before["metadata"]["uid"],
                "resourceVersion": before["metadata"]["resourceVersion"],
                "after": fingerprint(new),
            },
            seen={"inverse": json.dumps(merge_diff(new, old)), "written": json.dumps(merge_diff(old, new))},
            idle=old == new,
        )

    async def change(self, step: PatchObject, shown: Shown, hands: Hands, tell: Tell) -> None:
        meta = {"metadata": {"resourceVersion": shown.pin["resourceVersion"]}}
        await hands.patch(step.path, guarded(step, meta), step.content_type)

    async def settle(self, step: PatchObject, shown: Shown, hands: Hands) -> bool | None:
        found = await hands.get(step.path)
        if fingerprint(essence(found)) == shown.pin["after"]:
            return True
        return False if found["metadata"]["resourceVersion"] == shown.pin["resourceVersion"] else None

    def undo(self, step: PatchObject, shown: Shown) -> tuple[Step, ...]:
        return (PatchObject(step.on, step.path, shown.seen["inverse"], MERGE_PATCH, shown.seen["written"]),)

    def rights(self, step: PatchObject) -> tuple[Access, ...]:
        return (access_of("GET", step.path), access_of("PATCH", step.path))


async def get_object(hands: Hands, path: str) -> dict[str, Any]:
    """The object; Refused when there is none."""
    try:
        return await hands.get(path)
    except LinkError as error:
        if error.unknown.reason is Reason.MISSING:
            raise Refused(_("There is no {object} in this cluster").format(object=path)) from None
        raise


async def refusing(hands: Hands, path: str, body: object, content_type: str) -> dict[str, Any]:
    """The result of a dry run; what the server would refuse is Refused now, before anything is changed.

    On a site that is read-only even a dry run is not sent: it needs the right to change. The patch is laid over the
    object here instead, without what the server would add to it.
    """
    if hands.read_only():
        return patched(await get_object(hands, path), body, content_type)
    try:
        return await hands.patch(path, body, content_type, dry_run=True)
    except LinkError as error:
        raise refusal(error) from None


def patched(found: dict[str, Any], body: object, content_type: str) -> dict[str, Any]:
    """The object with a patch laid over it here; Refused for a JSON patch, which only the server applies."""
    if content_type == JSON_PATCH or not isinstance(body, dict):
        raise Refused(_("What this patch would do is known to the server only, and this site is read-only for you"))
    return _overlaid(found, body)


def _overlaid(found: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A merge patch (RFC 7386); a strategic one is the same as long as it holds no list."""
    after = dict(found)
    for key, value in patch.items():
        if value is None:
            after.pop(key, None)
        elif isinstance(value, dict):
            old = after.get(key)
            after[key] = _overlaid(old if isinstance(old, dict) else {}, value)
        else:
            after[key] = value
    return after


def refusal(error: LinkError) -> LinkError | Refused:
    """What a dry run ended with: Refused where the server says no, else the error itself."""
    refused = error.unknown.reason in (Reason.DENIED, Reason.INVALID, Reason.CONFLICT)
    return Refused(error.unknown.text) if refused else error


def guarded(step: PatchObject, seen: dict[str, Any]) -> object:
    """The patch, refused by the server when the object is no longer the one that was seen."""
    version = seen["metadata"]["resourceVersion"]
    body = json.loads(step.body)
    if step.content_type == JSON_PATCH:
        return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *body]
    metadata = {**(body.get("metadata") or {}), "resourceVersion": version}
    return {**body, "metadata": metadata}


def essence(found: dict[str, Any]) -> dict[str, Any]:
    """The object without what the server keeps for itself."""
    kept = copy.deepcopy({key: value for key, value in found.items() if key != "status"})
    for name in _SERVERS_OWN:
        kept.get("metadata", {}).pop(name, None)
    return kept


def fingerprint(value: object) -> str:
    """sha256 of the canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def merge_diff(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that turns one into the other; lists are replaced as a whole."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := merge_diff(old, value):
                patch[key] = inner
        elif key not in before or old != value:
            patch[key] = value
    return patch


def _refuse_secrets(step: PatchObject, *changes: object) -> None:
    """What is changed is kept for the undo, and secrets are never kept."""
    texts = [as_yaml(change) for change in changes]
    if any(masked(text, SECRET_KEYS) != text for text in texts):
        raise Refused(_("{object} holds a secret in what would be changed; edit it by hand").format(object=step.path))


def _compare(step: PatchObject, found: dict[str, Any]) -> None:
    if step.was and not _holds(found, json.loads(step.was)):
        sentence = _("{object} no longer holds what the plan was made for, so it is not changed; look again")
        raise Refused(sentence.format(object=step.path))


def _holds(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key not in found if value is None else _holds(found.get(key), value) for key, value in wanted.items()
        )
    return bool(found == wanted)


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block: a file inside a ConfigMap is compared line by line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(value: object) -> str:
    """YAML as people write it."""
    return str(yaml.dump(value, Dumper=_Dumper, allow_unicode=True, width=10_000))


def object_diff(path: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """A unified diff of two objects, secrets masked; an empty one is none at all."""
    before, after = (masked(as_yaml(value), SECRET_KEYS).splitlines() if value else [] for value in (old, new))
    names = (path if old else "/dev/null", path if new else "/dev/null")
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))
