"""A status on the screen: glyph + word + colour, never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.scrollbar import ScrollBarRender

from kedge.i18n import Text, _
from kedge.model import Status

_UNICODE = {
    Status.PASS: "✓",
    Status.INFO: "i",
    Status.WARN: "!",
    Status.FAIL: "✗",
    Status.SKIP: "-",
    Status.UNKNOWN: "?",
}
_ASCII = _UNICODE | {Status.PASS: "+", Status.FAIL: "x"}

_STEPS = {
    "running": "▸",
    "done": "✓",
    "already so": "✓",
    "failed": "✗",
    "done without effect": "!",
    "unknown": "?",
    "not run": "-",
}
_ASCII_STEPS = _STEPS | {"running": ">", "done": "+", "already so": "+", "failed": "x"}

WORDS: dict[Status, Text] = {
    Status.PASS: _("ok"),
    Status.INFO: _("info"),
    Status.WARN: _("warn"),
    Status.FAIL: _("fail"),
    Status.SKIP: _("skip"),
    Status.UNKNOWN: _("unknown"),
}


STATUS_CLASSES = frozenset(f"status--{status.value}" for status in Status)
"""Component classes that colour a status; a widget that shows one names them."""


class PlainBars(ScrollBarRender):
    """Scrollbars without block characters."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters that the screen is drawn with."""

    ascii_only: bool = False

    def status(self, status: Status) -> str:
        """One character for a status."""
        return (_ASCII if self.ascii_only else _UNICODE)[status]

    @property
    def open(self) -> str:
        """In front of a branch whose children are shown."""
        return "v" if self.ascii_only else "▾"

    @property
    def closed(self) -> str:
        """In front of a branch whose children are hidden."""
        return ">" if self.ascii_only else "▸"

    @property
    def link(self) -> str:
        """Between two hops of a path."""
        return "-" if self.ascii_only else "─"

    @property
    def bar(self) -> str:
        """Between two tabs."""
        return "|" if self.ascii_only else "│"

    @property
    def arrow(self) -> str:
        """From cause to effect."""
        return "->" if self.ascii_only else "→"

    @property
    def more(self) -> str:
        """Text that was cut."""
        return "..." if self.ascii_only else "…"

    def step(self, state: str) -> str:
        """One character for how a step of a plan stands."""
        return (_ASCII_STEPS if self.ascii_only else _STEPS).get(state, "?")

    @property
    def mark(self) -> str:
        """In front of a marked row."""
        return "*" if self.ascii_only else "●"


def style_of(status: Status) -> str:
    """Name of the component class that colours a status."""
    return f"status--{status.value}"
