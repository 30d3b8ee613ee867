"""Pods, summed up to what checks need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod and how it fares.

    Attributes:
        waiting: reason of the waiting state (``ImagePullBackOff``, ``CrashLoopBackOff`` …), "" otherwise.
        last_exit: exit code of the last termination, None when it never ended.
    """

    name: str
    image: str = ""
    args: tuple[str, ...] = ()
    ready: bool = False
    running: bool = False
    restarts: int = 0
    waiting: str = ""
    waiting_message: str = ""
    last_exit: int | None = None
    last_reason: str = ""
    started: datetime | None = None
    host_ports: tuple[int, ...] = ()
    cpu_request: str = ""
    memory_request: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod.

    Attributes:
        phase: Pending, Running, Succeeded, Failed, Unknown.
        unschedulable: message of a False PodScheduled condition, "" otherwise.
        owner: ``Kind/name`` of the controlling owner. revision: pod-template-hash or controller-revision-hash.
    """

    namespace: str
    name: str
    uid: str = ""
    node: str = ""
    phase: str = ""
    ready: bool = False
    host_network: bool = False
    host_ip: str = ""
    pod_ip: str = ""
    owner: str = ""
    revision: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    created: datetime | None = None
    deleting: datetime | None = None
    started: datetime | None = None
    unschedulable: str = ""
    containers: tuple[Container, ...] = ()

    @property
    def is_serving(self) -> bool:
        """Running and Ready and not on its way out."""
        return self.phase == "Running" and self.ready and self.deleting is None


@dataclass(frozen=True, slots=True)
class NodePods:
    """The pods of one node (target: the node)."""

    pods: tuple[Pod, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or DaemonSet as far as checks look at it."""

    namespace: str
    name: str
    kind: str = "Deployment"
    uid: str = ""
    resource_version: str = ""
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    generation: int = 0
    observed_generation: int = 0
    host_network: bool = False
    strategy: str = ""
    max_unavailable: str = ""
    max_surge: str = ""
    containers: tuple[Container, ...] = ()
    conditions: tuple[tuple[str, str, str, str], ...] = ()
    """(type, status, reason, message)."""
