"""One exec channel as a pipe to a shell; blocking."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from kedge.links.deadline import Deadline

if TYPE_CHECKING:
    import paramiko

PIECE = 65_536
COMPLAINT_KEPT = 4096


class ChannelPipe:
    """Reads stdout and stderr side by side: either one, left unread, would fill its window and stop the other."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._stderr = b""
        self._poll = select.poll()
        self._poll.register(channel.fileno(), select.POLLIN)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Write all of it. Raises TimeoutError, OSError."""
        self._channel.settimeout(deadline.need())
        self._channel.sendall(data)

    def receive(self, deadline: Deadline) -> bytes:
        """The next piece of stdout, empty at its end. Raises TimeoutError, OSError."""
        channel = self._channel
        while True:
            # Looked at before the data: what arrived ahead of the end is then sure to be seen.
            ended = channel.eof_received or channel.closed
            while channel.recv_stderr_ready():
                self._stderr = (self._stderr + channel.recv_stderr(PIECE))[:COMPLAINT_KEPT]
            if channel.recv_ready():
                return channel.recv(PIECE)
            if ended:
                return b""
            self._poll.poll(deadline.need() * 1000)

    def complaint(self) -> bytes:
        """The first of what came on stderr."""
        return self._stderr
