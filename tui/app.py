"""The Textual application: it opens a site in the background and wires screens to the workbench.

The first frame comes before anything slow is imported or dialled; every call to the workbench runs in a
worker, so the event loop never waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType

from kedge.i18n import Text, _, translate
from kedge.model import Finding
from kedge.picture import Picture
from kedge.printable import printable
from kedge.proposals import Proposal
from tui.glyphs import Glyphs
from tui.screens.main import MainScreen
from tui.widgets.header_bar import HeaderBar

if TYPE_CHECKING:
    from kedge.prompter import Reply
    from kedge.workbench import Options, Workbench
    from tui.screens.question import QuestionScreen

log = logging.getLogger(__name__)


class KedgeApp(App[int]):
    """kedge-tui."""

    CSS_PATH = "kedge.tcss"
    TITLE = "kedge-tui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", translate(_("interrupt")), show=False, priority=False, id="app.interrupt"),
    ]

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        self.glyphs = Glyphs(options.ascii_only)
        self.workbench: Workbench | None = None
        self.main = MainScreen(self.glyphs)

    def on_mount(self) -> None:
        self.push_screen(self.main)
        self.call_after_refresh(self.open_site)

    # ---------------------------------------------------------------------------------------------- the site

    @work(exclusive=True, group="site", exit_on_error=False)
    async def open_site(self) -> None:
        """Open the chosen site; a file that cannot be used is a sentence on the screen, not the end."""
        from kedge.config import ConfigFileError  # noqa: PLC0415 - after the first frame
        from kedge.links.kubeconfig_yaml import ConfigError  # noqa: PLC0415
        from kedge.recording import RecordingError  # noqa: PLC0415
        from kedge.workbench import Workbench  # noqa: PLC0415
        from tui.prompting import TuiPrompter  # noqa: PLC0415

        self.main.query_one(HeaderBar).opening(self.options.site)
        prompter = TuiPrompter(self, accept_new_host_keys=self.options.accept_new_host_keys)
        self.workbench = Workbench(self.options, prompter)
        try:
            await self.workbench.open(self.main.show)
        except (ConfigFileError, ConfigError, RecordingError) as error:
            self.main.cannot_open(error.text)

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

    def make_read_only(self) -> None:
        """Change nothing from now on."""
        if self.workbench is not None:
            self.workbench.read_only = True
            if self.workbench.site is not None:
                self.workbench.site.changed()

    # ------------------------------------------------------------------------------------------------ dialogs

    @work(group="dialog", exit_on_error=False)
    async def choose_fix(self, fixes: Sequence[Proposal]) -> None:
        """Let the person pick a numbered fix, then show, confirm, apply and verify it."""
        from tui.screens.fix import FixScreen  # noqa: PLC0415 - only when first needed
        from tui.screens.fix_menu import FixMenu  # noqa: PLC0415

        chosen = await self.push_screen_wait(FixMenu(fixes))
        if chosen is not None and chosen.plan is not None and self.workbench is not None:
            await self.push_screen_wait(FixScreen(self.workbench, chosen.plan, self.glyphs))

    async def ask(self, question: QuestionScreen) -> Reply | None:
        """Show a question and wait for its answer; callable from any task of the loop."""
        answered: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self.push_screen(question, lambda reply: answered.cancelled() or answered.set_result(reply))
        return await answered

    def show_evidence(self, finding: Finding) -> None:
        """The raw observations behind a finding."""
        from tui.screens.evidence import EvidenceScreen  # noqa: PLC0415

        self.push_screen(EvidenceScreen(finding))

    def explain(self, finding: Finding) -> None:
        """What a check means, offline."""
        from tui.screens.explain import ExplainScreen  # noqa: PLC0415

        site = self.workbench.site if self.workbench is not None else None
        checks = site.engine.registry.checks if site is not None else ()
        doc = next((check.doc for check in checks if check.code == finding.code), "")
        self.push_screen(ExplainScreen(finding, doc))

    def show_help(self, screen: MainScreen) -> None:
        """The keys of what has the focus."""
        from tui.screens.help import HelpScreen  # noqa: PLC0415

        self.push_screen(HelpScreen(screen))

    def say(self, text: Text | str, severity: str = "information") -> None:
        """One sentence in a toast; never markup."""
        level = severity if severity in ("warning", "error") else "information"
        self.notify(printable(translate(text)), severity=level, markup=False)  # type: ignore[arg-type]

    def copy(self, text: str) -> None:
        """Copy to the terminal's clipboard and say so."""
        self.copy_to_clipboard(text)
        self.say(_("Copied {count} characters to the terminal's clipboard").format(count=len(text)))

    # ------------------------------------------------------------------------------------------------ the end

    def action_interrupt(self) -> None:
        """ctrl+c never quits."""
        self.say(_("Press q to quit"))

    def leave(self) -> None:
        """Quit; everything that was opened is closed by :meth:`on_unmount`."""
        self.exit(0)

    async def on_unmount(self) -> None:
        if self.workbench is not None:
            await self.workbench.close()


def run(**options: object) -> int:
    """Open the screen; what ``kedge-tui`` without a command does."""
    from kedge.workbench import Options  # noqa: PLC0415

    return KedgeApp(Options(**options)).run() or 0  # type: ignore[arg-type]
