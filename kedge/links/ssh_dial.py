"""Makes a logged-in SSH connection, hop by hop. Blocking; runs on the ssh pool.

paramiko is imported here when the first connection is made. It is used through its Transport only: our own
socket with TCP_NODELAY (without it every request costs 40 ms), our own host-key check, our own login.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from kedge.i18n import Text
from kedge.links import known_hosts, ssh_errors
from kedge.links.deadline import Deadline
from kedge.links.known_hosts import Standing
from kedge.links.ssh_auth import Given, NeedsAnswer, log_in
from kedge.links.ssh_config import Endpoint
from kedge.model import LinkError
from kedge.prompter import new_host_key

if TYPE_CHECKING:
    import paramiko

log = logging.getLogger(__name__)
logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else its warnings reach the screen

KEEPALIVE = 15
"""Seconds between keep-alives."""
DEAD_AFTER = 30
"""Seconds without an acknowledgement after which the kernel gives a connection up (Linux)."""


class Dialling:
    """One attempt to connect: says where it is, and can be given up from another thread."""

    def __init__(self) -> None:
        self.step: Text = ssh_errors.IN_LINE
        self._closers: list[Callable[[], object]] = []
        self._given_up = False

    def owns(self, close: Callable[[], object]) -> None:
        """What to close, newest first, when this attempt fails or is given up."""
        self._closers.append(close)
        if self._given_up:
            self.give_up()

    def give_up(self) -> None:
        """Close everything, so that whoever waits on it returns. Safe from any thread, and twice."""
        self._given_up = True
        _close(self._closers)

    def hand_over(self) -> list[Callable[[], object]]:
        """The closers, for the connection that has come about; giving up later still closes it."""
        return self._closers


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
        """Close it and the hops under it. Safe from any thread, and twice."""
        _close(self._closers)


def _close(closers: list[Callable[[], object]]) -> None:
    """Newest first; two threads may do it at once."""
    while True:
        try:
            close = closers.pop()
        except IndexError:
            return
        with suppress(OSError, EOFError):
            close()


def dial(
    hops: tuple[Endpoint, ...], site: str, deadline: Deadline, given: Given, dialling: Dialling
) -> Connection:
    """Connect through ``hops``, verify every host key and log in everywhere.

    Raises:
        LinkError: typed (UNREACHABLE, TIMED_OUT, NO_SSH, HOST_KEY, CREDENTIALS, UNSUPPORTED).
        NeedsAnswer: a person has to say something first; the connection is closed.
    """
    import paramiko
    from paramiko.ssh_exception import IncompatiblePeer

    transport: paramiko.Transport | None = None
    for hop in hops:
        try:
            transport = _one(hop, transport, site, deadline, given, dialling)
        except (LinkError, NeedsAnswer):
            dialling.give_up()
            raise
        except TimeoutError:
            dialling.give_up()
            raise ssh_errors.timed_out(hop.name, deadline, dialling.step) from None
        except IncompatiblePeer as error:
            dialling.give_up()
            raise ssh_errors.incompatible(hop, error) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            dialling.give_up()
            raise _explain(hop, deadline, dialling.step, error) from None
    if transport is None:
        raise ValueError("a route has at least one hop")
    return Connection(transport, dialling.hand_over())


def _explain(hop: Endpoint, deadline: Deadline, step: Text, error: Exception) -> LinkError:
    if deadline.left() <= 0.0:
        return ssh_errors.timed_out(hop.name, deadline, step)
    if step.msgid == ssh_errors.BANNER.msgid:
        said = str(error).removeprefix("Error reading SSH protocol banner")
        return ssh_errors.not_ssh(hop, said) if said else ssh_errors.closed_early(hop)
    return ssh_errors.lost(hop.name, step, error)


def _one(
    hop: Endpoint, through: paramiko.Transport | None, site: str, deadline: Deadline, given: Given, dialling: Dialling
) -> paramiko.Transport:
    import paramiko

    dialling.step = ssh_errors.CONNECTING.format(address=hop.address, port=hop.port)
    sock = _open(hop, through, deadline, dialling)
    dialling.owns(sock.close)
    dialling.step = ssh_errors.BANNER.format(address=hop.address, port=hop.port)
    transport = paramiko.Transport(sock)
    dialling.owns(transport.close)
    transport.banner_timeout = transport.handshake_timeout = deadline.need()
    transport.use_compression(hop.compression)
    keys = known_hosts.load(hop.known_hosts)
    _prefer_types(transport, known_hosts.types_on_record(keys, hop.key_name, hop.key_port))
    transport.start_client(timeout=deadline.need())
    dialling.step = ssh_errors.KEY_EXCHANGE.format(address=hop.address, port=hop.port)
    deadline.need()
    shown = transport.get_remote_server_key()
    _check_host_key(hop, keys, shown.get_name(), shown.asbytes(), site, given)
    dialling.step = ssh_errors.LOGGING_IN.format(user=hop.user)
    log_in(transport, hop, site, deadline, given)
    transport.set_keepalive(KEEPALIVE)
    return transport


def _open(
    hop: Endpoint, through: paramiko.Transport | None, deadline: Deadline, dialling: Dialling
) -> socket.socket | paramiko.Channel:
    timeout = min(deadline.need(), hop.connect_timeout or deadline.seconds)
    if hop.proxy_command:
        return _proxy(hop, dialling)
    if through is not None:
        return through.open_channel("direct-tcpip", (hop.address, hop.port), ("127.0.0.1", 0), timeout=timeout)
    try:
        return _tcp(hop.address, hop.port, Deadline(timeout))
    except TimeoutError:
        raise
    except OSError as error:
        raise ssh_errors.not_connected(hop, error) from None


def _tcp(address: str, port: int, deadline: Deadline) -> socket.socket:
    """A TCP connection to the first of the name's addresses that answers."""
    failure: OSError = OSError("no address")
    for family, kind, protocol, _name, place in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(deadline.need())
            sock.connect(place)
        except OSError as error:
            sock.close()
            failure = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER * 1000)
        return sock
    raise failure


def _proxy(hop: Endpoint, dialling: Dialling) -> socket.socket:
    """Our end of a socket pair whose other end is stdin and stdout of the ProxyCommand."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {hop.proxy_command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, name="reap ProxyCommand", daemon=True).start()
    dialling.owns(process.terminate)
    return ours


def _prefer_types(transport: paramiko.Transport, on_record: list[str]) -> None:
    """Ask first for a key of a type that known_hosts has, as ssh does."""
    options = transport.get_security_options()
    signatures = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}
    wanted = [name for key_type in on_record for name in signatures.get(key_type, (key_type,))]
    available = list(options.key_types)
    options.key_types = sorted(
        available, key=lambda name: wanted.index(name) if name in wanted else len(wanted) + available.index(name)
    )


def _check_host_key(
    hop: Endpoint, keys: list[known_hosts.KnownKey], key_type: str, blob: bytes, site: str, given: Given
) -> None:
    """Returns for a trusted key, which is recorded if a person (or their ssh_config) has just accepted it."""
    judgement = known_hosts.judge(keys, hop.key_name, hop.key_port, key_type, blob)
    if judgement.standing is Standing.KNOWN:
        return
    refusal = ssh_errors.bad_host_key(hop, judgement, key_type, blob)
    print_ = known_hosts.fingerprint(blob)
    if judgement.standing is not Standing.UNKNOWN:
        raise LinkError(refusal)
    if print_ not in given.trusted and not hop.add_new_keys:
        if not hop.ask_new_keys:
            raise LinkError(refusal)
        raise NeedsAnswer(new_host_key(site, hop.name, key_type, print_, address=hop.address), refusal)
    if hop.record_in is not None:
        log.info("recording the accepted key %s of %s in %s", print_, hop.name, hop.record_in)
        known_hosts.append(hop.record_in, hop.key_name, hop.key_port, key_type, blob, hashed=hop.hash_names)
