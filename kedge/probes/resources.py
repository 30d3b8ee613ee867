"""Disk, memory, inode and pid head-room of an edge."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kedge.asks import DiskFree, HostAsk, Proc
from kedge.facts.resources import Headroom, Volume
from kedge.model import Host, Observation, Role, Unknown
from kedge.plugins import probe
from kedge.probes.answers import failure

PATHS = ("/", "/var/lib/kubelet", "/var/lib/containerd")
"""Where EdgeCore and its runtime write; often the root file system alone."""


@probe(Role.EDGE, every=60.0, reads_errors=True)
def headroom(host: Host) -> tuple[HostAsk, ...]:
    """``df`` in blocks and inodes, and three small files of the kernel."""
    return (
        *(DiskFree(path) for path in PATHS),
        DiskFree("/", "inodes"),
        Proc("memory"),
        Proc("load"),
        Proc("pids"),
    )


@headroom.parse
def read_headroom(*seen: Observation) -> Headroom | Unknown:
    """Whatever answered; Unknown only when nothing did."""
    good = [one for one in seen if one.error is None and one.exit_code == 0]
    if not good:
        return failure(seen[0], "df")
    memory = _of(good, "memory")
    tasks, load = read_load(_of(good, "load"))
    pids = _of(good, "pids").strip()
    return Headroom(
        disks=_volumes(good, "blocks"),
        inodes=_volumes(good, "inodes"),
        memory=read_memory(memory),
        tasks=tasks,
        most_tasks=int(pids) if _is_number(pids) else 0,
        load=load,
        at=next((one.at for one in good if one.at), None),
    )


def _of(seen: Sequence[Observation], what: str) -> str:
    return next((one.stdout for one in seen if one.ask == Proc(what)), "")  # type: ignore[arg-type]


def _volumes(seen: Sequence[Observation], what: str) -> tuple[Volume, ...]:
    """Every file system once, whichever of its folders was asked for."""
    found = {}
    for one in seen:
        if isinstance(one.ask, DiskFree) and one.ask.of == what:
            for volume in read_df(one.stdout):
                found[volume.mount] = volume
    return tuple(found.values())


_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50, "E": 1 << 60}
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)([KMGTPE]?)i?B?")


def read_df(text: str) -> list[Volume]:
    """``df -Pk``, ``df -h`` or ``df -i``: total and available columns, whatever the unit."""
    lines = text.splitlines()
    header = lines[0] if lines else ""
    unit = 1 << 10 if re.search(r"1K-blocks|1024-blocks", header) else 1
    found = []
    for line in lines[1:]:
        words = line.split()
        at = next((i for i, word in enumerate(words) if word.endswith("%") or word == "-"), 0)
        if at < 4 or len(words) <= at + 1:
            continue
        total, free = _size(words[at - 3]), _size(words[at - 1])
        if total is not None and free is not None:
            found.append(Volume(" ".join(words[at + 1 :]), total * unit, free * unit))
    return found


def _size(text: str) -> int | None:
    found = _SIZE.fullmatch(text)
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def read_memory(text: str) -> Volume | None:
    """MemTotal and MemAvailable of /proc/meminfo; MemFree where the kernel is too old for the latter."""
    values = dict(re.findall(r"^(\w+):\s+(\d{1,15}) kB", text, re.MULTILINE))
    free = values.get("MemAvailable", values.get("MemFree"))
    if "MemTotal" not in values or free is None:
        return None
    return Volume("memory", int(values["MemTotal"]) << 10, int(free) << 10)


_LOADAVG = re.compile(r"^([\d.]{1,12}) ([\d.]{1,12}) ([\d.]{1,12}) \d{1,9}/(\d{1,9}) ", re.ASCII)


def read_load(text: str) -> tuple[int, tuple[float, ...]]:
    """(tasks, load averages) of /proc/loadavg."""
    found = _LOADAVG.match(text)
    if found is None:
        return 0, ()
    try:
        return int(found[4]), tuple(float(part) for part in found.groups()[:3])
    except ValueError:
        return 0, ()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10
