"""Questions about oneself: SelfSubjectAccessReview, SelfSubjectReview."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from lab import errors
from lab.api.protobuf import access_review
from lab.api.request import Target, read_body, user_of, world_of
from lab.api.respond import json_response
from lab.world_access import Request


def answers(target: Target) -> Callable[[web.Request], Awaitable[web.Response]] | None:
    """The handler of a review; everybody who is authenticated may ask."""
    return {
        ("authorization.k8s.io", "selfsubjectaccessreviews"): _access,
        ("authentication.k8s.io", "selfsubjectreviews"): _who,
    }.get((target.group, target.resource))


async def _access(request: web.Request) -> web.Response:
    protobuf = "protobuf" in request.content_type
    body = access_review(await request.read()) if protobuf else await read_body(request)
    spec = body.get("spec") or {}
    asked = spec.get("resourceAttributes")
    if request.method != "POST" or (asked is None and "nonResourceAttributes" not in spec):
        raise errors.bad_request("SelfSubjectAccessReview needs resourceAttributes or nonResourceAttributes")
    allowed = True
    if asked is not None:
        resource = "/".join(part for part in (asked.get("resource", ""), asked.get("subresource", "")) if part)
        wanted = Request(
            asked.get("verb", ""), asked.get("group", ""), resource, asked.get("namespace", ""), asked.get("name", "")
        )
        allowed = world_of(request).access.allowed(user_of(request), wanted)
    review = {
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": spec,
        "status": {"allowed": allowed},
    }  # fmt: skip
    return json_response(review, 201)


async def _who(request: web.Request) -> web.Response:
    user = user_of(request)
    info = {"username": user.name, "groups": sorted(user.groups)}
    review = {
        "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
        "status": {"userInfo": info},
    }  # fmt: skip
    return json_response(review, 201)
