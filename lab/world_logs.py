"""Log lines: where they come from, klog's form, and what tail, since and follow make of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

Line = tuple[float, str]
"""When a line was written (seconds since the epoch) and its text without newline."""


class LogSource(Protocol):
    """Everything that a container has written so far."""

    def lines(self, after: float, until: float) -> Iterable[Line]:
        """Lines with `after < time <= until`, oldest first."""

    def last(self, count: int, until: float) -> list[Line]:
        """The newest `count` lines up to `until`, oldest first."""

    def end(self, at: float) -> None:
        """The container has exited: nothing is written after `at`."""


class Recorded:
    """Lines kept as they come; the oldest fall out."""

    def __init__(self, size: int = 600) -> None:
        self._lines: deque[Line] = deque(maxlen=size)

    def add(self, at: float, text: str) -> None:
        """Write one line."""
        self._lines.append((at, text))

    def lines(self, after: float, until: float) -> Iterable[Line]:
        """See LogSource."""
        return [line for line in self._lines if after < line[0] <= until]

    def last(self, count: int, until: float) -> list[Line]:
        """See LogSource."""
        kept = [line for line in self._lines if line[0] <= until]
        return kept[-count:] if count else []

    def end(self, at: float) -> None:
        """See LogSource: whoever writes has ended too."""


class Workload:
    """A line about every second since the container started, computed and never stored."""

    PERIOD = 1.003

    def __init__(self, started: float, offset: int) -> None:
        self._started = started
        self._offset = offset
        self._ended = math.inf

    def lines(self, after: float, until: float) -> Iterable[Line]:
        """See LogSource."""
        first = max(0, int((after - self._started) / self.PERIOD) + 1) if after >= self._started else 0
        return [self._line(number) for number in range(first, self._count(until))]

    def last(self, count: int, until: float) -> list[Line]:
        """See LogSource."""
        total = self._count(until)
        return [self._line(number) for number in range(max(0, total - count), total)]

    def end(self, at: float) -> None:
        """See LogSource."""
        self._ended = at

    def _count(self, until: float) -> int:
        until = min(until, self._ended)
        return max(0, int((until - self._started) / self.PERIOD) + 1)

    def _line(self, number: int) -> Line:
        at = self._started + number * self.PERIOD
        moment = datetime.fromtimestamp(at, UTC)
        if number % 61 == 60:
            return at, f"{moment:%a %b %d %H:%M:%S} UTC {moment:%Y} ERROR upstream timed out"
        peer = (number + self._offset) % 253 + 1
        return at, f"{moment:%Y-%m-%dT%H:%M:%S}+00:00 INFO request {number} from 10.0.0.{peer} GET /index.html 200"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Query parameters of pods/log.

    Attributes:
        since: a moment; lines of that very moment are given too.
    """

    tail: int | None = None
    follow: bool = False
    timestamps: bool = False
    previous: bool = False
    since: float | None = None
    limit_bytes: int | None = None


def select(source: LogSource, options: LogOptions, now: float) -> list[Line]:
    """The lines that a request without follow gets."""
    if options.since is None and options.tail is not None:
        return source.last(options.tail, now)
    since = options.since if options.since is not None else -math.inf
    lines = list(source.lines(math.nextafter(since, -math.inf), now))
    return lines if options.tail is None else lines[max(0, len(lines) - options.tail) :]


def render(lines: Iterable[Line], options: LogOptions) -> str:
    """Lines as they travel."""
    if options.timestamps:
        return "".join(f"{_nano(at)} {text}\n" for at, text in lines)
    return "".join(f"{text}\n" for _, text in lines)


def klog(level: str, at: float, pid: int, place: str, text: str) -> str:
    """One line in klog's form (`I1122 09:45:31.235000       1 server.go:98] …`)."""
    return f"{level}{datetime.fromtimestamp(at, UTC):%m%d %H:%M:%S.%f} {pid:>7} {place}] {text}"


def _nano(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
