"""A TCP relay that makes a good network bad: delay, loss as TCP shows it, silence, cuts. Many kernels lack netem."""

from __future__ import annotations

import queue
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

RETRANSMIT = 0.2
"""Seconds a lost segment costs at least: TCP's smallest retransmission time-out."""
SEGMENT = 1448
"""Bytes of one segment; each may be lost."""
LOSS_SEED = 7


@dataclass
class Relay:
    """Forwards connections to one address; ``delay``, ``loss`` and ``frozen`` may be changed while it runs.

    Attributes:
        target: where connections go.
        address: where it listens.
        delay: seconds each way; a round trip takes twice that.
        loss: chance that a segment is lost, which delays it and all after it by :data:`RETRANSMIT`.
        frozen: nothing passes and nothing is closed, as with a firewall that forgot the connection.
        connections: made so far.
        round_trips: how often the client spoke after the server had: latency is paid about that many times.
        carried: bytes that came from either side.
    """

    target: tuple[str, int]
    address: tuple[str, int]
    delay: float = 0.0
    loss: float = 0.0
    frozen: bool = False
    connections: int = 0
    round_trips: int = 0
    carried: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(LOSS_SEED))  # noqa: S311 - chance, not secrecy
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)
    _client_spoke_last: bool = False

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        return self.address[1]

    def cut(self) -> None:
        """Reset every connection, as a restarted router does."""
        with self._guard:
            for sock in self._open:
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    sock.shutdown(socket.SHUT_RDWR)

    def serve(self, listener: socket.socket) -> None:
        """Accept until the listener is shut down."""
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(client,), name="relay", daemon=True).start()

    def _connection(self, client: socket.socket) -> None:
        with client:
            try:
                server = socket.create_connection(self.target, 10)
            except OSError:
                return
            with server:
                self._forward(client, server)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        server.settimeout(None)
        both = {client, server}
        with self._guard:
            self._open |= both
            self.connections += 1
        work: list[threading.Thread] = []
        for source, sink in ((client, server), (server, client)):
            sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
            work.append(threading.Thread(target=self._read, args=(source, pieces, source is client), daemon=True))
            work.append(threading.Thread(target=self._write, args=(sink, pieces), daemon=True))
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
        with self._guard:
            self._open -= both

    def _read(self, source: socket.socket, pieces: queue.SimpleQueue[tuple[float, bytes]], is_client: bool) -> None:
        """Date each piece with when it arrives at the other end; an empty one is the end."""
        due, data = 0.0, b"-"
        while data:
            try:
                data = source.recv(65_536)
            except OSError:
                data = b""
            due = max(due, time.monotonic() + self._lateness(data, is_client))  # TCP keeps the order
            pieces.put((due, data))

    def _lateness(self, data: bytes, is_client: bool) -> float:
        with self._guard:
            if data:
                self.carried += len(data)
                self.round_trips += is_client and not self._client_spoke_last
                self._client_spoke_last = is_client
            lost = sum(self._random.random() < self.loss for _segment in range(-(-len(data) // SEGMENT)))
        return self.delay + RETRANSMIT * lost

    def _write(self, sink: socket.socket, pieces: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        with suppress(OSError):
            while True:
                due, data = pieces.get()
                time.sleep(max(0.0, due - time.monotonic()))
                while self.frozen:
                    time.sleep(0.02)  # nothing tells when the network thaws
                if not data:
                    break
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(host: str, port: int, *, delay: float = 0.0, loss: float = 0.0) -> Iterator[Relay]:
    """A relay on loopback for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay((host, port), listener.getsockname(), delay, loss)
        thread = threading.Thread(target=relay.serve, args=(listener,), name="relay accept", daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            relay.frozen = False
            relay.cut()
