"""ConfigUpdateJobs: CloudCore's task manager hands them to edges over the hub, and edges do what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.objects import CONFIG_UPDATE_JOBS, Object, timestamp
from lab.world_configs import set_option
from lab.world_edgecore import UNIT

if TYPE_CHECKING:
    from lab.world import World

_ENDS = ("Complated", "Failure")
_SECONDS = 1.0
"""Between two steps of a job on one node."""
_ACTIONS = ("Check", "BackUp", "Update")


class Jobs:
    """Moves every job towards its end; ``task_manager`` is off where nobody takes jobs up, as KubeEdge ships it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._due: dict[str, float] = {}
        self.task_manager = True

    def step(self) -> None:
        """Do what is due."""
        if self._world.cloudcore is None or not self.task_manager:
            return
        for job in self._world.store.list(CONFIG_UPDATE_JOBS):
            if (job.get("status") or {}).get("phase") not in _ENDS:
                self._advance(job)

    def _advance(self, job: Object) -> None:
        name, now = job["metadata"]["name"], self._world.clock()
        if now < self._due.setdefault(name, now + _SECONDS):
            return
        self._due[name] = now + _SECONDS
        old = {one["nodeName"]: one for one in (job.get("status") or {}).get("nodeStatus", ())}
        nodes = [self._node(job, node, old.get(node, {})) for node in job["spec"].get("nodeNames", ())]
        states = {node["phase"] for node in nodes}
        running = states & {"Pending", "InProgress"}
        phase = "InProgress" if running else "Failure" if "Failure" in states else "Complated"
        status = {"phase": phase, "nodeStatus": nodes}
        self._world.store.put(CONFIG_UPDATE_JOBS, "", name, "cloudcore", status=status)

    def _node(self, job: Object, node: str, before: Object) -> Object:
        if before.get("phase") in ("Successful", "Failure"):
            return before
        edge, now = self._world.edges.get(node), self._world.clock()
        begun = self._world.created_at(job)
        if edge is None or not edge.hub_connected:
            late = now >= begun + job["spec"].get("timeoutSeconds", 300)
            return {"nodeName": node, "phase": "Failure" if late else "Pending", "actionFlow": [],
                    **({"reason": "timeout waiting for the node"} if late else {})}  # fmt: skip
        flow = list(before.get("actionFlow", ()))
        action = _ACTIONS[len(flow)]
        if action == "Update":
            text = self._world.read_config(edge.host)
            for path, value in job["spec"]["updateFields"].items():
                module, _dot, key = path.removeprefix("modules.").partition(".")
                text = set_option(text, module, key, value)
            self._world.write_config(edge.host, text)
            edge.host.restart_service(UNIT)
        flow.append({"action": action, "status": "True", "time": timestamp(now)})
        phase = "Successful" if action == "Update" else "InProgress"
        return {"nodeName": node, "phase": phase, "actionFlow": flow}
