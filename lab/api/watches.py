"""Watch: history first, then events as they happen, bookmarks between."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from lab import errors
from lab.api import trouble
from lab.api.request import Target, world_of
from lab.api.respond import encode, typed
from lab.api.selection import Match, matcher
from lab.objects import Kind, WatchEvent

BOOKMARK_PERIOD = 10.0
"""Seconds of silence after which a client that asked for bookmarks gets one (a minute on real servers)."""

_DEFAULT_TIMEOUT = 1800
_QUEUE = 20000
_NO_PROGRESS = (
    "a watch stream was requested by the client but the required storage feature RequestWatchProgress is disabled"
)


async def answer(request: web.Request, target: Target) -> web.StreamResponse:
    """GET …?watch=1."""
    if target.kind is None:
        raise errors.method_not_allowed()
    query = request.query
    fields = query.get("fieldSelector", "")
    if target.name:
        fields = ",".join(filter(None, (fields, f"metadata.name={target.name}")))
    if target.namespace:
        fields = ",".join(filter(None, (fields, f"metadata.namespace={target.namespace}")))
    match = matcher(target.kind, query.get("labelSelector", ""), fields)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    if query.get("sendInitialEvents") in ("true", "1"):
        problem = errors.ApiError(500, "InternalError", _NO_PROGRESS)
        await response.write(_event("ERROR", problem.status()))
        return response
    watch = _Watch(request, target.kind, match, query.get("allowWatchBookmarks") in ("true", "1"))
    timeout = float(query.get("timeoutSeconds") or _DEFAULT_TIMEOUT)
    try:
        await watch.run(response, query.get("resourceVersion", ""), timeout)
    except errors.ApiError as problem:
        await response.write(_event("ERROR", problem.status()))
    except ConnectionResetError:
        pass  # the client has gone
    return response


def _event(type_: str, obj: Any) -> bytes:
    return encode({"type": type_, "object": obj})


class _Watch:
    def __init__(self, request: web.Request, kind: Kind, match: Match, bookmarks: bool) -> None:
        self._request = request
        self._store = world_of(request).store
        self._kind = kind
        self._match = match
        self._bookmarks = bookmarks

    async def run(self, response: web.StreamResponse, start: str, timeout: float) -> None:
        queue: asyncio.Queue[WatchEvent | None] = asyncio.Queue(_QUEUE)
        backlog = self._backlog(start)

        def enqueue(event: WatchEvent) -> None:
            if event.kind is not self._kind:
                return
            if queue.full():  # too slow a reader: the real server ends its watch too
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

        end = self._store.subscribe(enqueue)
        try:
            async with asyncio.timeout(timeout):
                await response.write(b"".join(backlog))
                while True:
                    if not await self._next(response, queue):
                        return
        except TimeoutError:
            if self._bookmarks:
                await response.write(self._bookmark())
        finally:
            end()

    async def _next(self, response: web.StreamResponse, queue: asyncio.Queue[WatchEvent | None]) -> bool:
        try:
            event = await asyncio.wait_for(queue.get(), BOOKMARK_PERIOD)
        except TimeoutError:
            if trouble.is_silent(world_of(self._request)):
                return await self._silence()
            if self._bookmarks:
                await response.write(self._bookmark())
            return True
        if event is None:
            return False
        if trouble.is_silent(world_of(self._request)):
            return await self._silence()
        shown = self._show(event)
        if shown is not None:
            await response.write(shown)
        return True

    async def _silence(self) -> bool:
        await trouble.swallow(self._request)
        return False

    def _backlog(self, start: str) -> list[bytes]:
        if start in ("", "0"):
            current = [obj for obj in self._store.list(self._kind) if self._match(obj)]
            return [_event("ADDED", typed(self._kind, obj)) for obj in current]
        if not start.isdigit():
            raise errors.bad_request(f'Invalid value: "{start}": strconv.ParseUint: parsing "{start}": invalid syntax')
        if int(start) > self._store.revision:
            raise errors.too_large_revision(int(start), self._store.revision)
        shown = (self._show(event) for event in self._store.since(self._kind, int(start)))
        return [event for event in shown if event is not None]

    def _show(self, event: WatchEvent) -> bytes | None:
        """The event as this selector sees it: an object can enter and leave the selection by being changed."""
        now = event.type != "DELETED" and self._match(event.object)
        before = event.before is not None and self._match(event.before)
        if now:
            return _event("MODIFIED" if before else "ADDED", typed(self._kind, event.object))
        return _event("DELETED", typed(self._kind, event.object)) if before else None

    def _bookmark(self) -> bytes:
        return _event("BOOKMARK", typed(self._kind, {"metadata": {"resourceVersion": str(self._store.revision)}}))
