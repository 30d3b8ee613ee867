"""Panes of the dock: logs, shells, top and whatever else registers.

Every module of this package is imported before the main screen, and registers what it can open. Keep them light:
import widgets and the engine's parts inside ``open``, so that the first frame waits for none of them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import Binding

from kedge.i18n import Text, translate

if TYPE_CHECKING:
    from kedge.picture import ComponentView
    from tui.panes.base import Pane
    from tui.screens.main import MainScreen


@dataclass(frozen=True, slots=True)
class PaneKind:
    """One way to open a pane from the main screen.

    Attributes:
        name: of the kind, and of its binding (``pane.NAME``). binding: the key.
        open: gets the screen and the selected component; gives a pane, a sentence why there is none for it, or
            None when it asks first and opens by itself.
        show: whether the footer has it. key_display: how the key is written where its name is not its sign.
    """

    name: str
    binding: str
    label: Text
    open: Callable[[MainScreen, ComponentView], Pane | Text | None]
    show: bool = True
    key_display: str | None = None


KINDS: dict[str, PaneKind] = {}


def register(kind: PaneKind) -> None:
    """Make a kind known; a second one of the same name is a mistake in the program."""
    if kind.name in KINDS:
        raise ValueError(f"pane {kind.name} is registered twice")
    KINDS[kind.name] = kind


def load() -> None:
    """Import every module of this package, so that it registers."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)


def bindings() -> Iterator[Binding]:
    """The main screen's bindings that open panes."""
    for kind in KINDS.values():
        yield Binding(
            kind.binding,
            f"open_pane('{kind.name}')",
            translate(kind.label),
            show=kind.show,
            key_display=kind.key_display,
            id=f"pane.{kind.name}",
        )
