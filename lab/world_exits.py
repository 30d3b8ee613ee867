"""Containers that exit, and the kubelet that starts them again: a new log, and the one before kept as the previous."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.objects import Object, timestamp
from lab.objects_pods import started_status
from lab.world_logs import Workload

if TYPE_CHECKING:
    from lab.world import World
    from lab.world_host import Host
    from lab.world_pods import Running


@dataclass(slots=True)
class Exit:
    """A container that has exited and was not started again yet.

    Attributes:
        at: when; `due`: when it starts again.
        is_told: whether the pod's status says so.
    """

    at: float
    code: int
    due: float
    is_told: bool = False


def end_container(world: World, running: Running, container: str, code: int) -> None:
    """The container's process ends now: its log is complete. Raises KeyError when it does not run."""
    now = world.clock()
    source = running.logs.pop(container)
    source.end(now)
    running.previous[container] = source
    running.exited[container] = Exit(now, code, now + world.settings.pod_start)


def told_status(world: World, pod: Object, running: Running, host: Host) -> Object | None:
    """What the kubelet does about exited containers, as the pod's new status; None when nothing changed.

    One step tells that a container has exited, a later one that it runs again: whoever watches sees both.
    """
    now = world.clock()
    changes: dict[str, Object] = {}
    statuses = {status["name"]: status for status in pod["status"].get("containerStatuses", ())}
    for name, gone in tuple(running.exited.items()):
        before = statuses.get(name, {})
        if not gone.is_told:
            gone.is_told = True
            changes[name] = {"state": {"terminated": _terminated(before, gone)}, "ready": False, "started": False}
        elif now >= gone.due:
            del running.exited[name]
            running.logs[name] = Workload(now, sum(map(ord, pod["metadata"]["uid"])) + len(name))
            changes[name] = {
                "state": {"running": {"startedAt": timestamp(now)}}, "ready": True, "started": True,
                "lastState": before.get("state", {}), "restartCount": before.get("restartCount", 0) + 1,
                "containerID": f"containerd://{world.store.hexadecimal()}",
            }  # fmt: skip
    if not changes:
        return None
    states = [{**status, **changes.get(name, {})} for name, status in statuses.items()]
    return started_status(pod, states, host.address, now, ready=all(state["ready"] for state in states))


def _terminated(before: Mapping[str, Object], gone: Exit) -> Object:
    return {
        "exitCode": gone.code, "reason": "Error" if gone.code else "Completed", "finishedAt": timestamp(gone.at),
        "startedAt": before.get("state", {}).get("running", {}).get("startedAt"),
        "containerID": before.get("containerID", ""),
    }  # fmt: skip
