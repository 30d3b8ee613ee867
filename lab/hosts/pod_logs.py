"""``/var/log/pods`` of a machine: what its containers write, in files as a kubelet keeps them (CRI's form)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts.tree import POD_LOGS
from lab.objects import PODS, Object
from lab.world_logs import LogSource

if TYPE_CHECKING:
    from lab.hosts.machine import Machine
    from lab.world import World

_FIRST_LINES = 300
"""Lines of the past that a new file begins with."""


class PodLogFiles:
    """Appends to the files of machines that somebody has logged in to; nobody sees those of the others."""

    def __init__(self, world: World, machines: dict[str, Machine]) -> None:
        self._world = world
        self._machines = machines
        self._written: dict[Path, tuple[LogSource, float]] = {}

    def step(self) -> None:
        """Write down what was logged since the last step."""
        visited = {name: machine for name, machine in self._machines.items() if machine.is_visited}
        if not visited:
            return
        for pod in self._world.store.list(PODS):
            machine = visited.get(pod["spec"].get("nodeName", ""))
            if machine is not None:
                self._write(machine, pod)

    def _write(self, machine: Machine, pod: Object) -> None:
        meta = pod["metadata"]
        folder = machine.path(f"{POD_LOGS}/{meta['namespace']}_{meta['name']}_{meta['uid']}")
        for container in pod["spec"]["containers"]:
            source = self._world.log_of(pod, container["name"])
            if source is not None:
                self._append(folder / container["name"], source)

    def _append(self, folder: Path, source: LogSource) -> None:
        now = self._world.clock()
        before = self._written.get(folder)
        if before is not None and before[0] is source:
            lines = list(source.lines(before[1], now))
        else:
            lines = source.last(_FIRST_LINES, now)
        self._written[folder] = (source, now)
        if not lines and before is not None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        files = sorted((int(file.stem) for file in folder.glob("*.log")), reverse=True)
        number = files[0] if files else 0
        if before is not None and before[0] is not source:
            number += 1  # the container was started again
        with (folder / f"{number}.log").open("a", encoding="utf-8") as file:
            file.writelines(f"{_nano(at)} stdout F {text}\n" for at, text in lines)


def _nano(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
