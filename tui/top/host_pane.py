"""One machine by what it says itself: cores, memory, disks, network, and its processes and containers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from kedge.i18n import _, translate
from kedge.top.host import ContainerUse, ProcessUse
from kedge.top.hosts import HostNow
from kedge.top.owners import Named
from kedge.top.script import INTERVALS
from tui.text_layout import Line
from tui.top import units
from tui.top.base import SORTS, TopBase
from tui.top.host_head import host_lines
from tui.widgets.header_bar import short_age
from tui.widgets.virtual_table import Cell, Column

if TYPE_CHECKING:
    from kedge.top.desk import TopDesk
    from tui.screens.main import MainScreen

PACE = 2
_VIEWS = {"processes": _("processes"), "containers": _("containers")}
_COLUMNS = {
    "processes": (
        Column("pid", "PID", 7, right=True),
        Column("name", translate(_("NAME")), 15),
        Column("cpu", "CPU%", 6, right=True),
        Column("memory", "MEM", 6, right=True),
        Column("state", "S", 1),
        Column("threads", "THR", 4, right=True, drop=1),
        Column("owner", translate(_("CONTAINER")), 12, grows=True),
    ),
    "containers": (
        Column("namespace", translate(_("NAMESPACE")), 11, drop=1),
        Column("name", translate(_("POD")), 14, grows=True),
        Column("container", translate(_("CONTAINER")), 14),
        Column("cpu", "CPU", 7, right=True),
        Column("memory", "MEM", 7, right=True),
    ),
}


class HostPane(TopBase):
    """One stream for as long as the pane is open."""

    def __init__(self, main: MainScreen, desk: TopDesk, name: str) -> None:
        super().__init__(f"top/{name}", translate(_("Top {name}")).format(name=name), main, desk)
        self.host = name
        self.interval = PACE
        self.views, self.shown_view = tuple(_VIEWS), "processes"
        self.now = HostNow(name)
        self._processes: dict[Hashable, ProcessUse] = {}
        self._containers: dict[Hashable, ContainerUse] = {}

    def on_mount(self) -> None:
        self._follow()
        super().on_mount()

    def _follow(self) -> None:
        self.leave_all()
        self.leaves["host"] = self.desk.hosts.watch(self.host, self.interval, self._told)
        self.now = self.desk.hosts.now(self.host) or self.now

    def _told(self, now: HostNow) -> None:
        self.now = now
        self.changed()

    # ------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Processes or containers."""
        table = self.table
        table.stale = self.now.problem is not None
        if self.shown_view == "processes":
            self._draw_processes()
        else:
            self._draw_containers()

    def _draw_processes(self) -> None:
        sample = self.now.sample
        kept = [one for one in (sample.processes if sample is not None else ()) if self._keeps(one)]
        orders = {
            "cpu": lambda one: (-(one.cpu or 0.0), -one.memory, one.pid),
            "memory": lambda one: (-one.memory, one.pid),
            "name": lambda one: (one.name, one.pid),
        }
        kept.sort(key=orders[self.order])
        self._processes = {one.pid: one for one in kept}
        empty = "" if sample is None else translate(_("no process matches"))
        self.table.show(_COLUMNS["processes"], list(self._processes), self._process, sorted_by=self.order, empty=empty)

    def _keeps(self, process: ProcessUse) -> bool:
        words = self.filter.casefold().split()
        text = f"{process.pid} {process.name} {self._owner(process)}".casefold()
        return all(word in text for word in words)

    def _process(self, key: Hashable) -> Sequence[Cell]:
        one = self._processes[key]
        cpu = "table--hot" if (one.cpu or 0) >= 0.9 else "table--busy" if (one.cpu or 0) >= 0.5 else "table--cell"
        return [
            Cell(str(one.pid), "table--dim"),
            Cell(one.name, "table--name"),
            Cell(units.cores(one.cpu), cpu),
            Cell(units.size(one.memory)),
            Cell(one.state, "table--dim"),
            Cell(str(one.threads), "table--dim"),
            Cell(self._owner(one), "table--cell"),
        ]

    def _owner(self, process: ProcessUse) -> str:
        if process.owner is None:
            return ""
        named = self._named(process.owner.uid, process.owner.container)
        if named.pod:
            return "/".join(filter(None, (named.namespace, named.pod, named.container)))
        return process.owner.container[:12] or process.owner.uid

    def _named(self, uid: str, container: str) -> Named:
        from kedge.top.owners import Owner

        sample = self.now.sample
        return sample.names.of(Owner(uid, container), self._pods()) if sample is not None else Named()

    def _pods(self) -> Mapping[str, tuple[str, str]]:
        table = self.desk.metrics.look.table
        return {pod.uid: (pod.namespace, pod.name) for pod in table.pods if pod.node == self.host}

    def _draw_containers(self) -> None:
        sample = self.now.sample
        pairs = [
            (one, self._named(one.owner.uid, one.owner.container))
            for one in (sample.containers if sample is not None else ())
        ]
        words = self.filter.casefold().split()
        kept = [
            (one, named)
            for one, named in pairs
            if all(word in f"{named.namespace} {named.pod} {named.container}".casefold() for word in words)
        ]
        orders = {
            "cpu": lambda pair: -(pair[0].cpu or 0.0),
            "memory": lambda pair: -(pair[0].memory or 0),
            "name": lambda pair: (pair[1].namespace, pair[1].pod, pair[1].container),
        }
        kept.sort(key=orders[self.order])
        self._containers = {one.owner: one for one, _named in kept}
        none = _("no container matches") if pairs else _("no container was found in this machine's control groups")
        empty = "" if sample is None else translate(none)
        self.table.show(
            _COLUMNS["containers"], list(self._containers), self._container, sorted_by=self.order, empty=empty
        )

    def _container(self, key: Hashable) -> Sequence[Cell]:
        one = self._containers[key]
        named = self._named(one.owner.uid, one.owner.container)
        return [
            Cell(named.namespace, "table--dim"),
            Cell(named.pod or one.owner.uid or "-", "table--name"),
            Cell(named.container or one.owner.container[:12], "table--name"),
            Cell(units.cpu(round(one.cpu * 1e9)) if one.cpu is not None else "-"),
            Cell(units.size(one.memory)),
        ]

    # -------------------------------------------------------------------------------------------------- words

    def head(self, width: int) -> Sequence[Line]:
        """The machine; then what is shown of it."""
        at = self.now.at
        age = short_age(max(0.0, (self.main.now() - at).total_seconds())) if at is not None else "-"
        pace = _("every {seconds} s, {age} old").format(seconds=self.interval, age=age)
        lines = list(host_lines(self.now, self.glyphs, width, translate(pace)))
        if self.now.problem is not None:
            lines += self.wrapped(self.now.problem.text, "line--bad", width, 3)
        shown = [
            (f"[{translate(text)}] " if view == self.shown_view else f"{translate(text)} ",
             "line--title" if view == self.shown_view else "line--dim")
            for view, text in _VIEWS.items()
        ]  # fmt: skip
        told = translate(_("by {order}").format(order=SORTS[self.order])) + (f" /{self.filter}" if self.filter else "")
        count = str(len(self.table.keys))
        return [*lines, self.line([*shown, (told, "line--key")], (count, "line--dim"), width)]

    def remark(self, width: int) -> Sequence[Line]:
        """What the login user is not allowed to see."""
        sample = self.now.sample
        if sample is None or sample.whole:
            return []
        text = _("/proc on {host} shows the login user only processes of its own (hidepid): there are more")
        return self.wrapped(text.format(host=self.host), "line--dim", width)

    def action_pace(self, step: int) -> None:
        """Another interval; the stream is started anew."""
        place = INTERVALS.index(self.interval) + step
        if 0 <= place < len(INTERVALS):
            self.interval = INTERVALS[place]
            self._follow()
            self.redraw()
