"""Text in cells: cutting, wrapping and lines made of styled parts. Pure; wide characters count as two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from rich.cells import cell_len, set_cell_size
from rich.style import Style

from kedge.printable import one_line

Part = tuple[str, "str | Style"]
"""(text, name of a component class, or a style)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``item`` is the index of the thing it belongs to, -1 for none."""

    parts: tuple[Part, ...] = ()
    item: int = -1

    @property
    def text(self) -> str:
        """Without styles."""
        return "".join(text for text, _style in self.parts)


def width_of(parts: Sequence[Part]) -> int:
    """Cells that some parts take."""
    return sum(cell_len(text) for text, _style in parts)


def fitting(text: str, room: int, start: int = 0) -> int:
    """How many characters from ``start`` on fit into some cells; at least one, so that whoever goes on does."""
    if text.isascii():
        return max(1, min(len(text) - start, room))
    used = 0
    for number in range(start, len(text)):
        used += cell_len(text[number])
        if used > room:
            return max(1, number - start)
    return max(1, len(text) - start)


def cut(text: str, room: int, more: str) -> str:
    """The text, or its beginning and ``more`` when it does not fit."""
    if cell_len(text) <= room:
        return text
    left = room - cell_len(more)
    return text[: fitting(text, left)].rstrip() + more if left > 1 else ""


def cut_middle(text: str, room: int, more: str) -> str:
    """The text, or its two ends when it does not fit: names of machines differ at their ends."""
    if cell_len(text) <= room:
        return text
    left = room - cell_len(more)
    if left < 4:
        return cut(text, room, more)
    tail = left // 2
    end = ""
    for character in reversed(text):
        if cell_len(character + end) > tail:
            break
        end = character + end
    return text[: fitting(text, left - cell_len(end))] + more + end


def wrap(text: str, width: int) -> list[str]:
    """Break a sentence into lines by cells; words longer than a line are cut hard. Never empty."""
    room = max(width, 8)
    lines = [""]
    for word in one_line(text).split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= room:
            lines[-1] = joined
            continue
        pieces = _broken(word, room)
        lines = [*lines, *pieces] if lines[-1] else [*lines[:-1], *pieces]
    return lines


def _broken(word: str, room: int) -> list[str]:
    """A word in pieces: behind a slash where there is one in the second half of the line, else behind a point."""
    pieces: list[str] = []
    while cell_len(word) > room:
        piece = word[: fitting(word, room)]
        places = (max(piece.rfind(mark) for mark in marks) for marks in ("/", ",&?.="))
        place = next((place for place in places if place >= len(piece) // 2), len(piece) - 1)
        pieces.append(piece[: place + 1])
        word = word[place + 1 :]
    return [*pieces, word]


def chop(text: str, width: int) -> list[str]:
    """Break a line of code into pieces of that many cells, spaces kept. Never empty."""
    room = max(width, 8)
    pieces = []
    start = 0
    while start < len(text):
        end = start + fitting(text, room, start)
        pieces.append(text[start:end])
        start = end
    return pieces or [""]


def pad(text: str, width: int) -> str:
    """Exactly that many cells."""
    return set_cell_size(text, width)


def clock(moment: datetime, day: date | None = None) -> str:
    """Local time of day; with the date when it is another day than ``day``."""
    local = moment.astimezone()
    return local.strftime("%H:%M:%S" if day is None or local.date() == day else "%Y-%m-%d %H:%M:%S")
