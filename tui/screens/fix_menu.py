"""``f``: the numbered fixes of what is selected; a digit picks one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from kedge.i18n import Text, _, translate
from kedge.model import Risk
from kedge.printable import one_line
from tui.screens.dialog import Dialog

MOST = 9


Choice = tuple[Text, Text | str, Risk, Any]
"""Title, where, risk, and what the menu is dismissed with."""


class FixMenu(Dialog[Any]):
    """Dismissed with what stands behind the chosen line, or None.

    Args:
        title: the question. note: what to know before answering it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "only", translate(_("choose the only one")), show=False, id="fixmenu.enter"),
    ]

    def __init__(self, fixes: Sequence[Choice], title: Text | None = None, note: Text | None = None) -> None:
        super().__init__()
        self._fixes = tuple(fixes[:MOST])
        self._title = title or _("Which fix?")
        self._note = note

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="box", classes="menu"):
            yield Static(one_line(translate(self._title)), classes="title", markup=False)
            if self._note is not None:
                yield Static(translate(self._note), classes="hint", markup=False)
            for number, (title, where, risk, _value) in enumerate(self._fixes, 1):
                line = _("{number}  {title} ({target})   risk: {risk}").format(
                    number=number, title=title, target=where, risk=risk.value
                )
                yield Static(one_line(translate(line)), markup=False)
            hint = _("press its number; the change is shown before anything is done; esc cancels")
            yield Static(translate(hint), classes="hint", markup=False)

    def on_key(self, event: events.Key) -> None:
        """A digit picks."""
        if event.key.isdigit() and 1 <= int(event.key) <= len(self._fixes):
            event.stop()
            self.dismiss(self._fixes[int(event.key) - 1][-1])

    def action_only(self) -> None:
        """Enter picks when there is nothing to choose from."""
        if len(self._fixes) == 1:
            self.dismiss(self._fixes[0][-1])
