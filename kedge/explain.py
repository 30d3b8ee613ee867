"""The offline explanation of a check: its anchor in docs/checks.md, else its own docstring."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
PLACES = (_HERE / "docs", _HERE.parent / "docs")
"""Where the documents are: inside an installed package, or beside it in a checkout."""

_HEADING = re.compile(r"^## (KE\d{3})\b", re.MULTILINE)


@cache
def sections() -> dict[str, str]:
    """Markdown by code; empty when no document is installed."""
    found: dict[str, str] = {}
    for place in PLACES:
        for file in sorted(place.glob("checks*.md")):
            found |= split(file.read_text(encoding="utf-8"))
        if found:
            break
    return found


def split(text: str) -> dict[str, str]:
    """The sections of one document by the code in their ``##`` heading."""
    places = list(_HEADING.finditer(text))
    ends = [*(place.start() for place in places[1:]), len(text)]
    return {place[1]: text[place.start() : end].strip() for place, end in zip(places, ends, strict=True)}


def explanation(code: str, doc: str = "") -> str:
    """Markdown for one code; ``doc`` is the check's docstring, used when there is no section."""
    return sections().get(code) or f"## {code}\n\n{doc}".strip()
