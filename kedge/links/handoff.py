"""Pieces of output from a blocking thread to the event loop; a reader that falls behind slows the thread."""

from __future__ import annotations

import asyncio
import threading

from kedge.model import LinkError

QUEUED = 32
"""Pieces (of at most 64 KiB) read ahead of the reader; past that the source's own flow control holds it back."""


class Handoff:
    """One writer thread, one reader on the event loop that made it."""

    def __init__(self, most: int = QUEUED) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | LinkError | None] = asyncio.Queue()
        self._room = threading.Semaphore(most)
        self._over = False
        self._left = False

    # ---------------------------------------------------------------------------------------- the thread's side

    def put(self, data: bytes) -> bool:
        """Hand a piece on, waiting for room; False when nobody reads any more."""
        self._room.acquire()
        return not self._left and self._hand_on(data)

    def end(self, error: LinkError | None = None) -> None:
        """There is no more; ``error`` when it broke off."""
        self._hand_on(error)

    def _hand_on(self, item: bytes | LinkError | None) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        except RuntimeError:  # the event loop is gone, and the reader with it
            return False
        return True

    # ---------------------------------------------------------------------------------------- the reader's side

    async def get(self) -> bytes:
        """The next piece; empty at the end. Raises LinkError when it broke off."""
        if self._over:
            return b""
        item = await self._queue.get()
        if isinstance(item, bytes):
            self._room.release()
            return item
        self._over = True
        if item is not None:
            raise item
        return b""

    def leave(self) -> None:
        """Nobody reads any more; the thread is let go."""
        self._left = True
        self._room.release()
