"""A list of which one entry is under the cursor; each entry may take several lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from kedge.i18n import _, translate
from tui.widgets.line_view import LINE_CLASSES, LineView


class PickList(LineView):
    """Like a :class:`LineView`, with a cursor on the entry that a line's ``item`` names."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pick--cursor", *LINE_CLASSES}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", translate(_("down")), show=False, id="pick.down"),
        Binding("k,up", "move(-1)", translate(_("up")), show=False, id="pick.up"),
        Binding("g,home", "move_to(0)", translate(_("top")), show=False, id="pick.top"),
        Binding("G,end", "move_to(1)", translate(_("bottom")), show=False, id="pick.bottom"),
        Binding("enter", "pick", translate(_("open")), id="pick.pick"),
    ]

    @dataclass
    class Picked(Message):
        """Enter or a click on an entry."""

        item: int

    cursor = 0

    @property
    def count(self) -> int:
        """How many entries there are."""
        return max((line.item for line in self.lines), default=-1) + 1

    def move(self, item: int) -> None:
        """Put the cursor on an entry and bring it into view."""
        self.cursor = max(0, min(item, self.count - 1))
        rows = [row for row, line in enumerate(self.lines) if line.item == self.cursor]
        if rows:
            self.scroll_to_region(Region(0, rows[0], 1, len(rows)), animate=False, force=True)
        self.refresh()

    def action_move(self, step: int) -> None:
        self.move(self.cursor + step)

    def action_move_to(self, end: int) -> None:
        self.move(self.count - 1 if end else 0)

    def action_page(self, pages: int) -> None:
        self.move(self.cursor + pages * max(1, self.scrollable_content_region.height - 1))

    def action_pick(self) -> None:
        if self.count:
            self.post_message(self.Picked(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """One click selects, two open."""
        row = int(event.y + self.scroll_y)
        if row < len(self.lines) and self.lines[row].item >= 0:
            self.move(self.lines[row].item)
            if event.chain == 2:
                self.action_pick()

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        strip = super().render_line(y)
        row = y + int(self.scroll_y)
        if row < len(self.lines) and self.lines[row].item == self.cursor:
            cursor = self.get_component_rich_style("pick--cursor")
            return Strip([Segment(s.text, (s.style or Style()) + cursor) for s in strip])
        return strip
