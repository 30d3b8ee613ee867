"""Both ends of a running shell, as batches and streams use them."""

from __future__ import annotations

from typing import Protocol

from kedge.links.deadline import Deadline

NOISE_SHOWN = 300
"""Characters of what a shell said instead of answering, for the message."""


class Pipe(Protocol):
    """Both ends of a running ``sh -s``; blocking."""

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Write all of it. Raises TimeoutError, OSError."""
        ...

    def receive(self, deadline: Deadline) -> bytes:
        """The next piece of stdout, empty at its end. Raises TimeoutError, OSError."""
        ...

    def complaint(self) -> bytes:
        """The first of what came on stderr."""
        ...
