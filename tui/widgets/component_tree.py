"""The live tree: drawn line by line, so that 1,000 edges scroll like two.

Selection is kept by identity, never by row: data moves, the cursor stays on what it stood on. A new picture
lays the tree out again only when what is visible changed; otherwise it is drawn anew, nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from kedge.model import Kind
from kedge.picture import ComponentView
from tui.errors import Guarded
from tui.glyphs import STATUS_CLASSES, Glyphs
from tui.index import PictureIndex
from tui.widgets.tree_line import Dress, tree_line
from tui.widgets.tree_rows import Keep, Row, Rows, is_faulty, leading_to, looks, visible_rows

FOLD_FROM = 20
"""With more edges than these, each is folded at first: an overview must fit a screen."""


class ComponentTree(Guarded, ScrollView, can_focus=True):
    """Cloud on top, edge below, each with its roll-up and one sentence of why."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tree--guide",
        "tree--label",
        "tree--line",
        "tree--cursor",
        "tree--cursor-blurred",
        "tree--mark",
        *STATUS_CLASSES,
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor(1)", translate(_("down")), show=False, id="tree.down"),
        Binding("k,up", "cursor(-1)", translate(_("up")), show=False, id="tree.up"),
        Binding("g,home", "first", translate(_("top")), show=False, id="tree.first"),
        Binding("G,end", "last", translate(_("bottom")), show=False, id="tree.last"),
        Binding("pagedown", "page(1)", translate(_("page down")), show=False, id="tree.page_down"),
        Binding("pageup", "page(-1)", translate(_("page up")), show=False, id="tree.page_up"),
        Binding("space", "fold", translate(_("fold or unfold")), show=False, id="tree.fold"),
        Binding("left", "close_branch", translate(_("fold, or go to the parent")), show=False, id="tree.close"),
        Binding("right", "open_branch", translate(_("unfold, or go to the first child")), show=False, id="tree.open"),
        Binding("enter", "choose", translate(_("open the details")), show=False, id="tree.choose"),
        Binding("m", "mark", translate(_("mark")), show=False, id="tree.mark"),
        Binding("M", "mark_range", translate(_("mark from the last mark to here")), show=False, id="tree.mark_range"),
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
        self._index: PictureIndex | None = None
        self._ids: tuple[str, ...] = ()
        self._rows = Rows()
        self._shown: frozenset[str] | None = None
        self._found_count = 0
        self._folded: set[str] = set()
        self._opened: set[str] = set()
        self._keep: Keep | None = None
        self._cursor = ""
        self._wanted = ""
        self._told: tuple[frozenset[str], int] | None = None
        self.marked: set[str] = set()
        self._marked_last = ""

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
    def found(self) -> int:
        """How many components a filter looks for, not counting what only leads there; all without a filter."""
        return len(self._ids) if self._shown is None else self._found_count

    @property
    def rows(self) -> tuple[Row, ...]:
        """The visible rows, top to bottom, those off the screen included."""
        return self._rows.rows

    @property
    def cursor_row(self) -> int:
        """Row of the cursor."""
        return self._rows.find(self._cursor) or 0

    def clear(self) -> None:
        """Another site is opened: nothing of this one stays, not even what was marked or folded in it."""
        self._index, self._ids, self._rows, self._shown = None, (), Rows(), None
        self._cursor = self._wanted = self._marked_last = ""
        self._folded, self._opened, self.marked = set(), set(), set()
        self._told = None
        self.virtual_size = Size(1, 0)
        self.refresh()

    def show(self, index: PictureIndex, keep: Keep | None = None) -> None:
        """Take a new picture in, with the filter made for it; the cursor stays on its component."""
        before, self._index, self._keep = self._index, index, keep
        components = index.components
        ids = tuple(view.id for view in components)
        same = ids == self._ids
        if not same:
            self._fold_newcomers(index)
            self._ids = ids
            self.marked &= index.views.keys()
            if not self._cursor and components:
                self._cursor = components[0].id
        shown = self._kept(self._sought())
        if same and shown == self._shown:
            self._draw_changed(before, index)
        else:
            self._shown = shown
            self._lay_out()

    def _draw_changed(self, before: PictureIndex | None, index: PictureIndex) -> None:
        """Paint only rows on the screen that say something else now: at rest nothing is sent to the terminal."""
        if before is None:
            self.refresh()
            return
        top = int(self.scroll_y)
        for row in range(top, min(top + self.size.height, len(self._rows.rows))):
            id = self._rows.rows[row].id
            if self._looks(before, id) != self._looks(index, id):
                self.refresh_line(row)

    def _looks(self, index: PictureIndex, id: str) -> object:
        view = index.views.get(id)
        return view and (looks(view), index.is_dated(view, stale=self.stale))

    def _fold_newcomers(self, index: PictureIndex) -> None:
        """Fold the pods of edges that were not there before, and where there are many edges those too."""
        known = set(self._ids)
        fresh = [edge for edge in index.edges if f"edge/{edge}" not in known]
        self._folded |= {Kind.PODS.component(edge) for edge in fresh}
        if len(index.edges) > FOLD_FROM:
            self._folded |= {f"edge/{edge}" for edge in fresh}

    def filter(self, keep: Keep | None) -> None:
        """Keep only what ``keep`` accepts, and what leads there, unfolded; None keeps everything, folded as before."""
        self._keep = keep
        self._sift()

    def watch_faults_only(self) -> None:
        self._sift()

    def _sift(self) -> None:
        found = self._sought()
        self._shown = self._kept(found)
        self._opened = set() if self._shown is None else set(self._shown) - {view.id for view in found or ()}
        self._lay_out()

    def _sought(self) -> list[ComponentView] | None:
        """What the filter looks for; None when there is none."""
        if self._index is None or (self._keep is None and not self.faults_only):
            return None
        return [view for view in self._index.components if self._found(view)]

    def _kept(self, found: list[ComponentView] | None) -> frozenset[str] | None:
        """What was found and what leads there."""
        if found is None or self._index is None:
            return None
        self._found_count = len(found)
        return leading_to(self._index.components, found)

    def _found(self, view: ComponentView) -> bool:
        """True for what the filter looks for, and faults where only they are wanted."""
        if self.faults_only and not is_faulty(view):
            return False
        return self._keep is None or self._keep(view)

    def select(self, component: str) -> None:
        """Move the cursor to a component, unfolding what hides it."""
        views = self._index.views if self._index else {}
        place = views[component].parent if component in views else ""
        folded = len(self._folded)
        while place:
            self._folded.discard(place)
            place = views[place].parent
        if len(self._folded) != folded or self._rows.find(component) is None:
            self._lay_out()
        self._go(component)

    def _lay_out(self) -> None:
        if self._index is None:
            return
        before = self._rows
        self._rows = visible_rows(self._index.components, self._folded - self._opened, self._shown)
        self.virtual_size = Size(1, len(self._rows.rows))
        if self._wanted and self._rows.find(self._wanted) is not None:
            self._go(self._wanted)  # what stood here before a filter took it away is back
        elif self._rows.rows and self._rows.find(self._cursor) is None:
            wanted = self._wanted or self._cursor
            self._go(self._nearest(before, wanted))
            self._wanted = wanted
        self.refresh()
        self._tell_view()

    def _nearest(self, before: Rows, wanted: str) -> str:
        """Where the cursor goes when its component is no longer visible: its nearest visible ancestor."""
        views = self._index.views if self._index is not None else {}
        place = wanted
        while place:
            place = views[place].parent if place in views else place.rpartition("/")[0]
            if self._rows.find(place) is not None:
                return place
        row = min(before.find(self._cursor) or 0, len(self._rows.rows) - 1)
        return self._rows.rows[row].id

    def watch_stale(self) -> None:
        self.refresh()

    # ------------------------------------------------------------------------------------------------- cursor

    def _go(self, component: str) -> None:
        if self._rows.find(component) is None:
            return
        moved = component != self._cursor
        self._cursor, self._wanted = component, ""
        self.scroll_to_region(Region(0, self.cursor_row, 1, 1), animate=False, force=True)
        self.refresh()
        if moved:
            self.post_message(self.Selected(component))

    def _go_row(self, row: int) -> None:
        if self._rows.rows:
            self._go(self._rows.rows[max(0, min(row, len(self._rows.rows) - 1))].id)

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
            self._opened.discard(row.id)
            if row.folded:
                self._folded.discard(row.id)
            else:
                self._folded.add(row.id)
            self._lay_out()

    def action_close_branch(self) -> None:
        row = self._row()
        if row is None:
            return
        if row.branch and not row.folded:
            self.action_fold()
        elif row.parent:
            self._go(row.parent)

    def action_open_branch(self) -> None:
        row = self._row()
        if row is None or not row.branch:
            return
        if row.folded:
            self.action_fold()
        else:
            self.action_cursor(1)

    def action_choose(self) -> None:
        if self._cursor:
            self.post_message(self.Chosen(self._cursor))

    def action_mark(self) -> None:
        if self._cursor:
            self.marked ^= {self._cursor}
            self._marked_last = self._cursor
            self.action_cursor(1)
            self._marks_changed()

    def mark_all(self, components: Iterable[str]) -> None:
        """Mark these, and no others."""
        self.marked = set(components)
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.refresh()
        self.screen.refresh_bindings()

    def action_mark_range(self) -> None:
        """Everything from what was marked last down or up to here, on the same level."""
        here, there = self._rows.find(self._cursor), self._rows.find(self._marked_last)
        if here is None or there is None:
            self.action_mark()
            return
        rows = self._rows.rows
        depth = rows[there].depth
        self.marked |= {row.id for row in rows[min(here, there) : max(here, there) + 1] if row.depth == depth}
        self._marks_changed()

    def unmark(self) -> bool:
        """Take all marks off; False when there were none."""
        had = bool(self.marked)
        self.marked.clear()
        self._marks_changed()
        return had

    def _row(self) -> Row | None:
        row = self._rows.find(self._cursor)
        return None if row is None else self._rows.rows[row]

    def on_click(self, event: events.Click) -> None:
        """One click selects, two fold."""
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
        """Tell which machines are in view, when that changed."""
        if self._index is None:
            return
        top = int(self.scroll_y)
        rows = self._rows.rows[top : top + max(1, self.size.height)]
        views = self._index.views
        targets = frozenset(views[row.id].target for row in rows if row.id in views) - {"-"}
        if self._told != (targets, self.hidden):
            self._told = (targets, self.hidden)
            self.post_message(self.ViewChanged(targets, self.hidden))

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        position = y + int(self.scroll_y)
        width = self.scrollable_content_region.width
        row = self._rows.rows[position] if position < len(self._rows.rows) else None
        view = self._index.views.get(row.id) if row is not None and self._index is not None else None
        if row is None or view is None:
            return Strip.blank(width, self.rich_style)
        index = self._index
        dress = Dress(
            self.glyphs,
            self.get_component_rich_style,
            index.day if index is not None else None,
            marked=row.id in self.marked,
            dated=index is not None and index.is_dated(view, stale=self.stale),
        )
        strip = Strip(tree_line(row, view, width, dress)).adjust_cell_length(width, self.rich_style)
        strip = strip.apply_style(self.rich_style)
        if row.id == self._cursor:
            name = "tree--cursor" if self.has_focus else "tree--cursor-blurred"
            strip = Strip([Segment(s.text, (s.style or Style()) + self.get_component_rich_style(name)) for s in strip])
        return strip
