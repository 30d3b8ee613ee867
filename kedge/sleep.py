"""Notices that this machine has slept: a laptop that was closed, a virtual machine that was paused.

Connections are dead by then and nobody says so: timers stand still during sleep, so keep-alives and read timeouts
would take another minute or two to find out, with an old picture on the screen meanwhile.
"""

from __future__ import annotations

import time

NAP = 5.0
"""Seconds of sleep from which connections are made anew."""


def slept_for() -> float:
    """A number that grows by the seconds that this machine sleeps, and by nothing else where the system can tell.

    Linux counts them in CLOCK_BOOTTIME. Elsewhere the wall clock stands in; setting that costs a reconnection.
    """
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    passed = time.time() if boottime is None else time.clock_gettime(boottime)
    return passed - time.monotonic()


class SleepWatch:
    """Tells naps from the passing of time."""

    def __init__(self) -> None:
        self._before = slept_for()

    def nap(self) -> float:
        """Seconds slept since the last call; 0.0 for less than :data:`NAP`."""
        now = slept_for()
        slept, self._before = now - self._before, now
        return slept if slept >= NAP else 0.0
