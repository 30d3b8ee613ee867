"""The lines about one machine above its processes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kedge.i18n import _, translate
from kedge.printable import one_line
from kedge.top.history import sparkline
from kedge.top.host import CpuUse, HostSample
from kedge.top.hosts import HostNow
from kedge.top.pressure import Pressure, pressure
from tui.glyphs import Glyphs
from tui.text_layout import Line, Part, cut, width_of
from tui.top import units
from tui.widgets.header_bar import short_age

BAR = 12
_STYLES = {
    Pressure.UNKNOWN: "line--dim",
    Pressure.CALM: "line--text",
    Pressure.BUSY: "line--hunk",
    Pressure.HOT: "line--bad",
}
_MARKS = {Pressure.BUSY: "!", Pressure.HOT: "!!"}
MOST_CORE_LINES = 2
HOT_CELSIUS = 85.0
"""Where processors of edge boards begin to slow themselves down."""


def host_lines(now: HostNow, glyphs: Glyphs, width: int, right: str) -> Iterator[Line]:
    """Name and age first; CPU, cores, memory, disks, network and heat as far as they are known."""
    sample = now.sample
    about = f"{now.name}  {one_line(sample.kernel)}" if sample is not None else now.name
    left: Part = (cut(about, max(0, width - len(right) - 1), glyphs.more), "line--title")
    room = max(0, width - width_of([left]) - len(right))
    yield Line((left, (" " * room, "line--text"), (right, "line--dim")))
    if sample is None:
        if now.problem is None:
            yield Line(((translate(_("asking {more}").format(more=glyphs.more)), "line--dim"),))
        return
    yield _cpu(now, sample, glyphs, width)
    yield from _cores(sample.cores, glyphs, width)
    yield _memory(sample, glyphs, width)
    yield _joined(_disks(sample), width)
    yield _joined(_rest(sample, glyphs), width)


def _joined(parts: Sequence[Part], width: int) -> Line:
    """As many whole parts as fit."""
    kept: list[Part] = []
    for part in parts:
        if width_of([*kept, part]) > width:
            break
        kept.append(part)
    return Line(tuple(kept))


def _cpu(now: HostNow, sample: HostSample, glyphs: Glyphs, width: int) -> Line:
    use = sample.cpu or CpuUse(None, 0.0, 0.0, 0.0)
    load = " ".join(f"{value:.2f}" for value in sample.load or ())
    told = [
        _("load {load}").format(load=load or "-"),
        _(", wait {wait}, stolen {stolen}").format(wait=units.share(use.waiting), stolen=units.share(use.stolen)),
        _(", up {up}").format(up=short_age(sample.uptime)),
    ]
    values = now.history.of("cpu", now.at.timestamp(), 20) if now.at is not None else ()
    trend = sparkline(values, 1.0, ascii_only=glyphs.ascii_only)
    words = [(translate(text), "line--dim") for text in told]
    return _joined([*_gauge("CPU ", use.busy, glyphs), *words, (f" {trend}", "line--good")], width)


def _gauge(name: str, value: float | None, glyphs: Glyphs) -> list[Part]:
    how = pressure(value)
    bar = units.bar(value or 0.0, BAR, ascii_only=glyphs.ascii_only)
    mark = _MARKS.get(how, "")
    return [(name, "line--title"), (bar, _STYLES[how]), (f" {units.share(value):>4} {mark:<2} ", _STYLES[how])]


def _cores(cores: Sequence[CpuUse], glyphs: Glyphs, width: int) -> Iterator[Line]:
    """A short bar for each, as many as fit into two lines; a single core is the line above."""
    if len(cores) < 2:
        return
    size = 16
    most = max(1, width // size)
    shown = cores[: most * MOST_CORE_LINES]
    for start in range(0, len(shown), most):
        parts: list[Part] = []
        for use in shown[start : start + most]:
            bar = units.bar(use.busy, 6, ascii_only=glyphs.ascii_only)
            parts.append((f"{use.core:>3} {bar} {units.share(use.busy):>4} ", _STYLES[pressure(use.busy)]))
        yield _joined(parts, width)


def _memory(sample: HostSample, glyphs: Glyphs, width: int) -> Line:
    memory = sample.memory
    told = _("{used} of {total} used").format(used=units.size(memory.used), total=units.size(memory.total))
    swap = _("no swap")
    if memory.swap_total:
        swap = _("swap {used} of {total}").format(
            used=units.size(memory.swap_used), total=units.size(memory.swap_total)
        )
    said = f"{translate(told)}, {translate(swap)}"
    return _joined(
        [*_gauge("MEM ", memory.used / memory.total if memory.total else None, glyphs), (said, "line--dim")], width
    )


def _disks(sample: HostSample) -> list[Part]:
    inodes = {disk.mount: disk for disk in sample.inodes}
    parts: list[Part] = [("DISK", "line--title")]
    for disk in sorted(sample.disks, key=lambda disk: -disk.share):
        own = inodes.get(disk.mount)
        worst = max(disk.share, own.share if own is not None else 0.0)
        counted = translate(_(", inodes {share}")).format(share=units.share(own.share)) if own is not None else ""
        text = translate(_("{mount} {share}, {left} left")).format(
            mount=one_line(disk.mount), share=units.share(disk.share), left=units.size(disk.available)
        )
        mark = _MARKS.get(pressure(worst), "")
        parts.append((f" {mark}{text}{counted} ", _STYLES[pressure(worst)]))
    return parts


def _rest(sample: HostSample, glyphs: Glyphs) -> list[Part]:
    down, up = ("rx", "tx") if glyphs.ascii_only else ("↓", "↑")
    parts: list[Part] = [("NET ", "line--title")]
    for net in [net for net in sample.nets if net.received or net.sent][:2] or sample.nets[:1]:
        errors = f" {net.errors} err" if net.errors else ""
        parts.append(
            (f" {net.name} {down}{units.size(net.received)}/s {up}{units.size(net.sent)}/s{errors} ", "line--text")
        )
    if sample.heat:
        style = "line--bad" if sample.heat[0].celsius >= HOT_CELSIUS else "line--text"
        parts += [(" TEMP ", "line--title"), (f"{sample.heat[0].celsius:.0f} C ", style)]
    if sample.stalls:
        shares = " ".join(f"{one.of[:3]} {units.share(one.some)}" for one in sample.stalls)
        parts += [(" PSI ", "line--title"), (shares, _STYLES[pressure(max(one.some for one in sample.stalls))])]
    return parts
