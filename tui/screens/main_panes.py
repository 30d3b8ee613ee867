"""The main screen's dealings with the dock: opening, closing, leaving and enlarging panes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from kedge.i18n import Text, _, translate
from kedge.model import Finding
from tui.errors import Guarded
from tui.panes import KINDS
from tui.panes.base import Pane
from tui.widgets.component_tree import ComponentTree
from tui.widgets.details import Details
from tui.widgets.pane_dock import PaneDock

if TYPE_CHECKING:
    from kedge.model import Finding
    from tui.app import KedgeApp
    from tui.index import PictureIndex
    from tui.screens.main import MainScreen

PANE_ACTIONS = frozenset({"enlarge", "close_pane", "next_pane", "pane_before"})

ROOMY = (100, 30)
"""Columns and rows from which on a pane opens beside the tree; on less it fills the screen at once."""


class MainPanes(Guarded, Screen[None]):
    """The part of the main screen that is about panes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "enlarge", translate(_("enlarge the pane")), show=False, key_display="+", id="dock.enlarge"),
        Binding("X", "close_pane", translate(_("close the pane")), show=False, id="dock.close"),
        Binding(
            "right_curly_bracket", "next_pane", translate(_("next pane")), show=False, key_display="}", id="dock.next"
        ),
        Binding(
            "left_curly_bracket",
            "pane_before",
            translate(_("pane before")),
            show=False,
            key_display="{",
            id="dock.before",
        ),
    ]

    app: KedgeApp
    index: PictureIndex | None

    @property
    def tree_view(self) -> ComponentTree:
        """The tree."""
        return self.query_one(ComponentTree)

    @property
    def dock(self) -> PaneDock:
        """The panes."""
        return self.query_one(PaneDock)

    @property
    def enlarged(self) -> bool:
        """True while the pane fills the screen."""
        return self.has_class("-enlarged")

    async def action_open_pane(self, name: str) -> None:
        """Open a kind of pane for what is selected; a sentence where there is none."""
        view = self.index.views.get(self.tree_view.cursor) if self.index is not None else None
        if view is None:
            self.app.say(_("There is nothing to open it for yet"))
            return
        made = KINDS[name].open(cast("MainScreen", self), view)
        if isinstance(made, Text):
            self.app.say(made, "warning")
        elif made is not None:
            await self.open_pane(made)

    async def open_pane(self, pane: Pane) -> None:
        """Show a pane, or the one that shows the same already."""
        there = self.dock.find(pane.key)
        width, height = self.app.size
        if width < ROOMY[0] or height < ROOMY[1]:
            self.add_class("-enlarged")
        if there is not None:
            self.dock.show(there)
        else:
            await self.dock.open(pane)
            if self.index is not None:
                pane.picture(self.index)
        self.refresh_bindings()

    @property
    def live_panes(self) -> tuple[Pane, ...]:
        """Panes that may not be ended without asking."""
        return self.dock.live if self._has_dock else ()

    @property
    def _has_dock(self) -> bool:
        return self.is_attached and bool(self.query(PaneDock))

    async def close_panes(self) -> None:
        """Another site is opened: nothing of this one stays."""
        if self._has_dock:
            await self.dock.close_all()

    def leave_pane(self) -> bool:
        """Give the focus back to the tree; True when a pane had it, or filled the screen."""
        if not (self.enlarged or self.dock.has_focus_within):
            return False
        self.remove_class("-enlarged")
        self.tree_view.focus()
        return True

    def action_enlarge(self) -> None:
        """Between a part of the screen and all of it."""
        self.toggle_class("-enlarged")
        active = self.dock.active
        if self.enlarged and active is not None:
            self.dock.show(active)

    def action_next_pane(self) -> None:
        self.dock.step(1)

    def action_pane_before(self) -> None:
        self.dock.step(-1)

    def action_close_pane(self) -> None:
        if (pane := self.dock.active) is not None:
            self.close_pane(pane)

    @work(group="dock", exit_on_error=False)
    async def close_pane(self, pane: Pane) -> None:
        """Close a pane; asks first where something of the person's would end."""
        if pane.live:
            from tui.screens.confirm import Confirm

            text = _("Closing {title} ends what runs in it.").format(title=pane.title)
            if not await self.app.push_screen_wait(Confirm(_("Close this pane"), text, _("Close it"))):
                return
        await self.dock.close(pane)
        self.refresh_bindings()

    def show_finding(self, finding: Finding) -> None:
        """Out of the pane, to a finding in the details."""
        self.leave_pane()
        self.tree_view.select(finding.component)
        self.call_after_refresh(self._select_finding, finding)

    def _select_finding(self, finding: Finding) -> None:
        details = self.query_one(Details)
        details.select(finding)
        details.focus()

    @on(PaneDock.Emptied)
    def _no_pane_left(self) -> None:
        self.remove_class("-enlarged")
        self.tree_view.focus()
        self.refresh_bindings()
