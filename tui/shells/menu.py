"""``ctrl+]``: what can be done with a shell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import chop_cells

from kedge.i18n import Text, _
from tui.screens.choose import Letter, Letters
from tui.screens.text_view import TextView
from tui.text_layout import Line

if TYPE_CHECKING:
    from tui.shells.pane import ShellPane

WAYS = (
    Letter("d", _("detach: back to the tree, the shell lives on")),
    Letter("f", _("full screen, or back")),
    Letter("n", _("next pane")),
    Letter("s", _("scrollback: read, find, copy")),
    Letter("p", _("paste what kedge-tui copied last")),
    Letter("k", _("send a key or signal")),
    Letter("r", _("reconnect: end this shell and open it again")),
    Letter("x", _("close it, even if the other side does not answer")),
    Letter("ctrl+right_square_bracket", _("send ctrl+] itself"), "ctrl+]"),
)

RECORD = Letter("a", _("record what it shows in a file (asciicast); what is typed is not recorded"))
END_RECORD = Letter("a", _("end the recording"))
OVER_SSH = Letter("o", _("enter the same container over SSH instead"))
"""Beside :data:`WAYS`, for an exec."""

KEYS = {
    "c": (_("ctrl+c: interrupt (SIGINT)"), b"\x03"),
    "z": (_("ctrl+z: stop (SIGTSTP)"), b"\x1a"),
    "backslash": (_("ctrl+\\: quit (SIGQUIT)"), b"\x1c"),
    "d": (_("ctrl+d: end of input"), b"\x04"),
    "s": (_("ctrl+s: hold the output"), b"\x13"),
    "q": (_("ctrl+q: let the output go on"), b"\x11"),
    "e": (_("escape"), b"\x1b"),
}


def open_menu(pane: ShellPane) -> None:
    """Show it and do what is picked."""

    async def picked(key: str | None) -> None:
        if key is not None:
            await act(pane, key)

    recording = END_RECORD if pane.cast is not None else RECORD
    ways = (*WAYS[:-2], recording, *([OVER_SSH] if pane.is_exec else []), *WAYS[-2:])
    pane.app.push_screen(Letters(_("Shell on {name}").format(name=pane.target.name), ways), picked)


async def act(pane: ShellPane, key: str) -> None:
    """Do one of :data:`WAYS`."""
    main = pane.app.main
    match key:
        case "d":
            main.leave_pane()
        case "f":
            main.action_enlarge()
        case "n":
            main.action_next_pane()
        case "s":
            pane.app.push_screen(Scrollback(_("Output of {name}").format(name=pane.target.name), pane.terminal.text()))
        case "p":
            pane.terminal.paste(pane.app.clipboard)
        case "k":
            _ask_key(pane)
        case "r":
            pane.hang_up()
            pane.begin()
        case "a":
            pane.record(pane.cast is None)
        case "o":
            pane.enter_over_ssh()
        case "x":
            pane.hang_up()
            await main.dock.close(pane)
            main.refresh_bindings()
        case _:
            pane.terminal.type(b"\x1d")


def _ask_key(pane: ShellPane) -> None:
    def picked(key: str | None) -> None:
        if key is not None:
            pane.terminal.type(KEYS[key][1])

    shown = {"backslash": "\\"}
    ways = [Letter(key, text, shown.get(key, "")) for key, (text, _sent) in KEYS.items()]
    pane.app.push_screen(Letters(_("Send which key?"), ways), picked)


class Scrollback(TextView):
    """Everything that a shell has printed and that is kept."""

    def __init__(self, title: Text, text: str) -> None:
        super().__init__(title)
        self._text = text

    def on_mount(self) -> None:
        super().on_mount()
        self.call_after_refresh(lambda: self.view.renew(end=True))

    def build(self, width: int) -> Sequence[Line]:
        pieces = (chop_cells(line, width) or [""] for line in self._text.splitlines())
        return [Line(((part, "line--text"),)) for parts in pieces for part in parts]

    def plain_text(self) -> str:
        return self._text
