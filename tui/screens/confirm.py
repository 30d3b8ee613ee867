"""A yes-or-no dialog, and the one about a change whose end nobody saw."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from kedge.audit import Entry
from kedge.i18n import Text, _, translate
from kedge.printable import printable
from kedge.undo import undo_steps
from tui.glyphs import Glyphs
from tui.screens.dialog import Dialog
from tui.screens.history import result_of, when


class Confirm(Dialog[bool]):
    """Dismissed with True for yes; esc and the first button say no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "accept", translate(_("yes")), id="confirm.accept"),
    ]

    def __init__(self, title: Text, text: Text, yes: Text) -> None:
        super().__init__()
        self._title_text, self._text, self._yes_word = title, text, yes

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="question"):
            yield Static(translate(self._title_text), classes="title", markup=False)
            yield Static(printable(translate(self._text)), markup=False)
            with Horizontal(id="buttons"):
                yield Button(translate(_("Cancel")), id="no", compact=True)
                yield Button(translate(_("{what} (y)").format(what=self._yes_word)), id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def action_accept(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")


class Unfinished(Dialog[str]):
    """A change that was begun and whose end is not known. Dismissed with ``undo`` or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", translate(_("undo")), id="unfinished.undo"),
    ]

    def __init__(self, entry: Entry, others: int, glyphs: Glyphs) -> None:
        super().__init__()
        self._entry = entry
        self._others = others
        self._glyphs = glyphs
        self._found = translate(_("Finding out what was done {more}").format(more=glyphs.more))

    def compose(self) -> ComposeResult:
        intent = self._entry.intent
        text = _("{title} on {target} was begun at {time} by {who}, and the program ended before it did.").format(
            title=intent.get("title", "-"),
            target=intent.get("target", "-"),
            time=when(self._entry),
            who=intent.get("who", {}).get("os", "-"),
        )
        with Vertical(id="box", classes="question"):
            yield Static(translate(_("An unfinished change")), classes="title", markup=False)
            yield Static(printable(translate(text)), markup=False)
            yield Static(self._found, id="found", markup=False)
            again = _("The fix can be chosen again as well: it goes on with what is missing")
            yield Static(translate(again), id="again", classes="hint", markup=False)
            if self._others:
                more = _("{count} more are in :history").format(count=self._others)
                yield Static(translate(more), classes="hint", markup=False)
            with Horizontal(id="buttons"):
                yield Button(translate(_("Later")), id="later", compact=True)
                yield Button(translate(_("Undo (u)")), id="undo", compact=True)

    def on_mount(self) -> None:
        self.query_one("#later").focus()
        self._offer()

    def found(self, entry: Entry) -> None:
        """Show what was found out."""
        self._entry = entry
        lines = [result_of(entry, self._glyphs)[0]]
        for position, step in enumerate(entry.intent.get("steps", ())):
            state = entry.state_of(position) or "not run"
            lines.append(f"{self._glyphs.step(state)} {step.get('title', '-')} ({state})")
        self._tell("\n".join(lines))
        self._offer()

    def _offer(self) -> None:
        """Undo, where something was changed; else there is nothing to take back."""
        changed = self._can_undo()
        for button in self.query("#undo").results(Button):
            button.display = changed
        for hint in self.query("#again").results(Static):
            hint.display = changed and self._entry.settled is not None
        self.refresh_bindings()

    def _can_undo(self) -> bool:
        try:
            return self._entry.settled is None or bool(undo_steps(self._entry))
        except ValueError:  # a step of another version; the undo itself says so
            return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing to take back, nothing to offer."""
        return self._can_undo() if action == "undo" else True

    def cannot_find_out(self, why: Text) -> None:
        """Say why nobody knows."""
        self._tell(translate(why))

    def _tell(self, text: str) -> None:
        """On the screen, or on what will be there when it is drawn for the first time."""
        self._found = printable(text)
        for static in self.query("#found").results(Static):
            static.update(self._found)

    def action_undo(self) -> None:
        self.dismiss("undo")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss("undo" if event.button.id == "undo" else None)
