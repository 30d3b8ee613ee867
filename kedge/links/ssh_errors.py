"""Sentences for what goes wrong on the way to a host: what failed, where, why, what to do."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from functools import reduce

from kedge.i18n import Text, _
from kedge.links.deadline import Deadline
from kedge.links.known_hosts import Judgement, KnownKey, Standing, fingerprint
from kedge.links.ssh_config import Endpoint
from kedge.model import LinkError, Reason, Unknown

CONNECTING = _("connecting to {address}:{port}")
BANNER = _("waiting for the SSH server on {address}:{port} to greet")
KEY_EXCHANGE = _("agreeing on keys with {address}:{port}")
LOGGING_IN = _("logging in as {user}")
OPENING = _("opening a channel")
RUNNING = _("waiting for the commands to answer")
IN_LINE = _("waiting for a free connection slot")


def timed_out(host: str, deadline: Deadline, step: Text) -> LinkError:
    """The deadline passed in this step."""
    text = _("{host}: timed out after {seconds} s while {step}")
    return LinkError(Unknown(Reason.TIMED_OUT, text.format(host=host, seconds=deadline.told, step=step)))


def lost(host: str, step: Text, error: object = "") -> LinkError:
    """The connection ended in this step."""
    text = (
        _("The SSH connection to {host} was lost while {step}: {error}")
        if str(error)
        else _("The SSH connection to {host} was lost while {step}")
    )
    return LinkError(Unknown(Reason.UNREACHABLE, text.format(host=host, step=step, error=error)))


def refused_session(host: str, error: object) -> LinkError:
    """The server keeps the connection but opens no (further) channel on it."""
    text = _("{host} refuses a session on its SSH connection: {error}; is MaxSessions or the user's login restricted?")
    return LinkError(Unknown(Reason.SERVER_ERROR, text.format(host=host, error=error)))


def not_connected(endpoint: Endpoint, error: OSError) -> LinkError:
    """TCP did not come about."""
    if isinstance(error, socket.gaierror):
        text = _("{host}: the name {address} cannot be resolved ({error}); set `address` for this host or check DNS")
    elif isinstance(error, ConnectionRefusedError):
        text = _("{host} refuses SSH on {address}:{port}; is sshd running there, and is it the right port?")
    elif error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        text = _("{host}: there is no route to {address} ({error}); is the machine on, is the network or VPN up?")
    else:
        text = _("{host} cannot be reached on {address}:{port}: {error}")
    said = error.strerror or str(error)
    filled = text.format(host=endpoint.name, address=endpoint.address, port=endpoint.port, error=said)
    return LinkError(Unknown(Reason.UNREACHABLE, filled))


def not_through(endpoint: Endpoint, error: object) -> LinkError:
    """The jump host could not, or would not, connect further."""
    text = _("{host}: the jump host cannot connect to {address}:{port}: {error}; is the machine on, is sshd running?")
    filled = text.format(host=endpoint.name, address=endpoint.address, port=endpoint.port, error=error)
    return LinkError(Unknown(Reason.UNREACHABLE, filled))


def not_ssh(endpoint: Endpoint, error: object) -> LinkError:
    """Something answers, but it does not speak SSH."""
    text = _("{host}: what answers on {address}:{port} is no SSH server ({error}); is it the right port?")
    return LinkError(
        Unknown(
            Reason.NO_SSH,
            text.format(host=endpoint.name, address=endpoint.address, port=endpoint.port, error=error),
        )
    )


def closed_early(endpoint: Endpoint) -> LinkError:
    """The server hung up before its greeting: overload, a deny list, or a proxy that could not connect."""
    text = _("{host}: {address}:{port} closed the connection before greeting; too many connections, or not allowed?")
    return LinkError(
        Unknown(Reason.UNREACHABLE, text.format(host=endpoint.name, address=endpoint.address, port=endpoint.port))
    )


def incompatible(endpoint: Endpoint, error: object) -> LinkError:
    """No algorithm in common; old edge images offer SHA-1 only."""
    text = _("{host} offers only SSH algorithms that are too old to be safe ({error}); update its SSH server")
    return LinkError(Unknown(Reason.UNSUPPORTED, text.format(host=endpoint.name, error=error)))


def bad_host_key(endpoint: Endpoint, judgement: Judgement, key_type: str, blob: bytes) -> Unknown:
    """Why the shown host key is not trusted."""
    shown = f"{key_type} {fingerprint(blob)}"
    by = judgement.by
    if by is None:
        text = _(
            "{host} ({address}) shows a host key that is not known: {shown}. Compare it with the host's console, then "
            "accept it in the dialog, with --accept-new-host-keys or by `ssh {address}`"
        )
        return Unknown(Reason.HOST_KEY, text.format(host=endpoint.name, address=endpoint.address, shown=shown))
    text = {
        Standing.REVOKED: _("The key that {host} shows, {shown}, is revoked in {place}; nothing was sent to it"),
        Standing.AUTHORITY: _(
            "{place} trusts {host} through a certificate authority, which kedge-tui cannot check; add its own key "
            "{shown} to known_hosts once you have compared it"
        ),
    }.get(
        judgement.standing,
        _(
            "The host key of {host} has changed: {place} says {known}, it now shows {shown}. Somebody may be in "
            "between, or it was installed anew; if so, remove that line"
        ),
    )
    filled = text.format(host=endpoint.name, shown=shown, place=by.place, known=_known(by))
    return Unknown(Reason.HOST_KEY, filled)


def no_known_hosts(endpoint: Endpoint, error: OSError) -> LinkError:
    """The files that say which host keys are trusted cannot be used, so none is."""
    text = _("{host}: known host keys cannot be used, so its key cannot be verified: {file}: {error}")
    filled = text.format(host=endpoint.name, file=error.filename or "known_hosts", error=error.strerror)
    return LinkError(Unknown(Reason.HOST_KEY, filled))


def _known(key: KnownKey) -> str:
    return f"{key.key_type} {fingerprint(key.blob)}"


def no_login(endpoint: Endpoint, tried: Sequence[Text | str]) -> Unknown:
    """No key and no password opened the door."""
    text = _(
        "{host} does not let {user} log in; tried: {tried}. Set `user` and `identity` for this host, or start an "
        "SSH agent that holds the right key"
    )
    listed = reduce(_and, tried) if tried else _("nothing, there is no key")
    return Unknown(Reason.CREDENTIALS, text.format(host=endpoint.name, user=endpoint.user, tried=listed))


def _and(left: Text | str, right: Text | str) -> Text:
    return _("{left}, {right}").format(left=left, right=right)
