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
from tui.glyphs import Glyphs
from tui.widgets.detail_lines import Line, Shown, detail_lines


class Details(ScrollView, can_focus=True):
    """A list of findings with a cursor on one of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "detail--title",
        "detail--code",
        "detail--text",
        "detail--dim",
        "detail--name",
        "detail--expected",
        "detail--seen",
        "detail--fix",
        "detail--because",
        "detail--cursor",
        *(f"status--{word}" for word in ("pass", "info", "warn", "fail", "skip", "unknown")),
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor(1)", translate(_("down")), show=False, id="details.down"),
        Binding("k,up", "cursor(-1)", translate(_("up")), show=False, id="details.up"),
        Binding("g,home", "first", translate(_("top")), show=False, id="details.first"),
        Binding("G,end", "last", translate(_("bottom")), show=False, id="details.last"),
        Binding("enter", "choose", translate(_("evidence")), show=False, id="details.choose"),
    ]

    @dataclass
    class Chosen(Message):
        """Enter was pressed on a finding."""

        finding: Finding

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._shown = Shown(_(""))
        self._lines: list[Line] = []
        self._cursor: tuple[str, str] | None = None

    @property
    def shown(self) -> Shown:
        """What is shown now."""
        return self._shown

    @property
    def finding(self) -> Finding | None:
        """The finding under the cursor; the first one while the cursor was never moved."""
        found = self._shown.findings
        return next((f for f in found if (f.code, f.target) == self._cursor), found[0] if found else None)

    def show(self, shown: Shown, *, keep_place: bool) -> None:
        """Show a component; ``keep_place`` when it is the same one with newer data."""
        if shown == self._shown and self._lines:
            return
        self._shown = shown
        if not keep_place:
            self._cursor = None
            self.scroll_to(0, 0, animate=False)
        self._lay_out()

    def _lay_out(self) -> None:
        width = max(20, self.scrollable_content_region.width)
        targets = {finding.target for finding in self._shown.findings}
        self._lines = detail_lines(self._shown, width, self.glyphs, with_target=len(targets) > 1)
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        self._lay_out()

    # ------------------------------------------------------------------------------------------------- cursor

    def _go(self, index: int) -> None:
        found = self._shown.findings
        if not found:
            return
        finding = found[max(0, min(index, len(found) - 1))]
        self._cursor = (finding.code, finding.target)
        self.select(finding)

    def select(self, finding: Finding) -> None:
        """Move the cursor to a finding and bring all of it into view."""
        self._cursor = (finding.code, finding.target)
        index = self._index()
        rows = [row for row, line in enumerate(self._lines) if line.finding == index]
        if rows:
            self.scroll_to_region(Region(0, rows[0], 1, len(rows)), animate=False, force=True)
        self.refresh()

    def _index(self) -> int:
        current = self.finding
        return self._shown.findings.index(current) if current is not None else -1

    def action_cursor(self, step: int) -> None:
        self._go(self._index() + step)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._shown.findings) - 1)

    def action_choose(self) -> None:
        if self.finding is not None:
            self.post_message(self.Chosen(self.finding))

    async def _on_click(self, event: events.Click) -> None:
        row = int(event.y + self.scroll_y)
        if 0 <= row < len(self._lines) and self._lines[row].finding >= 0:
            self._go(self._lines[row].finding)

    # ------------------------------------------------------------------------------------------------ drawing

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width = self.scrollable_content_region.width
        row = y + int(self.scroll_y)
        if row >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[row]
        segments = [Segment(text, self.get_component_rich_style(name, partial=True)) for text, name in line.parts]
        strip = Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)
        if line.finding == self._index() and line.finding >= 0 and self.has_focus:
            first = row == 0 or self._lines[row - 1].finding != line.finding
            if first:
                return strip.apply_style(self.get_component_rich_style("detail--cursor") or Style(bold=True))
        return strip
