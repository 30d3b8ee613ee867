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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kedge.links import known_hosts, ssh_errors
from kedge.links.deadline import Deadline
from kedge.links.known_hosts import Standing
from kedge.links.ssh_auth import log_in
from kedge.links.ssh_config import Endpoint
from kedge.links.ssh_connection import Connection, Dialling
from kedge.links.ssh_given import Given, NeedsAnswer
from kedge.links.ssh_shared import SshShared
from kedge.model import LinkError
from kedge.prompter import new_host_key

if TYPE_CHECKING:
    import paramiko

log = logging.getLogger(__name__)

_paramiko_log = logging.getLogger("paramiko")
_paramiko_log.addHandler(logging.NullHandler())  # else its warnings reach the screen
if _paramiko_log.level == logging.NOTSET:
    _paramiko_log.setLevel(logging.CRITICAL)  # a traceback for every host that hangs up; a sentence says it better

GREETING_SHOWN = 80
"""Bytes of a greeting that is none of SSH, for the message."""
KEEPALIVE = 15
"""Seconds between keep-alives."""
CONNECT_SECONDS = 10.0
"""Longest wait for TCP where ssh_config says nothing: three lost SYNs, not the whole deadline of a sweep."""
DEAD_AFTER = 30
"""Seconds without an acknowledgement after which the kernel gives a connection up (Linux)."""


@dataclass(frozen=True, slots=True)
class Dialler:
    """Connects through jump hosts, verifies every host key and logs in everywhere.

    Attributes:
        site: for questions.
        given: what people have answered so far.
        shared: where connections to jump hosts are kept.
        deadline: for the whole way.
        dialling: this attempt.
    """

    site: str
    given: Given
    shared: SshShared
    deadline: Deadline
    dialling: Dialling

    def connect(self, hops: tuple[Endpoint, ...]) -> Connection:
        """Connect to the last of ``hops`` through those before it.

        Raises:
            LinkError: typed (UNREACHABLE, TIMED_OUT, NO_SSH, HOST_KEY, CREDENTIALS, UNSUPPORTED).
            NeedsAnswer: a person has to say something first; nothing is left open for it.
        """
        import paramiko
        from paramiko.ssh_exception import IncompatiblePeer

        *jumps, hop = hops
        done = False
        try:
            through = self._jump_host(tuple(jumps)) if jumps else None
            transport = self._one(hop, through)
            done = True
        except TimeoutError:
            raise ssh_errors.timed_out(hop.name, self.deadline, self.dialling.step) from None
        except IncompatiblePeer as error:
            raise ssh_errors.incompatible(hop, error) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._explain(hop, error) from None
        finally:
            if not done:
                self.dialling.give_up()
        return self.dialling.connected(transport)

    def _jump_host(self, hops: tuple[Endpoint, ...]) -> paramiko.Transport:
        """The shared connection to a jump host, made if there is none."""
        before = Dialling()
        self.dialling.before = before
        try:
            with self.shared.jump(hops, self.deadline) as jump:
                return jump.connection(lambda: replace(self, dialling=before).connect(hops)).transport
        finally:
            self.dialling.before = None

    def _explain(self, hop: Endpoint, error: Exception) -> LinkError:
        if self.deadline.is_over:
            return ssh_errors.timed_out(hop.name, self.deadline, self.dialling.step)
        return ssh_errors.lost(hop.name, self.dialling.step, error)

    def _one(self, hop: Endpoint, through: paramiko.Transport | None) -> paramiko.Transport:
        dialling, deadline = self.dialling, self.deadline
        dialling.step = ssh_errors.CONNECTING.format(address=hop.address, port=hop.port)
        sock = self._open(hop, through)
        dialling.owns(sock.close)
        dialling.step = ssh_errors.BANNER.format(address=hop.address, port=hop.port)
        greeting = self._greeting(hop, sock)
        dialling.step = ssh_errors.IN_LINE
        with self.shared.handshake(deadline):
            return self._handshake(hop, sock, greeting)

    def _handshake(self, hop: Endpoint, sock: socket.socket | paramiko.Channel, greeting: bytes) -> paramiko.Transport:
        import paramiko

        dialling, deadline = self.dialling, self.deadline
        dialling.step = ssh_errors.BANNER.format(address=hop.address, port=hop.port)
        transport = paramiko.Transport(sock)
        dialling.owns(transport.close)
        transport.banner_timeout = transport.handshake_timeout = deadline.need()
        transport.use_compression(True)  # what hosts answer is text, and links to edges are slow
        keys = _known_keys(hop)
        _prefer_types(transport, known_hosts.types_on_record(keys, hop.key_name, hop.key_port))
        self._negotiate(hop, transport, greeting)
        shown = transport.get_remote_server_key()
        self._check_host_key(hop, keys, shown.get_name(), shown.asbytes())
        dialling.step = ssh_errors.LOGGING_IN.format(user=hop.user)
        log_in(transport, hop, self.site, deadline, self.given)
        transport.set_keepalive(hop.keepalive or KEEPALIVE)
        return transport

    def _greeting(self, hop: Endpoint, sock: socket.socket | paramiko.Channel) -> bytes:
        """The first that the server says, left in the socket; empty where it cannot be looked at (a channel)."""
        if not isinstance(sock, socket.socket):
            return b""
        sock.settimeout(min(self.deadline.need(), _patience(hop)))
        try:
            first = sock.recv(GREETING_SHOWN, socket.MSG_PEEK)
        except TimeoutError:
            raise self._too_slow(hop) from None
        except ConnectionError:
            first = b""
        if not first:
            raise ssh_errors.closed_early(hop)
        return first

    def _negotiate(self, hop: Endpoint, transport: paramiko.Transport, greeting: bytes) -> None:
        """Exchange greetings and keys. What is no SSH server is told apart by the first that it has said."""
        import paramiko

        try:
            transport.start_client(timeout=self.deadline.need())  # returns when that time is over, too
        except (paramiko.SSHException, OSError, EOFError):
            if transport.remote_version or self.deadline.is_over:
                raise
            if greeting and not greeting.startswith(b"SSH-"):
                said = greeting.decode("utf-8", "replace").splitlines()[0]
                raise ssh_errors.not_ssh(hop, repr(said)) from None
            raise ssh_errors.closed_early(hop) from None
        finally:
            if transport.remote_version:
                self.dialling.step = ssh_errors.KEY_EXCHANGE.format(address=hop.address, port=hop.port)
        self.deadline.need()

    def _open(self, hop: Endpoint, through: paramiko.Transport | None) -> socket.socket | paramiko.Channel:
        import paramiko

        timeout = min(self.deadline.need(), _patience(hop))
        if hop.proxy_command:
            return _proxy(hop, self.dialling)
        try:
            if through is not None:
                return through.open_channel("direct-tcpip", (hop.address, hop.port), ("127.0.0.1", 0), timeout=timeout)
            return _tcp(hop.address, hop.port, Deadline(timeout))
        except paramiko.ChannelException as error:
            raise ssh_errors.not_through(hop, error.text) from None
        except TimeoutError:
            raise self._too_slow(hop) from None
        except OSError as error:
            raise ssh_errors.not_connected(hop, error) from None
        except paramiko.SSHException:
            if through is None or not through.is_active():
                raise
            raise self._too_slow(hop) from None  # paramiko's words for an open that nobody answered

    def _too_slow(self, hop: Endpoint) -> Exception:
        """The whole time is over, or only what a machine is given to say that it is there."""
        if self.deadline.is_over:
            return TimeoutError()
        return ssh_errors.timed_out(hop.name, Deadline(_patience(hop)), self.dialling.step)

    def _check_host_key(self, hop: Endpoint, keys: list[known_hosts.KnownKey], key_type: str, blob: bytes) -> None:
        """Returns for a trusted key; one that a person (or their ssh_config) has just accepted is recorded."""
        judgement = known_hosts.judge(keys, hop.key_name, hop.key_port, key_type, blob)
        if judgement.standing is Standing.KNOWN:
            return
        refusal = ssh_errors.bad_host_key(hop, judgement, key_type, blob)
        shown = known_hosts.fingerprint(blob)
        if judgement.standing is not Standing.UNKNOWN:
            raise LinkError(refusal)
        if shown not in self.given.trusted and not hop.add_new_keys:
            if not hop.ask_new_keys:
                raise LinkError(refusal)
            raise NeedsAnswer(new_host_key(self.site, hop.name, key_type, shown, address=hop.address), refusal)
        if hop.record_in is not None:
            log.info("recording the accepted key %s of %s in %s", shown, hop.name, hop.record_in)
            try:
                known_hosts.append(hop.record_in, hop.key_name, hop.key_port, key_type, blob, hashed=hop.hash_names)
            except OSError as error:
                raise ssh_errors.no_known_hosts(hop, error) from None


def _patience(hop: Endpoint) -> float:
    """Seconds that a machine is given to accept and to greet, as ssh's ConnectTimeout."""
    return hop.connect_timeout or CONNECT_SECONDS


def _known_keys(hop: Endpoint) -> list[known_hosts.KnownKey]:
    try:
        return known_hosts.load(hop.known_hosts)
    except OSError as error:
        raise ssh_errors.no_known_hosts(hop, error) from None


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
