"""A logged-in SSH connection, and one attempt to make it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from kedge.i18n import Text
from kedge.links import ssh_errors

if TYPE_CHECKING:
    import paramiko


class Connection:
    """A logged-in transport and whatever it runs over."""

    def __init__(self, transport: paramiko.Transport, closers: list[Callable[[], object]]) -> None:
        self.transport = transport
        self._closers = closers

    @property
    def is_alive(self) -> bool:
        """False once the connection has ended, as far as anybody has noticed."""
        return self.transport.is_active()

    def close(self) -> None:
        """Close it. Safe from any thread, and twice; may wait a little for a dead peer."""
        _close(self._closers)


class Dialling:
    """One attempt to connect: says where it is, and can be given up from another thread."""

    def __init__(self) -> None:
        self._step: Text = ssh_errors.IN_LINE
        self._closers: list[Callable[[], object]] = []
        self._given_up = False
        self.before: Dialling | None = None
        """The attempt to reach the jump host in front, while that is being made."""

    @property
    def step(self) -> Text:
        """What is being waited for."""
        before = self.before
        return before.step if before is not None else self._step

    @step.setter
    def step(self, step: Text) -> None:
        self._step = step

    def owns(self, close: Callable[[], object]) -> None:
        """What to close, newest first, when this attempt fails or is given up."""
        self._closers.append(close)
        if self._given_up:
            self.give_up()

    def give_up(self) -> None:
        """Close everything, so that whoever waits on it returns. Safe from any thread, and twice."""
        self._given_up = True
        before = self.before
        if before is not None:
            before.give_up()
        _close(self._closers)

    def connected(self, transport: paramiko.Transport) -> Connection:
        """The connection that has come about; giving up later still closes it."""
        return Connection(transport, self._closers)


def _close(closers: list[Callable[[], object]]) -> None:
    """Newest first; two threads may do it at once."""
    while True:
        try:
            close = closers.pop()
        except IndexError:
            return
        with suppress(OSError, EOFError):
            close()
