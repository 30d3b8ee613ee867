"""Masks secrets in what a link answered, before anything stores or shows it. Line numbers stay as they were."""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK = "***"

_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.*?)(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}")


def masked(text: str, fields: Sequence[str] = ()) -> str:
    """The text with private keys, bearer tokens and the values of the named fields replaced by ``***``."""
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(lambda m: m[1] + _stars(m[2]) + m[3], text)
    text = _BEARER.sub(lambda m: m[1] + MASK, text)
    if fields:
        text = _fields(tuple(fields)).sub(_value, text)
    return text


def _stars(body: str) -> str:
    return MASK.join("\n" * body.count("\n")) if "\n" in body else MASK


def _fields(names: tuple[str, ...]) -> re.Pattern[str]:
    joined = "|".join(re.escape(name) for name in names)
    return re.compile(rf"""(?im)^(\s*(?:-\s+)?["']?(?:{joined})["']?\s*:[ \t]*)([^\s#].*?)([ \t]*)$""")


def _value(found: re.Match[str]) -> str:
    value = found[2]
    if value in ('""', "''", "null", "~"):
        return found[0]
    return f'{found[1]}"{MASK}"{found[3]}'  # quoted: a bare * would begin a YAML alias
