"""What every pane of the dock is: one tab below the details."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.errors import Guarded

if TYPE_CHECKING:
    from tui.app import KedgeApp
    from tui.index import PictureIndex


class Pane(Guarded, Widget):
    """One tab of the dock.

    Args:
        key: what it shows, e.g. ``logs/default/web-0``; opening the same key again shows the pane that is there.

    Attributes:
        title: on the tab. activity: something happened that nobody has looked at yet; marks the tab.
    """

    DEFAULT_CSS = "Pane { height: 1fr; width: 1fr; }"

    title: reactive[str] = reactive("", repaint=False)
    activity: reactive[bool] = reactive(False, repaint=False)

    app: KedgeApp

    class TabChanged(Message):
        """The tab has to be drawn again."""

    def __init__(self, key: str, title: str) -> None:
        super().__init__()
        self.key = key
        self.set_reactive(Pane.title, title)

    @property
    def live(self) -> bool:
        """True while closing it would end something of the person's, such as a shell; then it is asked first."""
        return False

    def focus_inside(self) -> None:
        """Give the focus to the part of the pane that takes the keys."""
        inside = next((widget for widget in self.walk_children(Widget) if widget.focusable), self)
        inside.focus()

    def picture(self, index: PictureIndex) -> None:
        """A new picture of the site; only for panes that show something of it."""

    def seen(self) -> None:
        """The pane is looked at now."""
        self.activity = False

    async def shut(self) -> None:
        """End what the pane runs; called when it is closed or the program is left. Never waits for a dead peer."""

    async def on_unmount(self) -> None:
        await self.shut()

    def watch_title(self) -> None:
        self.post_message(self.TabChanged())

    def watch_activity(self) -> None:
        self.post_message(self.TabChanged())
