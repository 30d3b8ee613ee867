"""Readings of /proc, df and /sys as the loop prints them. Pure; whatever is odd is left out, nothing raises."""

from __future__ import annotations

import re
from dataclasses import dataclass

KIB = 1024
_NUMBER = r"\d{1,20}"


@dataclass(frozen=True, slots=True)
class Ticks:
    """Time of one CPU since the start of the machine, in clock ticks. ``core`` is None for all together."""

    core: int | None
    busy: int
    waiting: int
    stolen: int
    total: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. ``used`` is what ``free`` calls used: total less available."""

    total: int = 0
    available: int = 0
    swap_total: int = 0
    swap_free: int = 0

    @property
    def used(self) -> int:
        """Bytes that could not be given to a new process without swapping."""
        return max(0, self.total - self.available)

    @property
    def swap_used(self) -> int:
        """Bytes in swap."""
        return max(0, self.swap_total - self.swap_free)


@dataclass(frozen=True, slots=True)
class Disk:
    """One file system, in bytes or inodes. ``available`` is what an ordinary user may still take."""

    mount: str
    total: int
    used: int
    available: int

    @property
    def share(self) -> float:
        """The used part, as df prints it: of what can be used at all."""
        usable = self.used + self.available
        return self.used / usable if usable else 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes and errors of one network interface since the machine started."""

    name: str
    received: int
    sent: int
    errors: int


@dataclass(frozen=True, slots=True)
class Stall:
    """Pressure stall: the share of the last 10 s in which some or all tasks waited for it, between 0 and 1."""

    of: str
    some: float
    full: float


@dataclass(frozen=True, slots=True)
class Heat:
    """One thermal zone, in degrees Celsius."""

    zone: str
    celsius: float


def uptime(text: str) -> float | None:
    """Seconds since the machine started."""
    found = re.match(r"(\d{1,12}(?:\.\d{1,9})?) ", text, re.ASCII)
    return float(found[1]) if found else None


def page_size(text: str) -> int:
    """Bytes per page, from ``getconf PAGESIZE`` or a line of smaps; 4096 where neither is told."""
    found = re.search(r"(\d{1,9})( kB)?", text, re.ASCII)
    size = int(found[1]) * (KIB if found[2] else 1) if found else 0
    return size or 4096


def tick_rate(text: str) -> int:
    """Clock ticks per second."""
    found = re.match(r"\d{1,6}", text, re.ASCII)
    return int(found[0]) or 100 if found else 100


_CPU = re.compile(rf"^cpu(\d{{0,5}})((?: +{_NUMBER}){{4,}})", re.MULTILINE | re.ASCII)


def cpus(text: str) -> tuple[Ticks, ...]:
    """Lines ``cpu…`` of /proc/stat: all together first. Guest time is part of user time already."""
    found = []
    for core, numbers in _CPU.findall(text):
        user, nice, system, idle, *more = map(int, numbers.split())
        wait, hard, soft, steal = [*more[:4], 0, 0, 0, 0][:4]
        busy = user + nice + system + hard + soft + steal
        found.append(Ticks(int(core) if core else None, busy, wait, steal, busy + idle + wait))
    return tuple(found)


_LOAD = re.compile(r"(\d{1,9}\.\d{1,4}) (\d{1,9}\.\d{1,4}) (\d{1,9}\.\d{1,4}) (\d{1,9})/(\d{1,9})", re.ASCII)


def load(text: str) -> tuple[float, float, float] | None:
    """Averages over 1, 5 and 15 minutes."""
    found = _LOAD.match(text)
    return (float(found[1]), float(found[2]), float(found[3])) if found else None


def memory(text: str) -> Memory:
    """/proc/meminfo; kernels before 3.14 do not tell what is available, so it is estimated as ``free`` did."""
    kib = {name: int(value) * KIB for name, value in re.findall(rf"^(\w+):\s+({_NUMBER}) kB", text, re.MULTILINE)}
    cached = kib.get("Buffers", 0) + kib.get("Cached", 0) + kib.get("SReclaimable", 0) - kib.get("Shmem", 0)
    available = kib.get("MemAvailable", kib.get("MemFree", 0) + max(0, cached))
    return Memory(kib.get("MemTotal", 0), available, kib.get("SwapTotal", 0), kib.get("SwapFree", 0))


_DF = re.compile(rf"^\S.*?\s+({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})\s+(?:{_NUMBER}%|-)\s+(/.*)$", re.MULTILINE)


def disks(text: str, unit: int = KIB) -> tuple[Disk, ...]:
    """``df -P -k`` (unit 1024) or ``df -P -i`` (unit 1), of GNU and busybox; every mount once."""
    found = {}
    for total, used, available, mount in _DF.findall(text):
        found[mount] = Disk(mount, int(total) * unit, int(used) * unit, int(available) * unit)
    return tuple(disk for disk in found.values() if disk.total)


_NET = re.compile(rf"^\s*([^\s:]{{1,64}}):\s*((?:{_NUMBER}\s+){{11}}{_NUMBER})", re.MULTILINE | re.ASCII)


def traffic(text: str) -> tuple[Traffic, ...]:
    """/proc/net/dev, but for the loopback."""
    found = []
    for name, numbers in _NET.findall(text):
        fields = [int(number) for number in numbers.split()]
        if name != "lo":
            found.append(Traffic(name, fields[0], fields[8], fields[2] + fields[10]))
    return tuple(found)


_STALL = re.compile(
    r"^/proc/pressure/(cpu|memory|io):(some|full) avg10=(\d{1,3}(?:\.\d{1,4})?)", re.MULTILINE | re.ASCII
)


def stalls(text: str) -> tuple[Stall, ...]:
    """/proc/pressure; nothing on kernels without it."""
    found: dict[str, dict[str, float]] = {}
    for of, kind, share in _STALL.findall(text):
        found.setdefault(of, {})[kind] = float(share) / 100
    return tuple(Stall(of, kinds.get("some", 0.0), kinds.get("full", 0.0)) for of, kinds in found.items())


_ZONE = re.compile(r"^/sys/class/thermal/thermal_zone(\d{1,4})/(type|temp):(.{1,64})$", re.MULTILINE | re.ASCII)


def heat(text: str) -> tuple[Heat, ...]:
    """Thermal zones that tell a temperature (the kernel counts in thousandths of a degree), hottest first."""
    kinds: dict[str, str] = {}
    degrees: dict[str, float] = {}
    for zone, what, value in _ZONE.findall(text):
        if what == "type":
            kinds[zone] = value.strip()
        elif re.fullmatch(r"-?\d{1,7}", value.strip(), re.ASCII):
            degrees[zone] = int(value) / 1000
    zones = [Heat(kinds.get(zone, f"zone {zone}"), value) for zone, value in degrees.items() if -60 < value < 250]
    return tuple(sorted(zones, key=lambda zone: -zone.celsius))
