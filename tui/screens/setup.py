"""The first start: some questions, the config file that would answer them, and a login to try, on one screen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from kedge.config import ConfigFileError
from kedge.first_start import Answers, FoundConfig, config_text, try_login, write_config
from kedge.i18n import Text, _, translate
from kedge.printable import one_line, printable
from kedge.prompter import Prompter
from tui.aside import aside
from tui.screens.dialog import Dialog

FIELDS: tuple[tuple[str, Text], ...] = (
    ("name", _("site")),
    ("kubeconfig", _("kubeconfig")),
    ("context", _("context")),
    ("user", _("SSH user")),
    ("jump", _("jump host")),
    ("edge", _("an edge")),
    ("address", _("its address")),
)


class SetupScreen(Dialog[str]):
    """Dismissed with the name of the site once the file is written; None leaves everything as it is.

    Args:
        found: the kubeconfigs of this machine. path: where the file would be. prompter: asks about host keys.
    """

    def __init__(self, found: Sequence[FoundConfig], path: Path, prompter: Prompter) -> None:
        super().__init__()
        self._found, self._path, self._prompter = tuple(found), path, prompter

    def compose(self) -> ComposeResult:
        usable = next((one for one in self._found if one.problem is None), None)
        first = {
            "name": "site",
            "kubeconfig": str(usable.path) if usable is not None else "",
            "context": usable.contexts[0] if usable is not None else "",
            "user": os.environ.get("USER", ""),
        }
        with Vertical(id="box", classes="setup"):
            yield Static(translate(_("No site is set up yet")), classes="title", markup=False)
            with VerticalScroll(id="fields"):
                yield Static(self._what_was_found(), id="found", markup=False)
                for name, label in FIELDS:
                    with Horizontal(classes="field"):
                        yield Static(translate(label), classes="label", markup=False)
                        yield Input(first.get(name, ""), id=f"setup-{name}", compact=True)
                yield Static("", id="file", markup=False)
            hint = _("tab moves on; enter presses a button; esc leaves all as it is")
            yield Static(translate(hint), id="state", markup=False)
            with Horizontal(id="buttons"):
                yield Button(translate(_("Cancel")), id="cancel", compact=True)
                yield Button(translate(_("Try the login")), id="try", compact=True)
                yield Button(translate(_("Write this file")), id="write", compact=True)

    def _what_was_found(self) -> str:
        if not self._found:
            return translate(_("No kubeconfig was found; give the path of one"))
        lines = []
        for one in self._found:
            said = _("{file}: {problem}").format(file=str(one.path), problem=", ".join(one.contexts))
            lines.append(one_line(translate(one.problem or said)))
        return "\n".join(lines)

    def on_mount(self) -> None:
        self._show_file()
        self.query_one("#setup-name").focus()

    @property
    def answers(self) -> Answers:
        """As the fields stand."""
        fields = {name: self.query_one(f"#setup-{name}", Input).value.strip() for name, _label in FIELDS}
        return Answers(**fields)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._show_file()

    def _show_file(self) -> None:
        head = translate(_("{file} would say:").format(file=str(self._path)))
        self.query_one("#file", Static).update(f"{one_line(head)}\n{printable(config_text(self.answers))}")

    def _say(self, text: Text | str) -> None:
        self.query_one("#state", Static).update(one_line(translate(text)))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#try")
    @work(exclusive=True, group="setup", exit_on_error=False)
    async def _try(self) -> None:
        answers = self.answers
        self._say(_("trying {host}").format(host=answers.edge or "-"))
        self._say(await try_login(answers, self._prompter))

    @on(Button.Pressed, "#write")
    @work(exclusive=True, group="setup", exit_on_error=False)
    async def _write(self) -> None:
        answers = self.answers
        text = config_text(answers)
        try:
            await aside(lambda: write_config(self._path, text))
        except ConfigFileError as error:
            self._say(error.text)
        else:
            self.dismiss(answers.name or "site")
