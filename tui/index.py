"""Lookups over one picture, each built once, when it is first needed: 1,000 edges must not cost a frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property

from kedge.i18n import Text, translate
from kedge.model import Finding, Hop, Reason, Status
from kedge.picture import ComponentView, LinkInfo, LinkState, Picture
from tui.arranging import GROUP, Arrangement, arrange

TOLD = (Status.FAIL, Status.WARN, Status.UNKNOWN)
"""Statuses that a branch repeats from below, and that are told in full."""

ROOT = "site"


class PictureIndex:
    """One picture and the ways into it. Pure; nothing here changes.

    Args:
        before: the index of the picture before; what has not changed since is taken from there.
        arrangement: the order in which somebody wants to see the edges.
    """

    def __init__(
        self, picture: Picture, before: PictureIndex | None = None, arrangement: Arrangement | None = None
    ) -> None:
        self.picture = picture
        self.arrangement = arrangement or Arrangement()
        self._sentences: dict[int, tuple[Text, str]] = before._sentences if before is not None else {}

    @cached_property
    def views(self) -> Mapping[str, ComponentView]:
        """Components by id."""
        return {view.id: view for view in self.components}

    @cached_property
    def components(self) -> tuple[ComponentView, ...]:
        """In the order of the tree, groups of edges included."""
        return arrange(self.picture.components, self.arrangement)

    @cached_property
    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of edge nodes, by node."""
        return {view.target: dict(view.labels) for view in self.picture.components if view.labels}

    @cached_property
    def findings(self) -> Mapping[str, Sequence[Finding]]:
        """Findings by the id of the component they are about."""
        found: dict[str, list[Finding]] = {}
        for finding in self.picture.findings:
            found.setdefault(finding.component, []).append(finding)
        return found

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        """How many findings have each status."""
        return Counter(finding.status for finding in self.picture.findings)

    @cached_property
    def _by_code(self) -> Mapping[tuple[str, str], Finding]:
        return {(finding.code, finding.target): finding for finding in self.picture.findings}

    def cause_of(self, finding: Finding) -> Finding | None:
        """The finding that explains another one; None for a cause and for what nothing explains."""
        if not finding.because:
            return None
        return self._by_code.get((finding.because, finding.because_target or finding.target))

    @property
    def complete(self) -> bool:
        """True when everything that is asked at all was asked once."""
        return not any(f.reason is Reason.NOT_ASKED and f.status is Status.UNKNOWN for f in self.picture.findings)

    @cached_property
    def edges(self) -> frozenset[str]:
        """Names of the edge nodes."""
        return frozenset(path.node for path in self.picture.paths)

    @cached_property
    def words(self) -> Mapping[str, str]:
        """What a text filter searches, by component: name, node, codes and sentences, as they are read."""
        known, used = self._sentences, {}

        def read(text: Text) -> str:
            kept = known.get(id(text))
            used[id(text)] = kept = kept if kept is not None and kept[0] is text else (text, translate(text))
            return kept[1]

        found: dict[str, str] = {}
        for view in self.components:
            said = [f"{finding.code} {read(finding.text)}" for finding in self.findings.get(view.id, ())]
            found[view.id] = "\n".join((read(view.label), view.target, *said))
        self._sentences = used
        return found

    def about(self, component: str) -> tuple[Finding, ...]:
        """What a component has to say: all of its own, and what needs attention below it."""
        own = tuple(self.findings.get(component, ()))
        return (*own, *(f for f in self._below(component) if f.status in TOLD))

    def _below(self, component: str) -> Sequence[Finding]:
        if component == ROOT:
            return [f for f in self.picture.findings if f.component != ROOT]
        if component.startswith(GROUP):
            members = self.subtree(component)
            return [f for f in self.picture.findings if f.target in members]
        start = component + "/"
        return [f for place, found in self.findings.items() if place.startswith(start) for f in found]

    def subtree(self, component: str) -> frozenset[str]:
        """Targets of a component and of everything below it, the site's own not among them."""
        if component.startswith(GROUP):
            return frozenset(view.target for view in self.components if view.parent == component)
        start = component + "/"
        return frozenset(
            view.target
            for view in self.picture.components
            if view.target != "-" and (component in (ROOT, view.id) or view.id.startswith(start))
        )

    @cached_property
    def day(self) -> date:
        """The day of the picture where this machine is."""
        return self.picture.taken.astimezone().date()

    @cached_property
    def _down(self) -> frozenset[str]:
        return frozenset(link.name for link in self.picture.links if link.state is LinkState.DOWN)

    def is_dated(self, view: ComponentView, *, stale: bool) -> bool:
        """True when nobody who told about a component answers any more.

        Args:
            stale: the API is silent; it dates what nobody else tells about.
        """
        if view.sources:
            return view.sources <= (self._down | {"kubernetes"} if stale else self._down)
        return stale or view.target in self._down

    @cached_property
    def cloud_hosts(self) -> frozenset[str]:
        """Machines that are not edges, as far as links to them are known."""
        return frozenset(link.name for link in self.hosts) - self.edges

    @property
    def kubernetes(self) -> LinkInfo | None:
        """How the link to the API server stands."""
        return next((link for link in self.picture.links if link.name == "kubernetes"), None)

    @property
    def hosts(self) -> tuple[LinkInfo, ...]:
        """How the links to the machines stand."""
        return tuple(link for link in self.picture.links if link.name != "kubernetes")

    def broken_links(self, component: str) -> tuple[LinkInfo, ...]:
        """Links that are down and matter here: its own machine's; for branches those of all machines below."""
        down = [link for link in self.picture.links if link.state is LinkState.DOWN]
        if not down or component == ROOT:
            return tuple(down)
        if component == "cloud":
            return tuple(link for link in down if link.name not in self.edges)
        if component == "edge":
            return tuple(link for link in down if link.name in self.edges)
        view = self.views.get(component)
        return tuple(link for link in down if view is not None and link.name == view.target)

    @cached_property
    def homes(self) -> frozenset[tuple[str, Hop]]:
        """For each code the hops that it speaks of by itself, not by being somebody's consequence."""
        return frozenset((f.code, hop) for f in self.picture.findings if f.hops for hop in f.hops)
