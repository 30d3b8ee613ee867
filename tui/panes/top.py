"""``t``: who uses what. An edge's machine where an edge is selected, the whole site elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedge.i18n import Text, _
from kedge.picture import ComponentView
from tui.panes import PaneKind, register

if TYPE_CHECKING:
    from tui.panes.base import Pane
    from tui.screens.main import MainScreen


def open_top(screen: MainScreen, view: ComponentView) -> Pane | Text:
    """The pane for what is selected."""
    from kedge.workbench import NothingOpen
    from tui.top.host_pane import HostPane
    from tui.top.pane import TopPane

    workbench = screen.app.workbench
    if workbench is None:
        return _("No site is open")
    try:
        desk = workbench.top
    except NothingOpen:
        return _("No site is open")
    if view.target != "-":
        return HostPane(screen, desk, view.target)
    return TopPane(screen, desk)


register(PaneKind("top", "t", _("top"), open_top))
