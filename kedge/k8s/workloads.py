"""Pods, Deployments and DaemonSets."""

from __future__ import annotations

from datetime import datetime

import msgspec

from kedge.k8s.meta import Condition, Metadata, Struct


class ContainerPort(Struct, frozen=True):
    name: str = ""
    container_port: int = 0
    host_port: int = 0
    protocol: str = "TCP"


class Resources(Struct, frozen=True):
    requests: dict[str, str | int] | None = None
    limits: dict[str, str | int] | None = None


class Container(Struct, frozen=True):
    name: str = ""
    image: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    ports: tuple[ContainerPort, ...] | None = None
    resources: Resources = Resources()


class PodSpec(Struct, frozen=True):
    node_name: str = ""
    host_network: bool = False
    containers: tuple[Container, ...] | None = None
    node_selector: dict[str, str] | None = None


class StateWaiting(Struct, frozen=True):
    reason: str = ""
    message: str = ""


class StateRunning(Struct, frozen=True):
    started_at: datetime | None = None


class StateTerminated(Struct, frozen=True):
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(Struct, frozen=True):
    waiting: StateWaiting | None = None
    running: StateRunning | None = None
    terminated: StateTerminated | None = None


class ContainerStatus(Struct, frozen=True):
    name: str = ""
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(Struct, frozen=True):
    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] | None = None
    host_ip: str = msgspec.field(default="", name="hostIP")
    pod_ip: str = msgspec.field(default="", name="podIP")
    start_time: datetime | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class LabelSelector(Struct, frozen=True):
    match_labels: dict[str, str] | None = None


class PodTemplate(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()


class RollingUpdate(Struct, frozen=True):
    max_unavailable: int | str = ""
    max_surge: int | str = ""


class Strategy(Struct, frozen=True):
    type: str = ""
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(Struct, frozen=True):
    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()
    strategy: Strategy = Strategy()


class DeploymentStatus(Struct, frozen=True):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: tuple[Condition, ...] | None = None


class Deployment(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class DaemonSetSpec(Struct, frozen=True):
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()
    update_strategy: Strategy = Strategy()


class DaemonSetStatus(Struct, frozen=True):
    observed_generation: int = 0
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    number_misscheduled: int = 0
    number_ready: int = 0
    updated_number_scheduled: int = 0


class DaemonSet(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()
