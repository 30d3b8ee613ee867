"""The application: middlewares in front, one handler for each shape of path behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from aiohttp import web

from lab import errors
from lab.api import discovery, execs, logs, metrics_api, proxy, resources, reviews, tables, watches
from lab.api.request import WORLD, attributes, authenticate, target_of, user_of, world_of
from lab.api.respond import error_response, text_response
from lab.world import World
from lab.world_access import ANONYMOUS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz")
_RETRANSMISSION = 0.25
"""Seconds that a lost packet costs."""


def create_app(world: World) -> web.Application:
    """The API of a world; run it with an ssl context whose verify_mode is CERT_OPTIONAL for client certificates."""
    app = web.Application(middlewares=[_slow, _refuse, _authenticate])
    app[WORLD] = world
    app.router.add_route("*", "/{path:.*}", _dispatch)
    return app


@web.middleware
async def _slow(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The link's latency and loss, once for each request."""
    world = world_of(request)
    delay = world.latency
    while world.loss and random.random() < world.loss:
        delay += _RETRANSMISSION
    if delay:
        await asyncio.sleep(delay)
    return await handler(request)


@web.middleware
async def _refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except errors.ApiError as error:
        return error_response(error)


@web.middleware
async def _authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    request["user"] = authenticate(request)
    return await handler(request)


async def _dispatch(request: web.Request) -> web.StreamResponse:
    target = target_of(request.path)
    if target is None:
        return _plain_path(request)
    review = reviews.answers(target)
    if review is not None:
        return await review(request)
    asked = attributes(request, target)
    user = user_of(request)
    if not world_of(request).access.allowed(user, asked):
        raise errors.forbidden(user.name, asked.verb, asked.resource, asked.group, target.namespace, target.name)
    if target.group == "metrics.k8s.io":
        return metrics_api.answer(request, target)
    if target.kind is None:
        return text_response("404 page not found\n", 404)
    if (target.resource, target.subresource) == ("nodes", "proxy"):
        return await proxy.answer(request, target)
    if (target.resource, target.subresource) == ("pods", "log"):
        return await logs.answer(request, target)
    if (target.resource, target.subresource) == ("pods", "exec"):
        return await execs.answer(request, target)
    if asked.verb == "watch":
        return await watches.answer(request, target)
    return tables.wrap(request, target, await resources.answer(request, target))


def _plain_path(request: web.Request) -> web.Response:
    user = user_of(request)
    if user.name == ANONYMOUS and not request.path.startswith(_OPEN_PATHS):
        raise errors.ApiError(403, "Forbidden", f'forbidden: User "{user.name}" cannot get path "{request.path}"', {})
    return discovery.answer(request.path, world_of(request))
