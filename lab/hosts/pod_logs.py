"""``/var/log/pods`` of a machine: what its containers write, in files as a kubelet keeps them (CRI's form)."""

from __future__ import annotations

import shutil
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
        self._written: dict[Path, float] = {}

    def step(self) -> None:
        """Write down what was logged since the last step."""
        visited = {name: machine for name, machine in self._machines.items() if machine.is_visited}
        if not visited:
            return
        present = set()
        for pod in self._world.store.list(PODS):
            machine = visited.get(pod["spec"].get("nodeName", ""))
            if machine is not None:
                meta = pod["metadata"]
                folder = machine.path(f"{POD_LOGS}/{meta['namespace']}_{meta['name']}_{meta['uid']}")
                present.add(folder)
                self._write(folder, pod)
        for folder in {file.parents[1] for file in self._written} - present:
            self._forget(folder)

    def _write(self, folder: Path, pod: Object) -> None:
        for status in pod["status"].get("containerStatuses", ()):
            current, previous = (ask(pod, status["name"]) for ask in (self._world.log_of, self._world.previous_log))
            sources = [source for source in (previous, current) if source is not None]
            first = status["restartCount"] + 1 - len(sources)
            if not sources:
                continue
            files = [folder / status["name"] / f"{number}.log" for number in range(first, first + len(sources))]
            for file, source in zip(files, sources, strict=True):
                self._append(file, source)
            for old in set(files[0].parent.glob("*.log")) - set(files):
                old.unlink()  # the kubelet keeps one dead container, and the logs of no other

    def _forget(self, folder: Path) -> None:
        """The pod is gone, and the kubelet removes its folder."""
        shutil.rmtree(folder, ignore_errors=True)
        self._written = {file: at for file, at in self._written.items() if file.parents[1] != folder}

    def _append(self, file: Path, source: LogSource) -> None:
        now, before = self._world.clock(), self._written.get(file)
        lines = source.last(_FIRST_LINES, now) if before is None else list(source.lines(before, now))
        self._written[file] = now
        if before is not None and not lines:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as out:
            out.writelines(f"{_nano(at)} stdout F {text}\n" for at, text in lines)


def _nano(at: float) -> str:
    """RFC 3339 as containerd writes it: zeros at the end of the fraction are left away."""
    seconds, _, fraction = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").partition(".")
    return f"{seconds}.{fraction}".rstrip("0").rstrip(".") + "Z"
