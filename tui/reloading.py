"""The config file while the program runs: saved again, it counts at once; broken, what was read before stays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App

from kedge.config import ConfigFileError
from kedge.config_watch import Changed, ConfigWatch, compare
from kedge.i18n import Text, _
from tui import themes
from tui.aside import aside

if TYPE_CHECKING:
    from kedge.config import Config, KeyChoice
    from kedge.workbench import Options, Workbench
    from tui.repair import Repair
    from tui.screens.main import MainScreen

LOOK_SECONDS = 1.0

PROBLEMS_TOLD = 3
"""Toasts about a config file; more would cover the screen."""


class Reloads(App[Any]):
    """The part of the application that follows the config file."""

    _keys_of_config: tuple[tuple[str, str], ...] = ()
    _theme_of_config: str = ""

    if TYPE_CHECKING:
        options: Options
        workbench: Workbench | None
        main: MainScreen
        repairs: set[Repair]

        def say(self, text: Text | str, severity: str = "information") -> None:
            """One sentence in a toast."""

        def open_site(self) -> object:
            """Open the chosen site anew."""

        def make_read_only(self) -> None:
            """Change nothing from now on."""

    @work(group="config", exclusive=True, exit_on_error=False)
    async def follow_config(self) -> None:
        """Look at the file for as long as the program runs."""
        named = self.options.config
        watch = await aside(lambda: ConfigWatch(named))
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                config = await aside(watch.look)
            except ConfigFileError as error:
                self.say(_("{error}; the settings before stay").format(error=error.text), "warning")
                continue
            if config is not None:
                self._take(config)

    def _take(self, config: Config) -> None:
        from kedge.workbench import site_of

        workbench = self.workbench
        if workbench is None:
            return
        opened = workbench.site is not None
        name = site_of(self.options, config)
        changed = compare(workbench.config, config, site_of(self.options, workbench.config) if opened else name)
        workbench.config = config
        self.use_config(config)
        if not opened:
            self.open_site()  # it may have been this file that kept it from opening
            return
        self.say(_("The config file was read again: {what}").format(what=changed.text))
        for warning in config.warnings[:PROBLEMS_TOLD]:
            self.say(warning, "warning")
        self._site_changed(changed, name)

    def _site_changed(self, changed: Changed, name: str) -> None:
        """Other hosts need other connections: the site is opened again where nobody is in the middle of something."""
        if changed.gone:
            self.say(_("The open site is no longer in the config file; it stays open"), "warning")
            return
        if not changed.site:
            return
        if changed.config.sites[name].read_only and self.workbench is not None and not self.workbench.read_only:
            self.make_read_only()
        if self.repairs or self.main.dock.panes:
            self.say(_("The site has other settings now; `:site {name}` opens it with them").format(name=name))
        else:
            self.open_site()

    def use_config(self, config: Config) -> None:
        """Keys and theme as the file says, unless it says what it said before: ``:theme`` stays in force."""
        keys = tuple((choice.id, choice.keys) for choice in config.keys)
        if keys != self._keys_of_config:
            self._keys_of_config = keys
            self._use_keys(config.keys)
        if config.theme != self._theme_of_config:
            self._theme_of_config = config.theme
            self._use_theme(config.theme)

    def _use_theme(self, theme: str) -> None:
        name = themes.NAMES.get(theme, theme)
        if name in self.available_themes:
            self.theme = name
        elif name:
            known = ", ".join(themes.NAMES)
            said = _("The config file names the theme {name}, which there is not; there are: {known}")
            self.say(said.format(name=theme, known=known), "warning")

    def _use_keys(self, chosen: Sequence[KeyChoice]) -> None:
        """Bind what the config file binds otherwise; what cannot be had is said."""
        from tui.keymap import keymap_of

        keymap, problems = keymap_of(chosen)
        self.set_keymap(keymap)
        for problem in problems[:PROBLEMS_TOLD]:
            self.say(problem, "warning")
