"""The patch types of the API: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.errors import ApiError, bad_request
from lab.objects import Object, clone

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath",
    "ports": "containerPort", "conditions": "type", "addresses": "type", "imagePullSecrets": "name",
    "hostAliases": "ip", "ownerReferences": "uid", "taints": "key",
}  # fmt: skip
"""Lists of objects that strategic merge joins by a key; every other list is replaced."""


def apply_patch(content_type: str, original: Object, patch: Any) -> Object:
    """The patched object. Raises the API's errors for a patch that does not fit."""
    draft: Object = clone(original)
    if content_type == JSON_PATCH:
        if not isinstance(patch, list):
            raise bad_request(
                "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
            )
        for operation in patch:
            draft = _operate(draft, operation)
        return draft
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}")
    if content_type == STRATEGIC_MERGE_PATCH:
        draft = _strategic(draft, patch)
        return draft
    draft = merge(draft, patch)
    return draft


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def _strategic(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [item for item in result.get(name, []) if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list) and key in _MERGE_KEYS and all(isinstance(item, dict) for item in value):
            result[key] = _merge_list(result.get(key) or [], value, _list_key(key, value))
        else:
            result[key] = _strategic(result.get(key), value)
    return result


def _list_key(name: str, items: list[Object]) -> str:
    if name == "ports" and items and "containerPort" not in items[0]:
        return "port"
    return _MERGE_KEYS[name]


def _merge_list(target: list[Object], patch: list[Object], key: str) -> list[Object]:
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    merged = list(target)
    for item in patch:
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        index = next((n for n, known in enumerate(merged) if known.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            if index is not None:
                del merged[index]
        elif index is None:
            merged.append(_strategic({}, item))
        else:
            merged[index] = _strategic(merged[index], item)
    return merged


def _rejected() -> ApiError:
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def _operate(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or "op" not in operation or "path" not in operation:
        raise _rejected()
    action = _ACTIONS.get(operation["op"])
    if action is None:
        raise _rejected()
    try:
        return action(document, operation)
    except (KeyError, IndexError, ValueError, TypeError) as problem:
        raise _rejected() from problem


def _steps(path: str) -> list[str]:
    if not path.startswith("/"):
        raise ValueError(path)
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _parent(document: Any, path: str) -> tuple[Any, str]:
    *steps, last = _steps(path)
    for step in steps:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document, last


def _read(document: Any, path: str) -> Any:
    parent, last = _parent(document, path)
    return parent[int(last)] if isinstance(parent, list) else parent[last]


def _add(document: Any, operation: Object) -> Any:
    parent, last = _parent(document, operation["path"])
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), operation["value"])
    else:
        parent[last] = operation["value"]
    return document


def _remove(document: Any, operation: Object) -> Any:
    parent, last = _parent(document, operation["path"])
    if isinstance(parent, list):
        del parent[int(last)]
    else:
        del parent[last]
    return document


def _replace(document: Any, operation: Object) -> Any:
    _read(document, operation["path"])
    parent, last = _parent(document, operation["path"])
    if isinstance(parent, list):
        parent[int(last)] = operation["value"]
    else:
        parent[last] = operation["value"]
    return document


def _test(document: Any, operation: Object) -> Any:
    if _read(document, operation["path"]) != operation["value"]:
        raise ValueError("test failed")
    return document


def _move(document: Any, operation: Object) -> Any:
    value = _read(document, operation["from"])
    return _add(_remove(document, {"path": operation["from"]}), {"path": operation["path"], "value": value})


def _copy(document: Any, operation: Object) -> Any:
    return _add(document, {"path": operation["path"], "value": clone(_read(document, operation["from"]))})


_ACTIONS: dict[str, Callable[[Any, Object], Any]] = {
    "add": _add, "remove": _remove, "replace": _replace, "test": _test, "move": _move, "copy": _copy,
}  # fmt: skip
