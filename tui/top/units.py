"""Numbers as they are read: the API's as kubectl prints them, machines' in the units people use."""

from __future__ import annotations

from kedge.i18n import _, translate
from kedge.top.pressure import WORDS, Pressure
from kedge.top.quantities import mebibytes, millicores, percent

_NONE = "-"
STYLES = {
    Pressure.UNKNOWN: "table--cell",
    Pressure.CALM: "table--calm",
    Pressure.BUSY: "table--busy",
    Pressure.HOT: "table--hot",
}
_MARKS = {Pressure.BUSY: "!", Pressure.HOT: "!!"}


def cpu(nano: int | None) -> str:
    """``73m``."""
    return _NONE if nano is None else f"{millicores(nano)}m"


def memory(nano: int | None) -> str:
    """``472Mi``."""
    return _NONE if nano is None else f"{mebibytes(nano)}Mi"


def part(used: int | None, of: int | None) -> str:
    """``27%``, as kubectl cuts it."""
    return f"{percent(used, of)}%" if used is not None and of else _NONE


def share(value: float | None) -> str:
    """``27%`` of a number between 0 and 1, rounded."""
    return _NONE if value is None else f"{value * 100:.0f}%"


def size(count: float | None) -> str:
    """Bytes in the largest unit that keeps three digits: ``1.4G``."""
    if count is None:
        return _NONE
    for unit in ("", "K", "M", "G", "T"):
        if count < 1000:
            return f"{count:.0f}{unit}" if count >= 100 or not unit else f"{count:.1f}{unit}"
        count /= 1024
    return f"{count:.1f}P"


def cores(value: float | None) -> str:
    """CPU of a process as ``top`` prints it: 100% is one core."""
    return _NONE if value is None else f"{value * 100:.1f}"


def bar(value: float, width: int, *, ascii_only: bool) -> str:
    """A share between 0 and 1 as a bar."""
    full = round(max(0.0, min(1.0, value)) * width)
    return ("#" if ascii_only else "█") * full + ("." if ascii_only else "░") * (width - full)


def state(cpu_pressure: Pressure, memory_pressure: Pressure) -> str:
    """Mark and words: what is pressed, and how hard."""
    worst = max(cpu_pressure, memory_pressure)
    if worst <= Pressure.CALM:
        return translate(WORDS[worst])
    what = {
        (True, True): _("CPU, memory"),
        (True, False): _("CPU"),
        (False, True): _("memory"),
    }[cpu_pressure is worst, memory_pressure is worst]
    return f"{_MARKS[worst]} {translate(WORDS[worst])} {translate(what)}"
