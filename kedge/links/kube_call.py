"""One Kubernetes request under way, and how another thread ends it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from kedge.i18n import Text

_lock = threading.Lock()
_thread = threading.local()


class Call:
    """One request: which step it is in, since when, and the socket it holds.

    Connections are pooled: a socket belongs to a call only as long as its connection names the call as its
    owner, so that aborting a call that has just ended never cuts the next one's connection.
    """

    def __init__(self, step: Text) -> None:
        self.step = step
        self.started = time.monotonic()
        self.aborted = False
        self._owner: Any = None
        self._socket: socket.socket | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the call was made."""
        return time.monotonic() - self.started

    @contextlib.contextmanager
    def during(self, step: Text) -> Iterator[None]:
        """Another step comes first: a deadline that passes in it names it."""
        before, self.step = self.step, step
        yield
        self.step = before

    def hold(self, owner: Any, sock: socket.socket | None) -> None:
        """``owner`` (a connection or WebSocket) now works for this call, over ``sock`` once it is connected.

        Raises:
            ConnectionAbortedError: the call was aborted before it got here.
        """
        with _lock:
            owner.kedge_call = self
            self._owner, self._socket = owner, sock
            if self.aborted:
                raise ConnectionAbortedError("call aborted")

    def abort(self) -> None:
        """End the call from any thread, at once and for good: its blocked reads and writes fail."""
        with _lock:
            self.aborted = True
            if self._socket is None or getattr(self._owner, "kedge_call", None) is not self:
                return
            # Not SSLSocket.shutdown: that takes TLS off the socket under the thread that is reading it.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def read_timeout(self, seconds: float | None) -> None:
        """From now on a read may block for ``seconds`` (None: for ever)."""
        with _lock:
            if self._socket is not None and getattr(self._owner, "kedge_call", None) is self:
                self._socket.settimeout(seconds)


@contextlib.contextmanager
def current(call: Call) -> Iterator[None]:
    """Make ``call`` the one that connections used by this thread work for."""
    _thread.call = call
    try:
        yield
    finally:
        _thread.call = None


def claim(owner: Any, sock: socket.socket | None) -> None:
    """A connection reports that it works for this thread's call."""
    call: Call | None = getattr(_thread, "call", None)
    if call is not None:
        call.hold(owner, sock)
