"""Columns of the site-wide top, and what stands in them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from kedge.i18n import _, translate
from kedge.model import Status
from kedge.top.history import sparkline
from tui.glyphs import Glyphs
from tui.top import units
from tui.top.rows import Row, Scene
from tui.top.units import STYLES
from tui.widgets.header_bar import short_age
from tui.widgets.virtual_table import Cell, Column

TREND = 15
STALE_SECONDS = 90.0
"""Age from which numbers are old: metrics-server measures every 15 to 60 s."""

_NAMESPACE = Column("namespace", translate(_("NAMESPACE")), 11, drop=2)
_NODE = Column("node", translate(_("NODE")), 9, drop=3)
_FROM = Column("from", translate(_("FROM")), 4)
_STATE = Column("state", translate(_("STATE")), 12)
_TREND = Column("trend", translate(_("15 MIN")), TREND, drop=4)
_USED = (Column("cpu", "CPU", 7, right=True), Column("memory", "MEM", 7, right=True))


def _percents(*titles: str, drop: int) -> tuple[Column, ...]:
    return tuple(Column(title.lower(), title, 5, right=True, drop=drop) for title in titles)


COLUMNS = {
    "nodes": (
        Column("name", translate(_("NODE")), 10, grows=True),
        _USED[0], *_percents("CPU%", drop=0), _USED[1], *_percents("MEM%", drop=0),
        *_percents("CPU/R", "MEM/R", drop=5), *_percents("CPU/L", "MEM/L", drop=6), _FROM, _STATE, _TREND,
    ),
    "pods": (
        _NAMESPACE, Column("name", translate(_("POD")), 14, grows=True), _NODE,
        *_USED, *_percents("CPU/R", "MEM/R", drop=5), *_percents("CPU/L", "MEM/L", drop=6), _FROM, _STATE, _TREND,
    ),
    "containers": (
        _NAMESPACE, Column("name", translate(_("POD")), 14, grows=True),
        Column("container", translate(_("CONTAINER")), 12), _NODE,
        *_USED, *_percents("CPU/R", "MEM/R", drop=5), *_percents("CPU/L", "MEM/L", drop=6), _FROM, _STATE,
    ),
}  # fmt: skip
"""R and L: of a node, the requests and limits of its pods as a part of what it can give; of a pod, its usage as a
part of its requests and limits."""


def cells_of(kind: str, scene: Scene, glyphs: Glyphs, now: datetime) -> Callable[[Row], Sequence[Cell]]:
    """What makes the cells of a row."""

    def make(row: Row) -> Sequence[Cell]:
        cells = [*_names(kind, row), *_numbers(kind, row), _origin(row), _state(scene, glyphs, row, now)]
        return [*cells, _trend(scene, glyphs, row, now)] if kind != "containers" else cells

    return make


def _names(kind: str, row: Row) -> list[Cell]:
    if kind == "nodes":
        return [Cell(row.key[0], "table--name")]
    inner = [Cell(row.container, "table--name")] if kind == "containers" else []
    return [Cell(row.key[0], "table--dim"), Cell(row.key[1], "table--name"), *inner, Cell(row.node, "table--dim")]


def _numbers(kind: str, row: Row) -> list[Cell]:
    usage, style = row.usage, "table--other" if row.own else "table--cell"
    used_cpu, used_memory = (usage.cpu, usage.memory) if usage is not None else (None, None)
    cpu, memory = (STYLES[of] for of in row.pressures)
    if kind == "nodes":
        of = row.of
        asked = [(row.requests.cpu, of.cpu), (row.requests.memory, of.memory), (row.limits.cpu, of.cpu)]
        asked.append((row.limits.memory, of.memory))
        return [
            Cell(units.cpu(used_cpu), style),
            Cell(units.part(used_cpu, of.cpu), cpu),
            Cell(units.memory(used_memory), style),
            Cell(units.part(used_memory, of.memory), memory),
            *(Cell(units.part(one, whole), "table--dim") for one, whole in asked),
        ]
    return [
        Cell(units.cpu(used_cpu), style),
        Cell(units.memory(used_memory), style),
        Cell(units.part(used_cpu, row.requests.cpu), "table--dim"),
        Cell(units.part(used_memory, row.requests.memory), "table--dim"),
        Cell(units.part(used_cpu, row.limits.cpu), cpu),
        Cell(units.part(used_memory, row.limits.memory), memory),
    ]


def _origin(row: Row) -> Cell:
    if row.own:
        return Cell("ssh", "table--other")
    return Cell("api" if row.usage is not None else "-", "table--dim")


def _state(scene: Scene, glyphs: Glyphs, row: Row, now: datetime) -> Cell:
    if row.gap:
        why = scene.why(row)
        code = why.code if why is not None else translate(_("no numbers"))
        return Cell(f"{glyphs.status(why.status if why is not None else Status.UNKNOWN)} {code}", "table--code")
    at = row.source.at
    age = (now - at).total_seconds() if at is not None else 0.0
    if age > STALE_SECONDS:
        return Cell(translate(_("{age} old").format(age=short_age(age))), "table--dim")
    worst = max(row.pressures)
    return Cell(units.state(*row.pressures), STYLES[worst])


def _trend(scene: Scene, glyphs: Glyphs, row: Row, now: datetime) -> Cell:
    key = row.key[0] if len(row.key) == 1 else row.key
    values = scene.look.history.of(key, now.timestamp())[-TREND * 4 :]
    grouped = [_most(values[start : start + 4]) for start in range(0, len(values), 4)]
    top = 1.0 if len(row.key) == 1 else max((value for value in grouped if value is not None), default=1.0)
    return Cell(sparkline(grouped, top, ascii_only=glyphs.ascii_only), "table--calm")


def _most(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
