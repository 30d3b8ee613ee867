"""Which rows of the component tree are visible: pure, so that folding and filters can be tested without a screen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from kedge.model import Status
from kedge.picture import ComponentView

FAULTY = (Status.FAIL, Status.WARN, Status.UNKNOWN)

Keep = Callable[[ComponentView], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One visible row.

    Attributes:
        id, parent: of its component; what it shows is looked up in the newest picture.
        guides: for each level above, whether a line goes on downwards there.
        last: it is the last child of its parent.
        branch: it has children; folded: they are hidden.
    """

    id: str
    parent: str
    guides: tuple[bool, ...]
    last: bool
    branch: bool
    folded: bool

    @property
    def depth(self) -> int:
        """0 for the root."""
        return len(self.guides)


@dataclass(frozen=True, slots=True)
class Rows:
    """The visible rows, where each id stands, and how many components a filter hides."""

    rows: tuple[Row, ...] = ()
    position: Mapping[str, int] = field(default_factory=dict)
    hidden: int = 0

    def find(self, component: str) -> int | None:
        """The row of a component, None when it is not visible."""
        return self.position.get(component)


def visible_rows(
    components: Sequence[ComponentView], folded: Collection[str], shown: Collection[str] | None = None
) -> Rows:
    """Lay the tree out.

    Args:
        components: in tree order, parents before children.
        folded: ids whose children are hidden.
        shown: ids that a filter leaves (see :func:`kept`); None for no filter.
    """
    children: dict[str, list[ComponentView]] = {}
    for view in components:
        if shown is None or view.id in shown:
            children.setdefault(view.parent, []).append(view)
    rows: list[Row] = []
    _lay(children.get("", ()), children, folded, (), rows)
    position = {row.id: index for index, row in enumerate(rows)}
    return Rows(tuple(rows), position, 0 if shown is None else len(components) - len(shown))


def kept(components: Sequence[ComponentView], keep: Keep) -> frozenset[str]:
    """Ids of what a filter keeps, and of what leads there."""
    return leading_to(components, [view for view in components if keep(view)])


def leading_to(components: Sequence[ComponentView], found: Sequence[ComponentView]) -> frozenset[str]:
    """Ids of what was found and of all its ancestors."""
    if not found:
        return frozenset()
    parents = {view.id: view.parent for view in components}
    shown: set[str] = set()
    for view in found:
        place = view.id
        while place and place not in shown:
            shown.add(place)
            place = parents.get(place, "")
    return frozenset(shown)


def _lay(
    siblings: Sequence[ComponentView],
    children: Mapping[str, Sequence[ComponentView]],
    folded: Collection[str],
    guides: tuple[bool, ...],
    rows: list[Row],
) -> None:
    final = len(siblings) - 1
    for number, view in enumerate(siblings):
        below = children.get(view.id, ())
        last = number == final
        hidden = bool(below) and view.id in folded
        rows.append(Row(view.id, view.parent, guides, last, bool(below), hidden))
        if below and not hidden:
            _lay(below, children, folded, (*guides, not last), rows)


def looks(view: ComponentView | None) -> object:
    """What a row shows of a component; equal values are drawn alike."""
    return view and (view.rollup, view.label, view.line, view.counts, view.since, view.follows)


def is_faulty(view: ComponentView) -> bool:
    """True for what the faults-only view keeps: by itself, so that a branch stays only for what is in it."""
    return view.status in FAULTY
