"""The order of the tree: edges grouped by a label, and sorted by name or by how badly they stand. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kedge.i18n import _
from kedge.model import SITE, Status
from kedge.picture import ComponentView

EDGES = "edge"
GROUP = "edge-group:"
"""What ids of groups begin with; no component of a site does."""

NODE_GROUP = "apps.kubeedge.io/belonging-to"
"""The label by which KubeEdge's NodeGroup controller marks the members of a group."""

SORTS = ("name", "status")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How somebody wants to see the edges.

    Attributes:
        group: a label of nodes; edges with the same value stand together. "" for no groups.
        sort: one of :data:`SORTS`.
    """

    group: str = ""
    sort: str = "name"

    @property
    def plain(self) -> bool:
        """True when the engine's own order is the one."""
        return not self.group and self.sort == "name"


def arrange(components: Sequence[ComponentView], how: Arrangement) -> tuple[ComponentView, ...]:
    """The components in that order, parents before children, with a component for every group."""
    if how.plain:
        return tuple(components)
    below: dict[str, list[ComponentView]] = {}
    for view in components:
        below.setdefault(view.parent, []).append(view)
    below[EDGES] = _sorted(below.get(EDGES, ()), how)
    if how.group:
        groups: dict[str, list[ComponentView]] = {}
        for edge in below[EDGES]:
            value = dict(edge.labels).get(how.group, "")
            groups.setdefault(value, []).append(replace(edge, parent=GROUP + value))
        below[EDGES] = _sorted([_group(how.group, value, edges) for value, edges in sorted(groups.items())], how)
        below |= {GROUP + value: edges for value, edges in groups.items()}
    found: list[ComponentView] = []
    _walk("", below, found)
    return tuple(found)


def _walk(parent: str, below: Mapping[str, Sequence[ComponentView]], found: list[ComponentView]) -> None:
    for view in below.get(parent, ()):
        found.append(view)
        _walk(view.id, below, found)


def _sorted(views: Iterable[ComponentView], how: Arrangement) -> list[ComponentView]:
    """By status the worst first; what stands alike keeps its order."""
    return sorted(views, key=lambda view: -view.rollup.rank) if how.sort == "status" else list(views)


def _group(label: str, value: str, edges: Sequence[ComponentView]) -> ComponentView:
    """One group with what is worst in it."""
    worst = max(edges, key=lambda view: (view.rollup.rank, not view.follows))
    counts: Counter[Status] = Counter()
    for edge in edges:
        counts.update(dict(edge.counts))
    moments = [edge.seen for edge in edges if edge.seen is not None]
    name = _("{value} ({count})") if value else _("without {label} ({count})")
    return ComponentView(
        id=GROUP + value,
        parent=EDGES,
        label=name.format(value=value, label=label, count=len(edges)),
        target=SITE,
        status=Status.SKIP,
        rollup=worst.rollup,
        line=worst.line,
        counts=tuple((status, counts[status]) for status in Status if counts[status]),
        seen=max(moments, default=None),
        since=worst.since,
        follows=worst.follows,
    )
