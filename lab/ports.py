"""Loopback TCP ports that can be open, refused or filtered, and keep their number while they change.

Refused is a socket that is bound but not listening. Filtered is a listening socket whose accept queue is
full: the kernel then drops further SYNs, so a connect hangs exactly as behind a firewall that drops.
"""

from __future__ import annotations

import asyncio
import enum
import selectors
import socket
import ssl
from collections.abc import Callable

LOOPBACK = "127.0.0.1"

_FILL_LIMIT = 64
"""More pending connections than any system queues for a backlog of 0 or 1."""

_HANDSHAKE_PATIENCE = 0.05
"""Seconds after which a loopback connect that has not completed counts as dropped."""

_BACKLOG = 128

_GOODBYE = 0.5
"""Seconds that a TLS connection which is being closed waits for a client that has gone quiet."""

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class PortState(enum.StrEnum):
    """What a client sees when it connects."""

    OPEN = "open"
    REFUSED = "refused"
    FILTERED = "filtered"


class LoopbackPort:
    """One TCP port on 127.0.0.1, reserved for as long as the object lives.

    Starts refused. Not thread-safe: used from the loop that serves it.
    """

    def __init__(self, number: int = 0) -> None:
        self._socket: socket.socket | None = _bind(number)
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []
        self._served: set[_Served] = set()
        self._is_over = False
        self.number: int = self._socket.getsockname()[1]
        self.state = PortState.REFUSED

    async def open(self, factory: ProtocolFactory, tls: ssl.SSLContext | None = None) -> None:
        """Serve connections with ``factory``'s protocols; a port that is open already is opened anew."""
        listener = self._rebind()
        self._is_over = False
        loop = asyncio.get_running_loop()
        goodbye = _GOODBYE if tls is not None else None
        self._server = await loop.create_server(
            lambda: _Served(factory(), self._served, lambda: self._is_over),
            sock=listener,
            ssl=tls,
            backlog=_BACKLOG,
            ssl_shutdown_timeout=goodbye,
        )
        self.state = PortState.OPEN

    def refuse(self) -> None:
        """Answer connects with a reset. Connections that were accepted before are left alone."""
        if self.state is not PortState.REFUSED:
            self._socket = self._rebind()
            self.state = PortState.REFUSED

    def filter(self) -> None:
        """Let connects hang: listen with the shortest queue and fill it. Blocks for about 50 ms."""
        if self.state is PortState.FILTERED:
            return
        self._socket = self._rebind()
        self._socket.listen(1)
        self._fillers = _fill(self.number)
        self.state = PortState.FILTERED

    def close(self) -> None:
        """Give the port back, and end every connection it has served: the loop may be over at once."""
        self._is_over = True
        self._release()
        for served in tuple(self._served):
            served.cut()
        self.state = PortState.REFUSED

    def _rebind(self) -> socket.socket:
        if self._socket is not None and self.state is PortState.REFUSED:
            bound, self._socket = self._socket, None
            return bound
        self._release()
        return _bind(self.number)

    def _release(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers = []
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Served(asyncio.Protocol):
    """One connection, handed on to the protocol that serves it; listed for as long as it is open.

    A TLS connection that is being closed waits for its client to say goodbye. Whoever ends the loop before that
    leaves a socket behind, and no public call of asyncio names the connections of a server before Python 3.13.
    """

    def __init__(self, inner: asyncio.BaseProtocol, served: set[_Served], is_over: Callable[[], bool]) -> None:
        assert isinstance(inner, asyncio.Protocol)  # noqa: S101  # nothing here serves another kind
        self._inner, self._served, self._is_over = inner, served, is_over
        self._transport: asyncio.BaseTransport | None = None
        self.pause_writing, self.resume_writing = inner.pause_writing, inner.resume_writing
        self.data_received, self.eof_received = inner.data_received, inner.eof_received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """List it; one whose handshake took longer than the port lived is ended at once."""
        self._transport = transport
        if self._is_over():
            self.cut()
            return
        self._served.add(self)
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self in self._served:
            self._served.remove(self)
            self._inner.connection_lost(exc)

    def cut(self) -> None:
        """End it without a goodbye."""
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()


def _bind(number: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((LOOPBACK, number))
    bound.setblocking(False)
    return bound


def _fill(number: int) -> list[socket.socket]:
    """Connect until a connect no longer completes; the last socket is the one that hangs."""
    fillers: list[socket.socket] = []
    for _attempt in range(_FILL_LIMIT):
        filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        filler.setblocking(False)
        fillers.append(filler)
        filler.connect_ex((LOOPBACK, number))
        with selectors.DefaultSelector() as selector:
            selector.register(filler, selectors.EVENT_WRITE)
            if not selector.select(_HANDSHAKE_PATIENCE):
                return fillers
    for filler in fillers:
        filler.close()
    raise OSError(f"port {number}: the system accepted {_FILL_LIMIT} connections on a backlog of 1")
