"""Following a pod log: a daemon thread reads, an async iterator hands on, and a slow reader slows the thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping

from kedge.links.base import Access
from kedge.links.kube_call import Call
from kedge.links.kube_connection import KubeConnection
from kedge.model import LinkError

QUEUED_CHUNKS = 32
"""Chunks (of at most 64 KiB) read ahead of the reader; past that the server's own flow control holds the log back."""
_HEADER_SECONDS = 30.0


class _Follower:
    """The reading side. ``None`` in the queue is the end of the log, an error is why it broke off."""

    def __init__(
        self, connection: KubeConnection, call: Call, path: str, access: Access, query: Mapping[str, str]
    ) -> None:
        self.queue: asyncio.Queue[bytes | LinkError | None] = asyncio.Queue()
        self.room = threading.Semaphore(QUEUED_CHUNKS)
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._call = call
        self._request = (path, access, dict(query))

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"log {self._request[0]}", daemon=True).start()

    def stop(self) -> None:
        self._call.abort()
        self.room.release()

    def _run(self) -> None:
        last: LinkError | None = None
        try:
            self._read()
        except LinkError as error:
            last = error
        self._hand_on(last)

    def _read(self) -> None:
        path, access, query = self._request
        call, connection = self._call, self._connection
        with (
            connection.under_way(call),
            connection.open(call, "GET", path, access, query=query, read_timeout=_HEADER_SECONDS) as response,
        ):
            call.read_timeout(None)  # a quiet container is no dead connection: TCP keepalive tells them apart
            for chunk in connection.chunks(call, response):
                self.room.acquire()
                if call.aborted:
                    return
                self._hand_on(chunk)

    def _hand_on(self, item: bytes | LinkError | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self.queue.put_nowait, item)
        except RuntimeError:
            self._call.abort()  # the event loop is gone, and the reader with it


async def follow(
    connection: KubeConnection, call: Call, path: str, access: Access, query: Mapping[str, str]
) -> AsyncIterator[bytes]:
    """Yield the log's chunks. Raises LinkError when it cannot be had or breaks off."""
    follower = _Follower(connection, call, path, access, query)
    follower.start()
    try:
        while (item := await follower.queue.get()) is not None:
            if isinstance(item, LinkError):
                raise item
            follower.room.release()
            yield item
    finally:
        follower.stop()
