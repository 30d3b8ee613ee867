"""Asks about head-room: disks and what the kernel tells under /proc."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kedge.asks.base import HostAsk


@dataclass(frozen=True, slots=True)
class DiskFree(HostAsk):
    """``df`` of the file system that holds a path, in blocks or in inodes."""

    path: str
    of: Literal["blocks", "inodes"] = "blocks"

    def render(self) -> str:
        return f"df -P{'i' if self.of == 'inodes' else 'k'} {shlex.quote(self.path)}"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> DiskFree | None:
        paths = [word for word in argv[1:] if not word.startswith("-")]
        if list(argv[:1]) != ["df"] or len(paths) != 1:
            return None
        inodes = any(word.startswith("-") and not word.startswith("--") and "i" in word for word in argv)
        return cls(paths[0], "inodes" if inodes or "--inodes" in argv else "blocks")


_PROC = {
    "load": ("/proc/loadavg", "/proc/uptime"),
    "memory": ("/proc/meminfo",),
    "pids": ("/proc/sys/kernel/pid_max",),
}


@dataclass(frozen=True, slots=True)
class Proc(HostAsk):
    """Small files of the kernel: ``load`` (loadavg and uptime), ``memory`` or ``pids`` (the highest pid)."""

    of: Literal["load", "memory", "pids"]

    def render(self) -> str:
        return "cat " + " ".join(_PROC[self.of])

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Proc | None:
        # `head -5 /proc/meminfo` still holds what matters: total, free, available.
        if list(argv[:1]) not in (["cat"], ["head"]):
            return None
        paths = tuple(word for word in argv[1:] if word.startswith("/"))
        return next((cls(of) for of, files in _PROC.items() if files == paths), None)  # type: ignore[arg-type]
