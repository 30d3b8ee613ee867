"""Nodes and their heartbeats."""

from __future__ import annotations

import re

from kedge import k8s
from kedge.asks import Api
from kedge.facts.nodes import Node, NodeLease
from kedge.model import Observation
from kedge.plugins import probe
from kedge.probes._objects import listed, newest, objects, polled

EDGE_LABEL = "node-role.kubernetes.io/edge"
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_KUBEEDGE = re.compile(r"-kubeedge-v?(\d+\.\d+\.\d+\S*)")
"""``<k8s>-kubeedge-<kubeedge git version>`` in kubeletVersion (facts 9)."""

NODES = listed("/api/v1/nodes", k8s.Node, "", "nodes")


@probe()
def nodes() -> Api:
    """All nodes, cloud and edge."""
    return NODES


@nodes.parse
def read_nodes(seen: Observation) -> dict[str, Node]:
    found: tuple[k8s.Node, ...] = objects(seen, k8s.Node)
    return {node.metadata.name: node_of(node) for node in found}


def node_of(node: k8s.Node) -> Node:
    """A node as far as checks look at it."""
    labels = node.metadata.labels or {}
    status = node.status
    ready = k8s.condition(status.conditions, "Ready") or k8s.Condition()
    version = _KUBEEDGE.search(status.node_info.kubelet_version)
    addresses = status.addresses or ()
    return Node(
        name=node.metadata.name,
        internal_ip=next((a.address for a in addresses if a.type == "InternalIP"), ""),
        addresses=tuple(a.address for a in addresses),
        port=status.daemon_endpoints.kubelet_endpoint.port,
        ready={"True": True, "False": False}.get(ready.status),
        ready_reason=ready.reason,
        ready_message=ready.message,
        ready_since=ready.last_transition_time,
        kubelet_version=status.node_info.kubelet_version,
        kubeedge_version=f"v{version[1]}" if version else "",
        runtime_version=status.node_info.container_runtime_version,
        edge_label=labels.get(EDGE_LABEL),
        is_edge=EDGE_LABEL in labels or version is not None,
        is_control_plane=any(label in labels for label in _CONTROL_PLANE),
        cloudcore_ip=(node.metadata.annotations or {}).get("cloudcore", ""),
        labels=tuple(sorted(labels.items())),
        taints=tuple(f"{t.key}{'=' * bool(t.value)}{t.value}:{t.effect}" for t in node.spec.taints or ()),
        created=node.metadata.creation_timestamp,
        at=newest(c.last_heartbeat_time for c in status.conditions or ()),
    )


@probe()
def leases() -> Api:
    """Leases are listed, not watched: 10,000 of them change every ten seconds."""
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    return polled(path, k8s.Lease, "coordination.k8s.io", "leases", namespace="kube-node-lease")


@leases.parse
def read_leases(seen: Observation) -> dict[str, NodeLease]:
    found: tuple[k8s.Lease, ...] = objects(seen, k8s.Lease)
    at = newest(lease.spec.renew_time for lease in found)
    return {
        lease.metadata.name: NodeLease(lease.spec.renew_time, lease.spec.lease_duration_seconds or 40, at)
        for lease in found
    }
