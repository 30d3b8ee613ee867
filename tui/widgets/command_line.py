"""The line at the bottom for ``/`` filters and ``:`` commands, with history and completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from kedge.i18n import _, translate
from tui.errors import Guarded

Complete = Callable[[str], Iterable[str]]
"""The whole lines that what is typed so far could become."""


def _nothing(text: str) -> None:
    """Nobody wants to know."""


class CommandLine(Guarded, Horizontal):
    """Hidden until asked. What is entered is handed over at once, with the focus back where it was."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._prompt = ""
        self._history: dict[str, list[str]] = {"/": [], ":": []}
        self._place = 0
        self._typed: Callable[[str], None] = _nothing
        self._done: Callable[[str], None] = _nothing
        self._back: Widget | None = None
        self.noted = ""
        self.display = False

    def compose(self) -> ComposeResult:
        yield Static("", id="prompt", markup=False)
        yield _Line(self)
        yield Static("", id="note", markup=False)

    def ask(
        self,
        prompt: str,
        text: str,
        *,
        done: Callable[[str], None],
        typed: Callable[[str], None] = _nothing,
        complete: Complete | None = None,
    ) -> None:
        """Show the line and take the focus.

        Args:
            prompt: one character that says what is asked; each has its history. text: what stands there at first.
            done: gets what was entered; "" when it was given up.
            typed: gets what stands there whenever it changes.
        """
        self._prompt, self._typed, self._done = prompt, typed, done
        self._place = len(self._history.setdefault(prompt, []))
        if not self.display:
            self._back = self.screen.focused
        self.query_one("#prompt", Static).update(prompt)
        self.note("")
        line = self.line
        line.suggester = _Suggest(complete) if complete is not None else None
        with line.prevent(Input.Changed):
            line.value = text
        line.cursor_position = len(text)
        self.display = True
        self.screen.set_focus(line)  # at once: what is typed right behind the key belongs to the line

    @property
    def line(self) -> _Line:
        """The input."""
        return self.query_one(_Line)

    def note(self, text: str) -> None:
        """A short remark at the right, e.g. how many rows match."""
        self.noted = text
        self.query_one("#note", Static).update(text)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self._typed(event.value)

    def end(self, text: str) -> None:
        """Entered, or given up with ""."""
        past = self._history[self._prompt]
        if text.strip() and text not in past[-1:]:
            past.append(text)
        self.display = False
        self.screen.set_focus(self._back)
        self._done(text)

    def earlier(self, step: int) -> None:
        """Walk through what was entered before."""
        past = self._history[self._prompt]
        self._place = max(0, min(len(past), self._place + step))
        self.line.value = past[self._place] if self._place < len(past) else ""
        self.line.cursor_position = len(self.line.value)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Whoever clicks elsewhere has given up, but keeps what was filtered."""
        if self.display and self.screen.focused is not self.line:
            self.display = False


class _Line(Guarded, Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "enter", translate(_("enter")), show=False, id="line.enter"),
        Binding("escape", "give_up", translate(_("cancel")), key_display="esc", id="line.cancel"),
        Binding("up", "earlier(-1)", translate(_("earlier")), show=False, id="line.earlier"),
        Binding("down", "earlier(1)", translate(_("later")), show=False, id="line.later"),
        Binding("tab", "cursor_right", translate(_("complete")), id="line.complete"),
    ]

    def __init__(self, owner: CommandLine) -> None:
        super().__init__(id="typed", compact=True, select_on_focus=False)
        self._owner = owner

    def action_enter(self) -> None:
        self._owner.end(self.value)

    def action_give_up(self) -> None:
        self._owner.end("")

    def action_earlier(self, step: int) -> None:
        self._owner.earlier(step)


class _Suggest(Suggester):
    """The first line that begins as what is typed."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """Nothing for nothing."""
        return next((line for line in self._complete(value) if line.startswith(value)), None) if value else None
