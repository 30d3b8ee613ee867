"""Several sources in one order: what arrives within a moment is sorted by time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from kedge.logs.lines import LogLine

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def merged(lines: Sequence[LogLine]) -> list[LogLine]:
    """The lines by time; a line without one stays behind the line of its source that it came after."""
    last: dict[int, datetime] = {}
    keyed = []
    for position, line in enumerate(lines):
        at = line.at or last.get(line.source, _EARLIEST)
        at = max(at, last.get(line.source, _EARLIEST))
        last[line.source] = at
        keyed.append((at, position, line))
    keyed.sort(key=lambda item: item[:2])
    return [line for _at, _position, line in keyed]
