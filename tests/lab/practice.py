"""A world under a clock that only tests move."""

from __future__ import annotations

from lab.objects import NODES
from lab.world import Ports, Settings, World
from lab.world_access import EVERYTHING, User
from lab.world_edged import ExecRefused
from lab.world_exec import ExecResult
from lab.world_path import Answer, PathError

STEP = 0.2


class Practice:
    """A world and its clock."""

    def __init__(self, **settings: float) -> None:
        self.now = 1795340000.0
        self.world = World(Ports(), Settings(**settings), clock=lambda: self.now)  # type: ignore[arg-type]
        self.world.access.tokens = {"token": User("oncall")}
        self.world.access.allow("oncall", EVERYTHING)

    def run(self, seconds: float) -> None:
        """Let time pass in steps of a runner's size."""
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            self.world.tick()

    def pod(self, node: str, name: str = "") -> str:
        """The name of a pod on a node, of the workload called `name` if given."""
        names = [str(pod["metadata"]["name"]) for pod in self.world.pods_on(node)]
        return next(found for found in names if found.startswith(name))

    def log_path(self, node: str, query: str = "?tailLines=3") -> str:
        """What the API server asks a node for the gateway's log."""
        return f"/containerLogs/factory/{self.pod(node, 'line-gateway')}/gateway{query}"

    def logs(self, node: str, query: str = "?tailLines=3") -> Answer | PathError:
        """The answer to a log request, or why there was none."""
        try:
            return self.world.path.request(node, self.log_path(node, query))
        except PathError as problem:
            return problem

    def exec(self, node: str, *argv: str) -> ExecResult | Exception:
        """The result of an exec, or why there was none."""
        path = f"/exec/factory/{self.pod(node, 'line-gateway')}/gateway"
        try:
            return self.world.path.exec(node, path, list(argv) or ["hostname"])
        except (PathError, ExecRefused) as problem:
            return problem

    def scraped(self) -> set[str]:
        """Nodes with fresh numbers; empty while metrics are not served."""
        metrics = self.world.metrics
        if metrics is None or not self.world.services.metrics_available():
            return set()
        return set(metrics.scraped)

    def ready(self) -> dict[str, str]:
        """Condition Ready of each node."""
        return {
            node["metadata"]["name"]: next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")
            for node in self.world.store.list(NODES)
        }
