"""Objects of the Kubernetes API behind a component, read once when somebody wants to see one, with the events about it.

There is no watch on events: a busy site has thousands. They are listed by a field selector, for one object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from kedge.asks import Api, Events
from kedge.facts.cloudcore import NAMESPACE, CloudCore
from kedge.facts.metrics import MetricsServer
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods, Pod, Workload
from kedge.i18n import _
from kedge.links.base import Access
from kedge.model import Kind, Observation, Reason, Unknown
from kedge.sources.base import Source
from kedge.sources.mask import MASK, masked
from kedge.store import FactStore
from kedge.tree_pods import meant

READ_SECONDS = 10.0

KINDS: Mapping[str, tuple[str, str, str]] = {
    "Node": ("", "/api/v1", "nodes"),
    "Pod": ("", "/api/v1", "pods"),
    "ConfigMap": ("", "/api/v1", "configmaps"),
    "Deployment": ("apps", "/apis/apps/v1", "deployments"),
    "APIService": ("apiregistration.k8s.io", "/apis/apiregistration.k8s.io/v1", "apiservices"),
}
"""Group, path and resource of what can be shown; Secrets are not among them and never will be."""

READS = (
    Access("get", "", "nodes"),
    Access("get", "", "pods"),
    Access("get", "apps", "deployments"),
    Access("get", "", "configmaps", "", NAMESPACE),
    Access("get", "apiregistration.k8s.io", "apiservices"),
    Access("list", "", "events"),
)
"""The rights that looking at objects needs; without one of them the rest of the product goes on."""

_SECRET_NAME = re.compile(r"(?i)passw|token|secret|credential|api_?key|private_?key")
_SECRET_FIELDS = ("token", "password", "tokenSecret")
_NOISE = ("kubectl.kubernetes.io/last-applied-configuration",)
"""Annotations that repeat the object as text, its secrets included."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One object by name. ``kind`` is one of :data:`KINDS`; ``namespace`` is "" for what has none."""

    kind: str
    name: str
    namespace: str = ""

    @property
    def title(self) -> str:
        """As a person calls it: ``Pod default/web-0``."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def ask(self) -> Api:
        """What is asked to read it."""
        group, path, resource = KINDS[self.kind]
        place = f"/namespaces/{quote(self.namespace, safe='')}" if self.namespace else ""
        access = Access("get", group, resource, "", self.namespace)
        return Api(f"{path}{place}/{resource}/{quote(self.name, safe='')}", access=access)

    @property
    def events(self) -> Events:
        """What is asked for the events about it. Those about nodes are in the namespace ``default``."""
        return Events(self.namespace or "default", self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as Kubernetes tells it; ``at`` is when it was seen last, ``count`` how often."""

    at: datetime | None
    type: str
    reason: str
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """One object as it was when it was read.

    Attributes:
        object: as JSON has it, secrets masked; None when ``problem`` says why not.
        events: newest first; () with ``no_events`` when they could not be read.
    """

    thing: Thing
    at: datetime | None
    object: Mapping[str, Any] | None = None
    problem: Unknown | None = None
    events: tuple[Happened, ...] = ()
    no_events: Unknown | None = None


def things_of(component: str, target: str, store: FactStore) -> tuple[Thing, ...]:
    """The objects behind a component, the most telling first."""
    if component.startswith("edge/"):
        pods: NodePods | None = store.known(NodePods, target)
        mine = _pods(meant(component, target, pods.pods if pods is not None else ()))
        whole = Kind.PODS.component(target)
        if component.startswith(f"{whole}/"):
            return mine
        if component == whole:
            return (*mine, Thing("Node", target))
        return (Thing("Node", target), *(mine if component == f"edge/{target}" else ()))
    return _CLOUD[component](store) if component in _CLOUD else ()


def _control_plane(store: FactStore) -> tuple[Thing, ...]:
    nodes = store.all(Node).values()
    return tuple(Thing("Node", node.name) for node in nodes if isinstance(node, Node) and node.is_control_plane)


def _workload(found: CloudCore | MetricsServer | None) -> tuple[Thing, ...]:
    workload: Workload | None = found.workload if found is not None else None
    owner = (Thing(workload.kind, workload.name, workload.namespace),) if workload and workload.kind in KINDS else ()
    return (*owner, *_pods(found.pods if found is not None else ()))


def _pods(pods: tuple[Pod, ...]) -> tuple[Thing, ...]:
    return tuple(Thing("Pod", pod.name, pod.namespace) for pod in pods)


_CONFIG = Thing("ConfigMap", "cloudcore", NAMESPACE)
_CLOUD: Mapping[str, Callable[[FactStore], tuple[Thing, ...]]] = {
    "cloud": _control_plane,
    "cloud/apiserver": _control_plane,
    "cloud/nat": _control_plane,
    "cloud/cloudcore": lambda store: (*_workload(store.known(CloudCore)), _CONFIG),
    "cloud/cloudcore/cloudstream": lambda store: (_CONFIG,),
    "cloud/cloudcore/tunnelport": lambda store: (Thing("ConfigMap", "tunnelport", NAMESPACE),),
    "cloud/metrics-server": lambda store: _workload(store.known(MetricsServer)),
    "cloud/apiservice": lambda store: (Thing("APIService", "v1beta1.metrics.k8s.io"),),
}


class Objects:
    """Reads objects of one open site.

    Args:
        source: answers asks of the Kubernetes API. store: the facts that say which objects there are.
    """

    def __init__(self, source: Source, store: FactStore) -> None:
        self._source = source
        self._store = store

    def of(self, component: str, target: str) -> tuple[Thing, ...]:
        """The objects behind a component."""
        return things_of(component, target, self._store)

    async def read(self, thing: Thing) -> Reading:
        """The object and its events, or why they cannot be read; never raises for what the other side did."""
        seen, told = await self._source.observe([thing.ask, thing.events], deadline=READ_SECONDS)
        events, no_events = events_of(told)
        body, problem = _decoded(seen)
        if problem is None and not isinstance(body, dict):
            problem = _unreadable(seen, _("it is no object"))
        if problem is not None:
            return Reading(thing, seen.at, problem=problem, events=events, no_events=no_events)
        return Reading(thing, seen.at, hidden(body), events=events, no_events=no_events)


def _decoded(seen: Observation) -> tuple[Any, Unknown | None]:
    if seen.error is not None:
        return None, seen.error
    try:
        return msgspec.json.decode(seen.stdout), None
    except msgspec.DecodeError as error:
        return None, _unreadable(seen, error)


def _unreadable(seen: Observation, why: object) -> Unknown:
    text = _("The answer of the API server to {what} cannot be read: {error}")
    return Unknown(Reason.UNPARSABLE, text.format(what=seen.what, error=why))


def events_of(told: Observation) -> tuple[tuple[Happened, ...], Unknown | None]:
    """The events of a list, newest first, or why there are none to see."""
    body, problem = _decoded(told)
    if problem is not None:
        return (), problem
    items = body.get("items") if isinstance(body, dict) else None
    found = [_happened(item) for item in items or () if isinstance(item, dict)]
    return tuple(sorted(found, key=lambda one: one.at or datetime.min.replace(tzinfo=UTC), reverse=True)), None


def _happened(item: Mapping[str, Any]) -> Happened:
    series = item.get("series") or {}
    last = (item.get(key) for key in ("lastTimestamp", "eventTime", "firstTimestamp"))
    times = (series.get("lastObservedTime"), *last)
    return Happened(
        at=next((moment for time in times if (moment := moment_of(time)) is not None), None),
        type=str(item.get("type") or "Normal"),
        reason=str(item.get("reason") or "-"),
        message=str(item.get("message") or item.get("note") or ""),
        count=max(1, *(int(n) for n in (series.get("count"), item.get("count")) if isinstance(n, int)), 1),
    )


def moment_of(value: object) -> datetime | None:
    """A time of the Kubernetes API; None when it is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def hidden(value: Any) -> Any:
    """The object without what nobody reads (managedFields) and with everything masked that looks like a secret."""
    if isinstance(value, dict):
        shown = {key: hidden(inner) for key, inner in value.items() if key not in ("managedFields", *_NOISE)}
        if isinstance(shown.get("value"), str) and _SECRET_NAME.search(str(shown.get("name", ""))):
            shown["value"] = MASK
        return shown
    if isinstance(value, list):
        return [hidden(inner) for inner in value]
    return masked(value, _SECRET_FIELDS) if isinstance(value, str) else value
