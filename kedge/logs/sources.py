"""Where logs come from, as data: containers of pods, units of hosts; and what a component's logs are. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kedge.facts.cloudcore import CloudCore
from kedge.facts.inventory import HomeNamespace
from kedge.facts.metrics import MetricsServer
from kedge.facts.pods import NodePods, Pod
from kedge.facts.services import RuntimeService
from kedge.logs.signatures import CLOUDCORE, EDGECORE, METRICS_SERVER, Signature
from kedge.store import FactStore
from kedge.tree_pods import meant

EDGECORE_UNIT = "edgecore"
EDGECORE_LOG = "/var/log/kubeedge/edgecore.log"
"""Where EdgeCore writes without systemd (facts 3)."""

CONTAINERS_MOST = 24
"""Containers that one pane merges; more is a query, not a look."""


@dataclass(frozen=True, slots=True)
class ContainerLog:
    """The log of one container of one pod. ``node`` is where it can be read without the API."""

    namespace: str
    pod: str
    uid: str
    container: str
    node: str
    previous: bool = False

    @property
    def name(self) -> str:
        """For people and tabs."""
        return f"{self.pod}/{self.container}" + (" (previous)" if self.previous else "")

    @property
    def what(self) -> str:
        """The same as ``kubectl`` would be asked."""
        flags = " --previous" if self.previous else ""
        return f"kubectl logs -n {self.namespace} {self.pod} -c {self.container}{flags}"

    @property
    def path(self) -> str:
        """Of the API."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.pod}/log"


@dataclass(frozen=True, slots=True)
class UnitLog:
    """The journal of a unit of a host; ``file`` is read where there is no journal."""

    host: str
    unit: str
    file: str = ""

    @property
    def name(self) -> str:
        """For people and tabs."""
        return f"{self.unit} on {self.host}"

    @property
    def what(self) -> str:
        """The same as a person would type on the host."""
        return f"journalctl -u {self.unit} -f"


Source = ContainerLog | UnitLog


@dataclass(frozen=True, slots=True)
class Signs:
    """Which known lines a log may hold, and the check whose finding tells of them."""

    table: tuple[Signature, ...] = ()
    code: str = ""
    target: str = ""


def signs_of(source: Source) -> Signs:
    """The signatures for a source: by the unit, or by the name of the container."""
    if isinstance(source, UnitLog):
        return Signs(EDGECORE, "KE214", source.host) if source.unit == EDGECORE_UNIT else Signs()
    if "cloudcore" in source.container:
        return Signs(CLOUDCORE, "KE115", "-")
    if "metrics-server" in source.container:
        return Signs(METRICS_SERVER, "KE406", "-")
    return Signs()


# ---------------------------------------------------------------------------------- what a component's logs are


def sources_of(component: str, target: str, facts: FactStore, *, previous: bool = False) -> tuple[Source, ...]:
    """The logs that tell most about a component of the tree; empty where there are none.

    Args:
        component: its id, e.g. ``edge/edge1/edgestream``. target: its node or host.
    """
    if component.startswith("cloud/cloudcore"):
        core = facts.known(CloudCore)
        return containers(core.pods if core else (), previous)
    if component in ("cloud/metrics-server", "cloud/apiservice"):
        metrics = facts.known(MetricsServer)
        return containers(metrics.pods if metrics else (), previous)
    if component.startswith("cloud/nat"):
        return containers(_labelled(facts, "kubeedge", "iptables-manager"), previous)
    if component.startswith("edge/"):
        return _edge(component, target, facts, previous)
    return ()


def _edge(component: str, node: str, facts: FactStore, previous: bool) -> tuple[Source, ...]:
    journal = UnitLog(node, EDGECORE_UNIT, EDGECORE_LOG)
    part = component.removeprefix(f"edge/{node}").strip("/")
    pods = facts.known(NodePods, node)
    if part.startswith("pods") or previous:
        return containers(meant(component, node, pods.pods if pods else ()), previous)
    if part == "runtime":
        runtime = facts.known(RuntimeService, node)
        return (UnitLog(node, runtime.unit if runtime else "containerd"),)
    if part in ("kubectl", "path"):
        return (*containers(pods.pods if pods else (), previous), journal)
    return (journal,)


def pod_sources(
    pods: Iterable[Pod], wanted: str, *, home: HomeNamespace | None = None, previous: bool = False
) -> tuple[Source, ...]:
    """``NAMESPACE/POD``, ``POD`` or ``NAMESPACE/POD/CONTAINER`` as a person types it; a pod's name may be a part.

    Without a namespace those of ``home`` are meant, if it was chosen and there are any; else those of all namespaces.
    """
    words = wanted.split("/")
    namespace, name, container = "", words[0], ""
    if len(words) > 1:
        namespace, name = words[0], words[1]
        container = words[2] if len(words) > 2 else ""
    fitting = [pod for pod in pods if namespace in ("", pod.namespace) and name in pod.name]
    if not namespace and home is not None and home.chosen:
        fitting = [pod for pod in fitting if pod.namespace == home.name] or fitting
    found = containers(fitting, previous)
    return tuple(log for log in found if isinstance(log, ContainerLog) and container in ("", log.container))


def containers(pods: Iterable[Pod], previous: bool = False) -> tuple[Source, ...]:
    """The logs of pods; with ``previous`` those of containers that were started again."""
    logs = [
        ContainerLog(pod.namespace, pod.name, pod.uid, container.name, pod.node, previous)
        for pod in pods
        for container in pod.containers
        if not previous or container.restarts
    ]
    return tuple(logs[:CONTAINERS_MOST])


def _labelled(facts: FactStore, key: str, value: str) -> list[Pod]:
    nodes = facts.all(NodePods).values()
    return [pod for one in nodes if isinstance(one, NodePods) for pod in one.pods if dict(pod.labels).get(key) == value]
