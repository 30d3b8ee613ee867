"""The last quarter of an hour of numbers, in memory: what a sparkline is drawn from."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

MINUTES = 15
SLOT_SECONDS = 15.0
SLOTS = int(MINUTES * 60 / SLOT_SECONDS)
"""One number per quarter of a minute: metrics-server's own resolution."""

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = "_.-:=+*#"


class History:
    """Numbers by key, one per slot of time, the largest where several fall into one; keys that are gone are dropped.

    Times are seconds of any clock that only grows.
    """

    def __init__(self) -> None:
        self._slots: dict[Hashable, deque[tuple[int, float]]] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, key: Hashable, value: float, now: float) -> None:
        """Remember a number."""
        slots = self._slots.setdefault(key, deque(maxlen=SLOTS))
        slot = int(now // SLOT_SECONDS)
        if slots and slots[-1][0] == slot:
            slots[-1] = (slot, max(slots[-1][1], value))
        else:
            slots.append((slot, value))

    def keep(self, keys: Iterable[Hashable]) -> None:
        """Forget everything else."""
        staying = set(keys)
        for key in self._slots.keys() - staying:
            del self._slots[key]

    def of(self, key: Hashable, now: float, width: int = SLOTS) -> tuple[float | None, ...]:
        """The last ``width`` slots, oldest first; None where there was no number."""
        last = int(now // SLOT_SECONDS)
        known = dict(self._slots.get(key, ()))
        return tuple(known.get(slot) for slot in range(last - width + 1, last + 1))


def sparkline(values: Iterable[float | None], top: float, *, ascii_only: bool = False) -> str:
    """One character per value, relative to ``top``; a blank where there was none."""
    blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
    most = len(blocks) - 1

    def block(value: float | None) -> str:
        if value is None:
            return " "
        share = value / top if top > 0 else 0.0
        return blocks[max(0, min(most, int(share * len(blocks))))]

    return "".join(map(block, values))
