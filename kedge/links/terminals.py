"""Terminals: an interactive program somewhere else, as bytes in both directions.

Not part of the readers of :mod:`kedge.links.base`: a person at a keyboard is behind each of them. Reading holds the
source back: nothing is taken from it while nobody asks. Writing, resizing and closing never wait; a terminal whose
link is dead is closed as quickly as any other.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kedge.model import Unknown

TERM = "xterm-256color"
"""What programs are told; the emulator of the screen keeps to it."""

PIECES_AHEAD = 4
"""Pieces of output that may wait for somebody to read them."""

LOOK_AGAIN = 2.0
"""Seconds after which a thread that waits for a reader looks whether there will ever be one."""

PULSE = 4.0
"""Seconds between questions whether the other side is still there."""


@dataclass(frozen=True, slots=True)
class Size:
    """Columns and rows of a terminal."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class End:
    """How a terminal ended.

    Attributes:
        code: the exit code; None when there is none. With no signal and no problem either, nothing was told.
        signal: name of the signal that ended it, without SIG.
        problem: why there is neither: it could not be started, or the link was lost.
        said: the other side's own words for the problem, where it had any.
    """

    code: int | None = None
    signal: str = ""
    problem: Unknown | None = None
    said: str = ""


class Terminal(Protocol):
    """One running terminal. For one event loop: every method is called on it."""

    @property
    def end(self) -> End | None:
        """How it ended; None while it runs."""
        ...

    @property
    def silent_for(self) -> float:
        """Seconds for which the other side has owed an answer; 0 while it answers."""
        ...

    async def read(self) -> bytes:
        """The next output; empty once at the end, when :attr:`end` says how it ended. Raises nothing."""
        ...

    def write(self, data: bytes) -> None:
        """Send input, after what was written before."""
        ...

    def resize(self, size: Size) -> None:
        """Tell the other side its new size."""
        ...

    def close(self) -> None:
        """End it now, whatever the other side does; safe to call twice."""
        ...


class Terminals(Protocol):
    """Where terminals on one machine come from."""

    async def open(self, command: Sequence[str], size: Size, *, deadline: float) -> Terminal:
        """Start a command, or the user's login shell when there is none. Raises LinkError."""
        ...


class Arrivals:
    """Output on its way from a thread to the event loop; the thread waits while so many pieces have not been read."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int = PIECES_AHEAD) -> None:
        self._loop = loop
        self._pieces: list[bytes] = []
        self._room = threading.Semaphore(most)
        self._came = asyncio.Event()
        self._over = False

    def put(self, data: bytes) -> bool:
        """From the thread: hand a piece over, empty for the last one; False when nobody listens any more."""
        while data and not self._room.acquire(timeout=LOOK_AGAIN):
            if self._loop.is_closed():
                return False
        return not self._over and call_soon(self._loop, lambda: self._add(data))

    def _add(self, data: bytes) -> None:
        if data and not self._over:
            self._pieces.append(data)
        else:
            self._over = True
        self._came.set()

    def end(self) -> None:
        """From the loop: nobody will read any more."""
        self._pieces.clear()
        self._over = True
        self._came.set()
        self._room.release()

    async def take(self) -> bytes:
        """From the loop: everything that waits, or empty at the end."""
        while not self._pieces and not self._over:
            self._came.clear()
            await self._came.wait()
        pieces, self._pieces = self._pieces, []
        for _piece in pieces:
            self._room.release()
        return b"".join(pieces)


def call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> bool:
    """Run something on the loop, from any thread; False when the loop is gone, as it is when the program ends."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        return False
    return True
