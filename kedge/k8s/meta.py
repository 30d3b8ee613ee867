"""What every object carries, and lists, refusals and versions."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Struct(msgspec.Struct, rename="camel", frozen=True, gc=False, kw_only=True):
    """Base: camelCase on the wire, immutable, not tracked by the garbage collector (it holds no cycles)."""


class OwnerReference(Struct, frozen=True):
    kind: str = ""
    name: str = ""
    controller: bool = False


class Metadata(Struct, frozen=True):
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


class Condition(Struct, frozen=True):
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


class ListMeta(Struct, frozen=True):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class List(Struct, Generic[T], frozen=True):
    """Any list answer. ``items`` is null on the wire when a Go server has none."""

    metadata: ListMeta = ListMeta()
    items: tuple[T, ...] | None = None


class StatusCause(Struct, frozen=True):
    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(Struct, frozen=True):
    name: str = ""
    group: str = ""
    kind: str = ""
    retry_after_seconds: int = 0
    causes: tuple[StatusCause, ...] | None = None


class Status(Struct, frozen=True):
    """What the API server answers instead of the object when it refuses or fails."""

    status: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: StatusDetails | None = None


class Version(Struct, frozen=True):
    """Answer of ``/version``."""

    major: str = ""
    minor: str = ""
    git_version: str = ""
    platform: str = ""
    go_version: str = ""
