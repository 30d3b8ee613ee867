"""The details of one component: its findings in causal order, expected and seen, evidence and numbered fixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kedge.i18n import _, translate
from kedge.model import Finding
from tui.errors import Guarded
from tui.glyphs import STATUS_CLASSES, Glyphs
from tui.text_layout import Line
from tui.widgets.detail_lines import Shown, detail_lines


class Details(Guarded, ScrollView, can_focus=True):
    """A list of findings with a cursor on one of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "detail--title",
        "detail--target",
        "detail--code",
        "detail--text",
        "detail--dim",
        "detail--name",
        "detail--expected",
        "detail--seen",
        "detail--fix",
        "detail--because",
        "detail--cursor",
        *STATUS_CLASSES,
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor(1)", translate(_("down")), show=False, id="details.down"),
        Binding("k,up", "cursor(-1)", translate(_("up")), show=False, id="details.up"),
        Binding("g,home", "first", translate(_("top")), show=False, id="details.first"),
        Binding("G,end", "last", translate(_("bottom")), show=False, id="details.last"),
        Binding("enter", "choose", translate(_("view the evidence")), show=False, id="details.choose"),
    ]

    @dataclass
    class Chosen(Message):
        """Enter was pressed on a finding."""

        finding: Finding

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._shown = Shown()
        self._lines: list[Line] = []
        self._width = 0
        self._cursor: tuple[str, str] | None = None

    @property
    def shown(self) -> Shown:
        """What is shown now."""
        return self._shown

    @property
    def lines(self) -> list[Line]:
        """What is shown, as it was laid out."""
        return self._lines

    @property
    def finding(self) -> Finding | None:
        """The finding under the cursor; the first one while the cursor was never moved."""
        found = self._shown.findings
        return next((f for f in found if (f.code, f.target) == self._cursor), found[0] if found else None)

    def show(self, shown: Shown, *, keep_place: bool) -> None:
        """Show a component; ``keep_place`` when it is the same one with newer data."""
        if not keep_place:
            self._cursor = None
            self.scroll_to(0, 0, animate=False, immediate=True)
        if shown != self._shown or not self._lines:
            self._shown = shown
            self._lay_out()

    def _lay_out(self) -> None:
        self._width = max(20, self.scrollable_content_region.width)
        self._lines = detail_lines(self._shown, self._width, self.glyphs)
        self.virtual_size = Size(1, len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        """Laid out anew when the width changed, the scrollbar's coming and going included."""
        if self.scrollable_content_region.width != self._width:
            self._lay_out()

    # ------------------------------------------------------------------------------------------------- cursor

    def _go(self, index: int) -> None:
        found = self._shown.findings
        if found:
            self.select(found[max(0, min(index, len(found) - 1))])
        else:
            self.scroll_relative(y=index - self._index(), animate=False)

    def select(self, finding: Finding) -> None:
        """Move the cursor to a finding and bring it into view; the start of one that is longer than the screen."""
        self._cursor = (finding.code, finding.target)
        index = self._index()
        rows = [row for row, line in enumerate(self._lines) if line.item == index]
        if rows:
            top = 0 if index == 0 else rows[0]
            height = min(rows[-1] - top + 1, max(1, self.scrollable_content_region.height))
            self.scroll_to_region(Region(0, top, 1, height), animate=False, force=True)
        self.refresh()

    def _index(self) -> int:
        current = self.finding
        return self._shown.findings.index(current) if current is not None else -1

    def action_cursor(self, step: int) -> None:
        """To the next finding; through one that is longer than the screen first."""
        index = self._index() + step
        if not self._scrolled_within(step) and 0 <= index < max(1, len(self._shown.findings)):
            self._go(index)

    def _scrolled_within(self, step: int) -> bool:
        index, height = self._index(), self.scrollable_content_region.height
        rows = [row for row, line in enumerate(self._lines) if line.item == index]
        top = int(self.scroll_y)
        hidden = bool(rows) and (rows[-1] >= top + height if step > 0 else rows[0] < top)
        if hidden:
            self.scroll_relative(y=step * max(1, height // 2), animate=False)
        return hidden

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._shown.findings) - 1)

    def action_choose(self) -> None:
        if self.finding is not None:
            self.post_message(self.Chosen(self.finding))

    def on_click(self, event: events.Click) -> None:
        """A click selects the finding under it."""
        row = int(event.y + self.scroll_y)
        if 0 <= row < len(self._lines) and self._lines[row].item >= 0:
            self._go(self._lines[row].item)

    # ------------------------------------------------------------------------------------------------ drawing

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width = self.scrollable_content_region.width
        row = y + int(self.scroll_y)
        if row >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[row]
        segments = [Segment(text, self._style(name)) for text, name in line.parts]
        strip = Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)
        first = row == 0 or self._lines[row - 1].item != line.item
        if self.has_focus and first and line.item >= 0 and line.item == self._index():
            cursor = self.get_component_rich_style("detail--cursor")
            strip = Strip([Segment(s.text, (s.style or Style()) + cursor) for s in strip])
        return strip

    def _style(self, name: str | Style) -> Style:
        return self.get_component_rich_style(name) if isinstance(name, str) and name else Style()
