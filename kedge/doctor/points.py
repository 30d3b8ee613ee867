"""One thing that was looked at, and how all of them are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kedge import __version__
from kedge.i18n import Text, as_json, translate
from kedge.model import Status
from kedge.printable import one_line
from kedge.report import API_VERSION, GLYPHS, stamp


@dataclass(frozen=True, slots=True)
class Point:
    """What is so, and what would help.

    Attributes:
        area: what it belongs to, in English: ``terminal``, ``kubeconfig``, ``host`` …
        target: a machine's name, "-" for this installation.
        help: what to do about it; None where nothing needs doing.
    """

    area: str
    status: Status
    text: Text
    target: str = "-"
    help: Text | None = None


def summary(points: Sequence[Point]) -> dict[str, int]:
    """How many points have each status."""
    return {status.value: sum(one.status is status for one in points) for status in Status}


def document(points: Sequence[Point], taken: datetime) -> dict[str, Any]:
    """English, names frozen."""
    return {
        "apiVersion": API_VERSION,
        "kind": "doctor",
        "version": __version__,
        "generatedAt": stamp(taken),
        "summary": summary(points),
        "points": [
            {
                "area": one.area,
                "target": one.target,
                "status": one.status.value,
                "message": as_json(one.text),
                "help": as_json(one.help),
            }
            for one in points
        ],
    }


def table(points: Sequence[Point]) -> str:
    """For people: a line for each point, and below it what would help."""
    names = [one.area if one.target == "-" else f"{one.area} {one_line(one.target)}" for one in points]
    wide = max(map(len, names), default=0)
    lines = []
    for name, one in zip(names, points, strict=True):
        lines.append(f"{GLYPHS[one.status]} {name:<{wide}}  {one_line(translate(one.text))}")
        if one.help is not None:
            lines.append(f"  {'':<{wide}}  > {one_line(translate(one.help))}")
    return "\n".join(lines) + "\n"
