"""Small menus: a list to pick from, and a few ways to go on, each by its letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from kedge.i18n import Text, _, translate
from kedge.printable import one_line, printable
from tui.screens.dialog import Dialog
from tui.text_layout import Line, cut_middle
from tui.widgets.pick_list import PickList


class Choose(Dialog[int]):
    """Pick one of a list. Dismissed with its position, or None."""

    DEFAULT_CSS = "Choose PickList { height: auto; max-height: 70vh; }"

    def __init__(self, title: Text, entries: Sequence[str], more: str = "...") -> None:
        super().__init__()
        self._title_text, self._entries, self._more = title, entries, more

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="menu"):
            yield Static(translate(self._title_text), classes="title", markup=False)
            yield PickList(self._lines)
            yield Static(translate(_("enter opens; esc cancels")), classes="hint", markup=False)

    def on_mount(self) -> None:
        self.query_one(PickList).focus()

    def _lines(self, width: int) -> list[Line]:
        return [
            Line(((cut_middle(one_line(entry), width, self._more), "line--text"),), item=number)
            for number, entry in enumerate(self._entries)
        ]

    @on(PickList.Picked)
    def _picked(self, message: PickList.Picked) -> None:
        message.stop()
        self.dismiss(message.item)


@dataclass(frozen=True, slots=True)
class Letter:
    """One way to go on. ``key`` is Textual's name of it, ``shown`` how it is written, where that differs."""

    key: str
    text: Text
    shown: str = ""


class Letters(Dialog[str]):
    """A few ways to go on. Dismissed with the key of one, or None."""

    def __init__(self, title: Text, ways: Sequence[Letter], text: Text | None = None) -> None:
        super().__init__()
        self._title_text, self._ways, self._text = title, ways, text

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="box", classes="menu"):
            yield Static(one_line(translate(self._title_text)), classes="title", markup=False)
            if self._text is not None:
                yield Static(printable(translate(self._text)), markup=False)
                yield Static("", markup=False)
            for way in self._ways:
                yield Static(f"{way.shown or way.key:<8}{one_line(translate(way.text))}", markup=False)
            yield Static(translate(_("esc goes back")), classes="hint", markup=False)

    def on_key(self, event: events.Key) -> None:
        """A letter picks."""
        if any(event.key == way.key for way in self._ways):
            event.stop()
            self.dismiss(event.key)
