"""Stands over everything while the terminal is too small to work in."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

from kedge.i18n import _, translate
from tui.errors import Guarded

LEAST = Size(60, 16)


def fits(size: Size) -> bool:
    """True when there is room for the screens."""
    return size.width >= LEAST.width and size.height >= LEAST.height


class TooSmall(Guarded, ModalScreen[None]):
    """Goes away by itself when there is room again."""

    def compose(self) -> ComposeResult:
        yield Static(id="toosmall", markup=False)

    def on_mount(self) -> None:
        self.tell(self.app.size)

    def tell(self, size: Size) -> None:
        """Say how much room there is."""
        text = _("{width}x{height} is too small; kedge-tui needs {least_width}x{least_height}").format(
            width=size.width, height=size.height, least_width=LEAST.width, least_height=LEAST.height
        )
        self.query_one("#toosmall", Static).update(translate(text))
