"""The pane of one shell: opens it, keeps it alive out of view, says why it could not start or how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.app import ComposeResult
from textual.widgets import Static

from kedge.i18n import Text, _, translate
from kedge.links.terminals import End, Size, call_soon
from kedge.model import LinkError
from kedge.printable import one_line, printable
from kedge.shells.cast import Cast
from kedge.shells.reasons import Cause, Told, told
from kedge.shells.targets import InContainer, OnHost, Target, Trouble, Way
from tui.panes.base import Pane
from tui.screens.choose import Letter, Letters
from tui.shells import menu
from tui.widgets.terminal_view import TerminalView

if TYPE_CHECKING:
    from kedge.shells.service import Shell, Shells

SILENT = 12.0
"""Seconds without an answer after which the pane says so."""
SLOW = 2.0
"""Seconds without a first word after which it is said again that a shell is being opened."""
LOOK = 1.0
QUIET = 1.0
"""Seconds without a key, after a shell broke off under somebody's fingers, until keys mean something here."""


class ShellPane(Pane):
    """One shell.

    Args:
        target, way, command: what is opened, and how. number: counts shells on the same target.
    """

    DEFAULT_CSS = """
    ShellPane { layout: vertical; }
    ShellPane #told { height: auto; max-height: 40%; padding: 0 1; background: $panel; display: none; }
    ShellPane #told.-shown { display: block; }
    """

    def __init__(self, key: str, target: Target, way: Way, command: Sequence[str] = (), *, number: int = 1) -> None:
        self._name_shown = target.host if isinstance(target, OnHost) else f"{target.pod}/{target.container}"
        if number > 1:
            self._name_shown += f" {number}"
        super().__init__(key, self._name_shown)
        self.target, self.way, self.command = target, way, tuple(command)
        self.shell: Shell | None = None
        self.told: Told | None = None
        self.terminal = TerminalView(self._typed, self._resized)
        self._cells: Size | None = None
        self._measured = asyncio.Event()
        self._sent = self._came = 0.0
        self._heard = self._has_typed = False
        self._shown = ""
        self.cast: Cast | None = None

    def compose(self) -> ComposeResult:
        yield self.terminal
        yield Static("", id="told", markup=False)

    def on_mount(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.set_interval(LOOK, self._look)
        self.begin()

    @property
    def live(self) -> bool:
        """While it runs, closing asks first."""
        return self.shell is not None and self.shell.end is None

    @property
    def is_exec(self) -> bool:
        """It goes into a container by the API."""
        return self.way is Way.EXEC and isinstance(self.target, InContainer)

    @property
    def _shells(self) -> Shells | None:
        return self.app.workbench.shells if self.app.workbench is not None else None

    # -------------------------------------------------------------------------------------------------- running

    @work(exclusive=True, group="shell", exit_on_error=False)
    async def begin(self) -> None:
        """Open the shell and show what it says until it ends."""
        self.told = None
        self._heard = self._has_typed = False
        if not await self._may_begin():
            return
        await self._measured.wait()
        self._let_type(True)
        self._tell(self._opening)
        shells, size = self._shells, self._cells
        if shells is None or size is None:
            return
        try:
            shell = self.shell = await shells.open(self.target, self.way, size, self.command)
        except LinkError as error:
            self._ended(End(problem=error.unknown))
            return
        if size != self._cells and self._cells is not None:
            shell.resize(self._cells)
        if shells.rules.recorded:
            self.record(True)
        self._came = time.monotonic()
        self._tell(None)
        try:
            while data := await shell.read():
                self._came = time.monotonic()
                if not self._heard:
                    self._heard = True
                    self._tell(None)
                if self.cast is not None:
                    self.cast.output(data)
                await self.terminal.feed(data)
                if not self.terminal.display or not self.display:
                    self.activity = True
        finally:
            shell.close()
        self._ended(shell.end or End())

    async def _may_begin(self) -> bool:
        """Ask where an exec would disturb the node, or cannot work."""
        shells = self._shells
        if shells is None or self.way is not Way.EXEC or shells.rules.refuses():
            return True
        index = self.app.main.index
        trouble = shells.trouble(index.picture if index is not None else None, self.target)
        warning = shells.warning(self.target)
        if trouble is None and warning is None:
            return True
        answer = await self.app.push_screen_wait(self._question(trouble, warning))
        if answer == "o":
            self.way = Way.RUNTIME
        elif answer == "t":
            shells.warned(self.target.node)
        else:
            self._ended(End())
            self._tell(_("No shell was opened"))
            return False
        return True

    def _question(self, trouble: Trouble | None, warning: Text | None) -> Letters:
        ways = [
            Letter("o", _("enter the same container over SSH to {node}").format(node=self.target.node)),
            Letter("t", _("try exec through the tunnel") if trouble is not None else _("exec all the same")),
        ]
        title = _("exec into {name}").format(name=self.target.name)
        if trouble is None:
            return Letters(title, ways, warning)
        text = _("exec through the tunnel cannot work now: {code} {text}").format(code=trouble.code, text=trouble.text)
        if warning is not None:
            text = _("{first}\n\n{second}").format(first=text, second=warning)
        return Letters(title, ways, text)

    def _let_type(self, running: bool) -> None:
        """Keys go to the shell while there is one; afterwards the program's own keys work again."""
        self.terminal.takes_every_key = running
        self.terminal.frozen = not running
        self.terminal.refresh()

    def _ended(self, end: End) -> None:
        self._let_type(False)
        # What is typed on for a shell that has just broken off must not repair, close or quit anything here.
        self.terminal.takes_every_key = end.code is None and time.monotonic() - self.terminal.last_key < 2 * QUIET
        self.record(False)
        self.told = told(end, self.target, self.way, typed=self._has_typed)
        parts = [translate(self.told.text)]
        if self.told.help is not None:
            parts.append(translate(self.told.help))
        keys = [translate(_("r opens it again"))]
        if self._can_go_over_ssh:
            keys.append(translate(_("o enters the container over SSH")))
        elif self.told.cause is Cause.NO_SHELL:
            keys.append(translate(_("o opens a shell on {node}").format(node=self.target.node)))
        keys.append(translate(_("X closes the pane")))
        self._tell("\n".join([*parts, ", ".join(keys)]))
        self.title = translate(_("{name} (ended)").format(name=self._name_shown))
        self.activity = True

    @property
    def _can_go_over_ssh(self) -> bool:
        other = self.told is not None and self.told.cause in (Cause.TUNNEL, Cause.LOST, Cause.DENIED)
        return other and self.way is Way.EXEC

    def _tell(self, what: Text | str | None) -> None:
        """One or more lines below the terminal; None takes them away."""
        said = "" if what is None else printable(what if isinstance(what, str) else translate(what))
        if said != self._shown and self.is_attached:
            self._shown = said
            line = self.query_one("#told", Static)
            line.update(said)
            line.set_class(bool(said), "-shown")

    def _look(self) -> None:
        """Say it when the other side has gone silent."""
        terminal, shell = self.terminal, self.shell
        if terminal.frozen and time.monotonic() - terminal.last_key >= QUIET:
            terminal.takes_every_key = False
        if shell is None or shell.end is not None or self.told is not None:
            return
        silent, waited = shell.silent_for, 0.0
        if self.way is not Way.HOST and (self._sent > self._came or not self._heard):
            waited = time.monotonic() - max(self._came, self._sent if self._heard else 0.0)
        if silent >= SILENT:
            text = _("No answer for {seconds} s. It may come back; ctrl+] opens the menu, where x closes it at once")
            self._tell(text.format(seconds=int(silent)))
        elif waited >= SILENT:
            self._tell(self._silence().format(seconds=int(waited), node=self.target.node))
        else:
            self._tell(self._opening if waited > SLOW and not (self._heard or self.command) else None)

    @property
    def _opening(self) -> Text:
        return _("opening a shell on {name} {more}").format(name=self.target.name, more=self.app.glyphs.more)

    def _silence(self) -> Text:
        if self._heard:
            return _("Nothing has come back for {seconds} s since the last key; ctrl+] opens the menu")
        if self.is_exec:
            return _(
                "Nothing has come from {node} for {seconds} s: the API server took the exec, but the tunnel behind it "
                "is silent. ctrl+] opens the menu: o enters the same container over SSH, x closes"
            )
        return _("Nothing has come from {node} for {seconds} s; ctrl+] opens the menu, where x closes")

    # ---------------------------------------------------------------------------------------------------- input

    def _typed(self, data: bytes) -> None:
        if self.shell is not None and self.live:
            self._has_typed = True
            if self._sent <= self._came:
                self._sent = time.monotonic()
            self.shell.write(data)

    def _resized(self, columns: int, rows: int) -> None:
        self._cells = Size(columns, rows)
        self._measured.set()
        if self.shell is not None and self.live:
            self.shell.resize(self._cells)
        if self.cast is not None:
            self.cast.resized(self._cells)

    def record(self, on: bool) -> None:
        """Begin a recording of what the shell shows, or end it; either way it is said where it is."""
        if on and self._cells is not None:
            self.cast = Cast(self.target.name, self._cells, self._cast_stopped)
            self.cast.output(self.terminal.shown())
            self.app.main.say(_("Recording to {path}").format(path=str(self.cast.path)))
        elif not on and self.cast is not None:
            self.cast.close()
            self.app.main.say(_("Recorded in {path}").format(path=str(self.cast.path)))
            self.cast = None

    def _cast_stopped(self, why: Text) -> None:
        """On any thread: the recording has ended by itself."""

        def told() -> None:
            self.cast = None
            self.app.main.say(why, "warning")

        call_soon(self._loop, told)

    @on(TerminalView.Titled)
    def _titled(self, message: TerminalView.Titled) -> None:
        message.stop()
        title = one_line(message.title)
        self.title = f"{self._name_shown}: {title}" if title else self._name_shown

    @on(TerminalView.Rang)
    def _rang(self, message: TerminalView.Rang) -> None:
        message.stop()
        if self.display:
            self.app.bell()
        else:
            self.activity = True

    def on_key(self, event: events.Key) -> None:
        """After the end: open it again, or go another way. A running shell lets no key through to here."""
        if self.told is None:
            return
        if event.key == "r":
            event.stop()
            self.title = self._name_shown
            self.begin()
        elif event.key == "o" and self._can_go_over_ssh:
            event.stop()
            self.enter_over_ssh()
        elif event.key == "o" and self.told.cause is Cause.NO_SHELL and isinstance(self.target, InContainer):
            event.stop()
            self.way, self.target, self.command = Way.HOST, OnHost(self.target.node), ()
            self._name_shown = self.title = self.target.host
            self.begin()

    def enter_over_ssh(self) -> None:
        """End the exec, and enter the same container by the runtime of its machine."""
        self.hang_up()
        self.way = Way.RUNTIME
        self.title = self._name_shown
        self.begin()

    @on(TerminalView.MenuWanted)
    def _menu(self, message: TerminalView.MenuWanted) -> None:
        message.stop()
        menu.open_menu(self)

    # ------------------------------------------------------------------------------------------------------ end

    def focus_inside(self) -> None:
        self.terminal.focus()

    def seen(self) -> None:
        super().seen()
        self.terminal.refresh()

    def hang_up(self) -> None:
        """End the shell now, whatever the other side does."""
        self.record(False)
        if self.shell is not None:
            self.shell.close()

    async def shut(self) -> None:
        self.hang_up()
