"""Changes on their way: chosen, shown, applied, verified, taken back, and not left in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App

from kedge.i18n import Text, _
from kedge.model import SITE, Approval
from kedge.proposals import Proposal

if TYPE_CHECKING:
    from textual.screen import Screen

    from kedge.audit import Entry
    from kedge.workbench import Workbench
    from tui.glyphs import Glyphs
    from tui.repair import Repair
    from tui.screens.main import MainScreen


class Repairs(App[Any]):
    """The part of the application that is about them."""

    if TYPE_CHECKING:
        workbench: Workbench | None
        main: MainScreen
        glyphs: Glyphs
        repairs: set[Repair]
        where: str

        def say(self, text: Text | str, severity: str = "information") -> None:
            """One sentence in a toast."""

        def answer_of(self, dialog: Screen[Any]) -> asyncio.Future[Any]:
            """Show a dialog and wait for what it is dismissed with."""

    def choose_fix(self, fixes: Sequence[Proposal]) -> None:
        """Let the person pick a numbered fix, then show, confirm, apply and verify it."""
        from tui.repair import Repair  # only when first needed
        from tui.screens.fix_menu import FixMenu

        def show(chosen: Proposal | None) -> None:
            if chosen is not None and self.workbench is not None:
                self._show_repair(Repair(self.workbench, chosen.plan))

        site = self.main.index.picture.site if self.main.index is not None else SITE
        targets = [p.plan.target if p.plan else SITE for p in fixes]
        rows = [(p.title, site if at == SITE else at, p.risk, p) for p, at in zip(fixes, targets, strict=True)]
        self.push_screen(FixMenu(rows), show)

    def undo(self, entry: Entry) -> None:
        """Preview taking a change back, if it is one of this site."""
        site = self.main.index.picture.site if self.main.index is not None else ""
        if entry.intent.get("site") != site:
            said = _("That change was made on site {site}; open it with :site first")
            self.say(said.format(site=entry.intent.get("site", "-")), "warning")
        elif self.workbench is not None:
            from tui.repair import Repair

            self._show_repair(Repair(self.workbench, None, entry.id))

    def _show_repair(self, repair: Repair) -> None:
        from tui.screens.fix import FixScreen

        self.push_screen(FixScreen(repair, self.where, self.glyphs))

    @work(group="repair", exit_on_error=False)
    async def look(self, repair: Repair) -> None:
        """Read what a change would do."""
        await repair.look()

    @work(group="repair", exit_on_error=False)
    async def apply(self, repair: Repair, approval: Approval) -> None:
        """Apply and verify; when nobody looks any more at the end, a toast tells it."""
        self.repairs.add(repair)
        try:
            await repair.apply(approval)
        finally:
            self.repairs.discard(repair)
        if repair.on_change is None:
            self.say(repair.text, "information" if repair.ended_well else "warning")

    @work(group="unfinished", exit_on_error=False)
    async def look_for_unfinished(self, workbench: Workbench) -> None:
        """At the start: a change of this site that was begun and never ended is shown before anything else."""
        from kedge.executor import Refused
        from kedge.workbench import NothingOpen

        try:
            history = await workbench.history()
        except NothingOpen:
            return
        except Refused as error:
            self.say(error.text, "warning")
            return
        site = workbench.site.engine.site.name if workbench.site is not None else ""
        mine = [entry for entry in history.unfinished() if entry.intent.get("site") == site]
        if not mine:
            return
        from tui.screens.confirm import Unfinished

        dialog = Unfinished(mine[0], len(mine) - 1, self.glyphs)
        answered = self.answer_of(dialog)
        try:
            dialog.found(await workbench.executor.find_out(mine[0].id))
        except Refused as error:
            dialog.cannot_find_out(error.text)
        if await answered == "undo":
            self.undo(mine[0])

    @work(group="leave", exclusive=True, exit_on_error=False)
    async def leave_after_fix(self) -> None:
        """Never in the middle of a step: what runs is brought to its end first."""
        from tui.screens.confirm import Confirm

        title, yes = _("A fix is running"), _("Stop and quit")
        text = _("Quitting begins no further step, waits for the one that is running, and does not verify it.")
        if await self.push_screen_wait(Confirm(title, text, yes)):
            for repair in self.repairs:
                repair.stop()
            await asyncio.gather(*(repair.applied() for repair in self.repairs))
            self.exit(0)
