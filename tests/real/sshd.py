"""A real OpenSSH server on loopback with keys of its own, for tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

SFTP = "internal-sftp"


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new private key."""
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return path


def public(path: Path) -> str:
    """``type base64`` of a key file."""
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Sshd:
    """One server: its folder, its keys, its process.

    Attributes:
        options: more lines of sshd_config.
        address: where it listens.
        enter: what its command line begins with, to run elsewhere (:attr:`tests.real.machine.Machine.enter`).
    """

    folder: Path
    port: int = field(default_factory=free_port)
    options: Sequence[str] = ()
    host_key_kinds: Sequence[str] = ("ed25519",)
    address: str = "127.0.0.1"
    enter: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.client_key = keygen(self.folder / "client")
        self.host_keys = [keygen(self.folder / f"host_{kind}", kind) for kind in self.host_key_kinds]
        self.authorized_keys = self.folder / "authorized_keys"
        self.authorized_keys.write_text(public(self.client_key) + "\n")
        self.log = self.folder / "sshd.log"
        self.known_hosts = self.folder / "known_hosts"
        self.ssh_config = self.folder / "ssh_config"
        self.trust()
        self.configure_client()

    # ------------------------------------------------------------------------------------------ the client

    def trust(self) -> None:
        """Write the server's present keys to known_hosts."""
        self.known_hosts.write_text(self.known_lines())

    def known_lines(self) -> str:
        """What known_hosts says of the server's present keys."""
        name = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        return "".join(f"{name} {public(key)}\n" for key in self.host_keys)

    def configure_client(self, *lines: str, host: str = "edge1") -> Path:
        """An ssh_config for the server; ``lines`` come first and so win."""
        standard = (
            f"HostName {self.address}",
            f"Port {self.port}",
            f"User {os.environ.get('USER') or 'root'}",
            f"IdentityFile {self.client_key}",
            "IdentitiesOnly yes",
            f"UserKnownHostsFile {self.known_hosts}",
            "GlobalKnownHostsFile none",
        )
        self.ssh_config.write_text("\n  ".join((f"Host {host}", *lines, *standard)) + "\n")
        return self.ssh_config

    # ------------------------------------------------------------------------------------------ the server

    def start(self) -> None:
        """Start it; returns when it accepts connections."""
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert program, "no sshd"
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd refuses to start without it
        config = self.folder / "sshd_config"
        lines = [
            f"Port {self.port}",
            f"ListenAddress {self.address}",
            f"PidFile {self.folder / 'pid'}",
            *(f"HostKey {key}" for key in self.host_keys),
            *self.options,
            f"AuthorizedKeysFile {self.authorized_keys}",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            "StrictModes no",
            "UsePAM no",
            "LogLevel VERBOSE",
        ]
        config.write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen([*self.enter, program, "-D", "-f", str(config), "-E", str(self.log)])
        self._wait_until_open()

    def _wait_until_open(self) -> None:
        assert self.process is not None
        until = time.monotonic() + 10
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            try:
                socket.create_connection((self.address, self.port), 1).close()
            except (ConnectionRefusedError, TimeoutError):
                time.sleep(0.02)  # nothing tells when sshd has bound its port
            else:
                return
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        """End it and every session; safe to call twice."""
        if self.process is not None:
            self.kill_sessions()
            _kill(self._listener, signal.SIGTERM)
            self.process.wait(10)
            self.process = None

    @property
    def _listener(self) -> int:
        """Process id of the server; 0 when there is none. Who enters another machine has it as a child."""
        if self.process is None:
            return 0
        return next(iter(children(self.process.pid)), 0) if self.enter else self.process.pid

    def sessions(self) -> list[int]:
        """Process ids of the connections being served."""
        return children(self._listener)

    def kill_sessions(self) -> None:
        """Break all connections; the listener stays, and so does what the sessions run, as on a lost link."""
        for pid in self.sessions():
            for victim in (*children(pid), pid):
                if _name(victim).startswith("sshd"):
                    _kill(victim)

    def count(self, words: str) -> int:
        """How many log lines hold ``words``."""
        return sum(words in line for line in self.log.read_text(errors="replace").splitlines())


def children(pid: int) -> list[int]:
    """Process ids of the direct children of a process."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""


def _kill(pid: int, number: int = signal.SIGKILL) -> None:
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def running(folder: Path, *options: str, host_key_kinds: Sequence[str] = ("ed25519",)) -> Iterator[Sshd]:
    """A server for as long as the block lasts."""
    server = Sshd(folder, options=options, host_key_kinds=host_key_kinds)
    server.start()
    try:
        yield server
    finally:
        server.stop()
