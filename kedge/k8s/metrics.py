"""Events, and what the metrics API answers."""

from __future__ import annotations

from datetime import datetime

from kedge.k8s.meta import Metadata, Struct
from kedge.k8s.services import ObjectReference


class EventSource(Struct, frozen=True):
    component: str = ""
    host: str = ""


class Event(Struct, frozen=True):
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


class ContainerMetrics(Struct, frozen=True):
    name: str = ""
    usage: dict[str, str] | None = None


class NodeMetrics(Struct, frozen=True):
    metadata: Metadata = Metadata()
    timestamp: datetime | None = None
    window: str = ""
    usage: dict[str, str] | None = None


class PodMetrics(Struct, frozen=True):
    metadata: Metadata = Metadata()
    timestamp: datetime | None = None
    window: str = ""
    containers: tuple[ContainerMetrics, ...] | None = None
