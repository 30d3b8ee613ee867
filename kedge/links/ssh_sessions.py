"""Channels that stay open (streams, shells), on connections of their own beside the one that sweeps use.

A sweep whose deadline passes closes its connection; that must not cut off what a person looks at. And OpenSSH
allows ten sessions on one connection, so the next one is made when those are taken.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from kedge.links import ssh_errors
from kedge.links.deadline import Deadline
from kedge.links.pools import Pools, run
from kedge.links.ssh_connection import Connection
from kedge.links.ssh_pulse import Pulse

if TYPE_CHECKING:
    import paramiko

MOST_SESSIONS = 8
"""Channels on one connection; OpenSSH allows ten (MaxSessions)."""


@dataclass(eq=False)
class _Shared:
    """One connection and how many sessions are on it."""

    connection: Connection
    sessions: int = 0
    is_full: bool = False
    pulse: Pulse | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def has_room(self) -> bool:
        return self.connection.is_alive and not self.is_full and self.sessions < MOST_SESSIONS

    def leave(self) -> None:
        """One session less; the last one closes the connection."""
        with self.lock:
            self.sessions -= 1
            is_last = self.sessions == 0
            self.is_full = self.is_full or is_last  # it is being closed: nobody may come any more
        if is_last:
            if self.pulse is not None:
                self.pulse.stop()
            self.connection.close()


class Session:
    """One open channel. Closing it may wait for a dead peer: never on the event loop."""

    def __init__(self, channel: paramiko.Channel, shared: _Shared) -> None:
        self.channel = channel
        self._shared = shared
        self._guard = threading.Lock()
        self._is_closed = False

    @property
    def is_alive(self) -> bool:
        """False once the connection under it has ended, as far as anybody has noticed."""
        return self._shared.connection.is_alive

    def pulse(self) -> Pulse:
        """Asks whether the host still answers, once for all sessions on the connection."""
        with self._shared.lock:
            if self._shared.pulse is None:
                self._shared.pulse = Pulse(self._shared.connection)
            return self._shared.pulse

    def close(self) -> None:
        """Close the channel, and the connection after the last one. Safe from any thread, and twice."""
        with self._guard:
            if self._is_closed:
                return
            self._is_closed = True
        with suppress(OSError, EOFError):  # what is being closed may be gone already
            self.channel.close()
        self._shared.leave()

    def close_soon(self) -> None:
        """The same without waiting."""
        threading.Thread(target=self.close, name="close session", daemon=True).start()


class Sessions:
    """The long sessions of one host.

    Args:
        host: for messages.
        dial: makes a logged-in connection; raises LinkError.
    """

    def __init__(self, host: str, pools: Pools, dial: Callable[[Deadline], Awaitable[Connection]]) -> None:
        self._host = host
        self._pools = pools
        self._dial = dial
        self._shared: list[_Shared] = []
        self._turn = asyncio.Lock()

    async def open(self, deadline: Deadline, window: int | None = None) -> Session:
        """A new channel on a connection that has room for it, or on a new one.

        Args:
            window: bytes that the host may send ahead of who reads; None for the library's 2 MiB.

        Raises:
            LinkError: the host cannot be reached, or lets nobody have a session.
        """
        async with self._turn:
            self._shared = [one for one in self._shared if one.connection.is_alive]
            for shared in self._shared:
                if shared.has_room and (session := await self._on(shared, deadline, window)) is not None:
                    return session
            shared = _Shared(await self._dial(deadline))
            self._shared.append(shared)
            session = await self._on(shared, deadline, window)
            if session is None:
                raise ssh_errors.refused_session(self._host, "MaxSessions")
            return session

    async def _on(self, shared: _Shared, deadline: Deadline, window: int | None) -> Session | None:
        """A channel there; None when the server opens no further one on this connection."""
        work = partial(self._channel, shared, deadline, window)
        give_up = partial(_in_background, shared.connection.close)
        with shared.lock:
            if not shared.has_room:
                return None
            shared.sessions += 1
        channel: paramiko.Channel | None = None
        try:
            channel = await run(self._pools.ssh, work, deadline.left(), give_up)
        except TimeoutError:
            raise ssh_errors.timed_out(self._host, deadline, ssh_errors.OPENING) from None
        finally:
            if channel is None:
                _in_background(shared.leave)
        return None if channel is None else Session(channel, shared)

    def _channel(self, shared: _Shared, deadline: Deadline, window: int | None) -> paramiko.Channel | None:
        import paramiko

        try:
            return shared.connection.transport.open_session(window_size=window, timeout=deadline.need())
        except paramiko.ChannelException:
            shared.is_full = True
            return None
        except TimeoutError:
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            if deadline.is_over:
                raise TimeoutError from None
            raise ssh_errors.lost(self._host, ssh_errors.OPENING, error) from None

    def close(self) -> None:
        """Close every connection, and with it every session."""
        shared, self._shared = self._shared, []
        for one in shared:
            _in_background(one.connection.close)


def _in_background(close: Callable[[], object]) -> None:
    threading.Thread(target=close, name="close ssh", daemon=True).start()
