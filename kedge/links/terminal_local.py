"""A terminal on this machine: a pseudo terminal of the system, on the event loop, without a thread for its output."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import pwd
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from kedge.i18n import _
from kedge.links.terminals import TERM, End, Size, call_soon
from kedge.model import LinkError, Reason, Unknown

PIECE = 65_536
GRACE = 2.0
"""Seconds that a shell gets to end after the terminal was taken away."""

# A session gets its controlling terminal when its leader opens one, so a shell opens it by name before it becomes
# the program: no Python runs between fork and exec of a program that has threads.
_OPENING = ("/bin/sh", "-c", 'exec <>"$0" >&0 2>&0 && exec "$@"')


class LocalTerminals:
    """Terminals on this machine (:class:`kedge.links.terminals.Terminals`)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: set[LocalTerminal] = set()

    async def open(self, command: Sequence[str], size: Size, *, deadline: float) -> LocalTerminal:
        """Start a command, or the user's shell as a login shell. Raises LinkError."""
        try:
            terminal = LocalTerminal(command or login_shell(), size, self._open.discard)
        except OSError as error:
            text = _("{host}: no terminal can be opened: {error}").format(host=self._name, error=error.strerror)
            raise LinkError(Unknown(Reason.NO_TOOL, text)) from None
        self._open.add(terminal)
        return terminal

    def close(self) -> None:
        """End all of them."""
        for terminal in tuple(self._open):
            terminal.close()


def login_shell() -> list[str]:
    """Of the user who runs this program."""
    try:
        shell = pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:  # a container may run as a user that nobody has written down
        shell = ""
    return [shell or os.environ.get("SHELL", "") or "/bin/sh", "-l"]


class LocalTerminal:
    """One of them (:class:`kedge.links.terminals.Terminal`). Raises OSError when it cannot be had."""

    silent_for = 0.0

    def __init__(self, command: Sequence[str], size: Size, closed: Callable[[LocalTerminal], object]) -> None:
        self.end: End | None = None
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._unsent = bytearray()
        self._ended = asyncio.Event()
        self._wake: asyncio.Future[None] | None = None
        self._master, slave = os.openpty()
        try:
            os.set_blocking(self._master, False)
            self.resize(size)
            self._process = subprocess.Popen(
                [*_OPENING, os.ttyname(slave), *command],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**os.environ, "TERM": TERM, "COLORTERM": "truecolor"},
                start_new_session=True,
            )
        except OSError:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        threading.Thread(target=self._reap, name="terminal", daemon=True).start()

    def _reap(self) -> None:
        status = self._process.wait()
        end = End(status) if status >= 0 else End(signal=signal.Signals(-status).name.removeprefix("SIG"))
        call_soon(self._loop, lambda: self._gone(end))

    def _gone(self, end: End) -> None:
        self.end = self.end or end
        self._ended.set()
        self._stir()

    # ------------------------------------------------------------------------------------------------ output

    async def read(self) -> bytes:
        """What has come; empty at the end."""
        while self._master >= 0:
            data = self._take()
            if data:
                return data
            if data is None:
                break
            await self._until_something()
        await self._ended.wait()
        self._give_back()
        return b""

    def _take(self) -> bytes | None:
        """What there is now, empty for nothing yet, None when the program has left the terminal."""
        pieces: list[bytes] = []
        size = 0
        while size < PIECE:
            try:
                piece = os.read(self._master, PIECE)
            except BlockingIOError:
                if not pieces and self._ended.is_set():
                    return None
                break
            except OSError as error:
                if error.errno != errno.EIO:  # Linux' word for a terminal that everybody has left
                    raise
                return b"".join(pieces) or None
            if not piece:
                return b"".join(pieces) or None
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    async def _until_something(self) -> None:
        self._wake = self._loop.create_future()
        self._loop.add_reader(self._master, self._stir)
        try:
            await self._wake
        finally:
            if self._master >= 0:
                self._loop.remove_reader(self._master)

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # ------------------------------------------------------------------------------------------------- input

    def write(self, data: bytes) -> None:
        """Send input."""
        if self._master < 0 or not data:
            return
        self._unsent += data
        if len(self._unsent) == len(data):
            self._send()

    def _send(self) -> None:
        try:
            del self._unsent[: os.write(self._master, self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # nobody reads any more; the end is being noticed
            self._unsent.clear()
        if self._unsent:
            self._loop.add_writer(self._master, self._send)
        else:
            self._loop.remove_writer(self._master)

    def resize(self, size: Size) -> None:
        """Set the size; the system tells the program."""
        if self._master >= 0:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))

    # --------------------------------------------------------------------------------------------------- end

    def close(self) -> None:
        """Take the terminal away: its programs get SIGHUP; a shell that stays is killed."""
        if self.end is None and not self._ended.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGHUP)
            threading.Thread(target=self._kill, name="terminal", daemon=True).start()
        self._give_back()

    def _kill(self) -> None:
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _give_back(self) -> None:
        if self._master < 0:
            return
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        self._master = -1
        self._stir()
        self._closed(self)
