"""The signal that ended a program on a host. paramiko receives it (RFC 4254, 6.10) and drops it."""

from __future__ import annotations

import string
from typing import Any

_MSG_CHANNEL_REQUEST = 98
_ATTRIBUTE = "kedge_signal"
_LETTERS = frozenset(string.ascii_uppercase + string.digits)


def hear_signals(channel: Any) -> None:
    """From now on :func:`signal_of` knows the signals of every channel on this one's connection."""
    transport = channel.get_transport()
    table = transport._channel_handler_table
    usual = table[_MSG_CHANNEL_REQUEST]
    if usual.__module__ == __name__:
        return

    def heard(about: Any, message: Any) -> None:
        start = message.packet.tell()
        if message.get_string() == b"exit-signal":
            message.get_boolean()
            name = message.get_string()[:20].decode("ascii", "replace")
            setattr(about, _ATTRIBUTE, "".join(letter for letter in name if letter in _LETTERS))
        message.packet.seek(start)
        usual(about, message)

    transport._channel_handler_table = {**table, _MSG_CHANNEL_REQUEST: heard}


def signal_of(channel: Any) -> str:
    """Name of the signal that ended the program, without SIG; empty when none has been told."""
    return str(getattr(channel, _ATTRIBUTE, ""))
