"""What a practice site is made of and how fast its time runs."""

from __future__ import annotations

import enum
from dataclasses import dataclass

CLOUD = "cloud1"
CLOUD_ADDRESS = "127.0.0.1"
METRICS_IMAGE = "registry.k8s.io/metrics-server/metrics-server:v0.4.1"
NAT_MANAGER_IMAGE = "docker.io/kubeedge/iptables-manager-nft:v1.23.1"
CLOUDCORE_IMAGE = "docker.io/kubeedge/cloudcore:v1.23.1"
WORKLOAD_IMAGE = "docker.io/library/nginx:latest"
PAUSE_IMAGE = "registry.k8s.io/pause:3.10"

UNTUNNELLED_PORT = 10350
"""The kubelet port of an edge node that never had a tunnel (facts 0.2)."""

TUNNEL_PORT = 10351
"""The kubelet port that the first CloudCore gives to nodes whose tunnel it accepts (facts 0.1)."""

WORKLOADS = ("line-gateway", "label-printer", "vision-gate", "plc-bridge", "energy-meter")


class ApiTrouble(enum.Enum):
    """What ails an API server that is up."""

    NONE = "none"
    BUSY = "busy"
    SLOW = "slow"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Ports:
    """The real, free loopback ports that stand for a site's well-known ones."""

    api: int = 6443
    hub: int = 10000
    https: int = 10002
    stream: int = 10003
    tunnel: int = 10004
    quic: int = 10001
    metrics: int = 4443


@dataclass(frozen=True, slots=True)
class Settings:
    """Size and pace of the site; times are seconds.

    Attributes:
        edges: number of edge nodes, named edge1 …
        pods_per_edge: DaemonSets that run on every edge; the first has two containers.
        node_grace: how long a lease may stand still before its node is NotReady (40 s on real sites).
        lease_interval: how often a connected edge renews its lease.
        scrape_interval: how often metrics-server scrapes (15 s on real sites).
        pod_start, pod_stop: how long a container takes to start, a pod to terminate.
        retry: how long EdgeCore waits between two dials of the tunnel or the hub.
        crash_backoff: how long a crashed container or unit waits to start again.
        history: watch events kept for each kind.
        seed: makes names and uids repeatable.
    """

    edges: int = 2
    pods_per_edge: int = 1
    node_grace: float = 40.0
    lease_interval: float = 10.0
    scrape_interval: float = 2.0
    pod_start: float = 0.6
    pod_stop: float = 0.4
    retry: float = 2.0
    crash_backoff: float = 10.0
    history: int = 5000
    seed: int = 1


def edge_name(number: int) -> str:
    """Edges are counted from 1."""
    return f"edge{number}"


def edge_address(number: int) -> str:
    """The InternalIP of an edge: a label that only the practice site's API resolves (edge1 is 10.99.0.21)."""
    high, low = divmod(number + 20, 256)
    return f"10.99.{high}.{low}"
