"""``:mark``: mark many edge nodes at once, by a pattern or by the filter, so that ``f`` repairs them all."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from kedge.i18n import _
from tui.commands import TuiCommand, register

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


def mark(screen: MainScreen, pattern: str) -> None:
    """Mark the edge nodes that match; without a pattern those that the filter leaves in the tree."""
    index, tree = screen.index, screen.tree_view
    edges = index.edges if index is not None else frozenset[str]()
    if pattern:
        found = {f"edge/{edge}" for edge in edges if fnmatchcase(edge, pattern)}
    else:
        found = {row.id for row in tree.rows} & {f"edge/{edge}" for edge in edges}
    tree.mark_all(found)
    if not found:
        screen.say(_("No edge node matches"))


def _edges(screen: MainScreen) -> Iterable[str]:
    return screen.index.edges if screen.index is not None else ()


register(TuiCommand("mark", _("mark edge nodes; f then repairs them all"), mark, "[PATTERN]", _edges))
