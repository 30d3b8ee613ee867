"""The log view: a ring of lines drawn row by row, with a cursor, a filter, a search and wrapping."""

from __future__ import annotations

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
from tui.text_layout import width_of

DRAW_SECONDS = 0.07
"""At most so often is the screen drawn for new lines."""

SHIFT = 16
"""Cells by which lines that are not wrapped move sideways."""

Keep = Callable[[LogLine], bool]


_SPECIAL = frozenset(r"\.^$*+?{}[]|()")

_LETTERS_APART = re.compile(r"\[|\\[xuUN0-9]|\(\?")
"""In a pattern: what must not have its letters made small, or may not mean the same then."""


def searcher(pattern: re.Pattern[str]) -> Callable[[str], object]:
    """Whether a text holds the pattern. Ignoring case is what costs most in a search, so ASCII is searched in small
    letters: plain words without the engine, others with their small form. Anything doubtful takes the pattern itself.
    """
    text = pattern.pattern
    if not pattern.flags & re.IGNORECASE or not text.isascii() or _LETTERS_APART.search(text):
        return pattern.search
    if not set(text) & _SPECIAL:
        needle = text.lower()
        return lambda line: needle in line.lower()
    small = re.compile(re.sub(r"(?<!\\)(?:\\\\)*[A-Z]", lambda found: found[0].lower(), text)).search
    return lambda line: small(line.lower()) if line.isascii() else pattern.search(line)


class LogView(Guarded, ScrollView, can_focus=True, inherit_bindings=False):
    """Lines of one or several sources, the newest at the bottom."""

    DEFAULT_CSS = "LogView { height: 1fr; overflow-x: hidden; scrollbar-size: 1 1; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"log--{name}" for name in ("text", "dim", "time", "mark", "error", "warn", "match", "cursor", "marked")),
        *(f"log--source{number}" for number in range(SOURCE_COLOURS)),
    }

    class Changed(Message):
        """Something that the status line tells has changed."""

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
        self._shift = 0
        self._width = 0
        self._is_due = False

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
        first = max(first, self.ring.first)
        lines = list(self.ring.since(first))
        numbers = range(first, self.ring.end)
        if self._keep is not None:
            keep = self._keep
            pairs = [(n, line) for n, line in zip(numbers, lines, strict=True) if keep(line)]
            numbers, lines = [n for n, _line in pairs], [line for _n, line in pairs]  # type: ignore[assignment]
        heights = [self.look.height(line, self._width) for line in lines] if self.wrap else None
        self._rows.add(numbers, heights)
        if self._pattern is not None:
            holds = searcher(self._pattern)
            self.matches += [n for n, line in zip(numbers, lines, strict=True) if holds(line.text)]

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
        """Rows made anew, the line under the cursor or at the top where it was."""
        anchor = self._anchor()
        self._width = max(20, self.scrollable_content_region.width)
        self._rows, self.matches = Rows(), []
        self._show_from(self.ring.first)
        self.virtual_size = Size(1, len(self._rows))
        if self.following:
            self._scroll(len(self._rows))
        elif anchor is not None:
            number, offset = anchor
            self._scroll(self._rows.row_of(number) - offset)
        self.refresh()
        self.post_message(self.Changed())

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

    def find(self, pattern: re.Pattern[str] | None) -> int:
        """Mark what matches and go to the last match above the end of the screen; gives how many lines match."""
        self._pattern = pattern
        holds = searcher(pattern) if pattern is not None else lambda _text: False
        self.matches = [number for number in self._rows.numbers() if holds(self.ring[number].text)]
        self.refresh()
        self.post_message(self.Changed())
        if self.matches:
            bottom = self._rows.at(int(self.scroll_y) + self._height() - 1)
            end = bottom[0] if bottom is not None else self.ring.end
            self.go_to(next((n for n in reversed(self.matches) if n <= end), self.matches[0]))
        return len(self.matches)

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
        for found in self._pattern.finditer(text):
            if found.end() > found.start():
                segments += [Segment(text[at : found.start()], style), Segment(found[0], match)]
                at = found.end()
        return [*segments, Segment(text[at:], style)]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name)
