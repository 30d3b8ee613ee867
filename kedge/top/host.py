"""One machine as it is now: frames in, samples out. Pure; time is the machine's own uptime."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kedge.top import proc
from kedge.top.frames import Frame
from kedge.top.owners import Counters, Names, Owner, counters, names, owners
from kedge.top.proc import Disk, Heat, Memory, Stall, Ticks, Traffic


@dataclass(frozen=True, slots=True)
class CpuUse:
    """Shares of one CPU's time between two frames, between 0 and 1. ``core`` is None for all together."""

    core: int | None
    busy: float
    waiting: float
    stolen: float


@dataclass(frozen=True, slots=True)
class NetUse:
    """One interface: bytes per second, and errors since the machine started."""

    name: str
    received: float
    sent: float
    errors: int


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """One process. ``cpu`` is in cores (1.0 is one core busy), None before two frames saw it; memory is resident."""

    pid: int
    name: str
    state: str
    cpu: float | None
    memory: int
    threads: int
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class ContainerUse:
    """One container: CPU in cores, None before two frames saw it; working set in bytes, None where it is not told."""

    owner: Owner
    cpu: float | None
    memory: int | None


@dataclass(frozen=True, slots=True)
class HostSample:
    """Everything about one machine at one moment.

    Attributes:
        uptime: seconds since it started, by its own clock.
        cpu: all cores together; None in the first frame, since shares need two. cores: each.
        whole: False when processes of others are hidden from the login user (hidepid).
    """

    uptime: float
    kernel: str = ""
    cpu: CpuUse | None = None
    cores: tuple[CpuUse, ...] = ()
    core_count: int = 0
    load: tuple[float, float, float] | None = None
    memory: Memory = field(default_factory=Memory)
    disks: tuple[Disk, ...] = ()
    inodes: tuple[Disk, ...] = ()
    nets: tuple[NetUse, ...] = ()
    stalls: tuple[Stall, ...] = ()
    heat: tuple[Heat, ...] = ()
    processes: tuple[ProcessUse, ...] = ()
    containers: tuple[ContainerUse, ...] = ()
    names: Names = field(default_factory=Names)
    whole: bool = True

    @property
    def fullest(self) -> Disk | None:
        """The file system with the least room."""
        return max(self.disks, key=lambda disk: disk.share, default=None)


_PROCESS = re.compile(
    r"^(\d{1,10}) ([A-Za-z]) (\d{1,20}) (\d{1,20}) (\d{1,9}) (\d{1,20}) (-?\d{1,18}) (.*)$", re.MULTILINE | re.ASCII
)


@dataclass(slots=True)
class HostReader:
    """Turns the frames of one stream into samples, remembering what is told rarely and what rates need."""

    _page: int = 4096
    _rate: int = 100
    _kernel: str = ""
    _disks: tuple[Disk, ...] = ()
    _inodes: tuple[Disk, ...] = ()
    _names: Names = field(default_factory=Names)
    _owners: Mapping[int, Owner] = field(default_factory=dict)
    _before: _Seen | None = None

    def read(self, frame: Frame) -> HostSample | None:
        """The sample of a frame; None for one that does not even tell the time."""
        now = proc.uptime(frame.get("time"))
        if now is None:
            return None
        self._remember(frame)
        before = self._before
        seconds = now - before.uptime if before is not None else 0.0
        seen = self._before = _Seen(
            now,
            proc.cpus(frame.get("cpu")),
            {one.name: one for one in proc.traffic(frame.get("net"))},
            {},
            counters(frame.get("usage")),
        )
        processes = self._processes(frame.get("processes"), seen, before, seconds)
        cpu = _shares(seen.cpus, before.cpus if before is not None else ())
        return HostSample(
            uptime=now,
            kernel=self._kernel,
            cpu=next((use for use in cpu if use.core is None), None),
            cores=tuple(use for use in cpu if use.core is not None),
            core_count=sum(ticks.core is not None for ticks in seen.cpus),
            load=proc.load(frame.get("load")),
            memory=proc.memory(frame.get("memory")),
            disks=self._disks,
            inodes=self._inodes,
            nets=_rates(seen, before, seconds),
            stalls=proc.stalls(frame.get("stalls")),
            heat=proc.heat(frame.get("heat")),
            processes=processes,
            containers=_containers(seen, before, seconds),
            names=self._names,
            whole=any(process.pid == 1 for process in processes) or not processes,
        )

    def _remember(self, frame: Frame) -> None:
        told = frame.sections
        if "about" in told:
            self._kernel = told["about"].strip()
            self._page, self._rate = proc.page_size(frame.get("page")), proc.tick_rate(frame.get("ticks"))
        if "disks" in told:
            self._disks = proc.disks(told["disks"])
            self._inodes = proc.disks(frame.get("inodes"), unit=1)
        if "containers" in told:
            self._names = names(told["containers"], frame.get("pods"))
        if "owners" in told:
            self._owners = owners(told["owners"])

    def _processes(self, text: str, seen: _Seen, before: _Seen | None, seconds: float) -> tuple[ProcessUse, ...]:
        found = []
        for pid, state, user, system, threads, start, pages, name in _PROCESS.findall(text):
            # A number is given to another process once its first owner has ended; the start tells them apart.
            key, ticks = (int(pid), int(start)), int(user) + int(system)
            seen.processes[key] = ticks
            was = before.processes.get(key) if before is not None else None
            cpu = max(0, ticks - was) / self._rate / seconds if was is not None and seconds > 0 else None
            memory = max(0, int(pages)) * self._page
            found.append(ProcessUse(int(pid), name, state, cpu, memory, int(threads), self._owners.get(int(pid))))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The counters of one frame."""

    uptime: float
    cpus: tuple[Ticks, ...]
    nets: Mapping[str, Traffic]
    processes: dict[tuple[int, int], int]
    containers: Mapping[Owner, Counters]


def _shares(now: tuple[Ticks, ...], before: tuple[Ticks, ...]) -> tuple[CpuUse, ...]:
    was = {ticks.core: ticks for ticks in before}
    found = []
    for ticks in now:
        old = was.get(ticks.core)
        if old is not None and (total := ticks.total - old.total) > 0:
            parts = (ticks.busy - old.busy, ticks.waiting - old.waiting, ticks.stolen - old.stolen)
            busy, waiting, stolen = (min(1.0, max(0, part) / total) for part in parts)
            found.append(CpuUse(ticks.core, busy, waiting, stolen))
    return tuple(found)


def _rates(now: _Seen, before: _Seen | None, seconds: float) -> tuple[NetUse, ...]:
    if before is None or seconds <= 0:
        return ()
    found = []
    for name, traffic in now.nets.items():
        if (old := before.nets.get(name)) is not None:
            received, sent = max(0, traffic.received - old.received), max(0, traffic.sent - old.sent)
            found.append(NetUse(name, received / seconds, sent / seconds, traffic.errors))
    return tuple(sorted(found, key=lambda use: (-(use.received + use.sent), use.name)))


def _containers(now: _Seen, before: _Seen | None, seconds: float) -> tuple[ContainerUse, ...]:
    found = []
    for owner, counted in now.containers.items():
        old = before.containers.get(owner) if before is not None else None
        cpu = None
        if old is not None and old.cpu is not None and counted.cpu is not None and seconds > 0:
            cpu = max(0, counted.cpu - old.cpu) / 1e9 / seconds
        found.append(ContainerUse(owner, cpu, counted.memory))
    return tuple(found)
