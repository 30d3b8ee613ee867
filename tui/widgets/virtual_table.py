"""A table of which only the rows on the screen are ever made: a hundred thousand rows scroll like ten.

Its owner says which rows there are, by their keys, and what a row's cells are when it is asked. The cursor stays on
its key, not on its place: rows move, the cursor stays on what it stood on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kedge.i18n import _, translate
from kedge.printable import one_line
from tui.errors import Guarded
from tui.glyphs import Glyphs
from tui.text_layout import cut, cut_middle, pad

LEAST = 1
"""Cells that the narrowest column keeps."""

GAP = 1
"""Blank cells between two columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: as its head shows it. width: cells; for a growing column the least.
        right: numbers stand at the right. grows: takes what is left; names are cut in their middle.
        drop: those with the highest number go first where there is no room, together; 0 never goes.
    """

    name: str
    title: str
    width: int
    right: bool = False
    grows: bool = False
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """Text and the component class that colours it."""

    text: str
    style: str = "table--cell"


Cells = Callable[[Hashable], Sequence[Cell]]


def fitted(columns: Sequence[Column], room: int) -> list[tuple[int, Column, int]]:
    """The columns that fit: (index, column, cells)."""
    left = list(enumerate(columns))

    def needed() -> int:
        return sum(column.width for _index, column in left) + GAP * (len(left) - 1)

    while needed() > room and any(column.drop for _index, column in left):
        first = max(column.drop for _index, column in left)
        left = [pair for pair in left if pair[1].drop != first]
    spare = room - needed()
    growing = [index for index, column in left if column.grows]
    extra = {index: spare // len(growing) for index in growing} if growing else {}
    return [(index, column, max(LEAST, column.width + extra.get(index, 0))) for index, column in left]


class VirtualTable(Guarded, ScrollView, can_focus=True):
    """Head and rows.

    Attributes:
        stale: draws everything dim.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--head",
        "table--sorted",
        "table--cell",
        "table--dim",
        "table--name",
        "table--other",
        "table--calm",
        "table--busy",
        "table--hot",
        "table--code",
        "table--cursor",
        "table--cursor-blurred",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor(1)", translate(_("down")), show=False, id="table.down"),
        Binding("k,up", "cursor(-1)", translate(_("up")), show=False, id="table.up"),
        Binding("g,home", "first", translate(_("top")), show=False, id="table.first"),
        Binding("G,end", "last", translate(_("bottom")), show=False, id="table.last"),
        Binding("pagedown,ctrl+f", "page(1)", translate(_("page down")), show=False, id="table.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", translate(_("page up")), show=False, id="table.page_up"),
        Binding("enter", "choose", translate(_("open")), show=False, id="table.choose"),
    ]

    class Moved(Message):
        """The cursor is on another row, or other rows are on the screen."""

    @dataclass
    class Chosen(Message):
        """Enter, or two clicks, on a row."""

        key: Hashable

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.stale = False
        self.empty = ""
        self._columns: tuple[Column, ...] = ()
        self._keys: Sequence[Hashable] = ()
        self._places: dict[Hashable, int] = {}
        self._cells: Cells = lambda key: ()
        self._sorted = ""
        self._cursor: Hashable | None = None
        self._is_led = False
        """Somebody has moved the cursor: from then on it stays on its row; before, on the first one."""

    # ------------------------------------------------------------------------------------------------ content

    def show(
        self, columns: Sequence[Column], keys: Sequence[Hashable], cells: Cells, *, sorted_by: str = "", empty: str = ""
    ) -> None:
        """Show these rows; ``cells`` is asked for a row when it is drawn, ``empty`` stands where there is none."""
        place = self.cursor_row
        self._columns, self._cells, self._sorted, self.empty = tuple(columns), cells, sorted_by, empty
        if keys is not self._keys:
            self._keys = keys
            self._places = {key: row for row, key in enumerate(keys)}
        if not self._is_led:
            self._cursor = keys[0] if keys else None
        elif self._cursor not in self._places:
            self._cursor = keys[min(place, len(keys) - 1)] if keys else None
        self.virtual_size = Size(1, len(keys) + 1)
        self.refresh()

    @property
    def keys(self) -> Sequence[Hashable]:
        """The rows, top to bottom, those off the screen included."""
        return self._keys

    @property
    def cursor(self) -> Hashable | None:
        """Key of the row under the cursor."""
        return self._cursor

    @property
    def cursor_row(self) -> int:
        """Its place."""
        return self._places.get(self._cursor, 0) if self._cursor is not None else 0

    @property
    def in_view(self) -> Sequence[Hashable]:
        """Keys of the rows on the screen."""
        top = int(self.scroll_y)
        return self._keys[top : top + max(0, self._room)]

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.height - 1

    def row_text(self, key: Hashable) -> str:
        """A row as text, for copying."""
        return "\t".join(one_line(cell.text) for cell in self._cells(key))

    # ------------------------------------------------------------------------------------------------- cursor

    def move_to(self, row: int) -> None:
        """Put the cursor on a row and bring it into view."""
        if not self._keys:
            return
        row = max(0, min(row, len(self._keys) - 1))
        self._cursor, self._is_led = self._keys[row], True
        # The head covers the first line: a row must not hide below it.
        self.scroll_to_region(Region(0, row, 1, 2), animate=False, force=True, immediate=True)
        self.post_message(self.Moved())
        self.refresh()

    def action_cursor(self, step: int) -> None:
        self.move_to(self.cursor_row + step)

    def action_page(self, pages: int) -> None:
        self.move_to(self.cursor_row + pages * max(1, self._room - 1))

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(len(self._keys) - 1)

    def action_choose(self) -> None:
        if self._cursor is not None:
            self.post_message(self.Chosen(self._cursor))

    def on_click(self, event: events.Click) -> None:
        """One click selects, two open."""
        row = event.y - 1 + int(self.scroll_y)
        if event.y - 1 >= 0 and row < len(self._keys):
            self.move_to(row)
            if event.chain == 2:
                self.action_choose()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are on the screen now."""
        super().watch_scroll_y(old_value, new_value)
        if int(old_value) != int(new_value):
            self.post_message(self.Moved())

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # ------------------------------------------------------------------------------------------------- drawing

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the head, then rows."""
        width = self.scrollable_content_region.width
        columns = fitted(self._columns, width)
        if y == 0:
            strip = self._head(columns)
        else:
            row = y - 1 + int(self.scroll_y)
            if row >= len(self._keys):
                note = self.empty if row == 0 else ""
                strip = Strip([Segment(cut(note, width, self.glyphs.more), self._style("table--dim"))])
            else:
                strip = self._row(self._keys[row], columns)
        return strip.adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def _head(self, columns: Sequence[tuple[int, Column, int]]) -> Strip:
        segments = []
        for _index, column, width in columns:
            name = "table--sorted" if column.name == self._sorted else "table--head"
            segments += [Segment(self._fit(column, column.title, width), self._style(name)), Segment(" " * GAP)]
        return Strip(segments)

    def _row(self, key: Hashable, columns: Sequence[tuple[int, Column, int]]) -> Strip:
        cells = self._cells(key)
        over = self._over(key)
        segments = []
        for index, column, width in columns:
            cell = cells[index] if index < len(cells) else Cell("")
            style = self._style("table--dim" if self.stale else cell.style) + over
            segments += [Segment(self._fit(column, one_line(cell.text), width), style), Segment(" " * GAP, over)]
        strip = Strip(segments)
        width = self.scrollable_content_region.width
        return strip.extend_cell_length(width, over)

    def _over(self, key: Hashable) -> Style:
        if key != self._cursor:
            return Style()
        return self._style("table--cursor" if self.has_focus else "table--cursor-blurred")

    def _fit(self, column: Column, text: str, width: int) -> str:
        if column.grows:
            text = cut_middle(text, width, self.glyphs.more)
        elif cell_len(text) > width:
            text = cut(text, width, self.glyphs.more)
        return " " * max(0, width - cell_len(text)) + text if column.right else pad(text, width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name)
