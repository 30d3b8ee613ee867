"""Machines watched over their links: one stream each, however many look at it, and none when nobody does."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from kedge.i18n import _
from kedge.links.base import HostStreams
from kedge.links.pools import DaemonExecutor, run
from kedge.model import LinkError, Reason, Unknown
from kedge.top.frames import FrameReader
from kedge.top.history import History
from kedge.top.host import HostReader, HostSample
from kedge.top.script import render

START_SECONDS = 20.0
READ_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 30.0
"""Seconds before a stream that ended is started again: doubled every time it ends without a sample."""


@dataclass(frozen=True, slots=True)
class HostNow:
    """One machine as it was last seen.

    Attributes:
        sample: the last one, None before the first.
        at: when it came, by our clock.
        problem: why nothing comes any more; None while something does.
        interval: seconds between two samples.
        history: shares of CPU under ``cpu`` and of memory under ``memory``, over time.
    """

    name: str
    sample: HostSample | None = None
    at: datetime | None = None
    problem: Unknown | None = None
    interval: int = 2
    history: History = field(default_factory=History)


Listener = Callable[[HostNow], None]


@dataclass(slots=True)
class _Watched:
    now: HostNow
    listeners: dict[int, tuple[Listener, int]] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None


class HostTops:
    """Streams of machines by name.

    Args:
        streams: gives the link of a machine; raises LinkError when there is no way to reach it.
    """

    def __init__(self, streams: Callable[[str], HostStreams]) -> None:
        self._streams = streams
        self._watched: dict[str, _Watched] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._number = 0
        self._reader: DaemonExecutor | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The machines that are being watched."""
        return tuple(name for name, watched in self._watched.items() if watched.listeners)

    def now(self, name: str) -> HostNow | None:
        """A machine as it was last seen; None when it was never watched."""
        watched = self._watched.get(name)
        return watched.now if watched is not None else None

    def watch(self, name: str, interval: int, listener: Listener) -> Callable[[], None]:
        """Tell ``listener`` about every sample and problem, on the event loop; gives the function that ends it.

        The shortest interval that anybody wants is used for all.
        """
        self._number += 1
        number = self._number
        watched = self._watched.setdefault(name, _Watched(HostNow(name)))
        watched.listeners[number] = (listener, interval)
        self._adapt(watched)

        def leave() -> None:
            if watched.listeners.pop(number, None) is not None:
                self._adapt(watched)

        return leave

    async def close(self) -> None:
        """End every stream; safe to call twice."""
        for watched in self._watched.values():
            watched.listeners.clear()
            self._adapt(watched)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _adapt(self, watched: _Watched) -> None:
        """Start, stop or restart the stream, as the listeners want it."""
        wanted = min((interval for _listener, interval in watched.listeners.values()), default=None)
        if watched.task is not None and wanted == watched.now.interval and not watched.task.done():
            return
        if watched.task is not None:
            watched.task.cancel()
            watched.task = None
        if wanted is not None:
            watched.now = replace(watched.now, interval=wanted)
            watched.task = asyncio.create_task(self._follow(watched, wanted), name=f"top {watched.now.name}")
            self._ending.add(watched.task)
            watched.task.add_done_callback(self._ending.discard)
        elif not self.names and self._reader is not None:
            self._reader.shutdown()
            self._reader = None

    async def _follow(self, watched: _Watched, interval: int) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                if await self._read(watched, interval):
                    pause = FIRST_PAUSE
            except LinkError as error:
                self._tell(watched, replace(watched.now, problem=error.unknown))
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _read(self, watched: _Watched, interval: int) -> bool:
        """One stream to its end; True when it brought a sample. Raises LinkError."""
        name, nonce = watched.now.name, secrets.token_hex(8)
        frames, host, came = FrameReader(nonce), HostReader(), False

        def read(piece: bytes) -> list[HostSample]:
            return [sample for frame in frames.feed(piece) if (sample := host.read(frame)) is not None]

        stream = await self._streams(name).stream(render(nonce, interval), deadline=START_SECONDS)
        async with aclosing(stream):
            async for piece in stream:
                for sample in await self._apart(partial(read, piece)):
                    came = True
                    self._take(watched, sample)
        if not came:
            text = _("{host} told nothing about itself; its shell said: {said}")
            said = stream.complaint or frames.noise or "-"
            raise LinkError(Unknown(Reason.UNPARSABLE, text.format(host=name, said=said)))
        return came

    async def _apart(self, work: Callable[[], list[HostSample]]) -> list[HostSample]:
        """Read on a thread: a machine may have ten thousand processes, and the screen does not wait for them."""
        if self._reader is None:
            self._reader = DaemonExecutor("top-hosts", 1)
        return await run(self._reader, work, READ_SECONDS, lambda: None)

    def _take(self, watched: _Watched, sample: HostSample) -> None:
        now = datetime.now(UTC)
        history = watched.now.history
        if sample.cpu is not None:
            history.add("cpu", sample.cpu.busy, now.timestamp())
        if sample.memory.total:
            history.add("memory", sample.memory.used / sample.memory.total, now.timestamp())
        self._tell(watched, replace(watched.now, sample=sample, at=now, problem=None))

    @staticmethod
    def _tell(watched: _Watched, now: HostNow) -> None:
        watched.now = now
        for listener, _interval in tuple(watched.listeners.values()):
            listener(now)
