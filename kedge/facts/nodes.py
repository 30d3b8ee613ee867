"""Nodes as Kubernetes reports them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

NEVER_TUNNELLED_PORT = 10350
"""Port of a node that registered but never had a tunnel accepted, since v1.12.1 (facts 0.2, 1.2)."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node, cloud or edge.

    Attributes:
        port: ``status.daemonEndpoints.kubeletEndpoint.Port``; 0 when absent.
        ready: status of the Ready condition: True, False, or None for Unknown/absent.
        kubeedge_version: e.g. ``v1.23.1`` when the kubelet version names one, else "".
        edge_label: value of ``node-role.kubernetes.io/edge``, None when absent.
        is_edge: by label, version string or inventory; trust this, not the label.
        cloudcore_ip: annotation ``cloudcore`` (v1.18+): the hub's CloudCore.
        at: newest heartbeat in the object.
    """

    name: str
    internal_ip: str = ""
    addresses: tuple[str, ...] = ()
    port: int = 0
    ready: bool | None = None
    ready_reason: str = ""
    ready_message: str = ""
    ready_since: datetime | None = None
    kubelet_version: str = ""
    kubeedge_version: str = ""
    runtime_version: str = ""
    edge_label: str | None = None
    is_edge: bool = False
    is_control_plane: bool = False
    cloudcore_ip: str = ""
    labels: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    taints: tuple[str, ...] = ()
    created: datetime | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NodeLease:
    """The heartbeat of one node (target: the node): it travels over the hub on 10000, not over the tunnel.

    Attributes:
        renewed: when the node renewed it last.
        at: newest renewal of any lease in the same answer, the nearest thing to the server's clock.
    """

    renewed: datetime | None = None
    seconds: int = 40
    at: datetime | None = None
