"""Whether a host still answers, asked every few seconds: a dead link says nothing, for minutes."""

from __future__ import annotations

import threading
import time

from kedge.links.ssh_connection import Connection

EVERY = 4.0
"""Seconds between questions."""


class Pulse:
    """Asks on one connection, on a daemon thread, until it ends or :meth:`stop`."""

    def __init__(self, connection: Connection, every: float = EVERY) -> None:
        self._connection = connection
        self._every = every
        self._stopped = threading.Event()
        self._asked = 0.0
        threading.Thread(target=self._ask, name="ssh pulse", daemon=True).start()

    @property
    def silent_for(self) -> float:
        """Seconds since a question that the host has not answered yet; 0 while it answers."""
        asked = self._asked
        return time.monotonic() - asked if asked else 0.0

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()

    def _ask(self) -> None:
        import paramiko

        while not self._stopped.wait(self._every) and self._connection.is_alive:
            self._asked = time.monotonic()
            try:
                self._connection.transport.global_request("keepalive@openssh.com", wait=True)
            except (paramiko.SSHException, OSError, EOFError):
                return  # whoever reads notices, too, and says so
            self._asked = 0.0
