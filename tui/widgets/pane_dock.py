"""The dock below the details: panes as tabs, one of them in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from tui.errors import Guarded
from tui.glyphs import Glyphs
from tui.panes.base import Pane
from tui.widgets.pane_tabs import PaneTabs, Tab

if TYPE_CHECKING:
    from tui.index import PictureIndex


class PaneDock(Guarded, Vertical):
    """Holds every open pane; those out of view live on. Hidden while there is none."""

    DEFAULT_CSS = "PaneDock { height: 55%; display: none; } PaneDock.-open { display: block; }"

    class Emptied(Message):
        """The last pane was closed."""

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._panes: list[Pane] = []
        self._active: Pane | None = None

    def compose(self) -> ComposeResult:
        yield PaneTabs(self.glyphs)

    @property
    def panes(self) -> tuple[Pane, ...]:
        """In the order of their tabs."""
        return tuple(self._panes)

    @property
    def active(self) -> Pane | None:
        """The pane in view."""
        return self._active

    @property
    def live(self) -> tuple[Pane, ...]:
        """Panes that may not be ended without asking."""
        return tuple(pane for pane in self._panes if pane.live)

    def find(self, key: str) -> Pane | None:
        """The open pane of that key."""
        return next((pane for pane in self._panes if pane.key == key), None)

    # ------------------------------------------------------------------------------------------ coming and going

    async def open(self, pane: Pane) -> None:
        """Put a pane into a tab of its own and show it."""
        self._panes.append(pane)
        pane.display = False
        self.add_class("-open")
        await self.mount(pane)
        self.show(pane)

    def show(self, pane: Pane) -> None:
        """Bring a pane into view and give it the focus."""
        for other in self._panes:
            other.display = other is pane
        self._active = pane
        pane.seen()
        self._draw_tabs()
        self.call_after_refresh(self._focus, pane)

    def _focus(self, pane: Pane) -> None:
        if pane is self._active and pane.is_attached and self.has_class("-open"):
            pane.focus_inside()

    async def close(self, pane: Pane) -> None:
        """End a pane and remove its tab; the one to its left comes into view."""
        if pane not in self._panes:
            return
        position = self._panes.index(pane)
        self._panes.remove(pane)
        if pane is self._active:
            self._active = None
            if self._panes:
                self.show(self._panes[max(0, position - 1)])
        self._draw_tabs()
        if not self._panes:
            self.remove_class("-open")
            self.post_message(self.Emptied())
        await pane.remove()

    async def close_all(self) -> None:
        """End every pane and remove it."""
        for pane in self.panes:
            await self.close(pane)

    def step(self, by: int) -> None:
        """Show the next pane, or the one before."""
        if self._active is not None and len(self._panes) > 1:
            self.show(self._panes[(self._panes.index(self._active) + by) % len(self._panes)])

    def picture(self, index: PictureIndex) -> None:
        """A new picture, for every pane."""
        for pane in self._panes:
            pane.picture(index)

    # ------------------------------------------------------------------------------------------------------ tabs

    @on(Pane.TabChanged)
    def _tab_changed(self, message: Pane.TabChanged) -> None:
        message.stop()
        if self._active is not None and self._active.activity:
            self._active.seen()
        self._draw_tabs()

    def _draw_tabs(self) -> None:
        tabs = [Tab(pane.title, pane is self._active, pane.activity) for pane in self._panes]
        self.query_one(PaneTabs).show(tabs)

    @on(PaneTabs.Picked)
    def _picked(self, message: PaneTabs.Picked) -> None:
        message.stop()
        if message.position < len(self._panes):
            self.show(self._panes[message.position])
