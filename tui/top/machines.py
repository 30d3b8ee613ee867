"""Machines side by side, by what they say themselves. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from kedge.i18n import _, translate
from kedge.model import Status
from kedge.top.host import HostSample
from kedge.top.hosts import HostNow
from kedge.top.pressure import Pressure, pressure
from tui.glyphs import Glyphs
from tui.top import units
from tui.top.units import STYLES
from tui.widgets.header_bar import short_age
from tui.widgets.virtual_table import Cell, Column

if TYPE_CHECKING:
    from tui.index import PictureIndex

Hosts = Callable[[str], HostNow | None]

COLUMNS = (
    Column("name", translate(_("MACHINE")), 10, grows=True),
    Column("cpu", "CPU%", 5, right=True),
    Column("load", translate(_("LOAD")), 6, right=True),
    Column("cores", translate(_("CORES")), 5, right=True, drop=4),
    Column("memory", "MEM%", 5, right=True),
    Column("swap", "SWAP", 5, right=True, drop=3),
    Column("disk", "DISK%", 5, right=True),
    Column("received", translate(_("RX/s")), 6, right=True, drop=1),
    Column("sent", translate(_("TX/s")), 6, right=True, drop=1),
    Column("stall", "PSI", 4, right=True, drop=2),
    Column("heat", translate(_("TEMP")), 4, right=True, drop=2),
    Column("state", translate(_("STATE")), 11),
)


def names(index: PictureIndex | None, *, edge_only: bool) -> list[str]:
    """Edges first, then the cloud's machines."""
    if index is None:
        return []
    edges = sorted(index.edges)
    return edges if edge_only else [*edges, *sorted(index.cloud_hosts)]


def memory_share(sample: HostSample) -> float | None:
    """The used part."""
    return sample.memory.used / sample.memory.total if sample.memory.total else None


def ordered(of: Sequence[str], hosts: Hosts, by: str) -> list[str]:
    """Most first; machines that say nothing last. By name: as they come."""
    if by == "name":
        return list(of)

    def value(name: str) -> float:
        now = hosts(name)
        sample = now.sample if now is not None and now.problem is None else None
        if sample is None:
            return -1.0
        known = memory_share(sample) if by == "memory" else sample.cpu.busy if sample.cpu is not None else None
        return -1.0 if known is None else known

    return sorted(of, key=lambda name: -value(name))


def cells_of(hosts: Hosts, glyphs: Glyphs, present: datetime) -> Callable[[Hashable], Sequence[Cell]]:
    """What makes the cells of a machine."""

    def make(key: Hashable) -> Sequence[Cell]:
        name = str(key)
        now = hosts(name)
        if now is None or now.sample is None:
            return _silent(name, now, glyphs)
        sample = now.sample
        cells = _cells(name, sample)
        if now.problem is None:
            return cells
        age = short_age((present - now.at).total_seconds()) if now.at is not None else "-"
        old = [Cell(cell.text, "table--dim") for cell in cells[:-1]]
        return [*old, Cell(translate(_("{age} old").format(age=age)), "table--code")]

    return make


def _silent(name: str, now: HostNow | None, glyphs: Glyphs) -> list[Cell]:
    said, style = translate(_("asking {more}").format(more=glyphs.more)), "table--dim"
    if now is not None and now.problem is not None:
        said, style = f"{glyphs.status(Status.UNKNOWN)} {now.problem.reason.value}", "table--code"
    return [Cell(name, "table--name"), *[Cell("-", "table--dim")] * (len(COLUMNS) - 2), Cell(said, style)]


def _cells(name: str, sample: HostSample) -> list[Cell]:
    busy, memory = sample.cpu.busy if sample.cpu is not None else None, memory_share(sample)
    disk = sample.fullest
    stall = max((one.some for one in sample.stalls), default=None)
    swap = sample.memory.swap_used / sample.memory.swap_total if sample.memory.swap_total else None
    cpu_pressure, memory_pressure = pressure(busy), pressure(memory)
    return [
        Cell(name, "table--name"),
        Cell(units.share(busy), STYLES[cpu_pressure]),
        Cell(f"{sample.load[0]:.2f}" if sample.load is not None else "-"),
        Cell(str(sample.core_count), "table--dim"),
        Cell(units.share(memory), STYLES[memory_pressure]),
        Cell(units.share(swap), STYLES[pressure(swap)]),
        Cell(units.share(disk.share if disk is not None else None), STYLES[pressure(disk.share if disk else None)]),
        Cell(units.size(sum(net.received for net in sample.nets)), "table--cell"),
        Cell(units.size(sum(net.sent for net in sample.nets)), "table--cell"),
        Cell(units.share(stall), "table--dim"),
        Cell(f"{sample.heat[0].celsius:.0f}" if sample.heat else "-", "table--dim"),
        _state(cpu_pressure, memory_pressure, pressure(disk.share if disk is not None else None)),
    ]


def _state(cpu: Pressure, memory: Pressure, disk: Pressure) -> Cell:
    if disk > max(cpu, memory, Pressure.CALM):
        return Cell(translate(_("! disk")), STYLES[disk])
    return Cell(units.state(cpu, memory), STYLES[max(cpu, memory)])
