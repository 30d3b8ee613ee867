"""A slow or lossy link in front of a server: bytes are delayed on their way in and out."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from dataclasses import dataclass

_CHUNK = 65_536
_RETRANSMISSION = 0.2
"""Seconds that a lost TCP segment costs beyond the round trip: the usual minimum retransmission time-out."""


@dataclass(slots=True)
class LinkQuality:
    """How good the way to a host is; may be changed while connections are up.

    Attributes:
        latency: seconds added to a round trip.
        loss: share of chunks that arrive only after a retransmission, 0 to 1.
    """

    latency: float = 0.0
    loss: float = 0.0

    @property
    def perfect(self) -> bool:
        """True when nothing needs to be delayed."""
        return self.latency <= 0 and self.loss <= 0

    def delay(self, chance: random.Random) -> float:
        """Seconds that the next chunk takes in one direction."""
        late = self.loss > 0 and chance.random() < self.loss
        return self.latency / 2 + (self.latency + _RETRANSMISSION if late else 0.0)


class SlowRelay:
    """Carries bytes between an accepted connection and a server's end of a socket pair."""

    def __init__(self, accepted: socket.socket, quality: LinkQuality) -> None:
        self._accepted = accepted
        self._quality = quality
        self._chance = random.Random()
        self._near, self.server_end = socket.socketpair()
        for end in (self._near, self.server_end):
            end.setblocking(False)

    async def run(self) -> None:
        """Relay until one side closes; then the server sees its end closed too."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._carry(self._accepted, self._near))
                tasks.create_task(self._carry(self._near, self._accepted))
        except* OSError:
            pass  # a reset connection ends the relay as a closed one does
        finally:
            self.close()

    def close(self) -> None:
        """Close our two ends; the server's own is the server's."""
        self._accepted.close()
        self._near.close()

    async def _carry(self, source: socket.socket, target: socket.socket) -> None:
        """Read at full speed, deliver each chunk when it is due, in order."""
        loop = asyncio.get_running_loop()
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)

        async def deliver() -> None:
            while True:
                at, chunk = await due.get()
                await asyncio.sleep(max(0.0, at - loop.time()))
                if not chunk:
                    with contextlib.suppress(OSError):
                        target.shutdown(socket.SHUT_WR)
                    return
                await loop.sock_sendall(target, chunk)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(deliver())
            latest = 0.0
            while True:
                chunk = await loop.sock_recv(source, _CHUNK)
                latest = max(latest, loop.time() + self._quality.delay(self._chance))
                await due.put((latest, chunk))
                if not chunk:
                    return
