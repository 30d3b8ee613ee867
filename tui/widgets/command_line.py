"""The line at the bottom for ``/`` filters and ``:`` commands, with history and completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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

Hint = Callable[[str], str]
"""What can be typed next, in a few words."""

UNNAMED = frozenset({"slash"})
"""Keys of one character whose character Textual does not know by their name."""


def _nothing(text: str) -> None:
    """Nobody wants to know."""


def _kept_nowhere(prompt: str, text: str) -> None:
    """What is entered is forgotten with the screen."""


class CommandLine(Guarded, Horizontal):
    """Hidden until asked. What is entered is handed over at once, with the focus back where it was.

    Attributes:
        keep: gets every prompt and what was entered behind it, for whoever remembers it longer than this does.
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._prompt = ""
        self._history: dict[str, list[str]] = {"/": [], ":": []}
        self._place = 0
        self._typed: Callable[[str], None] = _nothing
        self._done: Callable[[str], None] = _nothing
        self._hint: Hint | None = None
        self._back: Widget | None = None
        self.noted = ""
        self.keep: Callable[[str, str], None] = _kept_nowhere
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
        hint: Hint | None = None,
    ) -> None:
        """Show the line and take the focus.

        Args:
            prompt: one character that says what is asked; each has its history. text: what stands there at first.
            done: gets what was entered; "" when it was given up.
            typed: gets what stands there whenever it changes.
            complete: what tab offers. hint: what is noted at the right while typing.
        """
        self._prompt, self._typed, self._done, self._hint = prompt, typed, done, hint
        self._place = len(self._history.setdefault(prompt, []))
        if not self.display:
            self._back = self.screen.focused
        self.query_one("#prompt", Static).update(prompt)
        self.note(hint(text) if hint is not None else "")
        line = self.line
        line.completes(complete)
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
            if self._hint is not None:
                self.note(self._hint(event.value))
            self._typed(event.value)

    def remember(self, past: Mapping[str, Sequence[str]]) -> None:
        """What was entered in earlier sessions, before what has been entered in this one."""
        for prompt, entries in past.items():
            self._history[prompt] = [*entries, *self._history.get(prompt, ())]
        self._place = len(self._history.get(self._prompt, ()))

    def end(self, text: str) -> None:
        """Entered, or given up with ""."""
        past = self._history[self._prompt]
        if text.strip() and text not in past[-1:]:
            past.append(text)
            self.keep(self._prompt, text)
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
        Binding("enter", "enter", translate(_("enter")), id="line.enter"),
        Binding("escape", "give_up", translate(_("cancel")), key_display="esc", id="line.cancel"),
        Binding("up", "earlier(-1)", translate(_("earlier")), show=False, id="line.earlier"),
        Binding("down", "earlier(1)", translate(_("later")), show=False, id="line.later"),
        Binding("tab", "complete", translate(_("complete")), id="line.complete"),
    ]

    def __init__(self, owner: CommandLine) -> None:
        super().__init__(id="typed", compact=True, select_on_focus=False)
        self._owner = owner
        self._complete: Complete | None = None
        self._stem = ""

    def completes(self, complete: Complete | None) -> None:
        """What tab may make of what is typed; None when nothing."""
        self._complete, self._stem = complete, ""
        self.suggester = _Suggest(complete) if complete is not None else None
        self.refresh_bindings()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """The keys of the screen that mean a character here are not offered meanwhile."""
        return key in UNNAMED or super().check_consume_key(key, character)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing is offered, tab promises nothing."""
        return self._complete is not None if action == "complete" else True

    def action_enter(self) -> None:
        self._owner.end(self.value)

    def action_give_up(self) -> None:
        self._owner.end("")

    def action_earlier(self, step: int) -> None:
        self._owner.earlier(step)

    def action_complete(self) -> None:
        """The first line that begins as what was typed; pressed again, the next one."""
        offered = list(self._complete(self._stem)) if self._complete is not None and self._stem else []
        if self.value not in offered:
            self._stem = self.value
            offered = list(self._complete(self._stem)) if self._complete is not None else []
        fitting = [line for line in offered if line.startswith(self._stem)]
        if fitting:
            here = fitting.index(self.value) if self.value in fitting else -1
            self.value = fitting[(here + 1) % len(fitting)]
            self.cursor_position = len(self.value)


class _Suggest(Suggester):
    """The first line that begins as what is typed."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """Nothing for nothing."""
        return next((line for line in self._complete(value) if line.startswith(value)), None) if value else None
