"""What has to look at every line that is kept (a filter, a search, wrapping), a slice at a time."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence

from kedge.logs.lines import LogLine
from tui.logs.ring import LogRing, Rows
from tui.patience import patience

CHUNK = 256
"""Lines between two looks at the clock."""


_SPECIAL = frozenset(r"\.^$*+?{}[]|()")

_LETTERS_APART = re.compile(r"\[|\\[xuUN0-9]|\(\?")
"""In a pattern: what must not have its letters made small, or may not mean the same then."""


def searcher(pattern: re.Pattern[str]) -> Callable[[str], object]:
    """Whether a text holds the pattern. Ignoring case is what costs most in a search, so ASCII is searched in small
    letters: plain words without the engine, others with their small form. Anything doubtful takes the pattern itself.
    """
    text = pattern.pattern
    if not pattern.flags & re.IGNORECASE or not text.isascii() or _LETTERS_APART.search(text):
        return pattern.search
    if not set(text) & _SPECIAL:
        needle = text.lower()
        return lambda line: needle in line.lower()
    small = re.compile(re.sub(r"(?<!\\)(?:\\\\)*[A-Z]", lambda found: found[0].lower(), text)).search
    return lambda line: small(line.lower()) if line.isascii() else pattern.search(line)


class Scan:
    """Goes through the lines, those that come meanwhile included.

    Args:
        numbers: the lines to look at; None for all, which are then laid out in ``rows`` anew.
        keep: what a filter lets through. height: rows of a line that is wrapped. holds: what a search finds.

    Attributes:
        matches: numbers of the lines that ``holds``.
    """

    def __init__(
        self,
        ring: LogRing,
        *,
        numbers: Sequence[int] | None = None,
        keep: Callable[[LogLine], bool] | None = None,
        height: Callable[[LogLine], int] | None = None,
        holds: Callable[[str], object] | None = None,
    ) -> None:
        self.rows: Rows | None = Rows() if numbers is None else None
        self.matches: list[int] = []
        self._ring = ring
        self._numbers = numbers
        self._keep, self._height, self._holds = keep, height, holds
        self._next = ring.first if numbers is None else 0

    def begin(self, number: int, rows: Rows) -> None:
        """Look only at lines from this number on, and show them below those rows."""
        self._next, self.rows = number, rows

    def step(self, seconds: float) -> bool:
        """Go on for about so long; True at the end. Raises TooSlow for an expression that takes too long."""
        end = time.perf_counter() + seconds
        while chunk := self._chunk():
            with patience():
                self._take(chunk)
            if time.perf_counter() > end:
                return False
        return True

    def _chunk(self) -> Sequence[int]:
        first = self._ring.first
        if self._numbers is None:
            start = max(self._next, first)
            self._next = min(start + CHUNK, self._ring.end)
            return range(start, self._next)
        start = max(self._next, bisect_left(self._numbers, first))
        self._next = start + CHUNK
        return self._numbers[start : self._next]

    def _take(self, numbers: Sequence[int]) -> None:
        keep, holds = self._keep, self._holds
        lines = self._ring.some(numbers)
        if keep is not None:
            pairs = [(number, line) for number, line in zip(numbers, lines, strict=True) if keep(line)]
            numbers, lines = [number for number, _line in pairs], [line for _number, line in pairs]
        if self.rows is not None:
            height = self._height
            self.rows.add(numbers, None if height is None else [height(line) for line in lines])
        if holds is not None:
            self.matches += [number for number, line in zip(numbers, lines, strict=True) if holds(line.text)]
