"""A stream over SSH: ``sh -s`` on a session that stays open."""

from __future__ import annotations

import paramiko

from kedge.links import ssh_errors
from kedge.links.deadline import Deadline
from kedge.links.ssh_channel import ChannelPipe
from kedge.links.ssh_sessions import Session
from kedge.links.streams import OpenedPipe

_EXIT_PATIENCE = 2.0
"""Seconds that the exit status may come after the end of the output."""


class SessionPipe(OpenedPipe):
    """The channel, once the shell has been asked for; the pipe is made on the stream's own thread."""

    def __init__(self, host: str, session: Session, shell: str) -> None:
        self._host = host
        self._session = session
        try:
            session.channel.exec_command(shell)
        except (paramiko.SSHException, OSError, EOFError) as error:
            session.close_soon()
            raise ssh_errors.lost(host, ssh_errors.OPENING, error) from None
        self.pipe = ChannelPipe(session.channel)
        self._pulse = session.pulse()

    @property
    def silent_for(self) -> float:
        return self._pulse.silent_for

    def exit_code(self) -> int | None:
        channel = self._session.channel
        channel.status_event.wait(_EXIT_PATIENCE)
        return channel.exit_status if channel.exit_status >= 0 else None

    def end(self) -> None:
        self._session.close_soon()

    def dispose(self) -> None:
        self._session.close()


def open_pipe(host: str, session: Session, shell: str, deadline: Deadline) -> SessionPipe:
    """Ask for the shell. Blocking. Raises LinkError, TimeoutError."""
    session.channel.settimeout(deadline.need())
    return SessionPipe(host, session, shell)
