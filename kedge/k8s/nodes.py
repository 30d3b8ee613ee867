"""Nodes and their leases."""

from __future__ import annotations

from datetime import datetime

import msgspec

from kedge.k8s.meta import Condition, Metadata, Struct


class NodeAddress(Struct, frozen=True):
    type: str = ""
    address: str = ""


class DaemonEndpoint(Struct, frozen=True):
    port: int = msgspec.field(default=0, name="Port")


class DaemonEndpoints(Struct, frozen=True):
    kubelet_endpoint: DaemonEndpoint = DaemonEndpoint()


class NodeInfo(Struct, frozen=True):
    kubelet_version: str = ""
    container_runtime_version: str = ""
    os_image: str = ""
    kernel_version: str = ""
    architecture: str = ""


class ContainerImage(Struct, frozen=True):
    names: tuple[str, ...] | None = None
    size_bytes: int = 0


class Taint(Struct, frozen=True):
    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(Struct, frozen=True):
    taints: tuple[Taint, ...] | None = None
    unschedulable: bool = False


class NodeStatus(Struct, frozen=True):
    conditions: tuple[Condition, ...] | None = None
    addresses: tuple[NodeAddress, ...] | None = None
    daemon_endpoints: DaemonEndpoints = DaemonEndpoints()
    node_info: NodeInfo = NodeInfo()
    images: tuple[ContainerImage, ...] | None = None
    allocatable: dict[str, str] | None = None
    capacity: dict[str, str] | None = None


class Node(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class LeaseSpec(Struct, frozen=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    renew_time: datetime | None = None


class Lease(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: LeaseSpec = LeaseSpec()
