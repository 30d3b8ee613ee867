"""Head-room of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Volume:
    """One file system: how much of it there is and is left, in bytes or inodes."""

    mount: str
    total: int = 0
    free: int = 0

    @property
    def free_share(self) -> float:
        """Free part between 0 and 1; 1 when the size is not told."""
        return self.free / self.total if self.total else 1.0


@dataclass(frozen=True, slots=True)
class Headroom:
    """What an edge has left (target: the edge). Each part may be missing.

    Attributes:
        disks, inodes: by file system. memory: MemTotal and MemAvailable in bytes.
        tasks: processes and threads now. most_tasks: the kernel's pid_max, 0 when not told.
        load: averages over 1, 5 and 15 minutes.
    """

    disks: tuple[Volume, ...] = ()
    inodes: tuple[Volume, ...] = ()
    memory: Volume | None = None
    tasks: int = 0
    most_tasks: int = 0
    load: tuple[float, ...] = ()
    at: datetime | None = None
