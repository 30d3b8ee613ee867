"""A terminal on the screen: paints an emulator, and turns keys, mouse and pasted text into what its program expects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from kedge.i18n import _, translate
from tui.errors import Guarded
from tui.terminal import keys
from tui.terminal.cells import Row, runs_of, text_of
from tui.terminal.emulator import Emulator
from tui.terminal.looks import style_of

MENU_KEY = "ctrl+right_square_bracket"
"""The one key that a shell never gets."""

FRAME = 1 / 30
"""Seconds between paints while output floods; the first output after a pause is painted at once."""
PAINT_SHARE = 5
"""Times as long as the lines of the last whole screen took; the screen spends twice that on them."""
SLICE_LEAST, SLICE_MOST = 1024, 65_536
SLICE_SECONDS = 0.006
"""How long output may be worked on before everything else has its turn."""
TURNS = 12
"""Rounds of the event loop between slices: a key passes several queues on its way."""
WHEEL = 3
BAR = "\u258f"
"""A cursor that is a bar: the left eighth of a cell."""


class TerminalView(Guarded, Widget, can_focus=True):
    """One terminal.

    Args:
        send: takes what is typed. resized: told the size in cells, at the start and at each change.

    Attributes:
        last_key: when the last one came (``time.monotonic()``). frozen: there is nobody to send them to.
        back: lines that the view is scrolled up into the scrollback; 0 shows the screen.
    """

    DEFAULT_CSS = "TerminalView { height: 1fr; width: 1fr; }"
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(MENU_KEY, "menu", translate(_("menu of the shell")), key_display="ctrl+]", id="shell.menu"),
    ]

    takes_every_key = True
    """No binding of the program is looked at while this has the focus, and keys come in order by themselves."""

    class MenuWanted(Message):
        """The menu key was pressed."""

    @dataclass
    class Titled(Message):
        """The program named its window."""

        title: str

    class Rang(Message):
        """The bell."""

    def __init__(self, send: Callable[[bytes], object], resized: Callable[[int, int], object]) -> None:
        super().__init__()
        self.emulator = Emulator(80, 24, send)
        self.back = 0
        self.frozen = False
        self.last_key = 0.0
        self._send, self._resized = send, resized
        self._cells = (0, 0)
        self._painted = 0.0
        self._due: Timer | None = None
        self._title, self._bells = "", 0
        self._slice = 8192
        self._cursor_row = 0
        self._base, self._cost = Style.null(), 0.0
        self._button: int | None = None

    def action_menu(self) -> None:
        self.post_message(self.MenuWanted())

    def takes_key(self, key: str) -> bool:
        """Whether a key goes to the program at once, whatever the key before it is doing."""
        return key != MENU_KEY

    # --------------------------------------------------------------------------------------------------- output

    async def feed(self, data: bytes) -> None:
        """Take output; everything else on the event loop has its turn in between."""
        place = 0
        while place < len(data):
            piece = data[place : place + self._slice]
            place += len(piece)
            began = time.perf_counter()
            scrolled = self.emulator.screen.scrolled
            self.emulator.feed(piece)
            if self.back:
                grown = self.emulator.screen.scrolled - scrolled
                self.back = min(self.back + grown, len(self.emulator.screen.history))
            self._pace(len(piece), time.perf_counter() - began)
            self._tell()
            self._paint_soon()
            for _turn in range(TURNS if place < len(data) else 1):
                await asyncio.sleep(0)

    def _pace(self, size: int, seconds: float) -> None:
        if seconds > SLICE_SECONDS * 1.5:
            self._slice = max(SLICE_LEAST, self._slice // 2)
        elif seconds < SLICE_SECONDS / 2 and size >= self._slice:
            self._slice = min(SLICE_MOST, self._slice * 2)

    def _tell(self) -> None:
        screen = self.emulator.screen
        if screen.title != self._title:
            self._title = screen.title
            self.post_message(self.Titled(screen.title))
        if screen.bells != self._bells:
            self._bells = screen.bells
            self.post_message(self.Rang())

    def _paint_soon(self) -> None:
        if self._due is not None or not self.display:
            return
        wait = self._painted + max(FRAME, PAINT_SHARE * self._cost) - time.monotonic()
        if wait <= 0:
            self._paint()
        else:
            self._due = self.set_timer(wait, self._paint)

    def _paint(self) -> None:
        """Repaint the lines that changed."""
        self._due = None
        self._painted = time.monotonic()
        screen = self.emulator.screen
        rows = {y for y in screen.dirty if y < self.size.height} | {self._cursor_row, screen.cursor.y}
        screen.dirty.clear()
        self._cursor_row = screen.cursor.y
        if self.back or len(rows) * 2 > self.size.height:
            self.refresh()
        else:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in rows))
        if self.has_focus:
            self.app.cursor_position = self.content_region.offset + Offset(screen.cursor.x, screen.cursor.y)

    # ------------------------------------------------------------------------------------------------- painting

    def row(self, y: int) -> Row:
        """A line of the view: of the screen, or of the scrollback above it."""
        screen = self.emulator.screen
        if not self.back:
            return screen.row(y)
        at = len(screen.history) - self.back + y
        return screen.history[at] if at < len(screen.history) else screen.row(at - len(screen.history))

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a region, past Textual's cache: there is no border, and what is painted here has changed."""
        began = time.perf_counter()
        self._base = self.rich_style
        _behind, background = self.background_colors
        filters = self.get_line_filters()
        strips = []
        for y in range(crop.y, crop.bottom):
            strip = self.render_line(y)
            for filter in filters:
                strip = strip.apply_filter(filter, background)
            strips.append(strip if crop.column_span == (0, strip.cell_length) else strip.crop(crop.x, crop.right))
        if crop.height * 2 > self.size.height:
            self._cost = time.perf_counter() - began
        return strips

    def render_line(self, y: int) -> Strip:
        """One line."""
        width, base = self.size.width, self._base
        screen = self.emulator.screen
        if y >= screen.lines:
            return Strip.blank(width, base)
        cursor = -1
        if not self.back and not self.frozen and y == screen.cursor.y and not screen.cursor.hidden and self.has_focus:
            cursor = min(screen.cursor.x, screen.columns - 1)
        row = self.row(y) if cursor < 0 else runs_of(screen.buffer.get(y), screen.columns)
        strip = Strip([Segment(text, base + style_of(look)) for text, look in row])
        strip = strip.adjust_cell_length(width, base)
        return strip if cursor < 0 else self._with_cursor(strip, cursor)

    def _with_cursor(self, strip: Strip, x: int) -> Strip:
        """A block is reversed; the others are drawn as far as cells can: a bar only where the cell is empty."""
        screen = self.emulator.screen
        wide = 2 if screen.buffer[screen.cursor.y][x + 1].data == "" else 1
        before, under, after = strip.divide([x, min(x + wide, strip.cell_length), strip.cell_length])
        name = screen.shape.name
        if name == "bar" and under.text == " " and not self.app.glyphs.ascii_only:
            under = Strip([Segment(BAR, style) for _text, style, _control in under])
        else:
            under = under.apply_style(Style(reverse=True) if name == "block" else Style(underline=True, bold=True))
        return Strip.join([before, under, after])

    def shown(self) -> bytes:
        """The screen as output that shows it again, without colours; nothing while it is empty."""
        screen = self.emulator.screen
        rows = "\r\n".join(text_of(screen.row(y)) for y in range(screen.lines)).rstrip()
        at = f"\x1b[{screen.cursor.y + 1};{screen.cursor.x + 1}H"
        return f"\x1b[H\x1b[2J{rows}{at}".encode() if rows else b""

    def text(self) -> str:
        """Scrollback and screen as text."""
        screen = self.emulator.screen
        rows = [*screen.history, *(screen.row(y) for y in range(screen.lines))]
        lines = [text_of(row).rstrip() for row in rows]
        while lines and not lines[-1]:
            lines.pop()
        return "\n".join(lines) + "\n"

    def on_resize(self, event: events.Resize) -> None:
        """The other side is told at once."""
        size = (max(2, self.size.width), max(1, self.size.height))
        if size != self._cells and self.size.width and self.size.height:
            self._cells = size
            self.emulator.resize(*size)
            self.back = 0
            self._resized(*size)
            self.refresh()

    def on_focus(self) -> None:
        self._focus_changed("\x1b[I")

    def on_blur(self) -> None:
        self._focus_changed("\x1b[O")

    def _focus_changed(self, report: str) -> None:
        if 1004 in self.emulator.screen.private:
            self._send(report.encode())
        self.refresh()

    # ---------------------------------------------------------------------------------------------------- input

    def on_key(self, event: events.Key) -> None:
        """Every key is the program's but one; after its end they have their ordinary meaning again."""
        if self.frozen and not self.takes_every_key:
            return
        self.last_key = time.monotonic()
        event.stop()
        event.prevent_default()
        if event.key == MENU_KEY:
            self.post_message(self.MenuWanted())
            return
        if self.frozen:
            return
        application = 1 in self.emulator.screen.private
        self.type(keys.key_bytes(event.key, event.character, application=application))

    def type(self, data: bytes) -> None:
        """Send input; the view comes back to the screen."""
        if data:
            if self.back:
                self.scroll_back(0)
            self._send(data)

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text, in brackets where the program asked for that."""
        event.stop()
        self.paste(event.text)

    def paste(self, text: str) -> None:
        """As if it were pasted."""
        self.type(keys.paste_bytes(text, bracketed=2004 in self.emulator.screen.private))

    def scroll_back(self, lines: int) -> None:
        """Show the scrollback so many lines up; 0: the screen."""
        self.back = max(0, min(lines, len(self.emulator.screen.history)))
        self.refresh()

    # ---------------------------------------------------------------------------------------------------- mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._button = event.button
        self._mouse(event, event.button - 1)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self._mouse(event, (self._button or event.button or 1) - 1, release=True)
        self._button = None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        modes = self.emulator.screen.private
        if 1003 in modes or (1002 in modes and self._button is not None):
            self._mouse(event, 32 + (self._button - 1 if self._button else 3))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, 64, WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 65, -WHEEL)

    def _wheel(self, event: events.MouseEvent, code: int, lines: int) -> None:
        """To the program if it asked for the mouse; arrows to one that fills the screen; else the scrollback."""
        screen = self.emulator.screen
        event.stop()
        if screen.wants_mouse:
            self._mouse(event, code)
        elif screen.is_alternate:
            key = keys.key_bytes("up" if lines > 0 else "down", None, application=1 in screen.private)
            self._send(key * abs(lines))
        else:
            self.scroll_back(self.back + lines)

    def _mouse(self, event: events.MouseEvent, code: int, *, release: bool = False) -> None:
        screen = self.emulator.screen
        if not screen.wants_mouse or code < 0:
            return
        event.stop()
        code += 4 * event.shift + 8 * event.meta + 16 * event.ctrl
        self._send(keys.mouse_bytes(code, event.x, event.y, release=release, sgr=1006 in screen.private))
