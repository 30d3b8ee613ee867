"""The Kubernetes objects that are read, as typed structures decoded straight from the server's JSON.

Only fields that something uses are here; everything else in the answer is skipped while decoding, which is what
makes a list of 10,000 nodes take a tenth of a second. The structures forgive: an absent field has a default, an
unknown one is ignored, and where a server answers ``null`` for a field that has none the default is used too.
"""

from __future__ import annotations

import threading
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class DecodeError(ValueError):
    """The body is not JSON, or not the object that was expected; the message says where."""


class _Struct(msgspec.Struct, rename="camel", frozen=True, gc=False, kw_only=True):
    """Base: camelCase on the wire, immutable, not tracked by the garbage collector (it holds no cycles)."""


# ------------------------------------------------------------------------------------------------ common


class OwnerReference(_Struct, frozen=True):
    kind: str = ""
    name: str = ""
    controller: bool = False


class Metadata(_Struct, frozen=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None

    @property
    def owner(self) -> str:
        """``Kind/name`` of the controlling owner, "" when there is none."""
        owners = self.owner_references or ()
        return next((f"{o.kind}/{o.name}" for o in owners if o.controller), "")


class Condition(_Struct, frozen=True):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_heartbeat_time: datetime | None = None
    last_transition_time: datetime | None = None
    last_update_time: datetime | None = None


def condition(conditions: tuple[Condition, ...] | None, type: str) -> Condition | None:
    """The condition of one type, None when the object does not carry it."""
    return next((c for c in conditions or () if c.type == type), None)


class ListMeta(_Struct, frozen=True):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class List(_Struct, Generic[T], frozen=True):
    """Any list answer. ``items`` is null on the wire when a Go server has none."""

    metadata: ListMeta = ListMeta()
    items: tuple[T, ...] | None = None


class StatusCause(_Struct, frozen=True):
    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(_Struct, frozen=True):
    name: str = ""
    group: str = ""
    kind: str = ""
    retry_after_seconds: int = 0
    causes: tuple[StatusCause, ...] | None = None


class Status(_Struct, frozen=True):
    """What the API server answers instead of the object when it refuses or fails."""

    status: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: StatusDetails | None = None


class Version(_Struct, frozen=True):
    """Answer of ``/version``."""

    major: str = ""
    minor: str = ""
    git_version: str = ""
    platform: str = ""
    go_version: str = ""


# ------------------------------------------------------------------------------------------------- nodes


class NodeAddress(_Struct, frozen=True):
    type: str = ""
    address: str = ""


class DaemonEndpoint(_Struct, frozen=True):
    port: int = msgspec.field(default=0, name="Port")


class DaemonEndpoints(_Struct, frozen=True):
    kubelet_endpoint: DaemonEndpoint = DaemonEndpoint()


class NodeInfo(_Struct, frozen=True):
    kubelet_version: str = ""
    container_runtime_version: str = ""
    os_image: str = ""
    kernel_version: str = ""
    architecture: str = ""


class ContainerImage(_Struct, frozen=True):
    names: tuple[str, ...] | None = None
    size_bytes: int = 0


class Taint(_Struct, frozen=True):
    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(_Struct, frozen=True):
    taints: tuple[Taint, ...] | None = None
    unschedulable: bool = False


class NodeStatus(_Struct, frozen=True):
    conditions: tuple[Condition, ...] | None = None
    addresses: tuple[NodeAddress, ...] | None = None
    daemon_endpoints: DaemonEndpoints = DaemonEndpoints()
    node_info: NodeInfo = NodeInfo()
    images: tuple[ContainerImage, ...] | None = None
    allocatable: dict[str, str] | None = None
    capacity: dict[str, str] | None = None


class Node(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class LeaseSpec(_Struct, frozen=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    renew_time: datetime | None = None


class Lease(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: LeaseSpec = LeaseSpec()


# -------------------------------------------------------------------------------------- pods, workloads


class ContainerPort(_Struct, frozen=True):
    name: str = ""
    container_port: int = 0
    host_port: int = 0
    protocol: str = "TCP"


class Resources(_Struct, frozen=True):
    requests: dict[str, str | int] | None = None
    limits: dict[str, str | int] | None = None


class Container(_Struct, frozen=True):
    name: str = ""
    image: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    ports: tuple[ContainerPort, ...] | None = None
    resources: Resources = Resources()


class PodSpec(_Struct, frozen=True):
    node_name: str = ""
    host_network: bool = False
    containers: tuple[Container, ...] | None = None
    node_selector: dict[str, str] | None = None


class StateWaiting(_Struct, frozen=True):
    reason: str = ""
    message: str = ""


class StateRunning(_Struct, frozen=True):
    started_at: datetime | None = None


class StateTerminated(_Struct, frozen=True):
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(_Struct, frozen=True):
    waiting: StateWaiting | None = None
    running: StateRunning | None = None
    terminated: StateTerminated | None = None


class ContainerStatus(_Struct, frozen=True):
    name: str = ""
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(_Struct, frozen=True):
    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] | None = None
    host_ip: str = msgspec.field(default="", name="hostIP")
    pod_ip: str = msgspec.field(default="", name="podIP")
    start_time: datetime | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class LabelSelector(_Struct, frozen=True):
    match_labels: dict[str, str] | None = None


class PodTemplate(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()


class RollingUpdate(_Struct, frozen=True):
    max_unavailable: int | str = ""
    max_surge: int | str = ""


class Strategy(_Struct, frozen=True):
    type: str = ""
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(_Struct, frozen=True):
    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()
    strategy: Strategy = Strategy()


class DeploymentStatus(_Struct, frozen=True):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: tuple[Condition, ...] | None = None


class Deployment(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class DaemonSetSpec(_Struct, frozen=True):
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()
    update_strategy: Strategy = Strategy()


class DaemonSetStatus(_Struct, frozen=True):
    observed_generation: int = 0
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    number_misscheduled: int = 0
    number_ready: int = 0
    updated_number_scheduled: int = 0


class DaemonSet(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()


# ------------------------------------------------------------------------------ configuration, services


class FieldsV1(_Struct, frozen=True):
    """Which fields a manager owns; only those of a ConfigMap's data are looked at."""

    data: dict[str, Any] | None = msgspec.field(default=None, name="f:data")


class ManagedFields(_Struct, frozen=True):
    manager: str = ""
    operation: str = ""
    time: datetime | None = None
    fields_v1: FieldsV1 | None = msgspec.field(default=None, name="fieldsV1")


class ManagedMetadata(Metadata, frozen=True):
    managed_fields: tuple[ManagedFields, ...] | None = None


class ConfigMap(_Struct, frozen=True):
    metadata: ManagedMetadata = ManagedMetadata()
    data: dict[str, str] | None = None


class ServicePort(_Struct, frozen=True):
    name: str = ""
    port: int = 0
    target_port: int | str = 0
    node_port: int = 0
    protocol: str = "TCP"


class ServiceSpec(_Struct, frozen=True):
    type: str = ""
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    external_ips: tuple[str, ...] | None = msgspec.field(default=None, name="externalIPs")
    ports: tuple[ServicePort, ...] | None = None
    selector: dict[str, str] | None = None


class LoadBalancerIngress(_Struct, frozen=True):
    ip: str = ""
    hostname: str = ""


class LoadBalancerStatus(_Struct, frozen=True):
    ingress: tuple[LoadBalancerIngress, ...] | None = None


class ServiceStatus(_Struct, frozen=True):
    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointConditions(_Struct, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ObjectReference(_Struct, frozen=True):
    kind: str = ""
    namespace: str = ""
    name: str = ""


class Endpoint(_Struct, frozen=True):
    addresses: tuple[str, ...] | None = None
    conditions: EndpointConditions = EndpointConditions()
    target_ref: ObjectReference | None = None
    node_name: str | None = None


class EndpointPort(_Struct, frozen=True):
    name: str | None = None
    port: int | None = None


class EndpointSlice(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class ServiceReference(_Struct, frozen=True):
    namespace: str = ""
    name: str = ""
    port: int = 443


class APIServiceSpec(_Struct, frozen=True):
    service: ServiceReference | None = None
    group: str = ""
    version: str = ""
    insecure_skip_tls_verify: bool = msgspec.field(default=False, name="insecureSkipTLSVerify")


class APIServiceStatus(_Struct, frozen=True):
    conditions: tuple[Condition, ...] | None = None


class APIService(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: APIServiceSpec = APIServiceSpec()
    status: APIServiceStatus = APIServiceStatus()


# ------------------------------------------------------------------------------------- events, metrics


class EventSource(_Struct, frozen=True):
    component: str = ""
    host: str = ""


class Event(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    involved_object: ObjectReference = ObjectReference()
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int | None = None
    source: EventSource | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None


class ContainerMetrics(_Struct, frozen=True):
    name: str = ""
    usage: dict[str, str] | None = None


class NodeMetrics(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    timestamp: datetime | None = None
    window: str = ""
    usage: dict[str, str] | None = None


class PodMetrics(_Struct, frozen=True):
    metadata: Metadata = Metadata()
    timestamp: datetime | None = None
    window: str = ""
    containers: tuple[ContainerMetrics, ...] | None = None


# ---------------------------------------------------------------------------------------------- decoding


class _RawEvent(_Struct, frozen=True):
    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"{}")


_BUILDING = threading.Lock()
"""msgspec 0.22 crashes when a thread uses a type whose parts another thread is still looking at for the first time."""


def _decoder(of: Any) -> msgspec.json.Decoder[Any]:
    with _BUILDING:
        return _built(of)


@cache
def _built(of: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(of, strict=False)


def decode_one(body: bytes | str, of: Any) -> Any:
    """One object of type ``of``; raises :class:`DecodeError`."""
    try:
        return _decoder(of).decode(body)
    except msgspec.ValidationError:
        return _decode_without_nulls(body, of)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error


def _decode_without_nulls(body: bytes | str, of: Any) -> Any:
    """The slow way for the rare answer with a null where a value belongs."""
    try:
        return msgspec.convert(_without_nulls(msgspec.json.decode(body)), of, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value


def decode_list(body: bytes | str, of: Any) -> tuple[tuple[Any, ...], ListMeta]:
    """The items of a list answer, each of type ``of``, and where the list stands; raises :class:`DecodeError`."""
    found: List[Any] = decode_one(body, List[of])
    return found.items or (), found.metadata


def decode_event(line: bytes | str, of: Any) -> tuple[str, Any]:
    """One line of a watch: its type, and the object (a :class:`Status` for ERROR). Raises :class:`DecodeError`."""
    raw: _RawEvent = decode_one(line, _RawEvent)
    return raw.type, decode_one(bytes(raw.object), Status if raw.type == "ERROR" else of)
