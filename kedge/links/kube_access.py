"""From a Kubernetes request to the right it needs, and to the words that describe it.

The rules are those of the API server's own request info (k8s.io/apiserver ``RequestInfoFactory``): the verb
follows from the method, from whether one object is named, and from ``watch``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from kedge.i18n import Text, _
from kedge.links.base import Access

_SAFE_PATH = re.compile(r"(?:/[A-Za-z0-9._~:@!$&'()*+,;=%-]*)+")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_DOING = {
    "get": _("reading {what}"),
    "list": _("listing {what}"),
    "watch": _("watching {what}"),
    "create": _("creating {what}"),
    "update": _("replacing {what}"),
    "patch": _("changing {what}"),
    "delete": _("deleting {what}"),
    "deletecollection": _("deleting {what}"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What an API path speaks of. ``resource`` is empty for non-resource URLs such as ``/version``."""

    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


def parse_path(path: str) -> Request:
    """Take an API path apart.

    Raises:
        ValueError: the path holds characters that must be percent-encoded, or climbs with ``..``.
    """
    segments = path.split("/")
    if not _SAFE_PATH.fullmatch(path) or any(unquote(part) in (".", "..") for part in segments):
        raise ValueError(f"not a safe API path: {path!r}")
    parts = [unquote(part) for part in segments if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, rest = "", parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, rest = parts[1], parts[3:]
    else:
        return Request()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("finalize", "status"):
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    return Request(group, resource, subresource, namespace, name)


def access_of(method: str, path: str, query: Mapping[str, str] | None = None) -> Access:
    """The right that a request needs.

    A non-resource URL gives an Access whose ``resource`` is the path itself (it begins with ``/``, which no
    resource does); RBAC calls that ``nonResourceURLs``.
    """
    request = parse_path(path)
    if not request.resource:
        return Access(method.lower(), "", path)
    verb = _VERBS.get(method, "")
    if method == "GET":
        watching = (query or {}).get("watch", "") in ("1", "true")
        verb = "watch" if watching else "get" if request.name else "list"
    elif method == "DELETE":
        verb = "delete" if request.name else "deletecollection"
    return Access(verb, request.group, request.resource, request.subresource, request.namespace)


def check_access(declared: Access, needed: Access) -> None:
    """Refuse a call that declares another right than it needs; a cluster-wide right covers a namespace.

    Raises:
        ValueError: a mistake in the calling code: what ``kedge-tui rbac`` prints would be wrong.
    """
    same = (declared.verb, declared.group, declared.resource, declared.subresource) == (
        needed.verb,
        needed.group,
        needed.resource,
        needed.subresource,
    )
    if not same or declared.namespace not in ("", needed.namespace):
        raise ValueError(f"call declares {declared} but needs {needed}")


def describe(access: Access, path: str) -> Text:
    """The step in words, to follow "while": ``listing pods in namespace factory``."""
    request = parse_path(path)
    if not request.resource:
        return _DOING["get"].format(what=path)
    thing = access.resource + (f"/{access.subresource}" if access.subresource else "")
    if request.name:
        thing = f"{thing} {request.name}"
    what: Text | str = thing
    if request.namespace and request.resource != "namespaces":
        what = _("{thing} in namespace {namespace}").format(thing=thing, namespace=request.namespace)
    return _DOING[access.verb].format(what=what)
