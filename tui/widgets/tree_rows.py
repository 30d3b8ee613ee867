"""Which rows of the component tree are visible: pure, so that folding and filters can be tested without a screen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from kedge.model import Status
from kedge.picture import ComponentView

FAULTY = (Status.FAIL, Status.WARN, Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Row:
    """One visible row.

    Attributes:
        guides: for each level above, whether a line goes on downwards there.
        last: it is the last child of its parent.
        branch: it has children; folded: they are hidden.
    """

    view: ComponentView
    depth: int
    guides: tuple[bool, ...]
    last: bool
    branch: bool
    folded: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """The visible rows, where each id stands, and how many components a filter hides."""

    rows: tuple[Row, ...] = ()
    position: dict[str, int] | None = None
    hidden: int = 0

    def find(self, component: str) -> int | None:
        """The row of a component, None when it is not visible."""
        return (self.position or {}).get(component)


def visible_rows(
    components: Sequence[ComponentView],
    folded: Collection[str],
    keep: Callable[[ComponentView], bool] | None = None,
) -> Rows:
    """Lay the tree out.

    Args:
        components: in tree order, parents before children.
        folded: ids whose children are hidden.
        keep: None for no filter; otherwise a component stays when it, or anything below it, is kept.
    """
    parents = {view.id: view.parent for view in components}
    shown = _kept(components, parents, keep)
    children: dict[str, list[ComponentView]] = {}
    for view in components:
        if shown is None or view.id in shown:
            children.setdefault(view.parent, []).append(view)
    rows: list[Row] = []
    _lay(children.get("", ()), children, folded, (), rows)
    position = {row.view.id: index for index, row in enumerate(rows)}
    return Rows(tuple(rows), position, 0 if shown is None else len(components) - len(shown))


def _kept(
    components: Sequence[ComponentView],
    parents: dict[str, str],
    keep: Callable[[ComponentView], bool] | None,
) -> set[str] | None:
    if keep is None:
        return None
    shown: set[str] = set()
    for view in components:
        if keep(view):
            place = view.id
            while place and place not in shown:
                shown.add(place)
                place = parents[place]
    return shown


def _lay(
    siblings: Sequence[ComponentView],
    children: dict[str, list[ComponentView]],
    folded: Collection[str],
    guides: tuple[bool, ...],
    rows: list[Row],
) -> None:
    for view in siblings:
        below = children.get(view.id, ())
        last = view is siblings[-1]
        hidden = bool(below) and view.id in folded
        rows.append(Row(view, len(guides), guides, last, bool(below), hidden))
        if below and not hidden:
            _lay(below, children, folded, (*guides, not last), rows)


def is_faulty(view: ComponentView) -> bool:
    """True for what the faults-only view keeps."""
    return view.status in FAULTY
