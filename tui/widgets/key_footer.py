"""The keys that do something now, at the bottom of a screen: one line, drawn as a whole.

Textual's footer is a widget per key, made anew whenever the focus moves or a fix comes or goes; over a night, or while
somebody scrolls through a thousand edges, that is most of the work there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from kedge.printable import one_line
from tui.errors import Guarded

LAST = frozenset({"help", "leave"})
"""Actions that stay where there is no room for all: whoever is lost needs these."""


class Key(NamedTuple):
    """One key as it is told. ``key`` is its name, ``shown`` what stands on it; an action may be out of reach now."""

    key: str
    shown: str
    does: str
    action: str
    enabled: bool

    @property
    def width(self) -> int:
        """Cells with the space behind it."""
        return cell_len(self.shown) + cell_len(self.does) + 2


def fitting(keys: Sequence[Key], width: int) -> list[Key]:
    """Those that fit, in their order; what helps whoever is lost stays, the hindmost of the others go."""
    kept = list(keys)
    while sum(key.width for key in kept) - 1 > width:
        loose = [place for place, key in enumerate(kept) if key.action not in LAST] or range(len(kept))
        if not kept:
            break
        del kept[loose[-1]]
    return kept


class KeyFooter(Guarded, Widget):
    """Told anew when the bindings change; painted again only when that says something else."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer--key", "footer--does"}
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: tuple[Key, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is not self.screen or not self.is_attached:
            return
        keys: dict[str, Key] = {}
        for _node, binding, enabled, _tooltip in screen.active_bindings.values():
            if binding.show and binding.action not in keys:
                shown, action = self.app.get_key_display(binding), binding.action
                keys[action] = Key(binding.key, shown, one_line(binding.description), action, enabled)
        if (told := tuple(keys.values())) != self._keys:
            self._keys = told
            self.refresh()

    @property
    def shown(self) -> list[Key]:
        """What stands there now."""
        return fitting(self._keys, self.size.width)

    def render_line(self, y: int) -> Strip:
        """The only line."""
        width = self.size.width
        segments: list[Segment] = []
        for key in self.shown if y == 0 else ():
            dim = Style() if key.enabled else Style(dim=True)
            segments.append(Segment(key.shown, self.get_component_rich_style("footer--key") + dim))
            segments.append(Segment(f" {key.does}", self.get_component_rich_style("footer--does") + dim))
            segments.append(Segment(" "))
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """As if the key had been pressed."""
        start = 0
        for key in self.shown:
            if start <= event.x < start + key.width - 1:
                if key.enabled:
                    self.app.simulate_key(key.key)
                return
            start += key.width
