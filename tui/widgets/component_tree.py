"""The live tree: drawn line by line, so that 1,000 edges scroll like two.

Selection is kept by identity, never by row: data moves, the cursor stays on what it stood on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kedge.i18n import _, translate
from kedge.picture import ComponentView, Picture
from kedge.printable import one_line
from tui.glyphs import Glyphs, style_of
from tui.widgets.tree_rows import Row, Rows, is_faulty, visible_rows

Keep = Callable[[ComponentView], bool]


class ComponentTree(ScrollView, can_focus=True):
    """Cloud on top, edge below, each with its roll-up and one sentence of why."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tree--guide",
        "tree--label",
        "tree--line",
        "tree--cursor",
        "tree--mark",
        "tree--stale",
        *(f"status--{word}" for word in ("pass", "info", "warn", "fail", "skip", "unknown")),
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor(1)", translate(_("down")), show=False, id="tree.down"),
        Binding("k,up", "cursor(-1)", translate(_("up")), show=False, id="tree.up"),
        Binding("g,home", "first", translate(_("top")), show=False, id="tree.first"),
        Binding("G,end", "last", translate(_("bottom")), show=False, id="tree.last"),
        Binding("pagedown", "page(1)", translate(_("page down")), show=False, id="tree.page_down"),
        Binding("pageup", "page(-1)", translate(_("page up")), show=False, id="tree.page_up"),
        Binding("space", "fold", translate(_("fold")), show=False, id="tree.fold"),
        Binding("left,h", "close_branch", translate(_("fold or parent")), show=False, id="tree.close"),
        Binding("right", "open_branch", translate(_("unfold")), show=False, id="tree.open"),
        Binding("enter", "choose", translate(_("open")), show=False, id="tree.choose"),
        Binding("m", "mark", translate(_("mark")), show=False, id="tree.mark"),
        Binding("z", "faults", translate(_("faults only")), id="tree.faults"),
    ]

    faults_only: reactive[bool] = reactive(False)
    stale: reactive[bool] = reactive(False)

    @dataclass
    class Selected(Message):
        """The cursor is on another component (or on the first one ever)."""

        component: str

    @dataclass
    class Chosen(Message):
        """Enter was pressed on a component."""

        component: str

    @dataclass
    class ViewChanged(Message):
        """Other components are visible than before: the engine may ask those first."""

        targets: frozenset[str]
        hidden: int

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._picture: Picture | None = None
        self._rows = Rows()
        self._folded: set[str] = set()
        self._keep: Keep | None = None
        self._cursor = ""
        self.marked: set[str] = set()

    # ------------------------------------------------------------------------------------------------ content

    @property
    def cursor(self) -> str:
        """Id of the component under the cursor, "" before the first picture."""
        return self._cursor

    @property
    def hidden(self) -> int:
        """How many components a filter hides."""
        return self._rows.hidden

    @property
    def cursor_row(self) -> int:
        """Row of the cursor."""
        return self._rows.find(self._cursor) or 0

    def show(self, picture: Picture) -> None:
        """Take a new picture in; the cursor stays on its component."""
        self._picture = picture
        if not self._cursor and picture.components:
            self._cursor = picture.components[0].id
        known = {view.id for view in picture.components}
        self.marked &= known
        self._lay_out()

    def filter(self, keep: Keep | None) -> int:
        """Keep only what ``keep`` accepts (and what leads there); gives how many rows are left."""
        self._keep = keep
        self._lay_out()
        return len(self._rows.rows)

    def select(self, component: str) -> None:
        """Move the cursor to a component, unfolding what hides it."""
        parents = {view.id: view.parent for view in self._picture.components} if self._picture else {}
        place = parents.get(component, "")
        while place:
            self._folded.discard(place)
            place = parents.get(place, "")
        self._lay_out()
        self._go(component)

    def _lay_out(self) -> None:
        if self._picture is None:
            return
        before = self._rows
        self._rows = visible_rows(self._picture.components, self._folded, self._accepts())
        if self._rows.find(self._cursor) is None and self._rows.rows:
            self._go(self._nearest(before))
        width = max((_width(row) for row in self._rows.rows), default=1)
        self.virtual_size = Size(max(width, 1), len(self._rows.rows))
        self.refresh()
        self._tell_view()

    def _accepts(self) -> Keep | None:
        keep, faults = self._keep, self.faults_only
        if keep is None:
            return is_faulty if faults else None
        return (lambda view: keep(view) and is_faulty(view)) if faults else keep

    def _nearest(self, before: Rows) -> str:
        """Where the cursor goes when its component is no longer visible: its nearest visible ancestor."""
        place = self._cursor
        while place:
            place = place.rpartition("/")[0]
            if self._rows.find(place) is not None:
                return place
        row = min(before.find(self._cursor) or 0, len(self._rows.rows) - 1)
        return self._rows.rows[row].view.id

    def watch_faults_only(self) -> None:
        self._lay_out()

    def watch_stale(self) -> None:
        self.refresh()

    # ------------------------------------------------------------------------------------------------- cursor

    def _go(self, component: str) -> None:
        if self._rows.find(component) is None:
            return
        moved = component != self._cursor
        self._cursor = component
        row = self.cursor_row
        self.scroll_to_region(Region(int(self.scroll_x), row, 1, 1), animate=False, force=True)
        self.refresh()
        if moved:
            self.post_message(self.Selected(component))

    def _go_row(self, row: int) -> None:
        if self._rows.rows:
            self._go(self._rows.rows[max(0, min(row, len(self._rows.rows) - 1))].view.id)

    def action_cursor(self, rows: int) -> None:
        self._go_row(self.cursor_row + rows)

    def action_page(self, pages: int) -> None:
        self._go_row(self.cursor_row + pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self._go_row(0)

    def action_last(self) -> None:
        self._go_row(len(self._rows.rows) - 1)

    def action_fold(self) -> None:
        row = self._row()
        if row is not None and row.branch:
            self._folded ^= {row.view.id}
            self._lay_out()

    def action_close_branch(self) -> None:
        row = self._row()
        if row is None:
            return
        if row.branch and not row.folded:
            self.action_fold()
        elif row.view.parent:
            self._go(row.view.parent)

    def action_open_branch(self) -> None:
        row = self._row()
        if row is not None and row.folded:
            self.action_fold()

    def action_choose(self) -> None:
        if self._cursor:
            self.post_message(self.Chosen(self._cursor))

    def action_mark(self) -> None:
        self.marked ^= {self._cursor}
        self.action_cursor(1)
        self.refresh()

    def action_faults(self) -> None:
        self.faults_only = not self.faults_only

    def _row(self) -> Row | None:
        row = self._rows.find(self._cursor)
        return None if row is None else self._rows.rows[row]

    async def _on_click(self, event: events.Click) -> None:
        row = int(event.y + self.scroll_y)
        if 0 <= row < len(self._rows.rows):
            self._go_row(row)
            if event.chain == 2:
                self.action_fold()

    # ------------------------------------------------------------------------------------------------ drawing

    def on_resize(self) -> None:
        self._tell_view()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._tell_view()

    def _tell_view(self) -> None:
        top = int(self.scroll_y)
        rows = self._rows.rows[top : top + max(1, self.size.height)]
        targets = frozenset(row.view.target for row in rows if row.view.target != "-")
        self.post_message(self.ViewChanged(targets, self._rows.hidden))

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        position = y + int(self.scroll_y)
        width = self.scrollable_content_region.width
        if position >= len(self._rows.rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows.rows[position]
        strip = Strip(self._segments(row))
        left = int(self.scroll_x)
        strip = strip.crop(left, left + width).extend_cell_length(width, self.rich_style)
        strip = strip.apply_style(self.rich_style)
        if row.view.id == self._cursor:
            cursor = self.get_component_rich_style("tree--cursor")
            strip = strip.apply_style(cursor if self.has_focus else Style(bold=True, underline=True))
        return strip

    def _segments(self, row: Row) -> list[Segment]:
        view, style = row.view, self.get_component_rich_style
        guide = style("tree--guide", partial=True)
        dim = Style(dim=True) if self.stale else Style()
        marked = view.id in self.marked
        segments = [Segment(self._guides(row), guide)]
        if marked:
            segments.append(Segment(self.glyphs.mark + " ", style("tree--mark", partial=True)))
        if row.branch:
            segments.append(Segment((self.glyphs.closed if row.folded else self.glyphs.open) + " ", guide))
        status = style(style_of(view.rollup), partial=True)
        segments.append(Segment(self.glyphs.status(view.rollup) + " ", status + dim))
        segments.append(Segment(one_line(translate(view.label)), style("tree--label", partial=True) + dim))
        if view.line is not None and (not row.branch or row.folded):
            segments.append(Segment("  " + one_line(translate(view.line)), style("tree--line", partial=True) + dim))
        return segments

    def _guides(self, row: Row) -> str:
        if row.depth == 0:
            return ""
        bar, tee, corner = ("| ", "|-", "`-") if self.glyphs.ascii_only else ("│ ", "├ ", "└ ")
        return "".join(bar if goes_on else "  " for goes_on in row.guides[1:]) + (corner if row.last else tee)


def _width(row: Row) -> int:
    """Generous width of a row, so that the horizontal scroll bar reaches the end of its sentence."""
    line = len(str(row.view.line)) if row.view.line and (not row.branch or row.folded) else 0
    return 2 * row.depth + 8 + len(str(row.view.label)) + line
