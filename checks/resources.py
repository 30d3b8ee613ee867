"""Head-room of an edge: what makes a runtime, a kubelet or a tunnel fail in odd ways."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.facts.resources import Headroom, Volume
from kedge.i18n import Text, _
from kedge.model import Kind, Verdict
from kedge.plugins import check, failed, passed, warned

_MIB = 1 << 20
_EVICTED_DISK, _LOW_DISK = 0.01, 0.10
_EVICTED_INODES, _LOW_INODES = 0.05, 0.10
_EVICTED_MEMORY, _LOW_MEMORY = 50 * _MIB, 128 * _MIB
_LOW_TASKS = 0.05
"""EdgeCore evicts pods below 1 % of disk, 5 % of inodes, 50 MiB of memory (its evictionHard); the lower limits are
those of `keadm debug check` (facts 5)."""


@check("KE213", _("Head-room"), on=Kind.EDGE_NODE)
def edge_has_headroom(target: str, room: Headroom) -> Verdict:
    """Disk, inodes, memory and process ids."""
    short = list(_short(room))
    if not short:
        return passed(_("{node} has head-room").format(node=target), seen="\n".join(_figures(room)))
    said = "; ".join(str(text) for _hard, text in short)
    if any(hard for hard, _said in short):
        text = _("{node} has run short, so EdgeCore evicts pods: {what}")
        return failed(text.format(node=target, what=said), seen="\n".join(_figures(room)))
    return warned(_("{node} runs short: {what}").format(node=target, what=said), seen="\n".join(_figures(room)))


def _short(room: Headroom) -> Iterator[tuple[bool, Text]]:
    """(hard, what) for everything that is short."""
    for disk in room.disks:
        if disk.free_share < _LOW_DISK:
            text = _("{mount} has {percent} % of its space left")
            yield disk.free_share < _EVICTED_DISK, text.format(mount=disk.mount, percent=_percent(disk))
    for inodes in room.inodes:
        if inodes.free_share < _LOW_INODES:
            text = _("{mount} has {percent} % of its inodes left")
            yield inodes.free_share < _EVICTED_INODES, text.format(mount=inodes.mount, percent=_percent(inodes))
    if room.memory and room.memory.free < _LOW_MEMORY:
        text = _("{count} MiB of memory are available")
        yield room.memory.free < _EVICTED_MEMORY, text.format(count=room.memory.free // _MIB)
    if room.most_tasks and room.tasks > (1 - _LOW_TASKS) * room.most_tasks:
        yield False, _("{count} of {most} process ids are in use").format(count=room.tasks, most=room.most_tasks)


def _figures(room: Headroom) -> Iterator[str]:
    yield from (f"{disk.mount}: {_percent(disk)} % free" for disk in room.disks)
    yield from (f"{inodes.mount}: {_percent(inodes)} % inodes free" for inodes in room.inodes)
    if room.memory:
        yield f"memory: {room.memory.free // _MIB} of {room.memory.total // _MIB} MiB available"
    if room.load:
        yield "load: " + " ".join(f"{part:.2f}" for part in room.load)


def _percent(volume: Volume) -> str:
    return f"{100 * volume.free_share:.1f}"
