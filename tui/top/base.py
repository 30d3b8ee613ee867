"""What the panes of ``t`` share: a head, a table, a remark about the row under the cursor, and their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from kedge.i18n import Text, _, translate
from kedge.model import Finding
from kedge.printable import one_line
from tui.glyphs import Glyphs
from tui.panes.base import Pane
from tui.text_layout import Line, Part, cut, width_of, wrap
from tui.top.lines import Lines
from tui.widgets.command_line import CommandLine
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from kedge.top.desk import TopDesk
    from tui.index import PictureIndex
    from tui.screens.main import MainScreen

SORTS = {"cpu": _("CPU"), "memory": _("memory"), "name": _("name")}
REDRAW_SECONDS = 0.25
"""At most four pictures a second, however many machines tell something."""


class TopBase(Pane):
    """Draws at a calm pace, whatever arrives; subclasses say what."""

    DEFAULT_CSS = "TopBase { layout: vertical; } TopBase VirtualTable { height: 1fr; scrollbar-size: 1 1; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("C", "sort('cpu')", translate(_("by CPU")), id="top.cpu"),
        Binding("M", "sort('memory')", translate(_("by memory")), id="top.memory"),
        Binding("N", "sort('name')", translate(_("by name")), show=False, id="top.name"),
        Binding("v", "view", translate(_("view")), id="top.view"),
        Binding("slash", "filter", translate(_("filter")), key_display="/", id="top.filter"),
        Binding("less_than_sign", "pace(-1)", translate(_("faster")), show=False, key_display="<", id="top.faster"),
        Binding("greater_than_sign", "pace(1)", translate(_("slower")), show=False, key_display=">", id="top.slower"),
        Binding("c", "copy", translate(_("copy the row")), show=False, id="top.copy"),
    ]

    def __init__(self, key: str, title: str, main: MainScreen, desk: TopDesk) -> None:
        super().__init__(key, title)
        self.main, self.desk = main, desk
        self.glyphs: Glyphs = main.glyphs
        self.order = "cpu"
        self.filter = ""
        self.views: tuple[str, ...] = ()
        self.shown_view = ""
        self.index: PictureIndex | None = None
        self.leaves: dict[str, Callable[[], None]] = {}
        self._due = False
        self._is_shut = False

    def compose(self) -> ComposeResult:
        yield Lines(self.head, id="top-head")
        yield VirtualTable(self.glyphs, id="top-table")
        yield Lines(self.remark, id="top-remark")

    @property
    def table(self) -> VirtualTable:
        """The rows."""
        return self.query_one(VirtualTable)

    # -------------------------------------------------------------------------------------- what subclasses say

    def head(self, width: int) -> Sequence[Line]:
        """Lines above the table."""
        raise NotImplementedError

    def remark(self, width: int) -> Sequence[Line]:
        """Lines below the table."""
        raise NotImplementedError

    def draw(self) -> None:
        """Fill the table."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------- drawing

    def on_mount(self) -> None:
        self.set_interval(1.0, self.changed)
        self.changed()

    def picture(self, index: PictureIndex) -> None:
        """Findings say why there are no numbers."""
        self.index = index
        self.changed()

    def changed(self) -> None:
        """Something is to be drawn again, soon."""
        if not self._due and self.is_attached:
            self._due = True
            self.set_timer(REDRAW_SECONDS, self.redraw)

    def redraw(self) -> None:
        """Draw now; costs nothing while the pane is out of view."""
        self._due = False
        if self._is_shut or not self.is_attached or not self.display or not self.query("#top-remark"):
            return
        self.draw()
        for part in self.query(Lines):
            part.renew()

    def seen(self) -> None:
        """Back in view: it was not drawn while it was away."""
        super().seen()
        self.call_after_refresh(self.redraw)

    @on(VirtualTable.Moved)
    def _moved(self) -> None:
        self.query_one("#top-remark", Lines).renew()
        self.changed()

    async def shut(self) -> None:
        """Nobody looks any more: what was asked and streamed for this pane ends."""
        self._is_shut = True
        self.leave_all()

    def leave_all(self) -> None:
        """End every subscription of this pane; safe to call twice."""
        leaves, self.leaves = self.leaves, {}
        for leave in leaves.values():
            leave()

    # -------------------------------------------------------------------------------------------------- actions

    def action_sort(self, by: str) -> None:
        self.order = by
        self.redraw()

    def action_view(self) -> None:
        self.shown_view = self.views[(self.views.index(self.shown_view) + 1) % len(self.views)]
        self.redraw()

    def action_pace(self, step: int) -> None:
        self.app.say(_("The metrics API is asked as often as it has new numbers; machines have a pace of their own"))

    def action_filter(self) -> None:
        self.main.query_one(CommandLine).ask("/", self.filter, typed=self._sift, done=self._sift)

    def _sift(self, text: str) -> None:
        self.filter = text.strip()
        self.redraw()
        self.main.query_one(CommandLine).note(str(len(self.table.keys)))

    def action_copy(self) -> None:
        if self.table.cursor is not None:
            self.app.copy(self.table.row_text(self.table.cursor))

    def go_to(self, finding: Finding) -> None:
        """Show a finding in the tree and the details."""
        self.main.show_finding(finding)

    # --------------------------------------------------------------------------------------------------- words

    def line(self, parts: Sequence[Part], right: Part, width: int) -> Line:
        """Words at the left, one at the right where there is room."""
        room = width - width_of(parts) - width_of([right])
        if room < 0:
            return Line(tuple(parts))
        return Line((*parts, (" " * room, "line--text"), right))

    def wrapped(self, text: Text | str, style: str, width: int, most: int = 2) -> list[Line]:
        """A sentence on at most some lines."""
        lines = wrap(one_line(translate(text)), width)
        if len(lines) > most:
            lines = [*lines[: most - 1], cut(" ".join(lines[most - 1 :]), width, self.glyphs.more)]
        return [Line(((line, style),)) for line in lines]
