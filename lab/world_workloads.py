"""Deployments, ReplicaSets, DaemonSets: controllers that keep the number of pods, rollouts that can get stuck."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lab.objects import DAEMONSETS, DEPLOYMENTS, NODES, PODS, REPLICASETS, Object, WatchEvent, clone, timestamp
from lab.objects_pods import is_ready, is_terminating, owner_reference, pin_to_node, pod, template_hash
from lab.world_pods import selects

if TYPE_CHECKING:
    from lab.world import World

_REVISION = "deployment.kubernetes.io/revision"
_MANAGER = "kube-controller-manager"


class Workloads:
    """Runs whenever one of the objects it looks after has changed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dirty = True
        self._orphaned = False
        self._owned: dict[str, dict[tuple[str, str], None]] = {}
        world.store.subscribe(self._seen)

    def _seen(self, event: WatchEvent) -> None:
        if event.type == "DELETED" and event.kind in (DEPLOYMENTS, REPLICASETS, DAEMONSETS):
            self._orphaned = True
        if event.kind in (DEPLOYMENTS, REPLICASETS, DAEMONSETS, PODS) or (
            event.kind is NODES and event.type != "MODIFIED"
        ):
            self._dirty = True
        if event.kind is PODS:
            meta = event.object["metadata"]
            for owner in meta.get("ownerReferences", ()):
                pods = self._owned.setdefault(owner["uid"], {})
                if event.type == "DELETED":
                    pods.pop((meta["namespace"], meta["name"]), None)
                else:
                    pods[meta["namespace"], meta["name"]] = None

    def step(self) -> None:
        """Reconcile until nothing moves any more."""
        for _ in range(8):
            if not self._dirty:
                return
            self._dirty = False
            if self._orphaned:
                self._collect_orphans()
            for deployment in self._world.store.list(DEPLOYMENTS):
                self._deployment(deployment)
            for replicaset in self._world.store.list(REPLICASETS):
                self._replicaset(replicaset)
            for daemonset in self._world.store.list(DAEMONSETS):
                self._daemonset(daemonset)

    def _collect_orphans(self) -> None:
        """What the garbage collector does in the background: dependents of deleted owners go too."""
        self._orphaned = False
        store = self._world.store
        for kind, owners in ((REPLICASETS, (DEPLOYMENTS,)), (PODS, (REPLICASETS, DAEMONSETS))):
            living = {owner["metadata"]["uid"] for owner_kind in owners for owner in store.list(owner_kind)}
            for item in store.list(kind):
                meta = item["metadata"]
                references = [ref["uid"] for ref in meta.get("ownerReferences", ()) if ref.get("controller")]
                if not references or living.intersection(references) or "deletionTimestamp" in meta:
                    continue
                if kind is PODS:
                    self._world.delete_pod(meta["namespace"], meta["name"])
                else:
                    store.delete(kind, meta["namespace"], meta["name"])

    def _pods_of(self, owner: Object) -> list[Object]:
        keys = self._owned.get(owner["metadata"]["uid"], {})
        found = (self._world.store.find(PODS, *key) for key in sorted(keys))
        return [item for item in found if item is not None]

    # -- Deployment

    def _deployment(self, deployment: Object) -> None:
        store, meta = self._world.store, deployment["metadata"]
        mine = [
            rs
            for rs in store.list(REPLICASETS, meta["namespace"])
            if any(owner["uid"] == meta["uid"] for owner in rs["metadata"].get("ownerReferences", ()))
        ]
        digest = template_hash(deployment["spec"]["template"])
        current = next((rs for rs in mine if rs["metadata"]["labels"]["pod-template-hash"] == digest), None)
        older = [rs for rs in mine if rs is not current]
        if current is None:
            current = self._new_replicaset(deployment, digest, older)
        self._scale(deployment, current, older)
        self._deployment_status(deployment, current["metadata"]["name"], [current, *older])

    def _new_replicaset(self, deployment: Object, digest: str, older: list[Object]) -> Object:
        meta = deployment["metadata"]
        revision = str(max((int(rs["metadata"]["annotations"][_REVISION]) for rs in older), default=0) + 1)
        template = clone(deployment["spec"]["template"])
        template["metadata"]["labels"] = {**template["metadata"]["labels"], "pod-template-hash": digest}
        labels = template["metadata"]["labels"]
        if meta["annotations"].get(_REVISION) != revision:
            self._world.store.change(
                DEPLOYMENTS, meta["namespace"], meta["name"],
                lambda draft: draft["metadata"]["annotations"].update({_REVISION: revision}), _MANAGER,
            )  # fmt: skip
        head = {
            "name": f"{meta['name']}-{digest}", "namespace": meta["namespace"], "labels": labels,
            "annotations": {"deployment.kubernetes.io/desired-replicas": "1", _REVISION: revision},
            "ownerReferences": [owner_reference("apps/v1", "Deployment", deployment)],
        }  # fmt: skip
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
        made = self._world.store.create(
            REPLICASETS, {"metadata": head, "spec": spec, "status": {"replicas": 0}}, _MANAGER
        )
        return made

    def _scale(self, deployment: Object, current: Object, older: list[Object]) -> None:
        wanted = deployment["spec"]["replicas"]
        strategy = deployment["spec"]["strategy"]
        active = sum(len(self._pods_of(rs)) for rs in older)
        if strategy["type"] == "Recreate":
            for rs in older:
                self._set_replicas(deployment, rs, 0)
            if active == 0:
                self._set_replicas(deployment, current, wanted)
            return
        rolling = strategy.get("rollingUpdate", {})
        surge = _share(rolling.get("maxSurge", "25%"), wanted, math.ceil)
        missing = _share(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
        asked_of_old = sum(rs["spec"]["replicas"] for rs in older)
        self._set_replicas(deployment, current, min(wanted, max(0, wanted + surge - asked_of_old)))
        available = sum(1 for item in self._pods_of(current) if is_ready(item))
        spare = wanted - missing - available
        for rs in sorted(older, key=lambda item: item["metadata"]["resourceVersion"]):
            keep = max(0, min(rs["spec"]["replicas"], spare))
            self._set_replicas(deployment, rs, keep if wanted else 0)
            spare -= keep

    def _set_replicas(self, deployment: Object, replicaset: Object, count: int) -> None:
        before = replicaset["spec"]["replicas"]
        if before == count:
            return
        name, namespace = replicaset["metadata"]["name"], replicaset["metadata"]["namespace"]
        self._world.store.change(
            REPLICASETS, namespace, name, lambda draft: draft["spec"].update(replicas=count), _MANAGER
        )
        verb = "up" if count > before else "down"
        text = f"Scaled {verb} replica set {name} from {before} to {count}"
        self._world.event(deployment, "Normal", "ScalingReplicaSet", text, "deployment-controller", kind="Deployment")

    def _deployment_status(self, deployment: Object, newest: str, replicasets: list[Object]) -> None:
        store, now = self._world.store, self._world.clock()
        meta = deployment["metadata"]
        every = [item for rs in replicasets for item in self._pods_of(rs) if not is_terminating(item)]
        updated = [item for item in every if item["metadata"]["ownerReferences"][0]["name"] == newest]
        ready = sum(1 for item in every if is_ready(item))
        wanted = deployment["spec"]["replicas"]
        status: Object = {
            "observedGeneration": store.get(DEPLOYMENTS, meta["namespace"], meta["name"])["metadata"]["generation"]
        }
        counts = (
            ("replicas", len(every)), ("updatedReplicas", len(updated)), ("readyReplicas", ready),
            ("availableReplicas", ready), ("unavailableReplicas", max(0, max(len(every), wanted) - ready)),
        )  # fmt: skip
        status.update({name: count for name, count in counts if count})
        status["terminatingReplicas"] = 0
        before = {c["type"]: c for c in deployment["status"].get("conditions", ())}
        enough = ready >= wanted - _share(
            deployment["spec"]["strategy"].get("rollingUpdate", {}).get("maxUnavailable", 0), wanted, math.floor
        )
        complete = len(updated) == wanted == len(every) and ready == wanted
        status["conditions"] = [
            _moved(before, now, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
            if enough
            else _moved(
                before, now, "Available", "False", "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            ),
            _progress(before, now, newest, complete),
        ]  # fmt: skip
        if status != deployment["status"]:
            store.put(DEPLOYMENTS, meta["namespace"], meta["name"], _MANAGER, status=status)

    # -- ReplicaSet

    def _replicaset(self, listed: Object) -> None:
        store = self._world.store
        replicaset = store.get(REPLICASETS, listed["metadata"]["namespace"], listed["metadata"]["name"])
        meta = replicaset["metadata"]
        pods = [item for item in self._pods_of(replicaset) if not is_terminating(item)]
        wanted = replicaset["spec"]["replicas"]
        for _ in range(wanted - len(pods)):
            head = {
                "generateName": f"{meta['name']}-", "namespace": meta["namespace"],
                "ownerReferences": [owner_reference("apps/v1", "ReplicaSet", replicaset)],
            }  # fmt: skip
            made = self._world.create_pod(pod(replicaset["spec"]["template"], head, store.suffix()), _MANAGER)
            text = f"Created pod: {made['metadata']['name']}"
            self._world.event(
                replicaset, "Normal", "SuccessfulCreate", text, "replicaset-controller", kind="ReplicaSet"
            )
        surplus = sorted(pods, key=is_ready)[: max(0, len(pods) - wanted)]
        for item in surplus:
            self._world.delete_pod(item["metadata"]["namespace"], item["metadata"]["name"])
        pods = [item for item in self._pods_of(replicaset) if not is_terminating(item)]
        ready = sum(1 for item in pods if is_ready(item))
        counts = (
            ("replicas", len(pods)), ("fullyLabeledReplicas", len(pods)), ("readyReplicas", ready),
            ("availableReplicas", ready),
        )  # fmt: skip
        status = {name: count for name, count in counts if count or name == "replicas"}
        status["observedGeneration"] = meta["generation"]
        if status != replicaset["status"]:
            store.put(REPLICASETS, meta["namespace"], meta["name"], _MANAGER, status=status)

    # -- DaemonSet

    def _daemonset(self, daemonset: Object) -> None:
        store, meta = self._world.store, daemonset["metadata"]
        pods = self._pods_of(daemonset)
        placed = {item["spec"].get("nodeName", ""): item for item in pods if not is_terminating(item)}
        leaving = {item["spec"].get("nodeName", "") for item in pods if is_terminating(item)}
        spec = daemonset["spec"]["template"]["spec"]
        nodes = [node["metadata"]["name"] for node in store.list(NODES) if selects(spec, node)]
        for node in nodes:
            if node not in placed and node not in leaving:
                self._daemon_pod(daemonset, node)
        ready = sum(1 for item in placed.values() if is_ready(item))
        digest = template_hash(daemonset["spec"]["template"])
        old = [item for item in placed.values() if item["metadata"]["labels"]["controller-revision-hash"] != digest]
        if old and ready == len(placed) == len(nodes) and not leaving:  # one at a time
            self._world.delete_pod(meta["namespace"], old[0]["metadata"]["name"])
        status = {
            "currentNumberScheduled": len(placed), "numberMisscheduled": 0, "desiredNumberScheduled": len(nodes),
            "numberReady": ready, "observedGeneration": meta["generation"],
            "updatedNumberScheduled": len(placed) - len(old), "numberAvailable": ready,
        }  # fmt: skip
        if len(nodes) > ready:
            status["numberUnavailable"] = len(nodes) - ready
        if status != daemonset["status"]:
            store.put(DAEMONSETS, meta["namespace"], meta["name"], _MANAGER, status=status)

    def _daemon_pod(self, daemonset: Object, node: str) -> None:
        meta, template = daemonset["metadata"], daemonset["spec"]["template"]
        head = {
            "generateName": f"{meta['name']}-", "namespace": meta["namespace"],
            "labels": {"controller-revision-hash": template_hash(template), "pod-template-generation": "1"},
            "ownerReferences": [owner_reference("apps/v1", "DaemonSet", daemonset)],
        }  # fmt: skip
        made = pod(template, head, self._world.store.suffix())
        pin_to_node(made["spec"], node)
        made["spec"]["nodeName"] = node
        self._world.create_pod(made, _MANAGER)


def _share(value: int | str, of: int, rounding: object) -> int:
    if isinstance(value, str):
        return int(rounding(of * int(value.rstrip("%")) / 100))  # type: ignore[operator]
    return value


def _moved(before: dict[str, Object], now: float, type_: str, status: str, reason: str, message: str) -> Object:
    """A condition whose transition time moves with its status, its update time with its reason."""
    old = before.get(type_, {})
    stamp = timestamp(now)
    same_reason = old.get("reason") == reason and old.get("message") == message
    return {
        "type": type_, "status": status, "lastUpdateTime": old["lastUpdateTime"] if same_reason else stamp,
        "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == status else stamp,
        "reason": reason, "message": message,
    }  # fmt: skip


def _progress(before: dict[str, Object], now: float, newest: str, complete: bool) -> Object:
    if complete:
        return _moved(
            before, now, "Progressing", "True", "NewReplicaSetAvailable",
            f'ReplicaSet "{newest}" has successfully progressed.',
        )  # fmt: skip
    old = before.get("Progressing", {})
    if old.get("reason") == "NewReplicaSetAvailable" and f'"{newest}"' in old["message"]:
        return old
    return _moved(before, now, "Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{newest}" is progressing.')
