"""Pods: made from a template, and their status as scheduler and kubelet write it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lab.objects import Object, clone, timestamp

_ALPHABET = "bcdf2456789"
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
_NODE_PROBLEMS = ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable", "network-unavailable")


def template_hash(template: Object) -> str:
    """The hash of a pod template that names its ReplicaSet."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])


def owner_reference(api_version: str, kind: str, owner: Object) -> Object:
    """A controller's mark on what it owns."""
    return {
        "apiVersion": api_version, "kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def pod(template: Object, meta: Object, volume_suffix: str) -> Object:
    """A new, unscheduled pod of a template; admission has filled in its defaults."""
    spec = clone(template["spec"])
    labels = {**template["metadata"].get("labels", {}), **meta.pop("labels", {})}
    head = {**meta, "labels": labels}
    if template["metadata"].get("annotations"):
        head["annotations"] = dict(template["metadata"]["annotations"])
    return {"metadata": head, "spec": admit(spec, volume_suffix), "status": pending_status(spec)}


def admit(spec: Object, volume_suffix: str) -> Object:
    """Defaults of admission: host ports, the service account's volume, tolerations, priority."""
    volume = f"kube-api-access-{volume_suffix}"
    spec["volumes"] = [*spec.get("volumes", ()), _token_volume(volume)]
    for item in spec["containers"]:
        for port in item.get("ports", ()):
            if spec.get("hostNetwork"):
                port["hostPort"] = port["containerPort"]
        item["volumeMounts"] = [*item.get("volumeMounts", ()), {"name": volume, "readOnly": True, "mountPath": _TOKEN}]
    if not any(t.get("operator") == "Exists" and "key" not in t for t in spec.get("tolerations", ())):
        spec["tolerations"] = [
            *spec.get("tolerations", ()),
            *(
                {
                    "key": f"node.kubernetes.io/{key}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
                for key in ("not-ready", "unreachable")
            ),
        ]
    spec.update(priority=0, enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority")
    return spec


def pin_to_node(spec: Object, node: str) -> None:
    """What the DaemonSet controller adds to bind a pod to its node."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    spec["affinity"] = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}
        }
    }
    spec["tolerations"] = [
        *spec.get("tolerations", ()),
        *(
            {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute"}
            for key in ("not-ready", "unreachable")
        ),
        *({"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoSchedule"} for key in _NODE_PROBLEMS),
    ]


def _token_volume(name: str) -> Object:
    field = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [field]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def quality(spec: Object) -> str:
    """The pod's QoS class."""
    asked = [item.get("resources") or {} for item in spec["containers"]]
    if not any(item.get("requests") or item.get("limits") for item in asked):
        return "BestEffort"
    return "Burstable"


def pending_status(spec: Object) -> Object:
    """A pod that nobody has looked at yet."""
    return {"phase": "Pending", "qosClass": quality(spec)}


def unschedulable_status(spec: Object, message: str, now: float) -> Object:
    """A pod that the scheduler could not place."""
    reason = {"reason": "Unschedulable", "message": message}
    return {**pending_status(spec), "conditions": [_condition("PodScheduled", "False", now, **reason)]}


def started_status(
    pod_object: Object, states: list[Object], address: str, now: float, *, ready: bool, phase: str = "Running"
) -> Object:
    """Status of a pod on its node; `states` is one container status for each container."""
    spec, before = pod_object["spec"], pod_object.get("status", {})
    known = {condition["type"]: condition for condition in before.get("conditions", ())}
    unready = [state["name"] for state in states if not state["ready"]] if not ready else []
    problem = (
        {}
        if ready
        else {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{' '.join(unready)}]",
        }
    )
    wanted = [
        _condition("PodReadyToStartContainers", "True", now),
        _condition("Initialized", "True", now),
        _condition("Ready", "True" if ready else "False", now, **problem),
        _condition("ContainersReady", "True" if ready else "False", now, **problem),
        _condition("PodScheduled", "True", now),
    ]
    conditions = []
    for condition in wanted:
        old = known.get(condition["type"])
        if old is not None and old["status"] == condition["status"]:
            condition["lastTransitionTime"] = old["lastTransitionTime"]
        conditions.append(condition)
    return {
        "phase": phase, "conditions": conditions, "hostIP": address, "hostIPs": [{"ip": address}], "podIP": address,
        "podIPs": [{"ip": address}], "startTime": before.get("startTime", timestamp(now)),
        "containerStatuses": states, "qosClass": quality(spec),
    }  # fmt: skip


def container_status(
    name: str, image: str, state: Object, *, ready: bool, image_id: str = "", container_id: str = "",
    restarts: int = 0, last_state: Object | None = None,
) -> Object:  # fmt: skip
    """One entry of `containerStatuses`."""
    status: dict[str, Any] = {
        "name": name, "state": state, "lastState": last_state or {}, "ready": ready, "restartCount": restarts,
        "image": image, "imageID": f"sha256:{image_id}" if image_id else "",
    }  # fmt: skip
    if container_id:
        status["containerID"] = f"containerd://{container_id}"
    return {**status, "started": ready or "running" in state}


def set_ready(status: Object, ready: bool, now: float) -> Object:
    """The same status with another Ready condition: what the node controller does to pods of a lost node."""
    conditions = [dict(condition) for condition in status.get("conditions", ())]
    for condition in conditions:
        if condition["type"] == "Ready" and condition["status"] != ("True" if ready else "False"):
            condition.update(status="True" if ready else "False", lastTransitionTime=timestamp(now))
            for key in ("reason", "message"):
                condition.pop(key, None)
    return {**status, "conditions": conditions}


def is_ready(pod_object: Object) -> bool:
    """Whether condition Ready is True."""
    conditions = pod_object["status"].get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def is_terminating(pod_object: Object) -> bool:
    """Whether deletion has begun."""
    return "deletionTimestamp" in pod_object["metadata"]


def host_ports(pod_object: Object) -> set[int]:
    """The host ports a pod asks for."""
    containers = pod_object["spec"]["containers"]
    return {port["hostPort"] for item in containers for port in item.get("ports", ()) if "hostPort" in port}


def _condition(type_: str, status: str, now: float, **more: str) -> Object:
    return {"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": timestamp(now), **more}
