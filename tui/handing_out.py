"""What leaves the screen: text that is copied, and files that ``x`` writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App
from textual.binding import Binding

from kedge.i18n import Text, _
from kedge.state import state_dir
from tui import clipboard
from tui.aside import aside

_UNSAFE = re.compile(r"[^\w.-]+")


MOUSE_MODES = (1000, 1003, 1015, 1006)
"""The private modes of a terminal by which Textual gets the mouse."""


class HandsOut(App[Any]):
    """The part of the application that copies and exports, and gives the mouse away."""

    _mouse_is_ours = True

    if TYPE_CHECKING:

        def say(self, text: Text | str, severity: str = "information") -> None:
            """One sentence in a toast."""

    def copy(self, text: str) -> None:
        """Copy, and say where to."""
        self.copy_to_clipboard(text)

    def copy_to_clipboard(self, text: str) -> None:
        """Whatever copies, Textual's own inputs included, goes this way."""
        self._clipboard = text
        self._deliver(text)

    @work(group="copy", exit_on_error=False)
    async def _deliver(self, text: str) -> None:
        def to_terminal(sequence: str) -> None:
            if self._driver is not None:
                self._driver.write(sequence)

        def to_file(body: str) -> Path:
            return clipboard.kept(body, state_dir(), "copied.txt")

        self.say(await clipboard.deliver(text, to_terminal, to_file))

    def action_mouse(self) -> None:
        """Let the terminal select text with the mouse, or take the mouse back."""
        self._mouse_is_ours = not self._mouse_is_ours
        if self._driver is not None:
            self._driver.write("".join(f"\x1b[?{mode}{'h' if self._mouse_is_ours else 'l'}" for mode in MOUSE_MODES))
            self._driver.flush()
        key = self.get_key_display(Binding("f9", "mouse"))
        taken, given = (
            _("The mouse is used here again"),
            _("The terminal has the mouse: select text; {key} takes it back"),
        )
        self.say(taken if self._mouse_is_ours else given.format(key=key))

    @work(group="export", exit_on_error=False)
    async def export(self, name: str, suffix: str, make: Callable[[], str]) -> None:
        """Write a file where the program was started, else into the state directory; say where it is.

        Args:
            name: what it is about; made into a file name. suffix: with its point.
            make: gives the text; called off the event loop.
        """
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        file = f"kedge-{_UNSAFE.sub('_', name)[:60]}-{stamp}{suffix}"

        def written() -> Path:
            text = make()
            try:
                return clipboard.kept(text, Path.cwd(), file)
            except OSError:
                return clipboard.kept(text, state_dir(), file)

        try:
            self.say(_("Written to {path}").format(path=await aside(written)))
        except OSError as error:
            self.say(_("Nothing was written: {error}").format(error=error), "warning")
