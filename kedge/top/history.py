"""The last quarter of an hour of numbers, in memory: what a sparkline is drawn from."""

from __future__ import annotations

import math
from array import array
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

MINUTES = 15
SLOT_SECONDS = 15.0
SLOTS = int(MINUTES * 60 / SLOT_SECONDS)
"""One number per quarter of a minute: metrics-server's own resolution."""

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = "_.-:=+*#"
_NONE = math.nan


@dataclass(slots=True)
class _Ring:
    """One number per slot; 240 bytes, since a site may have 10,000 pods."""

    last: int
    values: array[float] = field(default_factory=lambda: array("f", [_NONE] * SLOTS))


class History:
    """Numbers by key, one per slot of time, the largest where several fall into one; keys that are gone are dropped.

    Times are seconds of any clock that only grows.
    """

    def __init__(self) -> None:
        self._rings: dict[Hashable, _Ring] = {}

    def __len__(self) -> int:
        return len(self._rings)

    def add(self, key: Hashable, value: float, now: float) -> None:
        """Remember a number."""
        slot = int(now // SLOT_SECONDS)
        ring = self._rings.get(key)
        if ring is None:
            ring = self._rings[key] = _Ring(slot)
        for passed in range(max(ring.last + 1, slot - SLOTS + 1), slot + 1):
            ring.values[passed % SLOTS] = _NONE
        ring.last = slot
        before = ring.values[slot % SLOTS]
        ring.values[slot % SLOTS] = value if math.isnan(before) else max(before, value)

    def keep(self, keys: Iterable[Hashable]) -> None:
        """Forget everything else."""
        staying = set(keys)
        for key in self._rings.keys() - staying:
            del self._rings[key]

    def of(self, key: Hashable, now: float, width: int = SLOTS) -> tuple[float | None, ...]:
        """The last ``width`` slots, oldest first; None where there was no number."""
        last = int(now // SLOT_SECONDS)
        ring = self._rings.get(key)

        def at(slot: int) -> float | None:
            if ring is None or not ring.last - SLOTS < slot <= ring.last:
                return None
            value = ring.values[slot % SLOTS]
            return None if math.isnan(value) else value

        return tuple(at(slot) for slot in range(last - width + 1, last + 1))


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
