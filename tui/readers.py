"""The readers that open above the main screen: evidence, explanations, objects, history, help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App
from textual.command import CommandPalette, SearchIcon

from kedge.i18n import Text, _, translate
from tui.aside import aside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kedge.audit import Entry, History
    from kedge.model import Finding
    from kedge.objects import Thing
    from kedge.picture import ComponentView
    from kedge.workbench import Options, Workbench
    from tui.glyphs import Glyphs
    from tui.screens.main import MainScreen


class Palette(CommandPalette):
    """Textual's, in the language of the rest and without a character that terminals draw in different widths."""

    def on_mount(self) -> None:
        self.query_one(SearchIcon).icon = ">"


class Readers(App[Any]):
    """The part of the application that opens them; each is imported when it is first needed."""

    if TYPE_CHECKING:
        workbench: Workbench | None
        main: MainScreen
        glyphs: Glyphs

        options: Options

        def switch(self, *, site: str = "", context: str = "") -> None:
            """Open another site."""

        def say(self, text: Text | str, severity: str = "information") -> None:
            """One sentence in a toast."""

    def show_evidence(self, finding: Finding) -> None:
        """The raw observations behind a finding."""
        from tui.screens.evidence import EvidenceScreen

        self.push_screen(EvidenceScreen(finding))

    def show_object(self, view: ComponentView, look: str) -> None:
        """The object of Kubernetes behind a component; asks which where there are several."""
        from kedge.workbench import NothingOpen
        from tui.screens.object import ObjectScreen, WhichObject

        try:
            objects = self.workbench.objects() if self.workbench is not None else None
        except NothingOpen as error:
            self.say(str(error), "warning")
            return
        things = objects.of(view.id, view.target) if objects is not None else ()

        def show(thing: Thing | None) -> None:
            if thing is not None and objects is not None and self.main.index is not None:
                findings = self.main.index.about(view.id)
                self.push_screen(ObjectScreen(objects, thing, look, findings, lambda: self._changes_of(view)))

        if len(things) > 1:
            self.push_screen(WhichObject(things), show)
        elif things:
            show(things[0])
        else:
            self.say(_("There is no single object of Kubernetes behind this; stand on a part of it"))

    def explain(self, finding: Finding) -> None:
        """What a check means, offline."""
        from tui.screens.explain import ExplainScreen

        site = self.workbench.site if self.workbench is not None else None
        checks = site.engine.registry.checks if site is not None else ()
        doc = next((check.doc for check in checks if check.code == finding.code), "")
        self.push_screen(ExplainScreen(finding, doc))

    @work(group="setup", exclusive=True, exit_on_error=False)
    async def set_up(self) -> None:
        """The first start: look for kubeconfigs, ask, show the file, write it, and open the site."""
        from kedge.config import config_path
        from kedge.first_start import found_configs
        from tui.prompting import TuiPrompter
        from tui.screens.setup import SetupScreen

        found = await aside(lambda: found_configs(os.environ, Path.home()))
        path = config_path(self.options.config)
        prompter = TuiPrompter(self, accept_new_host_keys=self.options.accept_new_host_keys)
        site = await self.push_screen_wait(SetupScreen(found, path, prompter))
        if site:
            self.say(_("Written to {path}").format(path=path))
            self.switch(site=site)

    def action_command_palette(self) -> None:
        """Once only, whatever stands above it, and without Textual's fixed id: one may still be being taken down."""
        if not any(isinstance(screen, CommandPalette) for screen in self.screen_stack):
            self.push_screen(Palette(placeholder=translate(_("type a part of what you want to do"))))

    def show_keys(self) -> None:
        """Every key with its id."""
        from tui.screens.keys import KeysScreen

        self.push_screen(KeysScreen())

    def show_help(self) -> None:
        """The keys of what has the focus."""
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    @work(group="history", exclusive=True, exit_on_error=False)
    async def show_history(self) -> None:
        """Every change made from this machine."""
        from tui.screens.history import HistoryScreen

        if (history := await self._history()) is None:
            return
        site = self.main.index.picture.site if self.main.index is not None else ""
        self.push_screen(HistoryScreen(history, site, self.glyphs))

    @work(group="history", exclusive=True, exit_on_error=False)
    async def show_report(self) -> None:
        """The incident in a few lines, as of now."""
        from tui.screens.report import ReportScreen

        if self.main.index is None:
            self.say(_("Nothing is known of the site yet"), "warning")
        elif (history := await self._history()) is not None:
            self.push_screen(ReportScreen(self.main.index.picture, history.entries))

    async def _changes_of(self, view: ComponentView) -> Sequence[Entry]:
        """What was changed from this machine at a component's machine, for a time line; none where none can be read."""
        from kedge.executor import Refused
        from kedge.workbench import NothingOpen

        index = self.main.index
        if index is None or self.workbench is None:
            return ()
        try:
            history = await self.workbench.history()
        except (Refused, NothingOpen):
            return ()  # :history says why
        mine = [entry for entry in history.entries if entry.intent.get("site") == index.picture.site]
        if view.target == "-":
            return [entry for entry in mine if entry.intent.get("target") not in index.edges]
        return [entry for entry in mine if entry.intent.get("target") == view.target]

    async def _history(self) -> History | None:
        """What was changed from this machine; None after saying why it cannot be read."""
        from kedge.audit import History
        from kedge.executor import Refused
        from kedge.workbench import NothingOpen

        try:
            return await self.workbench.history() if self.workbench is not None else History(())
        except (Refused, NothingOpen) as error:
            self.say(str(error), "warning")
            return None
