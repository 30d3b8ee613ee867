"""One API request taken apart: which resource, which verb, by whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from lab import errors
from lab.objects import KINDS, Kind
from lab.world import World
from lab.world_access import ANONYMOUS, Request, User

WORLD: web.AppKey[World] = web.AppKey("world", World)

_BY_NAME = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Target:
    """What the path of a resource request names; `kind` is None for resources that no store holds."""

    group: str
    version: str
    resource: str
    namespace: str
    name: str
    subresource: str
    rest: str
    kind: Kind | None


def world_of(request: web.Request) -> World:
    """The world that a request is asked of."""
    return request.app[WORLD]


def target_of(path: str) -> Target | None:
    """Read `/api/v1/…` and `/apis/GROUP/VERSION/…`; None for paths that name no resource."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource, *more = [*rest, "", "", ""]
    kind = _BY_NAME.get((group, version, resource))
    return Target(group, version, resource, namespace, name, subresource, "/".join(part for part in more if part), kind)


def verb_of(request: web.Request, target: Target) -> str:
    """The authorizer's verb."""
    if target.subresource in ("exec", "attach", "portforward"):
        return "create"
    if request.method == "GET":
        if request.query.get("watch", "") in ("1", "true"):
            return "watch"
        return "get" if target.name else "list"
    if request.method == "DELETE":
        return "delete" if target.name else "deletecollection"
    return {"POST": "create", "PUT": "update", "PATCH": "patch", "HEAD": "get"}.get(request.method, "get")


def attributes(request: web.Request, target: Target) -> Request:
    """What the authorizer is asked."""
    resource = f"{target.resource}/{target.subresource}" if target.subresource else target.resource
    return Request(verb_of(request, target), target.group, resource, target.namespace, target.name)


def user_of(request: web.Request) -> User:
    """Who asks, by bearer token or client certificate; without either it is anonymous. Raises 401 for a bad token."""
    header = request.headers.get("Authorization", "")
    if header:
        scheme, _, token = header.partition(" ")
        user = world_of(request).access.tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise errors.unauthorized()
        return user
    certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
    if certificate:
        fields = [pair for rdn in certificate.get("subject", ()) for pair in rdn]
        names = [value for key, value in fields if key == "commonName"]
        groups = frozenset(value for key, value in fields if key == "organizationName")
        if names:
            return User(names[0], groups | {"system:authenticated"})
    return User(ANONYMOUS, frozenset({"system:unauthenticated"}))


def manager_of(request: web.Request) -> str:
    """The field manager of a write."""
    given = request.query.get("fieldManager", "")
    return given or request.headers.get("User-Agent", "unknown").partition("/")[0] or "unknown"


def dry_run(request: web.Request) -> bool:
    """Whether nothing is to be stored."""
    return request.query.get("dryRun") == "All"


async def read_body(request: web.Request) -> Any:
    """The body as JSON or YAML. Raises 400 for what cannot be read, 415 for protobuf, which is not spoken here."""
    raw = await request.read()
    if "protobuf" in request.content_type:
        raise errors.unsupported_media_type()
    try:
        if "yaml" in request.content_type:
            return yaml.safe_load(raw)
        return json.loads(raw) if raw else {}
    except (ValueError, yaml.YAMLError) as problem:
        raise errors.bad_request(f"the object provided is unrecognized: {problem}") from problem
