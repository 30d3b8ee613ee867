"""metrics-server: it scrapes every node through the same path as everything else, and serves what it got."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.objects import NODES, Object, timestamp
from lab.world_logs import Recorded, klog
from lab.world_path import KUBELET_PORT, Client, DialFailed, Ended, NoAnswer
from lab.world_usage import container_usage, node_usage, noise

if TYPE_CHECKING:
    from lab.world import World


_NODES_PER_SECOND = 100
_NODES_PER_STEP = 50
"""Bounds of one machine's work: a site of 1000 edges is scraped every 10 s, in slices."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags that decide whether edges can be scraped (facts 8)."""

    use_node_status_port: bool
    insecure_tls: bool

    @classmethod
    def parse(cls, args: Sequence[str]) -> Flags:
        """Read a container's arguments; a bare flag means true."""

        def given(name: str) -> bool:
            return any(arg in (name, f"{name}=true") for arg in args)

        return cls(given("--kubelet-use-node-status-port"), given("--kubelet-insecure-tls"))


class MetricsServer:
    """One metrics-server process, from the start of its container to its end."""

    def __init__(self, pod: str, args: Sequence[str], interval: float, clock: Callable[[], float]) -> None:
        self.pod = pod
        self.flags = Flags.parse(args)
        self.started = clock()
        self.log = Recorded()
        self.scraped: dict[str, float] = {}
        """When each node was last scraped; nodes that failed in the last round are absent."""
        self.rounds = 0
        self._interval = interval
        self._clock = clock
        self._next = self.started
        self._queue: list[str] = []
        self._fresh: dict[str, float] = {}
        self.write("I", "serving.go:405", "Generated self-signed cert (/tmp/apiserver.crt, /tmp/apiserver.key)")
        self.write("I", "secure_serving.go:214", "Serving securely on [::]:4443")
        self.write("I", "shared_informer.go:409", '"Caches are synced"')

    @property
    def ready(self) -> bool:
        """It needs two rounds of numbers before it serves any (`metric-storage-ready`)."""
        return self.rounds >= 2 and bool(self.scraped)

    def step(self, world: World) -> None:
        """Scrape all nodes when it is time, large sites in slices."""
        now = self._clock()
        if not self._queue:
            if now < self._next:
                return
            self._queue = [item["metadata"]["name"] for item in world.store.values(NODES)]
            self._fresh = {}
            self._next = now + max(self._interval, len(self._queue) / _NODES_PER_SECOND)
            if not self.ready:
                self.write(
                    "I", "server.go:192", '"Failed probe" probe="metric-storage-ready" err="no metrics to serve"'
                )
        for node in self._queue[:_NODES_PER_STEP]:
            problem = self._scrape(world, node)
            if problem is None:
                self._fresh[node] = now
            elif problem:
                self.write("E", "scraper.go:149", f'"Failed to scrape node" err={json.dumps(problem)} node="{node}"')
        del self._queue[:_NODES_PER_STEP]
        if not self._queue:
            self.scraped = self._fresh
            self.rounds += 1

    def _scrape(self, world: World, node: str) -> str | None:
        """None, or why this node has no numbers now; empty where metrics-server says nothing itself."""
        path = "/metrics/resource"
        port = None if self.flags.use_node_status_port else KUBELET_PORT
        url = world.path.endpoint(node, port) + path
        try:
            answer = world.path.request(node, path, client=Client.METRICS_SERVER, by_name=False, port=port)
        except DialFailed as problem:
            return f'Get "{url}": {problem}'
        except NoAnswer:
            return f'Get "{url}": context deadline exceeded'
        except Ended:
            return f'Get "{url}": EOF'
        if not self.flags.insecure_tls and node in world.edges:
            address = url.removeprefix("https://").partition(":")[0]
            cause = f"x509: cannot validate certificate for {address} because it doesn't contain any IP SANs"
            return f'Get "{url}": tls: failed to verify certificate: {cause}'
        if answer.status != 200:
            return f'request failed, status: "{answer.status} Internal Server Error"'
        return None if "node_cpu_usage_seconds_total" in answer.body else ""

    def write(self, level: str, place: str, text: str) -> None:
        """One line of the log."""
        now = self._clock()
        self.log.add(now, klog(level, now, 1, place, text))


def node_metrics(world: World, server: MetricsServer) -> list[Object]:
    """The items of NodeMetricsList."""
    now = world.clock()
    items = []
    for name, at in sorted(server.scraped.items()):
        node, host = world.store.find(NODES, "", name), world.hosts.get(name)
        if node is None or host is None:
            continue
        meta = {"name": name, "creationTimestamp": timestamp(now), "labels": node["metadata"]["labels"]}
        window = f"{10 + noise(name, at) * 10:.3f}s"
        usage = node_usage(host, at).quantities()
        items.append({"metadata": meta, "timestamp": timestamp(at), "window": window, "usage": usage})
    return items


def pod_metrics(world: World, server: MetricsServer, namespace: str = "") -> list[Object]:
    """The items of PodMetricsList."""
    now = world.clock()
    items: list[Object] = []
    for node, at in server.scraped.items():
        for pod in world.pods_on(node):
            meta = pod["metadata"]
            states = [s for s in pod["status"].get("containerStatuses", ()) if "running" in s["state"]]
            if not states or (namespace and meta["namespace"] != namespace):
                continue
            head = {"name": meta["name"], "namespace": meta["namespace"], "creationTimestamp": timestamp(now)}
            containers = [
                {"name": s["name"], "usage": container_usage(meta["name"], s["name"], at).quantities()} for s in states
            ]
            items.append(
                {
                    "metadata": {**head, "labels": meta.get("labels", {})},
                    "timestamp": timestamp(at),
                    "window": f"{10 + noise(meta['name'], at) * 9:.3f}s",
                    "containers": containers,
                }
            )
    items.sort(key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"]))
    return items
