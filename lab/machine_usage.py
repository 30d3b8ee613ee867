"""What the machine that the practice site runs on has and uses.

Its hosts are folders on this one machine, so whoever asks one over SSH reads this machine's /proc. The numbers that the
API tells of nodes come from there too, or the two would contradict each other.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from pathlib import Path

_WINDOW = 10.0
"""Seconds that CPU is averaged over, as metrics-server does."""

_MEMORY = re.compile(r"^(MemTotal|MemAvailable):\s+(\d+) kB$", re.MULTILINE)


def memory_kib() -> dict[str, int]:
    """``MemTotal`` and ``MemAvailable``; empty on a system without /proc."""
    try:
        return {name: int(kib) for name, kib in _MEMORY.findall(Path("/proc/meminfo").read_text())}
    except OSError:
        return {}


class CpuMeter:
    """Cores that are busy, over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()

    def cores(self) -> float | None:
        """None on a system without /proc. The first answer is the mean since the machine started."""
        now = time.monotonic()
        if not self._seen or now - self._seen[-1][0] >= 1.0:
            try:
                first = Path("/proc/stat").read_text().split("\n", 1)[0]
            except OSError:
                return None
            user, nice, system, idle, wait, hard, soft, steal = map(int, first.split()[1:9])
            busy = user + nice + system + hard + soft + steal
            self._seen.append((now, busy, busy + idle + wait))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _WINDOW:
            self._seen.popleft()
        (_at, busy, total), (_then, last_busy, last_total) = self._seen[0], self._seen[-1]
        if last_total == total:
            busy, total = 0, 0
        return (last_busy - busy) / max(1, last_total - total) * (os.cpu_count() or 1)


CPU = CpuMeter()
