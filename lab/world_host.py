"""One machine of the site: its services as systemd knows them, journals, images, packet rules, sockets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from lab.world_nat import Iptables

EDGECORE_CONFIG = "/etc/kubeedge/config/edgecore.yaml"


class HostFiles(Protocol):
    """How the world reads and writes files of hosts; paths are the host's own (`/etc/kubeedge/…`)."""

    def read_text(self, host: str, path: str) -> str:
        """The file's text; raises FileNotFoundError."""

    def write_text(self, host: str, path: str, text: str, at: float) -> None:
        """Replace the file; its modification time becomes `at` (seconds since the epoch)."""


class MemoryFiles:
    """Host files without a disk: for tests, and until the runner brings real trees."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], str] = {}

    def read_text(self, host: str, path: str) -> str:
        """The file's text; raises FileNotFoundError."""
        try:
            return self.texts[host, path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def write_text(self, host: str, path: str, text: str, at: float) -> None:
        """Replace the file."""
        self.texts[host, path] = text


class Role(StrEnum):
    """What a machine is for."""

    CLOUD = "cloud"
    EDGE = "edge"


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line of a unit's journal; `at` is seconds since the epoch."""

    at: float
    identifier: str
    pid: int
    message: str
    priority: int = 6


@dataclass(slots=True)
class Service:
    """A systemd unit; the fields carry the names that `systemctl show` prints."""

    name: str
    description: str
    exec_start: str
    fragment_path: str
    load_state: str = "loaded"
    active_state: str = "inactive"
    sub_state: str = "dead"
    unit_file_state: str = "enabled"
    result: str = "success"
    main_pid: int = 0
    n_restarts: int = 0
    exec_main_code: int = 0
    exec_main_status: int = 0
    active_enter: float = 0.0
    active_exit: float = 0.0
    journal: deque[JournalLine] = field(default_factory=lambda: deque(maxlen=400))

    @property
    def active(self) -> bool:
        """Whether the process runs."""
        return self.active_state == "active"


@dataclass(frozen=True, slots=True)
class Image:
    """A container image in a host's runtime."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Socket:
    """One TCP socket as `ss -tnp` shows it; peer is empty for a listener."""

    state: str
    local: tuple[str, int]
    peer: tuple[str, int] | None
    process: str
    pid: int
    fd: int
    recv_q: int = 0
    send_q: int = 0
    since: float = 0.0


class UnitNotFound(KeyError):
    """systemctl of a unit that the host does not have."""


class Host:
    """One machine. The world owns it; SSH servers and stand-in tools look at it and act through its methods.

    Attributes:
        reachable: whether its SSH server answers (False: the runner closes that port).
        network_up: whether the machine has any network at all; without it the node goes NotReady.
        firewall: packet rules by backend (`nft`, `legacy`); tables `nat` and `filter`.
        images: what is in the container runtime, by name.
    """

    def __init__(self, name: str, role: Role, address: str, clock: Callable[[], float]) -> None:
        self.name = name
        self.role = role
        self.address = address
        self.clock = clock
        self.reachable = True
        self.network_up = True
        self.booted = clock() - 7200
        self.services: dict[str, Service] = {}
        self.images: dict[str, Image] = {}
        self.firewall = {backend: Iptables(backend) for backend in ("nft", "legacy")}
        self.restarting: Callable[[Host, str, str], None] = lambda host, unit, action: None
        self.changed: Callable[[Host], None] = lambda host: None
        self.listeners: Callable[[Host], list[Socket]] = lambda host: []
        self.connections: Callable[[Host], list[Socket]] = lambda host: []
        self._next_pid = 2336 + len(name)

    # -- services

    def service(self, unit: str) -> Service:
        """A unit by name, with or without `.service`. Raises UnitNotFound."""
        try:
            return self.services[unit.removesuffix(".service")]
        except KeyError:
            raise UnitNotFound(unit) from None

    def is_active(self, unit: str) -> bool:
        """Whether a unit exists and runs."""
        service = self.services.get(unit)
        return service is not None and service.active

    def start_service(self, unit: str) -> None:
        """`systemctl start`: nothing happens to a unit that already runs."""
        service = self.service(unit)
        if not service.active:
            self._begin(service)
            self.restarting(self, service.name, "start")
            self.changed(self)

    def stop_service(self, unit: str) -> None:
        """`systemctl stop`."""
        service = self.service(unit)
        if service.active_state != "inactive":
            self._end(service, "success")
            self.restarting(self, service.name, "stop")
            self.changed(self)

    def restart_service(self, unit: str) -> None:
        """`systemctl restart`: the process is a new one and has read its configuration again."""
        service = self.service(unit)
        if service.active_state != "inactive":
            self._end(service, "success")
            self.restarting(self, service.name, "stop")
        self._begin(service)
        self.restarting(self, service.name, "start")
        self.changed(self)

    def enable_service(self, unit: str, enabled: bool = True) -> None:
        """`systemctl enable` and `disable`: what happens at boot, nothing now."""
        self.service(unit).unit_file_state = "enabled" if enabled else "disabled"

    def fail_service(self, unit: str, status: int) -> None:
        """The process exited by itself; systemd waits to start it again (Restart=always)."""
        service = self.service(unit)
        self._end(service, "exit-code", status)
        service.active_state, service.sub_state = "activating", "auto-restart"
        self.changed(self)

    def retry_service(self, unit: str) -> None:
        """systemd's own restart of a failed process."""
        service = self.service(unit)
        service.n_restarts += 1
        self.systemd(unit, f"Scheduled restart job, restart counter is at {service.n_restarts}.", bare=True)
        self._begin(service)
        self.restarting(self, service.name, "start")

    def _begin(self, service: Service) -> None:
        service.main_pid = self.new_pid()
        service.active_state, service.sub_state, service.result = "active", "running", "success"
        service.active_enter = self.clock()
        service.exec_main_code = service.exec_main_status = 0
        self.systemd(service.name, f"Started {service.name}.service - {service.description}.", bare=True)

    def _end(self, service: Service, result: str, status: int = 0) -> None:
        service.active_exit = self.clock()
        service.exec_main_code, service.exec_main_status = 1, status
        service.active_state, service.sub_state, service.result = "inactive", "dead", result
        service.main_pid = 0
        if result == "success":
            self.systemd(service.name, f"Stopped {service.name}.service - {service.description}.", bare=True)
        else:
            self.systemd(service.name, f"Main process exited, code=exited, status={status}/n/a")
            self.systemd(service.name, f"Failed with result '{result}'.")

    def systemd(self, unit: str, text: str, *, bare: bool = False) -> None:
        """A line of PID 1 in a unit's journal."""
        message = text if bare else f"{unit}.service: {text}"
        self.service(unit).journal.append(JournalLine(self.clock(), "systemd", 1, message))

    def log(self, unit: str, message: str, priority: int = 6) -> None:
        """A line that the unit's own process writes."""
        service = self.service(unit)
        line = JournalLine(self.clock(), unit, service.main_pid, message, priority)
        service.journal.append(line)

    def new_pid(self) -> int:
        """The number of the next process of this machine."""
        self._next_pid += 17
        return self._next_pid

    # -- network

    def inbound(self, port: int) -> str:
        """What the packet filter says of TCP to a port of this host: ACCEPT, DROP or REJECT."""
        for backend in self.firewall.values():
            verdict = backend.verdict("INPUT", self.address, port)
            if verdict != "ACCEPT":
                return verdict
        return "ACCEPT"

    def translate(self, chain: str, address: str, port: int) -> str | None:
        """Where DNAT sends a new connection out of `chain`; both backends are asked, nft first (facts 11)."""
        for backend in self.firewall.values():
            target = backend.translate(chain, address, port)
            if target is not None:
                return target
        return None

    def rules_changed(self) -> None:
        """To be called after packet rules were edited."""
        self.changed(self)

    def listening(self) -> list[Socket]:
        """Listening TCP sockets."""
        return self.listeners(self)

    def established(self) -> list[Socket]:
        """Established TCP connections, a dead tunnel's growing Send-Q included (facts 11)."""
        return self.connections(self)

    # -- images

    def add_image(self, name: str, size: int, digest: str) -> None:
        """An image was imported or pulled."""
        self.images[name] = Image(name, size, digest)
        self.changed(self)

    def remove_image(self, name: str) -> None:
        """An image was removed; nothing happens if it was not there."""
        if self.images.pop(name, None) is not None:
            self.changed(self)
