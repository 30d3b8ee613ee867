"""Pods by node, and how Kubernetes objects become the facts that checks read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from kedge import k8s
from kedge.asks import Api
from kedge.facts.pods import Container, NodePods, Pod, Workload
from kedge.model import Observation
from kedge.plugins import probe
from kedge.probes._objects import listed, objects
from kedge.probes.nodes import NODES

PODS = listed("/api/v1/pods", k8s.Pod, "", "pods")
DEPLOYMENTS = listed("/apis/apps/v1/deployments", k8s.Deployment, "apps", "deployments")

_REVISIONS = ("pod-template-hash", "controller-revision-hash")


@probe()
def pods_by_node() -> tuple[Api, Api]:
    """Nodes are asked too, so that a node without a pod has a fact that says so."""
    return PODS, NODES


@pods_by_node.parse
def read_pods_by_node(pods: Observation, nodes: Observation) -> dict[str, NodePods]:
    by_node: dict[str, list[Pod]] = {node.metadata.name: [] for node in objects(nodes, k8s.Node)}
    for pod in objects(pods, k8s.Pod):
        if pod.spec.node_name:
            by_node.setdefault(pod.spec.node_name, []).append(pod_of(pod))
    for found in by_node.values():
        found.sort(key=lambda pod: (pod.namespace, pod.name))
    return {node: NodePods(tuple(found)) for node, found in by_node.items()}


class _Version:
    """One state of one object, equal to itself whenever it is listed again.

    The content is compared too: a restored etcd, or two recordings of one site, repeat uids and versions.
    """

    __slots__ = ("key", "pod")

    def __init__(self, pod: k8s.Pod) -> None:
        self.pod = pod
        self.key = (pod.metadata.uid, pod.metadata.resource_version)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and (self.pod is other.pod or self.pod == other.pod)


def pod_of(pod: k8s.Pod) -> Pod:
    """A pod as far as checks look at it.

    Remembered by content, hashed by uid and version: one change among 10,000 pods must not mean 10,000 readings.
    """
    version = _Version(pod)
    return _remembered(version) if all(version.key) else _read(pod)


@lru_cache(maxsize=32_768)
def _remembered(version: _Version) -> Pod:
    return _read(version.pod)


def _read(pod: k8s.Pod) -> Pod:
    labels = pod.metadata.labels or {}
    status = pod.status
    ready = k8s.condition(status.conditions, "Ready")
    scheduled = k8s.condition(status.conditions, "PodScheduled")
    return Pod(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        uid=pod.metadata.uid,
        node=pod.spec.node_name,
        phase=status.phase,
        ready=ready is not None and ready.status == "True",
        host_network=pod.spec.host_network,
        host_ip=status.host_ip,
        pod_ip=status.pod_ip,
        owner=pod.metadata.owner,
        revision=next((labels[key] for key in _REVISIONS if key in labels), ""),
        labels=tuple(sorted(labels.items())),
        created=pod.metadata.creation_timestamp,
        deleting=pod.metadata.deletion_timestamp,
        started=status.start_time,
        unschedulable=scheduled.message if scheduled is not None and scheduled.status == "False" else "",
        containers=containers_of(pod.spec, status.container_statuses),
    )


def containers_of(spec: k8s.PodSpec, statuses: Iterable[k8s.ContainerStatus] | None = None) -> tuple[Container, ...]:
    """The containers of a pod or template in the order of the spec, with their states where there are any."""
    by_name = {status.name: status for status in statuses or ()}
    return tuple(_container(one, by_name.get(one.name, k8s.ContainerStatus())) for one in spec.containers or ())


def _container(spec: k8s.Container, status: k8s.ContainerStatus) -> Container:
    state, last = status.state, status.last_state.terminated
    ended = state.terminated or last
    requests = spec.resources.requests or {}
    return Container(
        name=spec.name,
        image=spec.image,
        args=(*(spec.command or ()), *(spec.args or ())),
        ready=status.ready,
        running=state.running is not None,
        restarts=status.restart_count,
        waiting=state.waiting.reason if state.waiting else "",
        waiting_message=state.waiting.message if state.waiting else "",
        last_exit=ended.exit_code if ended else None,
        last_reason=ended.reason if ended else "",
        started=state.running.started_at if state.running else None,
        host_ports=tuple(port.host_port for port in spec.ports or () if port.host_port),
        cpu_request=str(requests.get("cpu", "")),
        memory_request=str(requests.get("memory", "")),
    )


def pods_with(pods: Iterable[k8s.Pod], labels: Mapping[str, str]) -> tuple[Pod, ...]:
    """The pods that carry all these labels, oldest first."""
    chosen = [pod_of(pod) for pod in pods if labels.items() <= (pod.metadata.labels or {}).items()]
    return tuple(sorted(chosen, key=lambda p: (p.created is not None, p.created, p.name)))


def workload_of(found: k8s.Deployment) -> Workload:
    """A Deployment as far as checks look at it."""
    rolling = found.spec.strategy.rolling_update or k8s.RollingUpdate()
    return Workload(
        namespace=found.metadata.namespace,
        name=found.metadata.name,
        uid=found.metadata.uid,
        resource_version=found.metadata.resource_version,
        replicas=found.spec.replicas,
        ready_replicas=found.status.ready_replicas,
        updated_replicas=found.status.updated_replicas,
        generation=found.metadata.generation,
        observed_generation=found.status.observed_generation,
        host_network=found.spec.template.spec.host_network,
        strategy=found.spec.strategy.type,
        max_unavailable=str(rolling.max_unavailable),
        max_surge=str(rolling.max_surge),
        containers=containers_of(found.spec.template.spec),
        conditions=tuple((c.type, c.status, c.reason, c.message) for c in found.status.conditions or ()),
    )
