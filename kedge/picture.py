"""The immutable picture that the engine hands to a front end, at most every 100 ms.

A screen renders a picture and nothing else: no client object, no lock, no fact ever reaches a widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kedge.i18n import Text
from kedge.model import Finding, NodePath, Status, Unknown


class LinkState(StrEnum):
    """How a link stands right now."""

    IDLE = "idle"
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"
    NONE = "none"
    """There is none by configuration: a site without SSH is normal."""


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """One link as shown: ``kubernetes`` or a host.

    Attributes:
        last_seen: when it last answered, by our clock; None when it never did.
        problem: why it is down, when it is.
        retry_at: when it is tried again.
    """

    name: str
    state: LinkState
    last_seen: datetime | None = None
    problem: Unknown | None = None
    retry_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ComponentView:
    """One node of the tree.

    Attributes:
        id: e.g. ``edge/edge1/edgestream``; stable, selection is kept by it.
        parent: id of the parent, "" for the root's children.
        label: the title with what is worth seeing at a glance (version, 1/2, address).
        status: worst of its own findings. rollup: worst of itself and everything below.
        line: one sentence of why, from the finding that decides the rollup; its cause's code where it follows from one.
        follows: the code of the cause, where what decides the rollup only follows from one: not where to begin.
        target: node or host, ``-`` for the site.
        counts: (status, how many) over the findings of itself and everything below.
        seen: when its newest evidence was taken; None when nothing was seen yet.
        labels: of the node, for the component that stands for an edge node itself.
        since: when the worst of itself and everything below turned bad, where that was seen.
        sources: who told about itself: ``kubernetes`` and hosts.
        about: what is known of it besides findings, as name and value; of a pod its state, containers, owner.
    """

    id: str
    parent: str
    label: Text
    target: str
    status: Status
    rollup: Status
    line: Text | None = None
    counts: tuple[tuple[Status, int], ...] = ()
    seen: datetime | None = None
    labels: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None
    sources: frozenset[str] = frozenset()
    about: tuple[tuple[Text, Text], ...] = ()
    follows: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What watching this site costs right now."""

    requests_per_second: float = 0.0
    bytes_per_second: float = 0.0
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything a front end shows of one site.

    Attributes:
        components: in tree order, parents before children.
        findings: sorted by code, then target.
        causes: root findings, most telling first.
        links: kubernetes first, then hosts by name.
        serial: grows with every picture.
        busy: what is being done right now ("sweeping edge1"), None at rest.
    """

    site: str
    context: str
    server: str
    taken: datetime
    serial: int = 0
    read_only: bool = False
    components: tuple[ComponentView, ...] = ()
    findings: tuple[Finding, ...] = ()
    causes: tuple[Finding, ...] = ()
    paths: tuple[NodePath, ...] = ()
    links: tuple[LinkInfo, ...] = ()
    problems: tuple[Text, ...] = ()
    cost: Cost = Cost()
    busy: Text | None = None

    def findings_of(self, component: str) -> tuple[Finding, ...]:
        """The findings that belong to one component itself."""
        return tuple(f for f in self.findings if f.component == component)

    def path_of(self, node: str) -> NodePath | None:
        """The path to one edge node."""
        return next((path for path in self.paths if path.node == node), None)

    def summary(self) -> dict[Status, int]:
        """How many findings have each status."""
        return {status: sum(f.status is status for f in self.findings) for status in Status}
