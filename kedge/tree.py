"""The component tree of a picture: cloud on top, edge below, each with its roll-up and one sentence of why."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime

from kedge.facts.apiserver import ApiServer
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, TunnelPorts
from kedge.facts.nodes import Node
from kedge.i18n import Text, _
from kedge.model import SITE, Finding, Kind, Status
from kedge.picture import ComponentView
from kedge.store import FactStore

_CLOUD = tuple(kind for kind in Kind if kind.place.startswith("cloud/"))
_EDGE = tuple(kind for kind in Kind if kind.place.startswith("edge/{target}/"))


def build_tree(
    site: str, findings: Sequence[Finding], edges: Sequence[str], store: FactStore
) -> tuple[ComponentView, ...]:
    """Components in tree order, parents before children; the root has id ``site`` and no parent."""
    shown = {finding.kind for finding in findings}
    places: list[tuple[str, str, Text, str]] = [("site", "", _("{name}").format(name=site), SITE)]
    places.append(("cloud", "site", _("Cloud"), SITE))
    for kind in _CLOUD:
        if kind in shown or any(other.place.startswith(kind.place + "/") for other in shown):
            place = kind.place
            parent = place.rpartition("/")[0]
            places.append((place, parent, _cloud_label(kind, store), SITE))
    nodes = _nodes(store, edges)
    ready = sum(bool(node.ready) for node in nodes)
    places.append(("edge", "site", _("Edge {ready}/{all}").format(ready=ready, all=len(edges)), SITE))
    for edge in edges:
        places.append((f"edge/{edge}", "edge", _("{name}").format(name=edge), edge))
        for kind in _EDGE:
            if kind in shown:
                places.append((kind.component(edge), f"edge/{edge}", kind.title, edge))
    labels = {f"edge/{node.name}": node.labels for node in nodes}
    return _rolled_up(places, findings, labels)


def _nodes(store: FactStore, edges: Iterable[str]) -> list[Node]:
    return [node for edge in edges if (node := store.known(Node, edge)) is not None]


def _cloud_label(kind: Kind, store: FactStore) -> Text:
    api: ApiServer | None = store.known(ApiServer)
    if kind is Kind.API_SERVER and api is not None:
        return _("API server {version}").format(version=api.version)
    cloudcore: CloudCore | None = store.known(CloudCore)
    if kind is Kind.CLOUDCORE and cloudcore is not None:
        wanted = cloudcore.workload.replicas if cloudcore.workload else len(cloudcore.pods)
        return _("CloudCore {ready}/{wanted}").format(ready=len(cloudcore.serving), wanted=wanted)
    config: CloudCoreConfig | None = store.known(CloudCoreConfig)
    if kind is Kind.CLOUDSTREAM and config is not None:
        return _("CloudStream {port}").format(port=config.cloud_stream.stream_port)
    ports: TunnelPorts | None = store.known(TunnelPorts)
    if kind is Kind.TUNNEL_PORT and ports is not None and ports.by_ip:
        return _("Tunnel port {ports}").format(ports=", ".join(str(port) for _ip, port in ports.by_ip))
    return kind.title


_RANK = {status: status.rank for status in Status}


class _Roll:
    """What is below one component, itself included."""

    __slots__ = ("counts", "newest", "own", "sources", "weight", "worst")

    def __init__(self) -> None:
        self.worst: Finding | None = None
        self.weight = -1
        self.counts: dict[Status, int] = {}
        self.newest: datetime | None = None
        self.sources: set[str] = set()
        self.own = Status.SKIP

    def take(self, finding: Finding) -> None:
        """A finding of its own."""
        status = finding.status
        rank = _RANK[status]
        if rank > _RANK[self.own]:
            self.own = status
        self._weigh(finding, 2 * rank + (status is Status.FAIL and finding.because is None))
        self.counts[status] = self.counts.get(status, 0) + 1
        for evidence in finding.evidence:
            self.sources.add(evidence.source)
            self._date(evidence.at)

    def add(self, below: _Roll) -> None:
        """A child."""
        if below.worst is not None:
            self._weigh(below.worst, below.weight)
        for status, count in below.counts.items():
            self.counts[status] = self.counts.get(status, 0) + count
        self._date(below.newest)

    def _weigh(self, finding: Finding, weight: int) -> None:
        """Keep what needs attention most: by status, a cause before its consequences, the first of equals."""
        if weight > self.weight:
            self.worst, self.weight = finding, weight

    def _date(self, moment: datetime | None) -> None:
        if moment is not None and (self.newest is None or moment > self.newest):
            self.newest = moment


def _rolled_up(
    places: Sequence[tuple[str, str, Text, str]],
    findings: Sequence[Finding],
    labels: Mapping[str, tuple[tuple[str, str], ...]],
) -> tuple[ComponentView, ...]:
    rolls = {place: _Roll() for place, _parent, _label, _target in places}
    homes: dict[tuple[Kind, str], _Roll] = {}
    for finding in findings:
        whose = (finding.kind, finding.target)
        home = homes.get(whose)
        if home is None:
            home = homes[whose] = rolls[_home(finding, rolls)]
        home.take(finding)
    for place, parent, _label, _target in reversed(places):  # children come after their parents
        if parent:
            rolls[parent].add(rolls[place])
    return tuple([_view(*place, rolls[place[0]], labels.get(place[0], ())) for place in places])


def _home(finding: Finding, places: Container[str]) -> str:
    place = finding.component
    while place not in places:
        place = place.rpartition("/")[0] or "site"
    return place


def _view(
    place: str, parent: str, label: Text, target: str, roll: _Roll, labels: tuple[tuple[str, str], ...]
) -> ComponentView:
    worst = roll.worst
    line = None
    if worst and _RANK[worst.status] > _RANK[Status.INFO]:
        line = because(worst) if worst.because else worst.text
    return ComponentView(
        id=place,
        parent=parent,
        label=label,
        target=target,
        status=roll.own,
        rollup=worst.status if worst else Status.SKIP,
        line=line,
        counts=tuple([(status, roll.counts[status]) for status in _RANK if status in roll.counts]),
        seen=roll.newest,
        labels=labels,
        since=worst.since if worst else None,
        sources=frozenset(roll.sources),
        follows=(worst.because or "") if worst and line is not None else "",
    )


def because(finding: Finding) -> Text:
    """The cause, short enough for a row: its code, and its target where that is another one."""
    if finding.because_target in (None, SITE, finding.target):
        return _("because {cause}").format(cause=finding.because)
    return _("because {cause} on {target}").format(cause=finding.because, target=finding.because_target)
