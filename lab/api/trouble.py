"""An API server that is there and of little use: overloaded, slow, or silent on connections that look alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from lab import errors
from lab.api.request import world_of
from lab.api.respond import error_response
from lab.world import World
from lab.world_settings import ApiTrouble

RETRY_AFTER = 1
"""Seconds that API priority and fairness tells clients to wait."""
SLOWNESS = 3.0
"""Seconds before a slow server begins to answer."""
_BUSY = "The server has received too many requests and has asked us to try again later"
_PERIOD = 0.05

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What happens to a request before it is looked at."""
    trouble = world_of(request).api_trouble
    if trouble is ApiTrouble.BUSY:
        busy = errors.ApiError(429, "TooManyRequests", _BUSY, {"retryAfterSeconds": RETRY_AFTER})
        answer = error_response(busy)
        answer.headers["Retry-After"] = str(RETRY_AFTER)
        return answer
    if trouble is ApiTrouble.SLOW:
        await asyncio.sleep(SLOWNESS)
    if trouble is ApiTrouble.HALF_OPEN:
        await swallow(request)
        return web.Response(status=500)  # to nobody: the connection is gone
    return await handler(request)


async def swallow(request: web.Request) -> None:
    """Let nothing pass on this connection for as long as the trouble lasts; it is of no use afterwards."""
    world = world_of(request)
    while is_silent(world):  # noqa: ASYNC110 - the world tells servers by topic, and this is one request
        await asyncio.sleep(_PERIOD)
    if request.transport is not None:
        request.transport.abort()


def is_silent(world: World) -> bool:
    """Whether packets between the API server and its clients vanish."""
    return world.api_trouble is ApiTrouble.HALF_OPEN
