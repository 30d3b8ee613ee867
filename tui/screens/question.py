"""A question of a link: trust this host key? which password? It names the host and never shows a secret."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from kedge.i18n import _, translate
from kedge.printable import printable
from kedge.prompter import Question, Reply
from tui.screens.dialog import Dialog


class QuestionScreen(Dialog[Reply]):
    """Dismissed with the reply; None means refused."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "accept", translate(_("yes")), id="question.accept"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="question"):
            yield Static(
                translate(_("Question from {host}").format(host=self._question.host)), classes="title", markup=False
            )
            yield Static(printable(translate(self._question.text)), markup=False)
            if self._question.is_secret:
                yield Input(password=True, id="secret", compact=True)
                hint = _("enter answers, esc refuses; it is kept in memory only")
                yield Static(translate(hint), classes="hint", markup=False)
            with Horizontal(id="buttons"):
                yield Button(translate(_("No")), id="no", compact=True)
                if not self._question.is_secret:
                    yield Button(translate(_("Yes (y)")), id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#secret" if self._question.is_secret else "#no").focus()

    def action_accept(self) -> None:
        """Yes, where yes or no is the question."""
        if not self._question.is_secret:
            self.dismiss(Reply(True))

    @on(Button.Pressed, "#yes")
    def _yes(self) -> None:
        self.dismiss(Reply(True))

    @on(Button.Pressed, "#no")
    def _no(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted, "#secret")
    def _secret(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(Reply(True, event.value))
