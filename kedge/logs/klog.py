"""klog lines: ``E1122 09:42:26.733454       1 streamserver.go:177] message`` (facts 4).

The header has no year, and its clock is the container's own; so lines are compared with lines of the same log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_HEADER = re.compile(
    r"(?P<severity>[IWEF])(?P<month>\d\d)(?P<day>\d\d) (?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,6}))?\s+\d+ "
    r"(?P<source>[^\s\]]+:\d+)\] "
)
_LEAP_YEAR = 2024


@dataclass(frozen=True, slots=True)
class KlogLine:
    """One line with its header taken apart.

    Attributes:
        at: position in the year, to compare lines of one log; None for a line without header.
    """

    severity: str
    at: datetime | None
    message: str
    raw: str

    def dated(self, near: datetime) -> datetime | None:
        """The moment itself, in the year that brings it nearest to ``near`` (for logs written in UTC)."""
        if self.at is None:
            return None
        years = [moved for year in (-1, 0, 1) if (moved := _in_year(self.at, near.year + year)) is not None]
        return min(years, key=lambda moment: abs(moment - near), default=None)


def lines_of(text: str) -> Iterator[KlogLine]:
    """Every line of a log; whatever stands before the header (a prefix of kubectl or journald) is left away."""
    for raw in text.splitlines():
        found = _HEADER.search(raw)
        if found is None:
            yield KlogLine("", None, raw, raw)
            continue
        yield KlogLine(found["severity"], _position(found), raw[found.end() :], raw)


def _position(found: re.Match[str]) -> datetime | None:
    hour, minute, second = (int(part) for part in found["clock"].split(":"))
    fraction = int((found["fraction"] or "0").ljust(6, "0"))
    try:
        day = datetime(_LEAP_YEAR, int(found["month"]), int(found["day"]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return day + timedelta(microseconds=fraction)


def _in_year(moment: datetime, year: int) -> datetime | None:
    try:
        return moment.replace(year=year)
    except ValueError:  # 29 February, or a year that does not exist
        return None
