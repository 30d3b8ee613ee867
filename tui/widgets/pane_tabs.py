"""The line of tabs above the panes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from kedge.printable import one_line
from tui.errors import Guarded
from tui.glyphs import Glyphs
from tui.text_layout import cut_middle

TITLE_MOST = 28
"""Cells of a title; longer ones lose their middle."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab as shown."""

    title: str
    active: bool
    activity: bool


class PaneTabs(Guarded, Widget):
    """One row; the tab of the pane that is shown stays in view."""

    DEFAULT_CSS = "PaneTabs { height: 1; background: $panel; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tabs--active", "tabs--other", "tabs--activity", "tabs--dim"}

    @dataclass
    class Picked(Message):
        """A tab was clicked."""

        position: int

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._tabs: tuple[Tab, ...] = ()
        self._spans: list[tuple[int, int, int]] = []

    def show(self, tabs: Sequence[Tab]) -> None:
        """Show these tabs."""
        if (fresh := tuple(tabs)) != self._tabs:
            self._tabs = fresh
            self.refresh()

    def _label(self, tab: Tab) -> tuple[str, str]:
        """Text and style: a mark before the title of a pane in which something happened, never colour alone."""
        title = cut_middle(one_line(tab.title), TITLE_MOST, self.glyphs.more)
        if tab.activity and not tab.active:
            return f" *{title} ", "tabs--activity"
        return f" {title} ", "tabs--active" if tab.active else "tabs--other"

    def _first_shown(self, widths: Sequence[int], width: int) -> int:
        """The first tab in view: as far left as leaves room for the active one."""
        active = next((position for position, tab in enumerate(self._tabs) if tab.active), 0)
        first = 0
        while first < active and sum(widths[first : active + 1]) + (1 if first else 0) > width:
            first += 1
        return first

    def render_line(self, y: int) -> Strip:
        """The only line."""
        width = self.size.width
        labels = [self._label(tab) for tab in self._tabs]
        widths = [cell_len(text) + 1 for text, _style in labels]
        first = self._first_shown(widths, width)
        segments: list[Segment] = []
        self._spans, at = [], 0
        if first:
            segments.append(Segment("<", self._style("tabs--dim")))
            at = 1
        for position in range(first, len(labels)):
            text, style = labels[position]
            segments += [Segment(text, self._style(style)), Segment(self.glyphs.bar, self._style("tabs--dim"))]
            self._spans.append((at, at + widths[position], position))
            at += widths[position]
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name)

    def on_click(self, event: events.Click) -> None:
        """A click on a tab shows its pane."""
        for start, end, position in self._spans:
            if start <= event.x < end:
                self.post_message(self.Picked(position))
