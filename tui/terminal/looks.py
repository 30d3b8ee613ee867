"""How a cell's look becomes a style of the screen."""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color
from rich.style import Style

from tui.terminal.cells import Look

_PLAIN = {name: name for name in ("black", "red", "green", "blue", "magenta", "cyan", "white")} | {"brown": "yellow"}
_BRIGHT = {f"bright{name}": f"bright_{rich}" for name, rich in _PLAIN.items()} | {"bfightmagenta": "bright_magenta"}
"""As pyte spells them, a slip of its own included."""


def color_of(name: str) -> Color | None:
    """A colour as pyte names it; None for the default."""
    if name == "default":
        return None
    known = _PLAIN.get(name) or _BRIGHT.get(name)
    if known is not None:
        return Color.parse(known)
    try:
        return Color.parse(f"#{name}")
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def style_of(look: Look) -> Style:
    """The style of a look."""
    fg, bg, bold, italic, underline, strike, reverse, blink, faint, hidden = look
    return Style(
        color=color_of(fg), bgcolor=color_of(bg),
        bold=bold or None, italic=italic or None, underline=underline or None,
        strike=strike or None, reverse=reverse or None, blink=blink or None,
        dim=faint or None, conceal=hidden or None,
    )  # fmt: skip
