"""The application: middlewares in front, one handler for each shape of path behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from aiohttp import web

from lab import errors
from lab.api import discovery, execs, logs, metrics_api, proxy, resources, reviews, tables, trouble, watches
from lab.api.request import WORLD, Target, attributes, target_of, user_of, world_of
from lab.api.respond import error_response, text_response
from lab.world import World
from lab.world_access import ANONYMOUS, User


class _Live:
    """Requests that are being served."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[object]] = set()


LIVE = web.AppKey("live", _Live)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz")
_RETRANSMISSION = 0.25
"""Seconds that a lost packet costs."""


def create_app(world: World) -> web.Application:
    """The API of a world; run it with an ssl context whose verify_mode is CERT_OPTIONAL for client certificates."""
    app = web.Application(middlewares=[_track, trouble.middleware, _slow, _refuse])
    app[WORLD] = world
    app[LIVE] = _Live()
    app.on_shutdown.append(_end_streams)
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
async def _track(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Remember who is being served: watches, followed logs and hanging requests end only by being cancelled."""
    task = asyncio.current_task()
    if task is None:
        return await handler(request)
    live = request.app[LIVE].tasks
    live.add(task)
    try:
        return await handler(request)
    finally:
        live.discard(task)


async def _end_streams(app: web.Application) -> None:
    """The process ends: every open request ends with it, and its connection is cut."""
    live = list(app[LIVE].tasks)
    for task in live:
        task.cancel()
    await asyncio.gather(*live, return_exceptions=True)


async def _dispatch(request: web.Request) -> web.StreamResponse:
    await request.read()  # even of what is refused: an unread body would keep the connection lingering
    user = user_of(request)
    target = target_of(request.path)
    if target is None:
        return _plain_path(request, user)
    review = reviews.answers(target)
    if review is not None:
        return await review(request)
    asked = attributes(request, target)
    if not world_of(request).access.allowed(user, asked):
        raise errors.forbidden(user.name, asked.verb, asked.resource, asked.group, target.namespace, target.name)
    if target.group == "metrics.k8s.io":
        return metrics_api.answer(request, target)
    if target.kind is None:
        return text_response("404 page not found\n", 404)
    handler = watches.answer if asked.verb == "watch" else _SUBRESOURCES.get(asked.resource, _stored)
    return await handler(request, target)


async def _stored(request: web.Request, target: Target) -> web.StreamResponse:
    return tables.wrap(request, target, await resources.answer(request, target))


_SUBRESOURCES: dict[str, Callable[[web.Request, Target], Awaitable[web.StreamResponse]]] = {
    "nodes/proxy": proxy.answer,
    "pods/log": logs.answer,
    "pods/exec": execs.answer,
}


def _plain_path(request: web.Request, user: User) -> web.Response:
    if user.name == ANONYMOUS and not request.path.startswith(_OPEN_PATHS):
        raise errors.ApiError(403, "Forbidden", f'forbidden: User "{user.name}" cannot get path "{request.path}"', {})
    return discovery.answer(request.path, world_of(request))
