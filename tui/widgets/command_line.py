"""The line at the bottom for ``/`` filters and ``:`` commands, with history and completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from kedge.i18n import _, translate
from tui.errors import Guarded

Complete = Callable[[str], Iterable[str]]


class _Suggest(Suggester):
    """The first line that begins as what is typed."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        return next((line for line in self._complete(value) if line.startswith(value)), None) if value else None


class _Line(Guarded, Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", translate(_("cancel")), show=False),
        Binding("up", "history(-1)", translate(_("earlier")), show=False),
        Binding("down", "history(1)", translate(_("later")), show=False),
        Binding("tab", "cursor_right", translate(_("complete")), show=False),
    ]

    def action_give_up(self) -> None:
        self.post_message(CommandLine.GivenUp())

    def action_history(self, step: int) -> None:
        self.post_message(CommandLine.History(step))


class CommandLine(Guarded, Horizontal):
    """Hidden until asked; posts what is typed, and what was entered in the end."""

    @dataclass
    class Typed(Message):
        """The text changed."""

        prompt: str
        text: str

    @dataclass
    class Done(Message):
        """Entered, or given up (``text`` is None)."""

        prompt: str
        text: str | None

    @dataclass
    class GivenUp(Message):
        """Escape was pressed in the input."""

    @dataclass
    class History(Message):
        """Up or down was pressed in the input."""

        step: int

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._prompt = ""
        self._history: dict[str, list[str]] = {"/": [], ":": []}
        self._place = 0
        self.noted = ""
        self.display = False

    def compose(self) -> ComposeResult:
        yield Static("", id="prompt", markup=False)
        yield _Line(id="typed", compact=True, select_on_focus=False)
        yield Static("", id="note", markup=False)

    def ask(self, prompt: str, text: str, complete: Complete | None = None) -> None:
        """Show the line with a prompt and take the focus; ``complete`` gives the lines it could become."""
        self._prompt = prompt
        self._place = len(self._history[prompt])
        self.query_one("#prompt", Static).update(prompt)
        self.note("")
        line = self.query_one(_Line)
        line.suggester = _Suggest(complete) if complete is not None else None
        with line.prevent(Input.Changed):
            line.value = text
        line.cursor_position = len(text)
        self.display = True
        self.screen.set_focus(line)  # at once: what is typed right behind the key belongs to the line

    def note(self, text: str) -> None:
        """A short remark at the right, e.g. how many rows match."""
        self.noted = text
        self.query_one("#note", Static).update(text)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self._prompt, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        past = self._history[self._prompt]
        if event.value.strip() and event.value not in past[-1:]:
            past.append(event.value)
        self._end(event.value)

    @on(GivenUp)
    def _given_up(self, event: GivenUp) -> None:
        event.stop()
        self._end(None)

    @on(History)
    def _earlier(self, event: History) -> None:
        event.stop()
        past = self._history[self._prompt]
        self._place = max(0, min(len(past), self._place + event.step))
        line = self.query_one(_Line)
        line.value = past[self._place] if self._place < len(past) else ""
        line.cursor_position = len(line.value)

    def _end(self, text: str | None) -> None:
        self.display = False
        self.post_message(self.Done(self._prompt, text))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if self.display and self.screen.focused is not self.query_one(_Line):
            self.display = False
