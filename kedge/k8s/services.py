"""ConfigMaps, Services, EndpointSlices and APIServices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from kedge.k8s.meta import Condition, Metadata, Struct


class FieldsV1(Struct, frozen=True):
    """Which fields a manager owns; only those of a ConfigMap's data are looked at."""

    data: dict[str, Any] | None = msgspec.field(default=None, name="f:data")


class ManagedFields(Struct, frozen=True):
    manager: str = ""
    operation: str = ""
    time: datetime | None = None
    fields_v1: FieldsV1 | None = msgspec.field(default=None, name="fieldsV1")


class ManagedMetadata(Metadata, frozen=True):
    managed_fields: tuple[ManagedFields, ...] | None = None


class ConfigMap(Struct, frozen=True):
    metadata: ManagedMetadata = ManagedMetadata()
    data: dict[str, str] | None = None


class ServicePort(Struct, frozen=True):
    name: str = ""
    port: int = 0
    target_port: int | str = 0
    node_port: int = 0
    protocol: str = "TCP"


class ServiceSpec(Struct, frozen=True):
    type: str = ""
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    external_ips: tuple[str, ...] | None = msgspec.field(default=None, name="externalIPs")
    ports: tuple[ServicePort, ...] | None = None
    selector: dict[str, str] | None = None


class LoadBalancerIngress(Struct, frozen=True):
    ip: str = ""
    hostname: str = ""


class LoadBalancerStatus(Struct, frozen=True):
    ingress: tuple[LoadBalancerIngress, ...] | None = None


class ServiceStatus(Struct, frozen=True):
    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointConditions(Struct, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ObjectReference(Struct, frozen=True):
    kind: str = ""
    namespace: str = ""
    name: str = ""


class Endpoint(Struct, frozen=True):
    addresses: tuple[str, ...] | None = None
    conditions: EndpointConditions = EndpointConditions()
    target_ref: ObjectReference | None = None
    node_name: str | None = None


class EndpointPort(Struct, frozen=True):
    name: str | None = None
    port: int | None = None


class EndpointSlice(Struct, frozen=True):
    metadata: Metadata = Metadata()
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class ServiceReference(Struct, frozen=True):
    namespace: str = ""
    name: str = ""
    port: int = 443


class APIServiceSpec(Struct, frozen=True):
    service: ServiceReference | None = None
    group: str = ""
    version: str = ""
    insecure_skip_tls_verify: bool = msgspec.field(default=False, name="insecureSkipTLSVerify")


class APIServiceStatus(Struct, frozen=True):
    conditions: tuple[Condition, ...] | None = None


class APIService(Struct, frozen=True):
    metadata: Metadata = Metadata()
    spec: APIServiceSpec = APIServiceSpec()
    status: APIServiceStatus = APIServiceStatus()
