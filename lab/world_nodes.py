"""Heartbeats: edges renew leases through the hub, and the node controller notices when they stop (facts 9)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from lab.objects import LEASES, NODES, Object, micro_timestamp
from lab.objects_nodes import lost_conditions, lost_taints, ready_conditions, settle
from lab.world_edgecore import EdgeCore
from lab.world_settings import CLOUD

if TYPE_CHECKING:
    from lab.world import World

_HEARTBEAT = 300.0
"""nodeStatusReportFrequency: 5m."""

_RUNTIME_DOWN = "container runtime is down"


class _Posted(enum.Enum):
    READY = "ready"
    PROBLEM = "problem"
    LOST = "lost"


class Nodes:
    """Keeps nodes and leases; each node's state is written only when it changes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._posted: dict[str, _Posted] = {}
        self._renewed: dict[str, float] = {}
        self._heartbeat_due: dict[str, float] = {}
        self._cloud_due = 0.0

    def begin(self, name: str, number: int) -> None:
        """A node is Ready from the start; work on many nodes is spread over time."""
        now, settings = self._world.clock(), self._world.settings
        self._posted[name] = _Posted.READY
        self._renewed[name] = now
        self._heartbeat_due[name] = now + _HEARTBEAT * (number % 97) / 97
        edge = self._world.edges.get(name)
        if edge is not None:
            edge.lease_due = now + settings.lease_interval * (number % 37) / 37

    def step(self) -> None:
        """Renew what is due and judge what is late."""
        now = self._world.clock()
        if now >= self._cloud_due:
            self._cloud_due = now + self._world.settings.lease_interval
            self._renew(CLOUD, now)
        for name, edge in self._world.edges.items():
            posts = edge.running and edge.hub_connected
            if posts and now >= edge.lease_due:
                edge.lease_due = now + self._world.settings.lease_interval
                self._renew(name, now)
            self._judge(name, edge, posts, now)

    def _renew(self, name: str, now: float) -> None:
        self._renewed[name] = now
        if self._world.store.find(LEASES, "kube-node-lease", name) is None:
            return
        stamp = micro_timestamp(now)
        self._world.store.change(
            LEASES, "kube-node-lease", name, lambda draft: draft["spec"].update(renewTime=stamp), "kubelet"
        )

    def _judge(self, name: str, edge: EdgeCore, posts: bool, now: float) -> None:
        if now - self._renewed[name] > self._world.settings.node_grace:
            wanted = _Posted.LOST
        elif not posts:
            return  # nothing new is said until the grace is over
        elif not edge.host.is_active("containerd"):
            wanted = _Posted.PROBLEM
        else:
            wanted = _Posted.READY
        before = self._posted[name]
        if wanted is before and now < self._heartbeat_due[name]:
            return
        if wanted is before and wanted is _Posted.LOST:
            return
        self._heartbeat_due[name] = now + _HEARTBEAT
        self._posted[name] = wanted
        self._post(name, wanted, now)
        if wanted is not before:
            self._world.pods.node_lost(name, lost=wanted is not _Posted.READY)

    def _post(self, name: str, state: _Posted, now: float) -> None:
        if self._world.store.find(NODES, "", name) is None:
            return

        def lose(draft: Object) -> None:
            draft["status"]["conditions"] = lost_conditions(draft["status"]["conditions"], now)
            draft["spec"]["taints"] = lost_taints(now)

        def post(draft: Object) -> None:
            fresh = ready_conditions(now, edge=True, problem=_RUNTIME_DOWN if state is _Posted.PROBLEM else "")
            draft["status"]["conditions"] = settle(fresh, draft["status"]["conditions"])
            draft["spec"].pop("taints", None)

        lost = state is _Posted.LOST
        manager = "kube-controller-manager" if lost else "cloudcore"
        node = self._world.store.change(NODES, "", name, lose if lost else post, manager)
        if lost:
            text = f"Node {name} status is now: NodeNotReady"
            self._world.event(node, "Normal", "NodeNotReady", text, "node-controller", kind="Node")
