"""What a terminal's screen is made of: cells, the looks of them, and lines as runs of one look. Pure."""

from __future__ import annotations

import operator
from typing import NamedTuple

Look = tuple[str, str, bool, bool, bool, bool, bool, bool, bool, bool]
"""fg, bg, bold, italics, underscore, strikethrough, reverse, blink, faint, hidden: a cell without its character."""
Row = tuple[tuple[str, Look], ...]
"""One line as runs of the same look, blanks at its end left out."""


class Cell(NamedTuple):
    """One character and its look: pyte's, with two more ways to look."""

    data: str
    fg: str = "default"
    bg: str = "default"
    bold: bool = False
    italics: bool = False
    underscore: bool = False
    strikethrough: bool = False
    reverse: bool = False
    blink: bool = False
    faint: bool = False
    hidden: bool = False


PLAIN: Look = Cell(" ")[1:]


class Cells(dict[str, Cell]):
    """Cells of one look, made once per character."""

    def __init__(self, look: Cell) -> None:
        self._look = look

    def __missing__(self, character: str) -> Cell:
        made = self[character] = self._look._replace(data=character)
        return made


_DATA = operator.itemgetter(0)
_LOOK = operator.itemgetter(slice(1, None))


def runs_of(line: dict[int, Cell] | None, columns: int) -> Row:
    """A line of cells as runs of the same look."""
    if not line:
        return ()
    last = min(max(line) + 1, columns)
    cells = list(map(line.__getitem__, range(last)))
    text = "".join(map(_DATA, cells))
    looks = list(map(_LOOK, cells))
    look = looks[0]
    if looks.count(look) == last:  # most lines
        text = text.rstrip(" ") if look == PLAIN else text
        return ((text, look),) if text else ()
    runs: list[tuple[str, Look]] = []
    start = 0
    for x, other in enumerate(looks):
        if other != look:
            runs.append(("".join(map(_DATA, cells[start:x])), look))
            start, look = x, other
    rest = "".join(map(_DATA, cells[start:]))
    if look == PLAIN:
        rest = rest.rstrip(" ")
    return (*runs, (rest, look)) if rest else tuple(runs)


def text_of(row: Row) -> str:
    """The characters of a line."""
    return "".join(text for text, _look in row)
