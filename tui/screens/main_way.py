"""Finding one's way on the main screen: the filter, the ``:`` commands, and back and forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import work
from textual.widgets import Static

from kedge import typed
from kedge.i18n import Text, _, ngettext, translate
from kedge.printable import one_line
from tui import commands, filtering
from tui.aside import aside
from tui.screens.main_panes import MainPanes
from tui.widgets.command_line import CommandLine

if TYPE_CHECKING:
    from tui.index import PictureIndex
    from tui.screens.main import MainScreen

TRAIL_MOST = 100


class MainWay(MainPanes):
    """The part of the main screen that leads from one place to another."""

    def __init__(self) -> None:
        super().__init__()
        self._trail: list[str] = []
        self._trail_at = -1
        self._filter = ""
        self._terms: tuple[filtering.Term, ...] = ()

    if TYPE_CHECKING:

        def say(self, text: Text, severity: str = "information") -> None:
            """One sentence in a toast."""

    # ------------------------------------------------------------------------------------------- back, forward

    def _forget_trail(self) -> None:
        self._trail, self._trail_at = [], -1

    def _been_at(self, component: str) -> None:
        """Remember a place, unless back or forward led there."""
        if self._trail_at < 0 or self._trail[self._trail_at] != component:
            self._trail = [*self._trail[: self._trail_at + 1], component][-TRAIL_MOST:]
            self._trail_at = len(self._trail) - 1

    def action_back(self) -> None:
        self._walk(-1)

    def action_forward(self) -> None:
        self._walk(1)

    def _walk(self, step: int) -> None:
        place = self._trail_at + step
        if 0 <= place < len(self._trail):
            self._trail_at = place
            self.tree_view.select(self._trail[place])

    # -------------------------------------------------------------------------------------- filter, command

    @work(group="typed", exclusive=True, exit_on_error=False)
    async def remember_typed(self) -> None:
        """Offer what was typed in earlier sessions, and keep what is typed in this one."""
        line = self.query_one(CommandLine)
        line.keep = self._keep_typed
        line.remember(await aside(typed.past))

    def _keep_typed(self, prompt: str, text: str) -> None:
        if prompt != ":" or commands.is_remembered(text):
            self.run_worker(aside(lambda: typed.keep(prompt, text)), group="keep", exit_on_error=False)

    def action_filter(self) -> None:
        line = self.query_one(CommandLine)
        line.ask("/", self._filter, typed=self._set_filter, done=self._set_filter, hint=filtering.hint)

    def action_command(self) -> None:
        self.app.learn_contexts()
        main = cast("MainScreen", self)
        self.query_one(CommandLine).ask(
            ":",
            "",
            done=self.run_command,
            complete=lambda typed: commands.completions(typed, main),
            hint=lambda typed: commands.hint(typed, main),
        )

    def _tell_sifted(self) -> None:
        """Above the tree: what is left out, and why."""
        tree, line = self.tree_view, self.query_one("#sifted", Static)
        why = [translate(_("faults only"))] if tree.faults_only else []
        why += [f"/{self._filter}"] if self._filter else []
        hidden = ngettext("{count} hidden", "{count} hidden", "count").format(count=tree.hidden)
        line.update(one_line(", ".join([*why, translate(hidden)])))
        line.display = bool(why)

    def _set_filter(self, text: str) -> None:
        self._filter = text.strip()
        self._apply_filter()
        self._tell_sifted()

    def _keeper(self, index: PictureIndex) -> filtering.Keep | None:
        """The filter for a picture; the one before stays while what is typed cannot be understood."""
        try:
            self._terms = filtering.parse(self._filter)
        except filtering.FilterError as error:
            self.query_one(CommandLine).note(translate(error.text))
        return filtering.keeper(self._terms, index)

    def _apply_filter(self) -> None:
        if self.index is None:
            return
        line = self.query_one(CommandLine)
        line.note(filtering.hint(self._filter))
        self.tree_view.filter(self._keeper(self.index))
        if self._filter and not line.noted:
            count = ngettext("{count} match", "{count} matches", "count").format(count=self.tree_view.found)
            line.note(translate(count))

    def run_command(self, text: str) -> None:
        """Run what was typed after the colon."""
        name, _space, rest = text.strip().partition(" ")
        if not name:
            return
        command = commands.find(name)
        if command is None:
            known = ", ".join(sorted(commands.COMMANDS))
            self.say(_("There is no command `{name}`; there are: {known}").format(name=name, known=known), "warning")
            return
        command.run(cast("MainScreen", self), rest.strip())
