"""How hard something is pressed, in three steps, from a share of what there is."""

from __future__ import annotations

from enum import IntEnum

from kedge.i18n import Text, _

BUSY, HOT = 0.75, 0.90
"""Shares from which on attention is worth while, and from which on trouble is near."""


class Pressure(IntEnum):
    """Higher is worse; UNKNOWN where there is nothing to compare with."""

    UNKNOWN = 0
    CALM = 1
    BUSY = 2
    HOT = 3


WORDS: dict[Pressure, Text] = {
    Pressure.UNKNOWN: Text(""),
    Pressure.CALM: _("ok"),
    Pressure.BUSY: _("busy"),
    Pressure.HOT: _("hot"),
}


def pressure(share: float | None) -> Pressure:
    """Of a share between 0 and 1 (a limit can be exceeded); None is not known."""
    if share is None:
        return Pressure.UNKNOWN
    if share >= HOT:
        return Pressure.HOT
    return Pressure.BUSY if share >= BUSY else Pressure.CALM


def worst(*of: Pressure) -> Pressure:
    """The highest of some."""
    return max(of, default=Pressure.UNKNOWN)
