"""The lines a log view keeps: bounded in number and bytes, found by a number that never changes. Pure."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from kedge.logs.lines import LogLine

LINES_MOST = 100_000
CHARACTERS_MOST = 64 << 20
"""Of all lines together."""


class LogRing:
    """The newest lines. A line's number is how many came before it, dropped ones included."""

    def __init__(self, lines_most: int = LINES_MOST, characters_most: int = CHARACTERS_MOST) -> None:
        self._lines: list[LogLine] = []
        self._start = 0
        self._lines_most, self._characters_most = lines_most, characters_most
        self.first = self._cleared = 0
        self.characters = 0

    @property
    def dropped(self) -> int:
        """How many were dropped since it was empty."""
        return self.first - self._cleared

    @property
    def end(self) -> int:
        """The number that the next line gets."""
        return self.first + len(self)

    def __len__(self) -> int:
        return len(self._lines) - self._start

    def __getitem__(self, number: int) -> LogLine:
        return self._lines[self._start + number - self.first]

    def get(self, number: int) -> LogLine | None:
        """The line, None when it was dropped or is yet to come."""
        if number not in self:
            return None
        return self[number]

    def __contains__(self, number: int) -> bool:
        return self.first <= number < self.end

    def since(self, number: int) -> Iterator[LogLine]:
        """The lines from a number on."""
        for position in range(self._start + max(0, number - self.first), len(self._lines)):
            yield self._lines[position]

    def some(self, numbers: Sequence[int]) -> list[LogLine]:
        """The lines with these numbers, all of which are here, in ascending order."""
        shift = self._start - self.first
        if numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
            return self._lines[shift + numbers[0] : shift + numbers[-1] + 1]
        return [self._lines[shift + number] for number in numbers]

    def extend(self, lines: Sequence[LogLine]) -> int:
        """Add lines, dropping the oldest above the limits; gives how many were dropped."""
        self._lines.extend(lines)
        self.characters += sum([len(line.text) for line in lines])
        over = max(0, len(self) - self._lines_most)
        for position in range(self._start, self._start + over):
            self.characters -= len(self._lines[position].text)
        while self.characters > self._characters_most and over < len(self) - 1:
            self.characters -= len(self._lines[self._start + over].text)
            over += 1
        self._start += over
        self.first += over
        if self._start > len(self._lines) // 2:
            del self._lines[: self._start]
            self._start = 0
        return over

    def clear(self) -> None:
        """Forget every line; numbers go on."""
        self.first = self._cleared = self.end
        self._lines, self._start, self.characters = [], 0, 0


class Rows:
    """Which line is on which row, when some are left out and some take several rows."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._ends: list[int] = []
        self._start = 0
        self._gone = 0

    def __len__(self) -> int:
        return (self._ends[-1] if self._ends else self._gone) - self._gone

    @property
    def lines(self) -> int:
        """How many lines are shown."""
        return len(self._numbers) - self._start

    def numbers(self) -> Iterator[int]:
        """The lines that are shown."""
        return itertools.islice(self._numbers, self._start, None)

    def add(self, numbers: Sequence[int], heights: Sequence[int] | None) -> None:
        """Show lines below the others; a height of 1 each when ``heights`` is None."""
        end = self._ends[-1] if self._ends else self._gone
        self._numbers.extend(numbers)
        if heights is None:
            self._ends.extend(range(end + 1, end + len(numbers) + 1))
            return
        for height in heights:
            end += height
            self._ends.append(end)

    def drop_before(self, number: int) -> int:
        """Forget lines with smaller numbers; gives how many rows that were."""
        position = self._position(number)
        if position == self._start:
            return 0
        gone = self._ends[position - 1]
        rows, self._gone, self._start = gone - self._gone, gone, position
        if self._start > len(self._numbers) // 2:
            del self._numbers[: self._start]
            del self._ends[: self._start]
            self._start = 0
        return rows

    def at(self, row: int) -> tuple[int, int] | None:
        """(line's number, which of its rows) of a row; None below the last one."""
        target = row + self._gone
        position = bisect_right(self._ends, target, self._start)
        if row < 0 or position >= len(self._ends):
            return None
        before = self._ends[position - 1] if position > self._start else self._gone
        return self._numbers[position], target - before

    def row_of(self, number: int) -> int:
        """The first row of a line, or of the next one that is shown."""
        position = self._position(number)
        before = self._ends[position - 1] if position > self._start else self._gone
        return before - self._gone

    def step(self, number: int, by: int) -> int | None:
        """The line so many lines further that is shown; the nearest there is, None when there is none."""
        if not self.lines:
            return None
        position = self._position(number) + by
        return self._numbers[max(self._start, min(position, len(self._numbers) - 1))]

    def _position(self, number: int) -> int:
        return bisect_left(self._numbers, number, self._start)
