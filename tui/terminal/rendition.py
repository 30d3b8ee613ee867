"""SGR: what ``CSI … m`` makes of a look. Pure; colours are named as pyte names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyte import graphics

from tui.terminal.cells import Cell

_SWITCHES: Mapping[int, Mapping[str, bool]] = {
    1: {"bold": True}, 2: {"faint": True}, 3: {"italics": True}, 4: {"underscore": True}, 5: {"blink": True},
    6: {"blink": True}, 7: {"reverse": True}, 8: {"hidden": True}, 9: {"strikethrough": True},
    21: {"underscore": True}, 22: {"bold": False, "faint": False}, 23: {"italics": False}, 24: {"underscore": False},
    25: {"blink": False}, 27: {"reverse": False}, 28: {"hidden": False}, 29: {"strikethrough": False},
}  # fmt: skip
_COLOURS: Mapping[int, tuple[str, str]] = {
    **{number: ("fg", name) for number, name in {**graphics.FG_ANSI, **graphics.FG_AIXTERM}.items()},
    **{number: ("bg", name) for number, name in {**graphics.BG_ANSI, **graphics.BG_AIXTERM}.items()},
}
_LONG = {38: "fg", 48: "bg"}
_FIRST = [graphics.FG_ANSI[30 + n] for n in range(8)] + [graphics.FG_AIXTERM[90 + n] for n in range(8)]
"""The first sixteen of 256 are the colours of the person's own theme."""


def rendered(look: Cell, plain: Cell, numbers: tuple[int, ...]) -> Cell:
    """The look after one sequence; ``plain`` is that of a reset. Numbers that mean nothing are passed over."""
    changes: dict[str, Any] = {}
    rest = iter(numbers or (0,))
    for number in rest:
        if number == 0:
            changes = plain._asdict()
        elif number in _SWITCHES:
            changes.update(_SWITCHES[number])
        elif number in _COLOURS:
            where, name = _COLOURS[number]
            changes[where] = name
        elif number in _LONG and (name := _long_colour(rest)):
            changes[_LONG[number]] = name
        elif number == 58:  # the colour of an underline, which no terminal here can show
            _long_colour(rest)
    return look._replace(**{**changes, "data": look.data}) if changes else look


def _long_colour(rest: Iterator[int]) -> str:
    """``5;N`` or ``2;R;G;B``; empty for a broken one."""
    kind = next(rest, 0)
    if kind == 5:
        number = next(rest, 0)
        if number < len(_FIRST):
            return _FIRST[number]
        return graphics.FG_BG_256[number] if number < 256 else ""
    if kind == 2:
        return "".join(f"{min(next(rest, 0), 255):02x}" for _part in range(3))
    return ""
