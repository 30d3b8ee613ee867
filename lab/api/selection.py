"""labelSelector and fieldSelector."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lab.errors import bad_request
from lab.objects import Kind, Object

Match = Callable[[Object], bool]

_SET_BASED = re.compile(r"^(\S+)\s+(in|notin)\s+\(([^)]*)\)$")
_COMMON_FIELDS = {"metadata.name", "metadata.namespace"}
_FIELDS = {
    "pods": {
        "spec.nodeName", "status.phase", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "status.podIP", "spec.hostNetwork",
    },
    "nodes": {"spec.unschedulable"},
    "events": {
        "involvedObject.kind", "involvedObject.name", "involvedObject.namespace", "involvedObject.uid",
        "involvedObject.fieldPath", "reason", "type", "source",
    },
    "replicasets": {"status.replicas"},
    "namespaces": {"status.phase"},
}  # fmt: skip


def matcher(kind: Kind, labels: str, fields: str) -> Match:
    """Both selectors as one test. Raises 400 for what a server does not understand."""
    tests = [_label(term) for term in _split(labels)] + [_field(kind, term) for term in fields.split(",") if term]
    return lambda obj: all(test(obj) for test in tests)


def _split(selector: str) -> list[str]:
    return [term.strip() for term in re.split(r",(?![^(]*\))", selector) if term.strip()]


def _labels(obj: Object) -> dict[str, Any]:
    found: dict[str, Any] = obj["metadata"].get("labels") or {}
    return found


def _label(term: str) -> Match:
    set_based = _SET_BASED.match(term)
    if set_based:
        key, operator, values = set_based.groups()
        wanted = {value.strip() for value in values.split(",")}
        if operator == "in":
            return lambda obj: _labels(obj).get(key) in wanted
        return lambda obj: _labels(obj).get(key) not in wanted
    if "!=" in term:
        key, value = (part.strip() for part in term.split("!=", 1))
        return lambda obj: _labels(obj).get(key) != value
    if "=" in term:
        key, value = (part.strip() for part in re.split("==?", term, maxsplit=1))
        return lambda obj: _labels(obj).get(key) == value
    if term.startswith("!"):
        return lambda obj: term[1:] not in _labels(obj)
    if not re.fullmatch(r"[\w./-]+", term):
        raise bad_request(f"unable to parse requirement: found '{term}'")
    return lambda obj: term in _labels(obj)


def _field(kind: Kind, term: str) -> Match:
    negated = "!=" in term
    key, _, value = term.replace("!=", "=").replace("==", "=").partition("=")
    if key not in _COMMON_FIELDS | _FIELDS.get(kind.plural, set()):
        raise bad_request(f"field label not supported: {key}")
    path = key.split(".")

    def test(obj: Object) -> bool:
        found: Any = obj
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        text = "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)
        return (text == value) is not negated

    return test
