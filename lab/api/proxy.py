"""/api/v1/nodes/NAME/proxy/…: the API server as a reverse proxy to a node's kubelet port, and requests that hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

from lab import errors
from lab.api.request import Target, world_of
from lab.world_path import DialFailed, Ended, NoAnswer

_LOOK_AGAIN = 0.25
_T = TypeVar("_T")


class Gone(Exception):
    """The client gave up before there was an answer."""


async def patiently(request: web.Request, ask: Callable[[], _T]) -> _T:
    """Ask until something comes back.

    A hanging path answers nothing: TCP retransmits until it heals or the client goes. Raises Gone, and whatever
    `ask` raises but NoAnswer.
    """
    while True:
        try:
            return ask()
        except NoAnswer:
            await asyncio.sleep(_LOOK_AGAIN)
            if request.transport is None or request.transport.is_closing():
                raise Gone from None


async def answer(request: web.Request, target: Target) -> web.StreamResponse:
    """GET only: nothing else is used on the practice site."""
    if request.method != "GET":
        raise errors.method_not_allowed()
    path = "/" + target.rest + (f"?{request.query_string}" if request.query_string else "")
    world = world_of(request)
    try:
        found = await patiently(request, lambda: world.path.request(target.name, path))
    except Gone:
        return web.Response()
    except DialFailed as problem:
        raise errors.unavailable(f"error trying to reach service: {problem}") from problem
    except Ended as problem:
        raise errors.unavailable("error trying to reach service: EOF") from problem
    return web.Response(body=found.body.encode(), status=found.status, headers={"Content-Type": found.content_type})
