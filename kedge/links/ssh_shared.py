"""What the SSH links of one site share: connections to jump hosts, and limits on handshakes and open connections."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from kedge.links.deadline import Deadline
from kedge.links.ssh_config import Endpoint
from kedge.links.ssh_connection import Connection

MOST_HANDSHAKES = 16
"""Key exchanges and logins at once: each costs both ends processor time, and bastions drop whoever comes in crowds
(MaxStartups)."""

MOST_OPEN = 64
"""Connections kept open at once; the one that was used longest ago is closed first."""


class Closable(Protocol):
    """A link whose connection can be closed and will be made again when needed."""

    @property
    def is_idle(self) -> bool:
        """True when it is connected and runs nothing."""
        ...

    def disconnect(self) -> None:
        """Close the connection without waiting."""
        ...


class SshShared:
    """Jump hosts are dialled once for everybody behind them: a bastion would not welcome a login per edge.

    Methods are safe from any thread.
    """

    def __init__(self, most_open: int = MOST_OPEN, most_handshakes: int = MOST_HANDSHAKES) -> None:
        self._most_open = most_open
        self._handshakes = threading.Semaphore(most_handshakes)
        self._guard = threading.Lock()
        self._jumps: dict[tuple[Endpoint, ...], Connection] = {}
        self._dialling: dict[tuple[Endpoint, ...], threading.Lock] = {}
        self._links: OrderedDict[int, Closable] = OrderedDict()

    # ------------------------------------------------------------------------------------------- handshakes

    @contextmanager
    def handshake(self, deadline: Deadline) -> Iterator[None]:
        """A slot for one handshake and login. Raises TimeoutError when none becomes free."""
        if not self._handshakes.acquire(timeout=deadline.need()):
            raise TimeoutError
        try:
            yield
        finally:
            self._handshakes.release()

    # ------------------------------------------------------------------------------------------- jump hosts

    @contextmanager
    def jump(self, hops: tuple[Endpoint, ...], deadline: Deadline) -> Iterator[Jump]:
        """The slot of one jump host, held by one thread at a time. Raises TimeoutError when it stays taken."""
        with self._guard:
            lock = self._dialling.setdefault(hops, threading.Lock())
        if not lock.acquire(timeout=deadline.need()):
            raise TimeoutError
        try:
            yield Jump(self._jumps, hops)
        finally:
            lock.release()

    # ------------------------------------------------------------------------------------------- the limit

    def used(self, link: Closable) -> None:
        """``link`` has (again) an open connection in use; closes the longest unused ones above the limit."""
        with self._guard:
            self._links[id(link)] = link
            self._links.move_to_end(id(link))
            idle = [other for other in self._links.values() if other.is_idle and other is not link]
            surplus = idle[: max(0, len(self._links) - self._most_open)]
            for other in surplus:
                del self._links[id(other)]
        for other in surplus:
            other.disconnect()

    def closed(self, link: Closable) -> None:
        """``link`` has no connection any more."""
        with self._guard:
            self._links.pop(id(link), None)

    def close(self) -> None:
        """Close the connections to jump hosts; those through them end too. Safe to call twice."""
        with self._guard:
            jumps, self._jumps = list(self._jumps.values()), {}
        for connection in jumps:
            connection.close()


class Jump:
    """One jump host's place in the table."""

    def __init__(self, table: dict[tuple[Endpoint, ...], Connection], hops: tuple[Endpoint, ...]) -> None:
        self._table = table
        self._hops = hops

    def connection(self, make: Callable[[], Connection]) -> Connection:
        """The live connection, or the one that ``make`` makes."""
        found = self._table.get(self._hops)
        if found is None or not found.is_alive:
            found = self._table[self._hops] = make()
        return found
