"""Colour themes. A widget names theme variables only, so a theme is nothing but colours."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

COLOUR_BLIND = Theme(
    # The palette of Okabe and Ito, told apart with every common colour vision deficiency.
    name="kedge-colour-blind",
    primary="#56B4E9",
    secondary="#CC79A7",
    accent="#F0E442",
    success="#56B4E9",
    warning="#F0E442",
    error="#E69F00",
    foreground="#e8e8e8",
    background="#101014",
    surface="#18181d",
    panel="#26262e",
    dark=True,
)

HIGH_CONTRAST = Theme(
    # For bad screens, bright rooms and tired eyes: nothing is told by a shade of grey.
    name="kedge-high-contrast",
    primary="#00ffff",
    secondary="#ff80ff",
    accent="#ffff00",
    success="#00ff00",
    warning="#ffff00",
    error="#ff6060",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#202020",
    dark=True,
    variables={"foreground-muted": "#ffffff"},
)

OWN = (COLOUR_BLIND, HIGH_CONTRAST)

NAMES: Mapping[str, str] = {
    "dark": "textual-dark",
    "light": "textual-light",
    "colour-blind": COLOUR_BLIND.name,
    "high-contrast": HIGH_CONTRAST.name,
}
"""Short names of the themes that are cared for; every other theme of Textual works by its own name."""


def following(current: str) -> str:
    """The theme after this one, around the end."""
    order = list(NAMES.values())
    return order[(order.index(current) + 1) % len(order)] if current in order else order[0]
