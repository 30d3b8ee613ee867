"""How a line of a log looks: time, source, level, known lines, what is found. Pure but for the component styles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from kedge.i18n import translate
from kedge.logs.levels import Level, level_of
from kedge.logs.lines import LineKind, LogLine
from kedge.logs.sources import Signs
from kedge.printable import one_line
from kedge.sources.mask import masked
from tui.text_layout import Part, fitting, width_of

SHOWN_MOST = 4096
"""Characters of one line on the screen; all of it is kept and saved."""

SOURCE_COLOURS = 6
"""Component classes ``log--source0`` and so on."""


class Times(StrEnum):
    """How times are shown."""

    OFF = "off"
    UTC = "UTC"
    LOCAL = "local"
    NODE = "node"
    """As the source wrote it."""


LEVEL_STYLES = {Level.ERROR: "log--error", Level.WARN: "log--warn", Level.DEBUG: "log--dim"}


@dataclass(slots=True)
class Look:
    """What decides how lines look.

    Attributes:
        labels: what stands in front of the lines of each source; empty with one source.
        signs: the known lines of each source.
    """

    times: Times = Times.OFF
    labels: Sequence[str] = ()
    signs: Sequence[Signs] = ()
    more: str = "…"
    dots: str = "⋯"
    _known: dict[int, tuple[re.Pattern[str], ...]] = field(default_factory=dict)

    def head(self, line: LogLine) -> tuple[Part, ...]:
        """What stands in front of the text."""
        parts: list[Part] = []
        if self.times is not Times.OFF:
            parts.append((f"{shown_time(line, self.times)} ", "log--time"))
        if self.labels and line.source < len(self.labels):
            style = f"log--source{line.source % SOURCE_COLOURS}"
            parts.append((f"{self.labels[line.source]} ", style))
        return tuple(parts)

    def text(self, line: LogLine) -> tuple[str, str]:
        """The safe text and its style."""
        if line.kind is LineKind.MARK:
            said = translate(line.said) if line.said is not None else line.text
            return f"{self.dots} {one_line(said)} {self.dots}", "log--mark"
        cut = line.text[:SHOWN_MOST]
        safe = masked(one_line(cut))
        if len(line.text) > SHOWN_MOST:
            safe += f"{self.more} ({len(line.text):,})"
        if line.kind is LineKind.ERROR:
            return safe, "log--error"
        return safe, LEVEL_STYLES.get(level_of(safe), "log--text")

    def sign_of(self, line: LogLine) -> Signs | None:
        """The table that knows this line as a failure."""
        if line.kind is not LineKind.LINE or line.source >= len(self.signs):
            return None
        signs = self.signs[line.source]
        for signature in signs.table:
            if signature.pattern.search(line.text):
                return signs if signature.kind == "failure" else None
        return None

    def height(self, line: LogLine, width: int) -> int:
        """Rows that a line takes when it is wrapped."""
        room = max(10, width - width_of(self.head(line)))
        text, _style = self.text(line)
        if text.isascii():
            return max(1, -(-len(text) // room))
        return len(wrapped(text, room))


def wrapped(text: str, room: int) -> list[str]:
    """The text in pieces of at most ``room`` cells."""
    pieces, at = [], 0
    while at < len(text):
        count = fitting(text, room, at)
        pieces.append(text[at : at + count])
        at += count
    return pieces or [""]


def shown_time(line: LogLine, times: Times) -> str:
    """The time of a line in 12 cells or, as the node wrote it, as long as that is."""
    if times is Times.NODE:
        return line.stamp or "-"
    at: datetime | None = line.at
    if at is None:
        return "--:--:--.---"
    moved = at.astimezone(UTC) if times is Times.UTC else at.astimezone()
    return f"{moved:%H:%M:%S}.{moved.microsecond // 1000:03d}"
