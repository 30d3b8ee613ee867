"""The screen of a terminal: pyte's, with what it lacks and a fast path for text.

Added to pyte 0.8.2: the alternate screen, scrollback, scrolling by ``CSI S`` and ``T``, ``REP``, cursor shapes,
mouse and paste modes, saved cursors that last, wide characters that wrap whole, combining characters that do not
swallow the rest of a line, replies to what programs ask, and long output that never becomes cells one by one.
"""

from __future__ import annotations

import copy
import unicodedata
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import pyte
from pyte import charsets
from pyte import modes as mo
from rich.cells import cell_len, chop_cells, get_character_cell_size

from tui.terminal.cells import Cell, Cells, Look, Row, runs_of
from tui.terminal.rendition import rendered

HISTORY = 10_000
"""Lines of scrollback that are kept."""
MOST_LOOKS = 4096
"""Looks that are remembered; a program may use every colour there is."""
MOST_COMBINED = 8
"""Characters in one cell: a base and its marks; hostile text has thousands."""


_BLANK, _REVERSED = Cell(" "), Cell(" ", reverse=True)


class Shape(NamedTuple):
    """Of the cursor: ``block``, ``underline`` or ``bar``."""

    name: str
    blinks: bool


class TerminalScreen(pyte.Screen):
    """What a terminal shows.

    Args:
        reply: sends bytes to the program.

    Attributes:
        history: lines that have scrolled off the top, oldest first. scrolled: how many there have ever been.
        private: the DEC modes that are set, by number.
        shape: of the cursor. bells: how often it rang.
    """

    def __init__(self, columns: int, lines: int, reply: Callable[[str], None] = lambda text: None) -> None:
        self.history: deque[Row] = deque(maxlen=HISTORY)
        self.scrolled = 0
        self.private: set[int] = set()
        self.shape = Shape("block", True)
        self.bells = 0
        self.last = " "
        self._reply = reply
        self._cells: dict[Cell, Cells] = {}
        self._looks: dict[tuple[Cell, tuple[int, ...]], Cell] = {}
        self._cells_of: tuple[Cell | None, Cells] = (None, Cells(Cell(" ")))
        self._main: tuple[dict, object, list] | None = None  # type: ignore[type-arg]
        super().__init__(columns, lines)

    def write_process_input(self, data: str) -> None:
        """Answer what the program has asked."""
        self._reply(data)

    def bell(self, *args: object) -> None:
        self.bells += 1

    def reset(self) -> None:
        """RIS; the scrollback stays."""
        self.private = set()
        self.shape = Shape("block", True)
        self._main = None
        self.savepoints = []
        super().reset()
        self.cursor.attrs = self.default_char

    @property
    def default_char(self) -> Cell:
        """A blank; a reversed one while the whole screen is (DECSCNM)."""
        return _REVERSED if mo.DECSCNM in self.mode else _BLANK

    def soft_reset(self) -> None:
        """DECSTR."""
        self.private -= {1, 6, 66}
        self.mode -= {mo.IRM, mo.DECOM}
        self.mode |= {mo.DECAWM, mo.DECTCEM}
        self.cursor.hidden = False
        self.margins = None
        self.savepoints = []
        self.charset, self.g0_charset, self.g1_charset = 0, charsets.LAT1_MAP, charsets.VT100_MAP
        self.cursor.attrs = self.default_char

    # ---------------------------------------------------------------------------------------------------- text

    def flow(self, text: str) -> None:
        """Text and line ends. Of output longer than the screen only the scrollback hears."""
        if "\n" not in text and "\r" not in text:
            self.draw(text)
            return
        if text[0] == "\n":  # the end of a line that came with the piece before
            self.linefeed()
            text = text[1:]
        ends = text.count("\r\n")
        if ends > self.lines and ends == text.count("\n") == text.count("\r", 0, -1) and self._may_pour():
            text = self._pour(text)
        for number, line in enumerate(text.split("\n")):
            if number:
                self.linefeed()
            for position, part in enumerate(line.split("\r")):
                if position:
                    self.cursor.x = 0
                if part:
                    self.draw(part)

    def _may_pour(self) -> bool:
        whole = self.margins is None and self.cursor.y == self.lines - 1 and self._main is None
        return whole and mo.IRM not in self.mode and mo.DECAWM in self.mode and not self._charset()

    def _pour(self, text: str) -> str:
        """Put the lines that would only scroll by into the scrollback; gives the rest, for an empty screen."""
        lines = text.split("\r\n")
        if lines[0]:
            self.draw(lines[0])
        for y in range(self.lines):
            self._scroll_off(y)
        look: Look = self.cursor.attrs[1:]
        columns, keep = self.columns, lines[1 : -self.lines]
        self.scrolled += max(0, len(keep) - HISTORY)
        rows: list[Row] = []
        kept = keep[-HISTORY:]
        if kept and text.isascii() and len(max(kept, key=len)) <= columns:
            rows = [((line, look),) if line else () for line in kept]
            kept = []
        for line in kept:
            if len(line) * (1 if line.isascii() else 2) <= columns or cell_len(line) <= columns:
                rows.append(((line, look),) if line else ())
            else:
                rows += [((part, look),) for part in chop_cells(line, columns)]
        self.history.extend(rows)
        self.scrolled += len(rows)
        self.buffer.clear()
        self.dirty.update(range(self.lines))
        self.cursor.x = self.cursor.y = 0
        return "\r\n".join(lines[-self.lines :])

    def _charset(self) -> bool:
        """Whether characters are to be translated."""
        return (self.g1_charset if self.charset else self.g0_charset) is not charsets.LAT1_MAP

    def draw(self, data: str) -> None:
        """Put text at the cursor."""
        if self._charset():
            data = data.translate(self.g1_charset if self.charset else self.g0_charset)
        if data.isascii() and mo.IRM not in self.mode:
            self._draw_plain(data)
        else:
            for character in data:
                self._draw_one(character)
        if data:
            self.last = data[-1]

    def _look_cells(self) -> Cells:
        attrs = self.cursor.attrs
        if self._cells_of[0] is not attrs:
            if len(self._cells) > MOST_LOOKS:
                self._cells.clear()
            self._cells_of = (attrs, self._cells.setdefault(attrs._replace(data=" "), Cells(attrs)))
        return self._cells_of[1]

    def _draw_plain(self, data: str) -> None:
        cursor, columns = self.cursor, self.columns
        cell_of = self._look_cells().__getitem__
        while data:
            if cursor.x >= columns:
                self._wrap()
            x = cursor.x
            part = data[: columns - x]
            data = data[columns - x :]
            line = self.buffer[cursor.y]
            after = x + len(part)
            self._mend(line, x, after)
            line.update(zip(range(x, after), map(cell_of, part), strict=True))
            cursor.x = after
            self.dirty.add(cursor.y)

    def _wrap(self) -> None:
        """The last column is full: to the next line, or stay where auto-wrap is off."""
        if mo.DECAWM in self.mode:
            self.cursor.x = 0
            self.index()
        else:
            self.cursor.x = self.columns - 1

    def _mend(self, line: dict[int, Cell], x: int, after: int) -> None:
        """Half of a wide character that is overwritten becomes a blank."""
        if x in line and line[x].data == "" and x:
            line[x - 1] = line[x - 1]._replace(data=" ")
        if after in line and line[after].data == "":
            line[after] = line[after]._replace(data=" ")

    def _draw_one(self, character: str) -> None:
        width = 1 if character.isascii() else get_character_cell_size(character)
        cursor = self.cursor
        if width == 0:
            self._combine(character)
            return
        if cursor.x + width > self.columns:
            if width > self.columns:
                return
            self._wrap()
            cursor.x = min(cursor.x, self.columns - width)
        if mo.IRM in self.mode:
            self.insert_characters(width)
        line = self.buffer[cursor.y]
        self._mend(line, cursor.x, cursor.x + width)
        cells = self._look_cells()
        line[cursor.x] = cells[character]
        if width == 2:
            line[cursor.x + 1] = cells[""]
        cursor.x += width
        self.dirty.add(cursor.y)

    def _combine(self, mark: str) -> None:
        """An accent joins the character before it; joiners and selectors, which say how to draw, are dropped."""
        if not unicodedata.combining(mark):
            return
        x, line = self.cursor.x - 1, self.buffer[self.cursor.y]
        if x > 0 and line[x].data == "":
            x -= 1
        if x >= 0 and len(line[x].data) < MOST_COMBINED:
            line[x] = line[x]._replace(data=unicodedata.normalize("NFC", line[x].data + mark))
            self.dirty.add(self.cursor.y)

    def select_graphic_rendition(self, *attrs: int) -> None:
        """Remembered: programs use few looks, often."""
        key = (self.cursor.attrs, attrs)
        known = self._looks.get(key)
        if known is None:
            if len(self._looks) > MOST_LOOKS:
                self._looks.clear()
            known = self._looks[key] = rendered(self.cursor.attrs, self.default_char, attrs)
        self.cursor.attrs = known

    def repeat(self, count: int = 1) -> None:
        """REP: the last character again."""
        self.draw(self.last * min(count or 1, self.columns * self.lines))

    # ------------------------------------------------------------------------------------------------ scrolling

    def row(self, y: int) -> Row:
        """A line of the screen as runs."""
        return runs_of(self.buffer.get(y), self.columns)

    def _scroll_off(self, y: int) -> None:
        if self._main is None:
            self.history.append(self.row(y))
            self.scrolled += 1

    def index(self) -> None:
        if self.cursor.y == (self.margins.bottom if self.margins else self.lines - 1) and (
            self.margins is None or self.margins.top == 0
        ):
            self._scroll_off(0)
        top, bottom = self.margins or (0, self.lines - 1)
        if self.cursor.y != bottom:
            self.cursor_down()
            return
        buffer = self.buffer
        for y in range(top, bottom):
            below = buffer.get(y + 1)
            if below is not None:
                buffer[y] = below
            else:
                buffer.pop(y, None)
        buffer.pop(bottom, None)
        self.dirty.update(range(top, bottom + 1))

    def scroll_up(self, count: int = 1) -> None:
        """SU: the lines of the region move up."""
        self._scroll(self.delete_lines, count)

    def scroll_down(self, count: int = 1) -> None:
        """SD."""
        self._scroll(self.insert_lines, count)

    def _scroll(self, how: Callable[[int], None], count: int) -> None:
        cursor = copy.copy(self.cursor)
        self.cursor.y = self.margins.top if self.margins else 0
        how(min(count or 1, self.lines))
        self.cursor = cursor

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Lines that no longer fit above the cursor go to the scrollback; blank ones below it go first."""
        lines, columns = lines or self.lines, columns or self.columns
        self.margins = None
        self.lines = lines  # before pyte's own, which would cut from the top
        self._fit()
        super().resize(lines, columns)
        self.tabstops = set(range(8, columns, 8))
        self.margins = None
        self.ensure_hbounds()
        self.dirty.update(range(lines))

    def _fit(self) -> None:
        """Make the buffer as high as the screen."""
        surplus = max(0, self.cursor.y - self.lines + 1)
        if surplus:
            for y in range(surplus):
                self._scroll_off(y)
            rows = {y - surplus: line for y, line in self.buffer.items() if y >= surplus}
            self.buffer.clear()
            self.buffer.update(rows)
            self.cursor.y -= surplus
        for y in [y for y in self.buffer if y >= self.lines]:
            del self.buffer[y]

    # ------------------------------------------------------------------------------------------- cursor, modes

    def save_cursor(self) -> None:
        self.savepoints = []
        super().save_cursor()

    def restore_cursor(self) -> None:
        """As often as one likes."""
        kept = list(self.savepoints)
        super().restore_cursor()
        self.cursor = copy.copy(self.cursor)
        self.savepoints = kept

    def cursor_to_line(self, line: int | None = None) -> None:
        """pyte insists on margins in origin mode."""
        if self.margins is not None:
            super().cursor_to_line(line)
        else:
            self.cursor.y = (line or 1) - 1
            self.ensure_vbounds()

    def report_device_status(self, mode: int) -> None:
        """Here, too."""
        if mode == 6 and self.margins is None:
            self.write_process_input(f"\x1b[{self.cursor.y + 1};{min(self.cursor.x + 1, self.columns)}R")
        else:
            super().report_device_status(mode)

    def private_mode(self, modes: list[int], on: bool) -> None:
        """DECSET and DECRST."""
        for mode in modes:
            (self.private.add if on else self.private.discard)(mode)
            if mode in (47, 1047, 1049):
                self._alternate(on, saving=mode == 1049)
            elif mode == 1048:
                self.save_cursor() if on else self.restore_cursor()
            elif mode in (5, 6, 7, 25):
                (self.set_mode if on else self.reset_mode)(mode, private=True)

    def _alternate(self, on: bool, *, saving: bool) -> None:
        """The alternate screen has no scrollback, and leaves the other one as it was."""
        if on == (self._main is not None):
            return
        self.dirty.update(range(self.lines))
        self.margins = None
        if on:
            self._main = (self.buffer, copy.copy(self.cursor) if saving else None, self.savepoints)
            self.buffer = copy.copy(self.buffer)
            self.buffer.clear()
            self.savepoints = []
        elif self._main is not None:
            self.buffer, cursor, self.savepoints = self._main
            self._main = None
            if cursor is not None:
                self.cursor = cursor
            self.ensure_hbounds()
            self._fit()

    @property
    def is_alternate(self) -> bool:
        """True while a full-screen program shows its own screen."""
        return self._main is not None

    @property
    def wants_mouse(self) -> bool:
        """Whether the program asked for mouse events."""
        return bool(self.private & {9, 1000, 1002, 1003})
