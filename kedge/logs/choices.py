"""Every log of a site to choose from: single containers, and what a person would read side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kedge.facts.pods import NodePods, Pod
from kedge.facts.services import RuntimeService
from kedge.i18n import Text, _
from kedge.logs.sources import EDGECORE_LOG, EDGECORE_UNIT, ContainerLog, Source, UnitLog, containers, sources_of
from kedge.store import FactStore

_CLOUD = (
    ("cloud/cloudcore", _("CloudCore")),
    ("cloud/nat", _("iptables-manager")),
    ("cloud/metrics-server", _("Metrics Server")),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One or several logs under one name. ``key`` stays the same while pods come and go."""

    key: str
    text: Text
    sources: tuple[Source, ...]


def choices(facts: FactStore, edges: Iterable[str]) -> tuple[Choice, ...]:
    """The cloud's parts, then per edge its journals and all its pods, then workloads, then single containers.

    Args:
        edges: names of the edge nodes.
    """
    nodes = {name: found for name, found in facts.all(NodePods).items() if isinstance(found, NodePods)}
    pods = sorted((pod for found in nodes.values() for pod in found.pods), key=lambda pod: (pod.namespace, pod.name))
    found = (*_of_cloud(facts), *_of_edges(facts, edges, nodes), *_of_workloads(pods), *_of_pods(pods))
    return tuple(choice for choice in found if choice.sources)


def _of_cloud(facts: FactStore) -> Iterator[Choice]:
    for component, text in _CLOUD:
        yield Choice(component, text, sources_of(component, "-", facts))


def _of_edges(facts: FactStore, edges: Iterable[str], nodes: dict[str, NodePods]) -> Iterator[Choice]:
    for node in sorted(edges):
        runtime = facts.known(RuntimeService, node)
        units = (UnitLog(node, EDGECORE_UNIT, EDGECORE_LOG), UnitLog(node, runtime.unit if runtime else "containerd"))
        for unit in units:
            yield Choice(f"{node}:{unit.unit}", _("{unit} on {node}").format(unit=unit.unit, node=node), (unit,))
        here = nodes[node].pods if node in nodes else ()
        yield Choice(f"{node}:*", _("all pods of {node}").format(node=node), containers(here))


def _of_workloads(pods: Iterable[Pod]) -> Iterator[Choice]:
    owned: dict[tuple[str, str], list[Pod]] = {}
    for pod in pods:
        if pod.owner:
            owned.setdefault((pod.namespace, _workload(pod)), []).append(pod)
    for (namespace, name), group in owned.items():
        text = _("all pods of {workload}").format(workload=f"{namespace}/{name}")
        yield Choice(f"{namespace}/{name}/*", text, containers(group))


def _workload(pod: Pod) -> str:
    """A Deployment's ReplicaSet carries the hash of a revision at its end; people know it without."""
    kind, _slash, name = pod.owner.partition("/")
    return name.removesuffix(f"-{pod.revision}") if kind == "ReplicaSet" and pod.revision else name


def _of_pods(pods: Iterable[Pod]) -> Iterator[Choice]:
    for pod in pods:
        for source in containers((pod,)):
            if isinstance(source, ContainerLog):
                name = f"{pod.namespace}/{source.name}"
                yield Choice(name, Text(name), (source,))
