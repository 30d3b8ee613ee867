"""Rows of ``kubectl top``: what the metrics API says, beside what was asked for, allowed and allocatable.

Pure: objects in, rows out. CPU is in nanocores and memory in nanobytes throughout, so that sums are exact;
:mod:`kedge.top.quantities` rounds where something is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kedge import k8s
from kedge.top.pressure import Pressure, pressure
from kedge.top.quantities import nanos

EDGE_LABEL = "node-role.kubernetes.io/edge"


@dataclass(frozen=True, slots=True)
class Amount:
    """CPU in nanocores, memory in nanobytes; None where it is not told."""

    cpu: int | None = None
    memory: int | None = None

    def plus(self, other: Amount) -> Amount:
        """Both together; what one does not tell is taken from the other."""
        return Amount(_sum(self.cpu, other.cpu), _sum(self.memory, other.memory))


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node. ``usage`` is None where the metrics API has no numbers for it (``<unknown>`` in kubectl)."""

    name: str
    usage: Amount | None
    allocatable: Amount
    requests: Amount = Amount()
    limits: Amount = Amount()
    edge: bool = False
    labels: Mapping[str, str] | None = None
    at: datetime | None = None
    pods: int = 0


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """One container of a pod."""

    name: str
    usage: Amount | None
    requests: Amount = Amount()
    limits: Amount = Amount()


@dataclass(frozen=True, slots=True)
class PodRow:
    """One pod that should run; ``usage`` is None where the metrics API has no numbers for it."""

    namespace: str
    name: str
    uid: str
    node: str
    usage: Amount | None
    requests: Amount = Amount()
    limits: Amount = Amount()
    containers: tuple[ContainerRow, ...] = ()
    phase: str = ""
    edge: bool = False
    labels: Mapping[str, str] | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Everything that ``kubectl top`` could print, by name."""

    nodes: tuple[NodeRow, ...] = ()
    pods: tuple[PodRow, ...] = ()


def share(used: int | None, of: int | None) -> float | None:
    """A part of a whole; None where either is not told."""
    return used / of if used is not None and of else None


def pressure_of(usage: Amount | None, of: Amount) -> Pressure:
    """The worse one of CPU and memory."""
    if usage is None:
        return Pressure.UNKNOWN
    return max(pressure(share(usage.cpu, of.cpu)), pressure(share(usage.memory, of.memory)))


# ----------------------------------------------------------------------------------------------- reading


def table(
    nodes: Iterable[k8s.Node],
    pods: Iterable[k8s.Pod],
    node_metrics: Iterable[k8s.NodeMetrics],
    pod_metrics: Iterable[k8s.PodMetrics],
) -> Table:
    """Put lists together; an object without numbers keeps its row, and so do numbers without an object."""
    nodes = tuple(nodes)
    edges = {node.metadata.name for node in nodes if is_edge(node)}
    measured = {(row.metadata.namespace, row.metadata.name): row for row in pod_metrics}
    rows = [_pod_row(pod, measured.get(_name(pod)), edges) for pod in pods if _should_run(pod)]
    listed = {(row.namespace, row.name) for row in rows}
    rows += [_measured_only(row) for name, row in measured.items() if name not in listed]
    rows.sort(key=lambda row: (row.namespace, row.name))
    return Table(_node_rows(nodes, node_metrics, rows), tuple(rows))


def is_edge(node: k8s.Node) -> bool:
    """By its label, or by the version of its kubelet (the label alone cannot be trusted)."""
    return EDGE_LABEL in (node.metadata.labels or {}) or "-kubeedge-" in node.status.node_info.kubelet_version


def _name(pod: k8s.Pod) -> tuple[str, str]:
    return pod.metadata.namespace, pod.metadata.name


def _should_run(pod: k8s.Pod) -> bool:
    return bool(pod.spec.node_name) and pod.status.phase not in ("Succeeded", "Failed")


def _node_rows(
    nodes: Sequence[k8s.Node], metrics: Iterable[k8s.NodeMetrics], pods: Iterable[PodRow]
) -> tuple[NodeRow, ...]:
    measured = {row.metadata.name: row for row in metrics}
    asked: dict[str, tuple[Amount, Amount, int]] = {}
    for pod in pods:
        requests, limits, count = asked.get(pod.node, (Amount(), Amount(), 0))
        asked[pod.node] = requests.plus(pod.requests), limits.plus(pod.limits), count + 1
    rows = []
    for node in nodes:
        name = node.metadata.name
        row = measured.get(name)
        requests, limits, count = asked.get(name, (Amount(), Amount(), 0))
        rows.append(
            NodeRow(
                name,
                amount(row.usage) if row is not None else None,
                amount(node.status.allocatable),
                requests,
                limits,
                edge=is_edge(node),
                labels=node.metadata.labels,
                at=row.timestamp if row is not None else None,
                pods=count,
            )
        )
    rows.sort(key=lambda row: row.name)
    return tuple(rows)


def _pod_row(pod: k8s.Pod, metrics: k8s.PodMetrics | None, edges: set[str]) -> PodRow:
    used = {one.name: amount(one.usage) for one in metrics.containers or ()} if metrics is not None else {}
    containers = tuple(
        ContainerRow(one.name, used.get(one.name), amount(one.resources.requests), amount(one.resources.limits))
        for one in pod.spec.containers or ()
    )
    return PodRow(
        pod.metadata.namespace,
        pod.metadata.name,
        pod.metadata.uid,
        pod.spec.node_name,
        total(used.values()) if metrics is not None else None,
        total(one.requests for one in containers),
        total(one.limits for one in containers),
        containers,
        phase=pod.status.phase,
        edge=pod.spec.node_name in edges,
        labels=pod.metadata.labels,
        at=metrics.timestamp if metrics is not None else None,
    )


def _measured_only(metrics: k8s.PodMetrics) -> PodRow:
    containers = tuple(ContainerRow(one.name, amount(one.usage)) for one in metrics.containers or ())
    usage = total(one.usage for one in containers if one.usage is not None)
    meta = metrics.metadata
    return PodRow(
        meta.namespace, meta.name, "", "", usage, containers=containers, labels=meta.labels, at=metrics.timestamp
    )


def amount(of: Mapping[str, str | int] | Mapping[str, str] | None) -> Amount:
    """CPU and memory of a resource list."""
    of = of or {}
    return Amount(nanos(of["cpu"]) if "cpu" in of else None, nanos(of["memory"]) if "memory" in of else None)


def total(parts: Iterable[Amount]) -> Amount:
    """All parts together, exactly."""
    whole = Amount()
    for part in parts:
        whole = whole.plus(part)
    return whole


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None:
        return other
    return one if other is None else one + other
