"""A scrolling view of prepared lines: nothing is laid out or painted but what is on the screen.

Its owner makes the lines for a width; it scrolls, and finds text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kedge.i18n import _, translate
from tui.errors import Guarded
from tui.glyphs import STATUS_CLASSES
from tui.patterns import compiled
from tui.text_layout import Line

LINE_CLASSES = frozenset(
    f"line--{name}"
    for name in ("title", "heading", "text", "dim", "key", "added", "removed", "hunk", "good", "bad", "match", "marked")
)
"""Component classes that lines may name."""


class LineView(Guarded, ScrollView, can_focus=True):
    """Shows what ``make(width)`` gives; :meth:`renew` asks it again.

    Args:
        make: the lines for a width in cells; called on the event loop, so it must be quick.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {*LINE_CLASSES, *STATUS_CLASSES}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", translate(_("down")), show=False, id="view.down"),
        Binding("k,up", "scroll(-1)", translate(_("up")), show=False, id="view.up"),
        Binding("g,home", "edge(0)", translate(_("top")), show=False, id="view.top"),
        Binding("G,end", "edge(1)", translate(_("bottom")), show=False, id="view.bottom"),
        Binding("pagedown,ctrl+f", "page(1)", translate(_("page down")), show=False, id="view.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", translate(_("page up")), show=False, id="view.page_up"),
    ]

    def __init__(self, make: Callable[[int], Sequence[Line]], id: str | None = None) -> None:
        super().__init__(id=id)
        self._make = make
        self._lines: Sequence[Line] = ()
        self._width = 0
        self._pattern: re.Pattern[str] | None = None
        self._matches: list[int] = []

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown now."""
        return self._lines

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.renew())

    def on_unmount(self) -> None:
        self.app.theme_changed_signal.unsubscribe(self)  # it would keep this view, and its screen, for ever

    def on_resize(self) -> None:
        """Made anew when the width changed."""
        if self.scrollable_content_region.width != self._width:
            self.renew()

    def renew(self, *, end: bool = False) -> None:
        """Ask for the lines again; ``end`` shows the last ones."""
        self._width = max(20, self.scrollable_content_region.width)
        self._lines = self._make(self._width)
        self.virtual_size = Size(1, len(self._lines))
        self._matches = self._found()
        self.refresh()
        if end:
            self.scroll_end(animate=False, immediate=True)
            self.call_after_refresh(self.scroll_end, animate=False)  # what is around it may take or give rows meanwhile

    # ------------------------------------------------------------------------------------------------- finding

    def find(self, text: str) -> int:
        """Mark what matches and go to the first match from here on; gives how many lines match.

        Raises:
            re.error: the text is no regular expression.
        """
        self._pattern = compiled(text) if text else None
        self._matches = self._found()
        if self._matches:
            here = int(self.scroll_y)
            self._show(next((row for row in self._matches if row >= here), self._matches[0]))
        self.refresh()
        return len(self._matches)

    def next(self, step: int) -> int:
        """Go to the next (1) or the previous (-1) match, around the end; its number from 1, 0 for none."""
        if not self._matches:
            return 0
        here = int(self.scroll_y)
        if step > 0:
            row = next((row for row in self._matches if row > here), self._matches[0])
        else:
            row = next((row for row in reversed(self._matches) if row < here), self._matches[-1])
        self._show(row)
        return self._matches.index(row) + 1

    def _found(self) -> list[int]:
        pattern = self._pattern
        return [row for row, line in enumerate(self._lines) if pattern.search(line.text)] if pattern else []

    def _show(self, row: int) -> None:
        self.scroll_to(y=row, animate=False, immediate=True)

    def show_row(self, row: int) -> None:
        """Bring a row into view, a few rows above it too."""
        self.scroll_to_region(Region(0, max(0, row - 3), 1, 7), animate=False, force=True)

    # ----------------------------------------------------------------------------------------------- scrolling

    def action_scroll(self, rows: int) -> None:
        self.scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        self.scroll_relative(y=pages * max(1, self.scrollable_content_region.height - 1), animate=False)

    def action_edge(self, end: int) -> None:
        (self.scroll_end if end else self.scroll_home)(animate=False)

    # ------------------------------------------------------------------------------------------------- drawing

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width = self.scrollable_content_region.width
        row = y + int(self.scroll_y)
        if row >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        segments = [Segment(text, self._style(style)) for text, style in self._lines[row].parts]
        strip = Strip(segments)
        if self._pattern is not None:
            strip = self._marked(strip, self._pattern)
        return strip.adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def _marked(self, strip: Strip, pattern: re.Pattern[str]) -> Strip:
        match = self._style("line--match")
        segments: list[Segment] = []
        for text, style, _control in strip:
            at = 0
            for found in pattern.finditer(text):
                if found.end() > found.start():
                    segments += [
                        Segment(text[at : found.start()], style),
                        Segment(found[0], (style or Style()) + match),
                    ]
                    at = found.end()
            segments.append(Segment(text[at:], style))
        return Strip(segments)

    def _style(self, style: str | Style) -> Style:
        if isinstance(style, Style):
            return style
        return self.get_component_rich_style(style) if style else Style()
