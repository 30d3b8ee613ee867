"""Nodes and leases in the shape of a real site's."""

from __future__ import annotations

import os
from typing import Any

from lab.machine_usage import memory_kib
from lab.objects import Object, micro_timestamp, timestamp
from lab.world_host import Image

KUBELET_VERSION = "v1.36.2"
EDGE_VERSION = "v1.32.10-kubeedge-v1.23.1"
EDGE_LABEL = "node-role.kubernetes.io/edge"

_MEMORY, _KEPT_BACK = 24684084, 51200
"""KiB of a node where this machine does not tell its own, and of those what no pod gets."""

_PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def node(name: str, address: str, port: int, now: float, *, edge: bool, machine: str) -> Object:
    """A Ready node, newly registered; `machine` is its machine id, `port` its kubelet endpoint."""
    labels = {
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
    }  # fmt: skip
    memory = memory_kib().get("MemTotal", _MEMORY)
    annotations = {
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    }
    if edge:
        labels |= {"node-role.kubernetes.io/agent": "", EDGE_LABEL: ""}
        annotations = {"cloudcore": "127.0.0.1", **annotations}
    return {
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {},
        "status": {
            "capacity": _resources("264212084Ki", memory),
            "allocatable": _resources("267847642337", memory - _KEPT_BACK),
            "conditions": ready_conditions(now, edge=edge),
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "nodeInfo": {
                "machineID": machine, "systemUUID": machine,
                "bootID": f"{machine[:8]}-{machine[8:12]}-{machine[12:16]}-{machine[16:20]}-{machine[20:32]}",
                "kernelVersion": "6.1.0-28-amd64", "osImage": "Debian GNU/Linux 12 (bookworm)",
                "containerRuntimeVersion": "containerd://1.6.20",
                "kubeletVersion": EDGE_VERSION if edge else KUBELET_VERSION,
                "kubeProxyVersion": "v0.0.0-master+$Format:%H$" if edge else "",
                "operatingSystem": "linux", "architecture": "amd64",
            },
        },
    }  # fmt: skip


def _resources(storage: str, memory: int) -> dict[str, str]:
    return {
        "cpu": str(os.cpu_count() or 2), "ephemeral-storage": storage, "hugepages-1Gi": "0", "hugepages-2Mi": "0",
        "memory": f"{memory}Ki", "pods": "110",
    }  # fmt: skip


def image_list(images: list[Image]) -> list[Object]:
    """`node.status.images`, largest first; edges report none (nodeStatusMaxImages: 0)."""
    ordered = sorted(images, key=lambda image: -image.size)
    return [{"names": [image.name], "sizeBytes": image.size} for image in ordered]


def ready_conditions(now: float, *, edge: bool, problem: str = "") -> list[Object]:
    """Conditions that a living kubelet posts; `problem` makes Ready False."""
    conditions = [_condition(type_, "False", now, reason, message) for type_, reason, message in _PRESSURES]
    if problem:
        ready = _condition("Ready", "False", now, "KubeletNotReady", problem)
    elif edge:
        ready = _condition("Ready", "True", now, "EdgeReady", "edge is posting ready status")
    else:
        ready = _condition("Ready", "True", now, "KubeletReady", "kubelet is posting ready status")
    return [*conditions, ready]


def lost_conditions(before: list[Object], now: float) -> list[Object]:
    """What the node controller writes when a lease has stood still for too long."""
    return [
        {
            **condition,
            "status": "Unknown",
            "lastTransitionTime": timestamp(now),
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
        }
        for condition in before
    ]


def lost_taints(now: float) -> list[Object]:
    """The taints that go with it."""
    return [
        {"key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": timestamp(now)}
        for effect in ("NoSchedule", "NoExecute")
    ]


def settle(conditions: list[Object], before: list[Object]) -> list[Object]:
    """Keep the transition time of every condition whose status did not change."""
    known = {condition["type"]: condition for condition in before}
    settled = []
    for condition in conditions:
        old = known.get(condition["type"])
        if old is not None and old["status"] == condition["status"]:
            settled.append({**condition, "lastTransitionTime": old["lastTransitionTime"]})
        else:
            settled.append(condition)
    return settled


def _condition(type_: str, status: str, now: float, reason: str, message: str) -> Object:
    stamp = timestamp(now)
    return {
        "type": type_, "status": status, "lastHeartbeatTime": stamp, "lastTransitionTime": stamp, "reason": reason,
        "message": message,
    }  # fmt: skip


def lease(name: str, node_uid: str, now: float) -> Object:
    """A node's heartbeat."""
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node_uid}
    return {
        "metadata": {"name": name, "namespace": "kube-node-lease", "ownerReferences": [owner]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": micro_timestamp(now)},
    }


def is_edge(node_object: Object) -> bool:
    """Whether a node carries KubeEdge's label."""
    labels: dict[str, Any] = node_object["metadata"].get("labels", {})
    return labels.get(EDGE_LABEL) == ""
