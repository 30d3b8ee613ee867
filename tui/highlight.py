"""Syntax colours by component classes, so that they follow the theme."""

from __future__ import annotations

from collections.abc import Iterator

from tui.text_layout import Line, Part

MOST = 60_000
"""Characters that are coloured; pygments on more than this would be felt on the event loop."""

_CLASSES = (
    ("Comment", "line--dim"),
    ("Name.Tag", "line--key"),
    ("Name.Attribute", "line--key"),
    ("Keyword", "line--good"),
    ("Literal.Scalar", "line--text"),
    ("Literal.Number", "line--hunk"),
    ("Literal.String", "line--text"),
    ("Punctuation", "line--dim"),
)


def highlighted(text: str, language: str | None) -> list[Line]:
    """The lines of a text, coloured when the language is known and the text not too long."""
    if language is None or len(text) > MOST:
        return [Line(((line, "line--text"),)) for line in text.split("\n")]
    lines: list[Line] = []
    parts: list[Part] = []
    for style, piece in _tokens(text, language):
        first, *rest = piece.split("\n")
        if first:
            parts.append((first, style))
        for line in rest:
            lines.append(Line(tuple(parts)))
            parts = [(line, style)] if line else []
    return [*lines, Line(tuple(parts))] if parts else lines


def _tokens(text: str, language: str) -> Iterator[tuple[str, str]]:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

    for token, piece in get_lexer_by_name(language, stripnl=False, ensurenl=True).get_tokens(text):
        name = str(token).removeprefix("Token.")
        yield next((style for start, style in _CLASSES if name.startswith(start)), "line--text"), piece
