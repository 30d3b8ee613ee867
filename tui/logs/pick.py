"""Which logs stand side by side in one pane: ticked in a list that is narrowed by typing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from kedge.i18n import _, translate
from kedge.logs.choices import Choice
from kedge.printable import one_line
from tui.screens.dialog import Dialog
from tui.text_layout import Line, cut_middle
from tui.widgets.pick_list import PickList


class _Narrow(Input):
    """Takes words; no name of a log has a blank, so the space bar is free to tick."""

    class Ticked(Message):
        """The space bar."""

    def on_key(self, event: events.Key) -> None:
        """Keeps the blank out of the words."""
        if event.key == "space":
            event.prevent_default()
            event.stop()
            self.post_message(self.Ticked())


class PickSources(Dialog[frozenset[str]]):
    """Tick logs. Dismissed with the keys of what is ticked, or None."""

    DEFAULT_CSS = """
    PickSources PickList { height: auto; max-height: 60vh; }
    PickSources Input { background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", translate(_("down")), show=False, id="picksources.down"),
        Binding("up", "move(-1)", translate(_("up")), show=False, id="picksources.up"),
        Binding("pagedown", "page(1)", translate(_("page down")), show=False, id="picksources.page_down"),
        Binding("pageup", "page(-1)", translate(_("page up")), show=False, id="picksources.page_up"),
    ]

    def __init__(self, choices: Sequence[Choice], ticked: Collection[str] = ()) -> None:
        super().__init__()
        self._all = choices
        self._left = list(choices)
        self.ticked = set(ticked)

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="menu"):
            yield Static(translate(_("Logs to read side by side")), classes="title", markup=False)
            yield _Narrow(placeholder=translate(_("type to narrow")), select_on_focus=False, compact=True)
            yield PickList(self._lines)
            yield Static("", id="told", classes="hint", markup=False)

    def on_mount(self) -> None:
        self.query_one(PickList).can_focus = False
        self.query_one(Input).focus()
        self._tell()

    def _lines(self, width: int) -> list[Line]:
        lines = []
        for number, choice in enumerate(self._left):
            tick = "[x] " if choice.key in self.ticked else "[ ] "
            said = cut_middle(one_line(translate(choice.text)), max(10, width - len(tick)), self.app.glyphs.more)
            lines.append(Line(((tick, "line--key"), (said, "line--text")), item=number))
        return lines

    def _tell(self) -> None:
        said = _("{count} ticked; space ticks, enter reads, esc cancels").format(count=len(self.ticked))
        self.query_one("#told", Static).update(translate(said))

    @on(Input.Changed)
    def _narrow(self, message: Input.Changed) -> None:
        message.stop()
        words = message.value.casefold().split()
        self._left = [c for c in self._all if all(w in f"{translate(c.text)} {c.key}".casefold() for w in words)]
        self.query_one(PickList).renew()
        self.query_one(PickList).move(0)

    def action_move(self, step: int) -> None:
        self.query_one(PickList).action_move(step)

    def action_page(self, pages: int) -> None:
        self.query_one(PickList).action_page(pages)

    @on(_Narrow.Ticked)
    def _tick(self) -> None:
        if self._left:
            self.ticked ^= {self._left[self.query_one(PickList).cursor].key}
            self.query_one(PickList).renew()
            self._tell()

    @on(Input.Submitted)
    def _read(self) -> None:
        """What is ticked; with nothing ticked, what is under the cursor."""
        if not self.ticked and self._left:
            self.ticked = {self._left[self.query_one(PickList).cursor].key}
        self.dismiss(frozenset(self.ticked) or None)

    @on(PickList.Picked)
    def _picked(self, message: PickList.Picked) -> None:
        message.stop()
        self._tick()
