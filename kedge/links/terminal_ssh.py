"""Terminals over SSH, on the connections that streams use, too (:mod:`kedge.links.ssh_sessions`).

What blocks (paramiko's reading and writing) runs on two daemon threads per terminal, never on the engine's pools.
"""

from __future__ import annotations

import asyncio
import os
import queue
import shlex
import threading
from collections.abc import Sequence
from functools import partial

from kedge.i18n import Text, _
from kedge.links import ssh_errors
from kedge.links.deadline import Deadline
from kedge.links.pools import Pools, run
from kedge.links.ssh_sessions import Session, Sessions
from kedge.links.ssh_signal import hear_signals, signal_of
from kedge.links.terminals import TERM, Arrivals, End, Size
from kedge.model import Reason, Unknown

WINDOW = 262_144
"""Bytes that the host may send ahead: what still scrolls by after ctrl+c, and 0.8 MB/s over a link of 300 ms."""

PIECE = 32_768
LOOK_AGAIN = 2.0
"""Seconds after which a thread that waits for the host looks whether it was told to stop."""
STATUS_SECONDS = 3.0

_STARTING = _("starting a terminal")
_RUNNING: Text = _("a shell was open")


class SshTerminals:
    """Terminals on one host (:class:`kedge.links.terminals.Terminals`)."""

    def __init__(self, host: str, pools: Pools, sessions: Sessions) -> None:
        self._host = host
        self._pools = pools
        self._sessions = sessions

    async def open(self, command: Sequence[str], size: Size, *, deadline: float) -> SshTerminal:
        """Start a command, or the user's login shell. Raises LinkError."""
        limit = Deadline(deadline)
        session = await self._sessions.open(limit, WINDOW)

        def give_up() -> None:
            session.channel.event.set()  # a request without an answer waits for this and for nothing else
            session.close_soon()

        try:
            await run(self._pools.ssh, partial(_start, session, shlex.join(command), size), limit.left(), give_up)
        except TimeoutError:
            raise ssh_errors.timed_out(self._host, limit, _STARTING) from None
        except _lost_errors() as error:
            session.close_soon()
            raise ssh_errors.lost(self._host, _STARTING, error) from None
        return SshTerminal(self._host, session)

    def close(self) -> None:
        """The link's own end closes its sessions."""


def _start(session: Session, words: str, size: Size) -> None:
    channel = session.channel
    hear_signals(channel)
    channel.get_pty(TERM, size.columns, size.rows)
    if "UTF-8" in os.environ.get("LANG", "").upper():
        channel.set_environment_variable("LANG", os.environ["LANG"])
    if words:
        channel.exec_command(words)
    else:
        channel.invoke_shell()


class SshTerminal:
    """One of them (:class:`kedge.links.terminals.Terminal`)."""

    def __init__(self, host: str, session: Session) -> None:
        self.end: End | None = None
        self._host = host
        self._session = session
        self._channel = session.channel
        self._pulse = session.pulse()
        self._arrivals = Arrivals(asyncio.get_running_loop())
        self._todo: queue.SimpleQueue[bytes | Size | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._how = End(problem=ssh_errors.lost(host, _RUNNING).unknown)
        self._channel.settimeout(LOOK_AGAIN)
        for work in (self._receive, self._send):
            threading.Thread(target=work, name="ssh terminal", daemon=True).start()

    @property
    def silent_for(self) -> float:
        """Of the connection it is on."""
        return self._pulse.silent_for if self.end is None else 0.0

    async def read(self) -> bytes:
        """What has come; empty at the end."""
        data = await self._arrivals.take()
        if data:
            return data
        self.end = self.end or self._how
        self._leave()
        return b""

    def write(self, data: bytes) -> None:
        """Send input."""
        if data:
            self._todo.put(data)

    def resize(self, size: Size) -> None:
        """Tell the host."""
        self._todo.put(size)

    def close(self) -> None:
        """End it now."""
        self.end = self.end or End(problem=Unknown(Reason.NOT_ASKED, _("The shell was closed here")))
        self._arrivals.end()
        self._leave()

    def _leave(self) -> None:
        self._closing.set()
        self._todo.put(None)
        self._session.close_soon()

    # ------------------------------------------------------------------------------------- on their own threads

    def _receive(self) -> None:
        channel, ended = self._channel, False
        while not ended and not self._closing.is_set():
            try:
                data = channel.recv(PIECE)
            except TimeoutError:
                continue
            except OSError:
                break
            ended = not data
            if data and not self._arrivals.put(data):
                return
        if ended and channel.status_event.wait(STATUS_SECONDS) and channel.exit_status >= 0:
            self._how = End(channel.exit_status)
        elif ended and self._session.is_alive:
            self._how = End(signal=signal_of(channel))
        self._arrivals.put(b"")
        self._todo.put(None)

    def _send(self) -> None:
        while (what := self._todo.get()) is not None:
            try:
                if isinstance(what, Size):
                    self._channel.resize_pty(what.columns, what.rows)
                else:
                    self._send_all(what)
            except _lost_errors():
                return  # the reader notices, too, and says so

    def _send_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self._closing.is_set():
            try:
                sent = self._channel.send(bytes(view[:PIECE]))
            except TimeoutError:
                continue  # the host takes nothing at the moment
            if sent == 0:
                return
            view = view[sent:]


def _lost_errors() -> tuple[type[Exception], ...]:
    import paramiko

    return (paramiko.SSHException, OSError, EOFError)
