"""The Textual application: it opens a site in the background and wires screens to the workbench.

The first frame comes before anything slow is imported or dialled; every call to the workbench runs in a
worker, so the event loop never waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text as RichText
from textual import on, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender

from kedge.i18n import Text, _, translate
from kedge.model import Finding, Status
from kedge.printable import printable
from kedge.proposals import Proposal
from tui import commands, themes
from tui.aside import aside
from tui.errors import Guarded, describe
from tui.glyphs import Glyphs, PlainBars
from tui.handing_out import HandsOut
from tui.key_order import OrderedKeys
from tui.readers import Readers
from tui.reloading import Reloads
from tui.repairing import Repairs
from tui.screens.main import MainScreen
from tui.screens.too_small import TooSmall, fits
from tui.widgets.header_bar import SLOW_TICK, Clock, utc_now

if TYPE_CHECKING:
    from kedge.prompter import Prompter, Reply
    from kedge.workbench import Options, Workbench
    from tui.repair import Repair
    from tui.screens.question import QuestionScreen

log = logging.getLogger(__name__)

TOAST_AGAIN = 10.0
"""Seconds in which the same failure is told once; the log has every one."""

REOPEN_FIRST, REOPEN_MOST = 1.0, 30.0
"""Seconds before a site that ended by a mistake of ours is opened again; doubled every time."""


class KedgeApp(Guarded, Repairs, Reloads, HandsOut, Readers, OrderedKeys):
    """kedge-tui.

    Args:
        options: what the command line says.
        log_path: where the log file is, for sentences that point to it; None when none is written.
        clock: tells the header how late it is.
        make: makes the workbench for options and a prompter; None for the real one.

    Attributes:
        failures: what handlers and workers raised, oldest first; each was shown and logged.
        repairs: changes that are being applied or verified.
        contexts: names that ``:ctx`` offers, as the kubeconfig had them when ``:`` was last pressed.
    """

    CSS_PATH = Path(__file__).with_name("kedge.tcss")
    TITLE = "kedge-tui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", translate(_("nothing: q quits")), show=False, system=True, id="app.interrupt"),
        Binding("f9", "mouse", translate(_("give the mouse to the terminal, and back")), show=False, id="app.mouse"),
        Binding("ctrl+q", "leave", translate(_("quit")), show=False, system=True, id="app.leave"),
    ]

    def __init__(
        self,
        options: Options,
        *,
        log_path: Path | None = None,
        clock: Clock = utc_now,
        make: Callable[[Options, Prompter], Workbench] | None = None,
    ) -> None:
        super().__init__()
        self.options = options
        self.glyphs = Glyphs(options.ascii_only)
        if options.low_bandwidth:
            self.animation_level = "none"
        self.workbench: Workbench | None = None
        self.main = MainScreen(self.glyphs, clock, SLOW_TICK if options.low_bandwidth else 1.0)
        self.failures: list[BaseException] = []
        self.repairs: set[Repair] = set()
        self.contexts: tuple[str, ...] = ()
        self._log_path = log_path
        self._make = make
        self._told: dict[str, float] = {}

    def on_mount(self) -> None:
        for theme in themes.OWN:
            self.register_theme(theme)
        if self.glyphs.ascii_only:
            self.add_class("-ascii")
        ScrollBar.renderer = PlainBars if self.glyphs.ascii_only else ScrollBarRender
        asyncio.get_running_loop().set_exception_handler(self._loop_failed)
        self.push_screen(self.main)
        self.call_after_refresh(self.open_site)
        self.follow_config()

    # ---------------------------------------------------------------------------------------------- the site

    @work(exclusive=True, group="site", exit_on_error=False)
    async def open_site(self) -> None:
        """Open the chosen site and keep it open; one that ends by a mistake of ours is opened again."""
        wait = REOPEN_FIRST
        while await self._open_once():
            await asyncio.sleep(wait)
            wait = min(wait * 2, REOPEN_MOST)

    async def _open_once(self) -> bool:
        """True when it should be tried again; a file that cannot be used is a sentence on the screen."""
        from kedge.config import ConfigFileError
        from kedge.links.kubeconfig_yaml import ConfigError, NoConfigError
        from kedge.recording import RecordingError
        from kedge.workbench import Workbench
        from tui.prompting import TuiPrompter

        if self.workbench is not None:
            await self.main.close_panes()
            await self.workbench.close()
        if self.main.index is None:
            self.main.opening(self.options.site)
        self.main.header.recorded = bool(self.options.recording)
        prompter = TuiPrompter(self, accept_new_host_keys=self.options.accept_new_host_keys)
        workbench = self.workbench = (self._make or Workbench)(self.options, prompter)
        try:
            await workbench.open(self.main.show)
            self.use_config(workbench.config)
            self.look_for_unfinished(workbench)
            await workbench.ended()
        except (ConfigFileError, ConfigError, RecordingError) as error:
            self.main.cannot_open(error.text)
            if isinstance(error, NoConfigError) and self._first_start():
                self.set_up()
        except Exception as error:  # noqa: BLE001 - shown and logged; the site is opened again
            self.failed(error, "site")
            return True
        return False

    def _first_start(self) -> bool:
        """True when nothing names a site: neither the command line nor a config file."""
        named = self.options.site, self.options.config, self.options.kubeconfig, self.options.context
        return not any(named) and self.workbench is not None and self.workbench.config.path is None

    def switch(self, *, site: str = "", context: str = "") -> None:
        """Open another site or context instead; works while the present one is dead."""
        if self.repairs:
            self.say(_("A fix is running; wait for it or stop it first"), "warning")
        elif f"{site}{context}" == "":
            self.say(_("Which one? Type its name after the command"), "warning")
        else:
            self.options = replace(self.options, site=site or self.options.site, context=context, recording="")
            self.main.opening(site or context)
            self.open_site()

    @work(group="contexts", exclusive=True, exit_on_error=False)
    async def learn_contexts(self) -> None:
        """Read which contexts there are; works while the present one is dead."""
        from kedge.workbench import context_names

        options = self.options
        self.contexts = await aside(lambda: context_names(options))

    @property
    def where(self) -> str:
        """Site and context, for the title of whatever changes something."""
        picture = self.main.index.picture if self.main.index is not None else None
        return f"{picture.site} / {picture.context or '-'}" if picture is not None else "-"

    def look_at(self, targets: Iterable[str]) -> None:
        """Tell the site which hosts are on the screen."""
        if self.workbench is not None and self.workbench.site is not None:
            self.workbench.site.look_at(targets)

    def proposals(self, finding: Finding) -> tuple[Proposal, ...]:
        """The fixes of a finding."""
        return self.workbench.proposals(finding) if self.workbench is not None else ()

    @work(group="rerun", exit_on_error=False)
    async def rerun(self, targets: Sequence[str] | None) -> None:
        """Ask hosts again now; None for all of them."""
        if self.workbench is not None and self.workbench.site is not None:
            await self.workbench.site.rerun(targets)

    def run_intrusive(self, finding: Finding) -> bool:
        """Offer to run a check that no sweep runs; False for any other, which ``r`` asks again as usual."""
        warning = self.workbench.intrusive(finding) if self.workbench is not None else None
        if warning is not None:
            self._run_intrusive(finding, warning)
        return warning is not None

    @work(group="intrusive", exclusive=True, exit_on_error=False)
    async def _run_intrusive(self, finding: Finding, warning: Text) -> None:
        """Once, after a person has read what may come of it."""
        from tui.screens.confirm import Confirm

        title = _("Run {code} on {target}?").format(code=finding.code, target=finding.target)
        if await self.push_screen_wait(Confirm(title, warning, _("Run it once"))) and self.workbench is not None:
            for found in await self.workbench.run_intrusive(finding):
                self.say(found.text, "information" if found.status is Status.PASS else "warning")

    def make_read_only(self) -> None:
        """Change nothing from now on."""
        if self.workbench is not None:
            self.workbench.read_only = True
            if self.workbench.site is not None:
                self.workbench.site.changed()
        self.options = replace(self.options, read_only=True)
        self.say(_("Read-only from now on"))

    # ------------------------------------------------------------------------------------------------ dialogs

    async def ask(self, question: QuestionScreen) -> Reply | None:
        """Show a question and wait for its answer; callable from any task of the loop."""
        reply: Reply | None = await self.answer_of(question)
        return reply

    def answer_of(self, dialog: Screen[Any]) -> asyncio.Future[Any]:
        """Show a dialog; what it is dismissed with."""
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def answer(reply: Any) -> None:
            if not answered.done():
                answered.set_result(reply)

        self.push_screen(dialog, answer)
        return answered

    def back_to_main(self) -> None:
        """Close every screen above the main one; dialogs never leave it this way."""
        while self.screen is not self.main and len(self.screen_stack) > 1:
            self.pop_screen()

    def say(self, text: Text | str, severity: str = "information") -> None:
        """One sentence in a toast; never markup."""
        level = severity if severity in ("warning", "error") else "information"
        self.notify(printable(translate(text)), severity=level, markup=False)  # type: ignore[arg-type]

    def get_key_display(self, binding: Binding) -> str:
        """As Textual draws keys; with --ascii by their names."""
        if self.glyphs.ascii_only and not binding.key_display:
            return binding.key.replace("ctrl+", "^")
        return super().get_key_display(binding)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What ctrl+p offers: the commands that need no argument, and the themes."""
        for command in commands.COMMANDS.values():
            if not command.argument:
                run = command.run
                yield SystemCommand(command.name, translate(command.help), lambda run=run: run(self.main, ""))
        for name in themes.NAMES:
            said = _("use the {name} theme").format(name=name)
            yield SystemCommand(
                f"theme {name}", translate(said), lambda name=name: self.main.run_command(f"theme {name}")
            )

    @on(Resize)
    def _sized(self, event: Resize) -> None:
        """Below the least size a message stands over everything."""
        if isinstance(self.screen, TooSmall):
            if fits(event.size):
                self.pop_screen()
            else:
                self.screen.tell(event.size)
        elif not fits(event.size):
            self.push_screen(TooSmall())

    # ----------------------------------------------------------------------------------------------- failures

    def failed(self, error: BaseException, where: str) -> None:
        """Something raised that should not have: a sentence on the screen, everything in the log."""
        self.failures.append(error)
        log.error("%s failed", where, exc_info=error)
        if not (self.is_running and self.main.is_attached):
            self._give_up(error)
            return
        now = asyncio.get_running_loop().time()
        sentence = self._failure_sentence(error)
        if now - self._told.get(str(sentence), -TOAST_AGAIN) >= TOAST_AGAIN:
            self._told[str(sentence)] = now
            self.say(sentence, "error")

    def _failure_sentence(self, error: BaseException) -> Text:
        if self._log_path is None:
            return _("Something in kedge-tui failed ({error}); the rest goes on").format(error=describe(error))
        said = _("Something in kedge-tui failed ({error}); the rest goes on. The details are in {path}")
        return said.format(error=describe(error), path=self._log_path)

    def _handle_exception(self, error: Exception) -> None:
        """What Textual itself catches, and would end the program for."""
        self.failed(error, "textual")

    def _give_up(self, error: BaseException) -> None:
        """There is no screen to show it on: the program ends, with a sentence instead of a traceback."""
        if isinstance(error, Exception):
            self._exception = error  # tests see what it was
            self._exception_event.set()
        self._return_code = 1
        self._exit_renderables.append(RichText(translate(self._failure_sentence(error))))
        self._close_messages_no_wait()

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.failed(error, str(context.get("message", "event loop")))
        else:
            log.error("event loop: %s", context.get("message"))

    # ------------------------------------------------------------------------------------------------ the end

    def action_interrupt(self) -> None:
        """ctrl+c never quits."""
        self.say(_("Press q to quit"))

    def action_help_quit(self) -> None:
        """What Textual binds to ctrl+c."""
        self.action_interrupt()

    async def action_quit(self) -> None:
        """However Textual is asked to quit."""
        self.leave()

    def action_leave(self) -> None:
        self.leave()

    def leave(self) -> None:
        """Quit; asks only while a fix is running or a pane holds something of the person's."""
        if self.repairs:
            self.leave_after_fix()
        elif self.main.live_panes:
            self.leave_panes()
        else:
            self.exit(0)

    @work(group="leave", exclusive=True, exit_on_error=False)
    async def leave_panes(self) -> None:
        """What still runs in panes would end with the program."""
        from tui.screens.confirm import Confirm

        titles = ", ".join(pane.title for pane in self.main.live_panes)
        text = _("Still running: {titles}. Quitting ends it.").format(titles=titles)
        if await self.push_screen_wait(Confirm(_("Something is still running"), text, _("Quit"))):
            self.exit(0)

    async def on_unmount(self) -> None:
        if self.workbench is not None:
            await self.workbench.close()


def run(*, log_level: str = "info", **options: object) -> int:
    """Open the screen; what ``kedge-tui`` without a command does."""
    from kedge import logging_setup
    from kedge.workbench import Options

    written = logging_setup.setup(logging.getLevelNamesMapping()[log_level.upper()])
    app = KedgeApp(Options(**options), log_path=written.path)  # type: ignore[arg-type]
    if written.problem is not None:
        problem = written.problem
        app.call_later(lambda: app.say(problem, "warning"))
    try:
        code = app.run()
        return app.return_code or code or 0
    finally:
        logging_setup.close()
