"""The log view: a ring of lines drawn row by row, with a cursor, a filter, a search and wrapping."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kedge.logs.lines import LineKind, LogLine
from tui.errors import Guarded
from tui.logs.look import SOURCE_COLOURS, Look, Times, wrapped
from tui.logs.ring import LogRing, Rows
from tui.logs.scan import Scan, searcher
from tui.patience import TooSlow, patience
from tui.text_layout import width_of

SLICE_SECONDS = 0.012
"""Lines are looked through for so long at a time; between two times keys are answered."""

PAUSE_SECONDS = 0.001

DRAW_SECONDS = 0.07
"""At most so often is the screen drawn for new lines."""

SHIFT = 16
"""Cells by which lines that are not wrapped move sideways."""

Keep = Callable[[LogLine], bool]


class LogView(Guarded, ScrollView, can_focus=True, inherit_bindings=False):
    """Lines of one or several sources, the newest at the bottom."""

    DEFAULT_CSS = "LogView { height: 1fr; overflow-x: hidden; scrollbar-size: 1 1; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"log--{name}" for name in ("text", "dim", "time", "mark", "error", "warn", "match", "cursor", "marked")),
        *(f"log--source{number}" for number in range(SOURCE_COLOURS)),
    }

    class Changed(Message):
        """Something that the status line tells has changed."""

    class GaveUp(Message):
        """The search or the filter took too long; neither is in use any more."""

    def __init__(self, look: Look, ring: LogRing | None = None) -> None:
        super().__init__()
        self.ring = ring or LogRing()
        self.look = look
        self.following = True
        self.wrap = False
        self.cursor: int | None = None
        self.marked: set[int] = set()
        self.matches: list[int] = []
        self._rows = Rows()
        self._keep: Keep | None = None
        self._pattern: re.Pattern[str] | None = None
        self._holds: Callable[[str], object] | None = None
        self._shift = 0
        self._width = 0
        self._is_due = False
        self._scan: Scan | None = None
        self._seeks = False

    @property
    def is_busy(self) -> bool:
        """Lines are still being looked through."""
        return self._scan is not None

    @property
    def shown(self) -> int:
        """How many lines are shown."""
        return self._rows.lines

    # -------------------------------------------------------------------------------------------------- lines

    def add(self, lines: Sequence[LogLine]) -> None:
        """Take lines in; the screen follows a little later."""
        if not lines:
            return
        first = self.ring.end
        dropped = self.ring.extend(lines)
        self._show_from(first)
        if dropped:
            rows = self._rows.drop_before(self.ring.first)
            self._forget_dropped()
            if not self.following and rows:
                self._scroll(int(self.scroll_y) - rows)
        if not self._is_due:
            self._is_due = True
            self.set_timer(DRAW_SECONDS, self._draw)

    def _show_from(self, first: int) -> None:
        """Show the lines that came; a filter, wrapping and a search look at them at once."""
        scan = Scan(self.ring, keep=self._keep, height=self._height_of if self.wrap else None, holds=self._holds)
        scan.begin(max(first, self.ring.first), self._rows)
        try:
            scan.step(math.inf)
        except TooSlow:
            self._give_up()
        self.matches += scan.matches

    def _height_of(self, line: LogLine) -> int:
        return self.look.height(line, self._width)

    def _forget_dropped(self) -> None:
        first = self.ring.first
        if self.matches and self.matches[0] < first:
            self.matches = [number for number in self.matches if number >= first]
        if self.marked:
            self.marked = {number for number in self.marked if number >= first}

    def _draw(self) -> None:
        self._is_due = False
        self.virtual_size = Size(1, len(self._rows))
        if self.following:
            self.cursor = None
            self._scroll(len(self._rows))
        self.refresh()
        self.post_message(self.Changed())

    def clear(self) -> None:
        """Forget every line."""
        self.ring.clear()
        self.marked.clear()
        self._lay_out()

    def _lay_out(self) -> None:
        """Rows made anew, a slice at a time; what was shown stays until they are done."""
        self._width = max(20, self.scrollable_content_region.width)
        height = self._height_of if self.wrap else None
        self._begin(Scan(self.ring, keep=self._keep, height=height, holds=self._holds))

    def _begin(self, scan: Scan) -> None:
        is_going = self._scan is not None
        self._scan = scan
        if not is_going:
            self._go_on()

    def _go_on(self) -> None:
        scan = self._scan
        if scan is None:
            return
        try:
            is_done = scan.step(SLICE_SECONDS)
        except TooSlow:
            self._give_up()
            return
        if is_done:
            self._scan = None
            self._adopt(scan)
        else:
            self.set_timer(PAUSE_SECONDS, self._go_on)

    def _give_up(self) -> None:
        """Neither a search nor a filter that takes too long is kept."""
        self._scan, self._pattern, self._holds, self._seeks = None, None, None, False
        self._keep = None
        self._lay_out()
        self.post_message(self.GaveUp())

    def _adopt(self, scan: Scan) -> None:
        if scan.rows is not None:
            anchor = self._anchor()
            self._rows, self.matches = scan.rows, scan.matches
            self._rows.drop_before(self.ring.first)
            self.virtual_size = Size(1, len(self._rows))
            if self.following:
                self._scroll(len(self._rows))
            elif anchor is not None:
                number, offset = anchor
                self._scroll(self._rows.row_of(number) - offset)
        else:
            self.matches = [*scan.matches, *self.matches]
        self._forget_dropped()
        self.refresh()
        self.post_message(self.Changed())
        if self._seeks:
            self._seeks = False
            self._to_last_match()

    def _anchor(self) -> tuple[int, int] | None:
        top = int(self.scroll_y)
        if self.cursor is not None:
            return self.cursor, self._rows.row_of(self.cursor) - top
        found = self._rows.at(top)
        return (found[0], 0) if found is not None else None

    def on_resize(self) -> None:
        """Wrapped lines are laid out anew for another width."""
        if self.scrollable_content_region.width != self._width and (self.wrap or not self._width):
            self._lay_out()
        elif self.following:
            self._scroll(len(self._rows))

    # --------------------------------------------------------------------------------------- what is shown, how

    def filter(self, keep: Keep | None) -> None:
        """Show only lines that ``keep`` accepts; remarks always."""
        self._keep = None if keep is None else lambda line: line.kind is not LineKind.LINE or keep(line)
        self._lay_out()

    def find(self, pattern: re.Pattern[str] | None) -> None:
        """Mark what matches and go to the last match above the end of the screen, as soon as every line was looked at;
        :class:`GaveUp` when that takes too long.
        """
        self._pattern = pattern
        self._holds = searcher(pattern) if pattern is not None else None
        self.matches, self._seeks = [], pattern is not None
        self.refresh()
        if self._scan is not None and self._scan.rows is not None:
            self._lay_out()
        elif pattern is not None:
            self._begin(Scan(self.ring, numbers=list(self._rows.numbers()), holds=self._holds))
        else:
            self._scan = None
            self.post_message(self.Changed())

    def _to_last_match(self) -> None:
        if self.matches:
            bottom = self._rows.at(int(self.scroll_y) + self._height() - 1)
            end = bottom[0] if bottom is not None else self.ring.end
            self.go_to(next((n for n in reversed(self.matches) if n <= end), self.matches[0]))

    def next_match(self, step: int) -> int:
        """Go to the next or the previous match, around the end; its number from 1, 0 for none."""
        if not self.matches:
            return 0
        here = self._here()
        if step > 0:
            number = next((n for n in self.matches if n > here), self.matches[0])
        else:
            number = next((n for n in reversed(self.matches) if n < here), self.matches[-1])
        self.go_to(number)
        return self.matches.index(number) + 1

    @property
    def at_match(self) -> int:
        """Number of the match under the cursor from 1, 0 for none."""
        return self.matches.index(self.cursor) + 1 if self.cursor in self.matches else 0

    def set_wrap(self, wrap: bool) -> None:
        """Wrap long lines, or cut them."""
        self.wrap, self._shift = wrap, 0
        self._lay_out()

    def set_times(self, times: Times) -> None:
        """How times are shown."""
        self.look.times = times
        self._lay_out()

    def shift(self, by: int) -> None:
        """Move lines that are not wrapped sideways."""
        if not self.wrap:
            self._shift = max(0, self._shift + by * SHIFT)
            self.refresh()

    # -------------------------------------------------------------------------------------------------- cursor

    def _scroll(self, row: int) -> None:
        """At once, also while the scrollbar is not there yet."""
        self.scroll_to(y=max(0, row), animate=False, immediate=True, force=True)

    def _height(self) -> int:
        return max(1, self.scrollable_content_region.height)

    def _here(self) -> int:
        """The cursor's line, or the last one in view."""
        if self.cursor is not None and self.cursor in self.ring:
            return self.cursor
        bottom = self._rows.at(min(len(self._rows), int(self.scroll_y) + self._height()) - 1)
        return bottom[0] if bottom is not None else self.ring.end - 1

    @property
    def line(self) -> LogLine | None:
        """The line under the cursor; the last one while there is none."""
        return self.ring.get(self._here())

    def move(self, by: int) -> None:
        """Move the cursor by so many lines that are shown."""
        number = self._rows.step(self._here(), by)
        if number is not None:
            self.go_to(number)

    def go_to(self, number: int) -> None:
        """Put the cursor on a line and bring it into view; following ends."""
        self.following = False
        self.cursor = number
        row, top, height = self._rows.row_of(number), int(self.scroll_y), self._height()
        if row < top:
            self._scroll(row)
        elif row >= top + height:
            self._scroll(row - height + 1)
        self.refresh()
        self.post_message(self.Changed())

    def follow(self, on: bool) -> None:
        """Stay at the end, or stay where it is."""
        self.following = on
        if on:
            self.cursor = None
            self._draw()
        else:
            self.post_message(self.Changed())

    def mark(self) -> None:
        """Mark the line under the cursor, or take its mark away."""
        self.marked ^= {self._here()}
        self.refresh()

    def picked(self) -> list[LogLine]:
        """The marked lines; the one under the cursor when none is."""
        if self.marked:
            return [self.ring[number] for number in sorted(self.marked) if number in self.ring]
        line = self.line
        return [line] if line is not None else []

    def shown_lines(self) -> list[LogLine]:
        """Every line that the filter lets through."""
        keep = self._keep
        return [line for line in self.ring.since(self.ring.first) if keep is None or keep(line)]

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on a line."""
        if (found := self._rows.at(int(event.y + self.scroll_y))) is not None:
            self.go_to(found[0])

    def on_mouse_scroll_up(self) -> None:
        """Who scrolls up wants to stay there."""
        if self.following:
            self.follow(False)

    # ------------------------------------------------------------------------------------------------- drawing

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width = self.scrollable_content_region.width
        found = self._rows.at(y + int(self.scroll_y))
        if found is None or found[0] not in self.ring:
            return Strip.blank(width, self.rich_style)
        number, part = found
        line = self.ring[number]
        segments = self._segments(line, part, width)
        if number in self.marked:
            segments = [Segment(s.text, (s.style or Style()) + self._style("log--marked")) for s in segments]
        if number == self.cursor and self.has_focus:
            segments = [Segment(s.text, (s.style or Style()) + self._style("log--cursor")) for s in segments]
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def _segments(self, line: LogLine, part: int, width: int) -> list[Segment]:
        head = self.look.head(line)
        text, name = self.look.text(line)
        taken = width_of(head)
        if self.wrap:
            pieces = wrapped(text, max(10, width - taken))
            text = pieces[min(part, len(pieces) - 1)]
        else:
            text = text[self._shift :]
        style = self._style(name)
        if self.look.sign_of(line) is not None:
            style += Style(underline=True)
        front = [Segment(" " * taken)] if part else [Segment(said, self._style(str(named))) for said, named in head]
        return [*front, *self._marked_up(text, style)]

    def _marked_up(self, text: str, style: Style) -> list[Segment]:
        if self._pattern is None:
            return [Segment(text, style)]
        match, segments, at = style + self._style("log--match"), [], 0
        try:
            with patience():
                places = [found.span() for found in self._pattern.finditer(text) if found.end() > found.start()]
        except TooSlow:
            self._give_up()
            places = []
        for start, end in places:
            segments += [Segment(text[at:start], style), Segment(text[start:end], match)]
            at = end
        return [*segments, Segment(text[at:], style)]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name)
