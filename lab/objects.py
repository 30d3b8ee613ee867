"""Cluster objects as an API server keeps them: revisions, uids, generations, managed fields and a watch history."""

from __future__ import annotations

import random
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab import errors

Object = dict[str, Any]
"""One API object without `kind` and `apiVersion`. Objects handed out are shared: read them, never change them."""

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource type as discovery describes it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version


NODES = Kind("", "v1", "nodes", "Node", namespaced=False, short_names=("no",))
PODS = Kind("", "v1", "pods", "Pod", short_names=("po",))
CONFIGMAPS = Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",))
SERVICES = Kind("", "v1", "services", "Service", short_names=("svc",))
EVENTS = Kind("", "v1", "events", "Event", short_names=("ev",))
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", namespaced=False, short_names=("ns",))
SERVICE_ACCOUNTS = Kind("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",))
DEPLOYMENTS = Kind("apps", "v1", "deployments", "Deployment", short_names=("deploy",))
REPLICASETS = Kind("apps", "v1", "replicasets", "ReplicaSet", short_names=("rs",))
DAEMONSETS = Kind("apps", "v1", "daemonsets", "DaemonSet", short_names=("ds",))
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease")
ENDPOINT_SLICES = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
API_SERVICES = Kind("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
CLUSTER_ROLES = Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Kind(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
CONFIG_UPDATE_JOBS = Kind("operations.kubeedge.io", "v1alpha2", "configupdatejobs", "ConfigUpdateJob", namespaced=False)
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")

KINDS: tuple[Kind, ...] = (
    NODES, PODS, CONFIGMAPS, SERVICES, EVENTS, NAMESPACES, SERVICE_ACCOUNTS, DEPLOYMENTS, REPLICASETS, DAEMONSETS,
    LEASES, ENDPOINT_SLICES, API_SERVICES, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS,
    CONFIG_UPDATE_JOBS,
)  # fmt: skip
"""Every kind that the practice site serves."""


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as `metav1.Time` writes them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(seconds: float) -> str:
    """The same as `metav1.MicroTime` (leases, log lines) writes them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clone(value: Any) -> Any:
    """A deep copy of JSON-like data, several times faster than copy.deepcopy."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One entry of the watch history."""

    revision: int
    type: str
    kind: Kind
    object: Object
    before: Object | None = None


class Store:
    """Every object of the cluster, with one revision counter and a bounded history, as etcd behind an API server.

    Args:
        clock: seconds since the epoch.
        history: how many watch events are kept for each kind; a watch from older ones gets 410.
        seed: makes uids and generated names repeatable.
    """

    def __init__(self, clock: Callable[[], float], history: int = 5000, seed: int = 1, revision: int = 200) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._objects: dict[Kind, dict[tuple[str, str], Object]] = {kind: {} for kind in KINDS}
        self._history: dict[Kind, deque[WatchEvent]] = {kind: deque(maxlen=history) for kind in KINDS}
        self._compacted: dict[Kind, int] = dict.fromkeys(KINDS, revision)
        self._subscribers: list[Callable[[WatchEvent], None]] = []
        self.revision = revision

    # -- reading

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or None; `namespace` is empty for cluster-wide kinds."""
        return self._objects[kind].get((namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """The object; raises the API's 404."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise errors.not_found(kind.plural, kind.group, name)
        return found

    def list(self, kind: Kind, namespace: str = "") -> list[Object]:
        """Objects in etcd's order (namespace, then name); every namespace if none is given."""
        objects = self._objects[kind]
        keys = sorted(key for key in objects if not namespace or key[0] == namespace)
        return [objects[key] for key in keys]

    def values(self, kind: Kind) -> Iterable[Object]:
        """The same, all of them and unordered, for controllers that look often. Do not change the store meanwhile."""
        return self._objects[kind].values()

    def count(self, kind: Kind) -> int:
        """How many objects of a kind exist."""
        return len(self._objects[kind])

    # -- writing

    def create(self, kind: Kind, obj: Object, manager: str, *, dry_run: bool = False) -> Object:
        """Add an object: fills uid, revision, creation time, generated name and managed fields. Raises 409."""
        obj = clone(obj)
        meta = obj.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + self.suffix()
        key = (meta.get("namespace", "") if kind.namespaced else "", meta["name"])
        if key in self._objects[kind]:
            raise errors.already_exists(kind.plural, kind.group, meta["name"])
        now = self._clock()
        stamped = {"name": meta["name"]}
        stamped.update({k: meta[k] for k in ("generateName", "namespace") if k in meta})
        stamped["uid"] = self.uid()
        stamped["resourceVersion"] = str(self.revision + 1)
        if kind.group == "apps" or kind is PODS or kind is ENDPOINT_SLICES:
            stamped["generation"] = 1
        stamped["creationTimestamp"] = timestamp(now)
        stamped.update({k: v for k, v in meta.items() if k not in stamped or k == "creationTimestamp"})
        stamped["managedFields"] = [_managed(kind, manager, now, field_set({}, obj))]
        stored = {"metadata": stamped, **{k: v for k, v in obj.items() if k != "metadata"}}
        if not dry_run:
            self._commit("ADDED", kind, key, stored, None)
        return stored

    def change(self, kind: Kind, namespace: str, name: str, edit: Callable[[Object], None], manager: str) -> Object:
        """Edit a copy of an object in place and store it, unless nothing changed. Raises 404."""
        draft = clone(self.get(kind, namespace, name))
        edit(draft)
        return self.replace(kind, draft, manager)

    def put(self, kind: Kind, namespace: str, name: str, manager: str, **sections: Any) -> Object:
        """Replace whole sections (`status=…`) of an object, which is cheaper than `change`. Raises 404."""
        return self.replace(kind, {**self.get(kind, namespace, name), **sections}, manager)

    def replace(self, kind: Kind, obj: Object, manager: str, *, dry_run: bool = False) -> Object:
        """Store a new version of an object. Raises 404, and 409 if `obj` carries a stale resourceVersion."""
        meta = obj["metadata"]
        key = (meta.get("namespace", "") if kind.namespaced else "", meta["name"])
        before = self.get(kind, *key)
        if meta.get("resourceVersion", before["metadata"]["resourceVersion"]) != before["metadata"]["resourceVersion"]:
            raise errors.conflict(kind.plural, kind.group, meta["name"])
        if obj == before:
            return before
        now = self._clock()
        after = {
            "metadata": dict(meta),
            **{k: v for k, v in obj.items() if k not in ("metadata", "kind", "apiVersion")},
        }
        stamped = after["metadata"]
        for fixed in ("uid", "creationTimestamp"):
            stamped[fixed] = before["metadata"][fixed]
        if "generation" in before["metadata"] and _desired(before) != _desired(after):
            stamped["generation"] = before["metadata"]["generation"] + 1
        stamped["managedFields"] = _merge_managed(
            before["metadata"]["managedFields"], _managed(kind, manager, now, field_set(before, after))
        )
        stamped["resourceVersion"] = before["metadata"]["resourceVersion"] if dry_run else str(self.revision + 1)
        if not dry_run:
            self._commit("MODIFIED", kind, key, after, before)
        return after

    def delete(self, kind: Kind, namespace: str, name: str) -> Object:
        """Remove an object for good and return its last version, with the revision of the removal. Raises 404."""
        before = self.get(kind, namespace, name)
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.revision + 1)}}
        self._commit("DELETED", kind, (namespace if kind.namespaced else "", name), last, before)
        return last

    def _commit(self, type_: str, kind: Kind, key: tuple[str, str], obj: Object, before: Object | None) -> None:
        self.revision += 1
        if type_ == "DELETED":
            del self._objects[kind][key]
        else:
            self._objects[kind][key] = obj
        history = self._history[kind]
        if len(history) == history.maxlen:
            self._compacted[kind] = history[0].revision
        event = WatchEvent(self.revision, type_, kind, obj, before)
        history.append(event)
        for subscriber in tuple(self._subscribers):
            subscriber(event)

    # -- watching

    def since(self, kind: Kind, revision: int) -> Sequence[WatchEvent]:
        """The events of a kind after `revision`; raises 410 when the history no longer reaches back to it."""
        if revision < self._compacted[kind]:
            raise errors.expired(revision, self._compacted[kind])
        newer: deque[WatchEvent] = deque()
        for event in reversed(self._history[kind]):
            if event.revision <= revision:
                break
            newer.appendleft(event)
        return newer

    def compacted(self, kind: Kind) -> int:
        """The newest revision that the history of a kind no longer reaches back to."""
        return self._compacted[kind]

    def compact(self) -> None:
        """Forget the whole history, as a compaction of etcd behind a restarted API server does."""
        for kind, history in self._history.items():
            self._compacted[kind] = self.revision
            history.clear()

    def subscribe(self, subscriber: Callable[[WatchEvent], None]) -> Callable[[], None]:
        """Call `subscriber` with each event as it happens; returns the function that ends it."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    # -- names

    def uid(self) -> str:
        """A fresh uid."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        """The random ending of a generated name."""
        return "".join(self._random.choices(_SUFFIX_LETTERS, k=length))

    def hexadecimal(self, length: int = 64) -> str:
        """A container id or digest."""
        return f"{self._random.getrandbits(length * 4):0{length}x}"


def field_set(before: Any, after: Any) -> dict[str, Any]:
    """The changed fields in `FieldsV1` form (`{"f:data": {"f:key": {}}}`); lists count as one field."""
    fields: dict[str, Any] = {}
    for key in after:
        old = before.get(key) if isinstance(before, dict) else None
        if key in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "name", "namespace", "generation"):
            continue
        new = after[key]
        if key not in before or old != new:
            fields[f"f:{key}"] = field_set(old if isinstance(old, dict) else {}, new) if isinstance(new, dict) else {}
    return fields


def _managed(kind: Kind, manager: str, now: float, fields: dict[str, Any]) -> Object:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": kind.api_version,
        "time": timestamp(now),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _merge_managed(entries: list[Object], entry: Object) -> list[Object]:
    """One entry for each manager, its time the time of its last write, its fields all it ever wrote."""
    merged = dict(entry)
    others = []
    for known in entries:
        if known["manager"] == entry["manager"]:
            merged["fieldsV1"] = _union(known["fieldsV1"], entry["fieldsV1"])
        else:
            others.append(known)
    return [*others, merged]


def _union(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    both = dict(left)
    for key, value in right.items():
        both[key] = _union(both.get(key, {}), value)
    return both


def _desired(obj: Object) -> Any:
    return obj["endpoints"] if "endpoints" in obj else obj.get("spec")
