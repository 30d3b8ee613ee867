"""The site-wide top: nodes, pods, containers and machines; where the API has no numbers, why, and the machine's own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from kedge.i18n import Text, _, ngettext, translate
from kedge.model import SITE, Reason
from kedge.top.hosts import HostNow
from kedge.top.metrics import Look
from kedge.top.why import indexed, why_no_numbers
from tui.text_layout import Line, Part
from tui.top import machines, units
from tui.top.base import SORTS, TopBase
from tui.top.cells import COLUMNS, cells_of
from tui.top.rows import Row, Scene, container_rows, node_rows, pod_rows, sift, sort
from tui.top.sifting import Scope, sieve
from tui.widgets.header_bar import short_age
from tui.widgets.virtual_table import Cell, VirtualTable

if TYPE_CHECKING:
    from kedge.top.desk import TopDesk
    from tui.index import PictureIndex
    from tui.screens.main import MainScreen

MOST_MACHINES = 12
"""Machines that are streamed from at once for rows in view."""

PACE = 5
"""Seconds between two samples of a machine whose numbers stand beside a gap or in the list of machines."""

_VIEWS = {"nodes": _("nodes"), "pods": _("pods"), "containers": _("containers"), "machines": _("machines over SSH")}
_ROWS = {"nodes": node_rows, "pods": pod_rows, "containers": container_rows}


class TopPane(TopBase):
    """What ``kubectl top`` prints, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "scope", translate(_("scope")), id="top.scope"),
        Binding("z", "faults", translate(_("pressed only")), show=False, id="top.faults"),
    ]

    def __init__(self, main: MainScreen, desk: TopDesk, view: str = "nodes") -> None:
        super().__init__("top", translate(_("Top")), main, desk)
        self.views, self.shown_view = tuple(_VIEWS), view
        self.scope, self.scoped_namespace = Scope.ALL, ""
        self.faults_only = False
        self.look = desk.metrics.look
        self.scene = Scene()
        self.rows: dict[Hashable, Row] = {}
        self._total = 0
        self._samples = 0
        """Counts what machines tell, and which of them are asked."""
        self._basis: object = None
        self._of = self.look
        self._keys: list[Hashable] = []

    def on_mount(self) -> None:
        self.leaves["metrics"] = self.desk.metrics.subscribe(self._looked)
        super().on_mount()

    def _looked(self, look: Look) -> None:
        self.look = look
        self.changed()

    def picture(self, index: PictureIndex) -> None:
        """Findings are looked up by code."""
        self.scene = Scene(self.look, indexed(index.picture.findings), self.desk.hosts.now)
        super().picture(index)

    # ------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """The rows of the view; then the machines that are wanted for what is in view."""
        self.scene = Scene(self.look, self.scene.findings, self.desk.hosts.now)
        table = self.table
        table.stale = self.look.lost is not None and self.shown_view != "machines"
        if self.shown_view == "machines":
            self._draw_machines(table)
        else:
            self._draw_rows(table)
        self._watch(self._wanted())

    def _draw_rows(self, table: VirtualTable) -> None:
        wanted = sieve(self.filter, edge_only=self.scope is Scope.EDGE, namespace=self.scoped_namespace)
        basis = (self.shown_view, self.order, wanted, self.faults_only, self._samples, id(self.look))
        if basis != self._basis:  # most pictures are of the same numbers, and 10,000 pods take a while
            self._basis, self._of = basis, self.look
            rows = _ROWS[self.shown_view](self.scene)
            kept = sort(sift(rows, wanted, faults_only=self.faults_only), self.order)
            self._total = len(rows)
            self.rows = {row.key: row for row in kept}
            self._keys = list(self.rows)
        make = cells_of(self.shown_view, self.scene, self.glyphs, self.main.now())

        def cells(key: Hashable) -> Sequence[Cell]:
            return make(self.rows[key])

        empty = _("nothing here matches") if self._total else self._nothing()
        table.show(COLUMNS[self.shown_view], self._keys, cells, sorted_by=self.order, empty=translate(empty))

    def _nothing(self) -> Text:
        if self.look.lost is not None:
            return _("Kubernetes does not answer")
        if self.look.at is None:
            return _("asking {more}").format(more=self.glyphs.more)
        return _("there are none")

    def _draw_machines(self, table: VirtualTable) -> None:
        names = machines.names(self.index, edge_only=self.scope is Scope.EDGE)
        words = self.filter.casefold().split()
        kept = [name for name in names if all(word in name.casefold() for word in words)]
        self._total = len(names)
        self.rows, self._basis = {}, None
        order = machines.ordered(kept, self.desk.hosts.now, self.order)
        make = machines.cells_of(self.desk.hosts.now, self.glyphs, self.main.now())
        table.show(machines.COLUMNS, order, make, sorted_by=self.order, empty=translate(_("no machine is known yet")))

    # ----------------------------------------------------------------------------------------------- machines

    def _wanted(self) -> list[str]:
        """Machines of rows in view: all in their own list, elsewhere those whose numbers the API lacks."""
        visible = self.table.in_view
        if self.shown_view == "machines":
            names = [str(key) for key in visible]
        else:
            names = [row.node for key in visible if (row := self.rows.get(key)) is not None and row.gap and row.node]
        return list(dict.fromkeys(names))[:MOST_MACHINES]

    def _watch(self, wanted: Sequence[str]) -> None:
        for name in [name for name in self.leaves if name.startswith("host ")]:
            if name.removeprefix("host ") not in wanted:
                self.leaves.pop(name)()
                self._samples += 1
        for name in wanted:
            if f"host {name}" not in self.leaves:
                self.leaves[f"host {name}"] = self.desk.hosts.watch(name, PACE, self._told)

    def _told(self, now: HostNow) -> None:
        self._samples += 1
        self.changed()

    # -------------------------------------------------------------------------------------------------- words

    def head(self, width: int) -> Sequence[Line]:
        """View, scope and order; below, why the API has no numbers at all, or is lost."""
        shown: list[Part] = []
        for view, text in _VIEWS.items():
            style = "line--title" if view == self.shown_view else "line--dim"
            name = translate(text)
            shown.append((f"[{name}] " if view == self.shown_view else f"{name} ", style))
        lines = [self.line(shown, (self._age(), "line--dim"), width)]
        scope = self.scope.text.format(name=self.scoped_namespace)
        told = [scope, _("by {order}").format(order=SORTS[self.order])]
        told += [_("pressed only")] if self.faults_only else []
        said = [translate(text) for text in told] + ([f"/{self.filter}"] if self.filter else [])
        count = ngettext("{count} of {all} row", "{count} of {all} rows", "all")
        counted = translate(count.format(count=len(self.table.keys), all=self._total))
        lines.append(self.line([(" ".join((", ".join(said), "")), "line--key")], (counted, "line--dim"), width))
        return [*lines, *self._problem(width)]

    def _age(self) -> str:
        if self.look.at is None:
            return ""
        age = max(0.0, (self.main.now() - self.look.at).total_seconds())
        return translate(_("asked {age} ago").format(age=short_age(age)))

    def _problem(self, width: int) -> list[Line]:
        if self.shown_view == "machines":
            return []
        if self.look.lost is not None:
            text = _("{mark} these numbers are old: {why}")
            return self.wrapped(text.format(mark="!", why=self.look.lost.text), "line--bad", width)
        if self.look.problem is None:
            return []
        why = why_no_numbers(self.scene.findings, SITE)
        said = _("{code} {text}").format(code=why.code, text=why.text) if why is not None else self.look.problem.text
        return self.wrapped(_("The metrics API has no numbers: {why}").format(why=said), "line--bad", width)

    def remark(self, width: int) -> Sequence[Line]:
        """About the row under the cursor: why it has no numbers and whose these are."""
        key = self.table.cursor
        if self.shown_view == "machines":
            now = self.desk.hosts.now(str(key)) if key is not None else None
            return self.wrapped(now.problem.text, "line--bad", width) if now is not None and now.problem else []
        row = self.rows.get(key) if key is not None else None
        if row is None:
            return []
        if not row.gap:
            return self.wrapped(self._asked_for(row), "line--dim", width, 1)
        why = self.scene.why(row)
        lines = []
        if why is not None:
            whose = f"{why.code} {why.target}" if why.target != SITE else why.code
            text = _("{whose}: {text}. enter goes there")
            lines += self.wrapped(text.format(whose=whose, text=why.text), "line--bad", width)
        return [*lines, *self.wrapped(self._instead(row), "line--dim", width)]

    def _instead(self, row: Row) -> Text:
        if row.own:
            return _("The numbers marked ssh were read from {node} itself: alike, not the same").format(node=row.node)
        now = self.desk.hosts.now(row.node)
        if now is not None and now.problem is not None:
            if now.problem.reason is Reason.NO_SSH:
                return _("There is no SSH to {node} either, so nobody knows").format(node=row.node)
            return now.problem.text
        if now is not None and now.sample is not None and now.sample.cpu is not None:
            return _("{node} itself shows no control group of it").format(node=row.node)
        return _("asking {node} itself {more}").format(node=row.node or "-", more=self.glyphs.more)

    def _asked_for(self, row: Row) -> Text:
        text = _("{name}: requests {rc} CPU, {rm} memory; limits {lc} CPU, {lm} memory")
        return text.format(
            name="/".join(row.key),
            rc=units.cpu(row.requests.cpu), rm=units.memory(row.requests.memory),
            lc=units.cpu(row.limits.cpu), lm=units.memory(row.limits.memory),
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------- actions

    def action_scope(self) -> None:
        """All, edge nodes only, the namespace of the row under the cursor."""
        row = self.rows.get(self.table.cursor) if self.table.cursor is not None else None
        namespace = row.namespace if row is not None else ""
        if self.scope is Scope.ALL:
            self.scope = Scope.EDGE
        elif self.scope is Scope.EDGE and namespace and self.shown_view != "machines":
            self.scope, self.scoped_namespace = Scope.NAMESPACE, namespace
        else:
            self.scope, self.scoped_namespace = Scope.ALL, ""
        self.redraw()

    def action_view(self) -> None:
        """Nodes have no namespace: that scope ends with the view."""
        super().action_view()
        if self.scope is Scope.NAMESPACE and self.shown_view not in ("pods", "containers"):
            self.scope, self.scoped_namespace = Scope.ALL, ""
            self.redraw()

    def action_faults(self) -> None:
        self.faults_only = not self.faults_only
        self.redraw()

    @on(VirtualTable.Chosen)
    def _chosen(self, message: VirtualTable.Chosen) -> None:
        """A gap leads to its finding, a node to its machine, a pod to its containers."""
        message.stop()
        row = self.rows.get(message.key)
        if row is None:
            self.open_machine(str(message.key))
        elif (why := self.scene.why(row)) is not None:
            self.go_to(why)
        elif self.shown_view == "pods":
            self.shown_view, self.filter = "containers", f"{row.key[1]} ns:{row.namespace}"
            self.redraw()
        elif row.node:
            self.open_machine(row.node)

    @work(group="open", exclusive=True, exit_on_error=False)
    async def open_machine(self, name: str) -> None:
        """A machine in a tab of its own."""
        from tui.top.host_pane import HostPane

        await self.main.open_pane(HostPane(self.main, self.desk, name))
