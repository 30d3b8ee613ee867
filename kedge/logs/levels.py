"""How serious a line says it is: klog, JSON, logfmt and plain text. Pure; asked only of lines in view."""

from __future__ import annotations

import json
import re
from enum import StrEnum


class Level(StrEnum):
    """Seriousness of a line; NONE where it says nothing."""

    ERROR = "error"
    WARN = "warn"
    INFO = "info"
    DEBUG = "debug"
    NONE = ""


_WORDS = {
    "panic": Level.ERROR, "fatal": Level.ERROR, "critical": Level.ERROR, "crit": Level.ERROR, "emerg": Level.ERROR,
    "alert": Level.ERROR, "error": Level.ERROR, "err": Level.ERROR, "warning": Level.WARN, "warn": Level.WARN,
    "notice": Level.INFO, "info": Level.INFO, "debug": Level.DEBUG, "trace": Level.DEBUG,
}  # fmt: skip
_KLOG = {"E": Level.ERROR, "F": Level.ERROR, "W": Level.WARN, "I": Level.INFO}

_KLOG_HEAD = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d")
_LOGFMT = re.compile(r"\b(?:level|lvl|severity)=\"?([A-Za-z]+)")
_JSON = re.compile(r'"(?:level|lvl|severity|levelname|log\.level)"\s*:\s*"?([A-Za-z]+|\d{2})')
_PLAIN = re.compile(r"\b(PANIC|FATAL|CRITICAL|ERROR|ERR|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE)\b|^panic: ")
_BUNYAN = {
    "10": Level.DEBUG, "20": Level.DEBUG, "30": Level.INFO, "40": Level.WARN, "50": Level.ERROR, "60": Level.ERROR,
}  # fmt: skip

LOOKED_AT = 400
"""Characters in which a line says its level; further on it is text."""


def level_of(text: str) -> Level:
    """The level that a line names."""
    head = text[:LOOKED_AT]
    if found := _KLOG_HEAD.search(head):
        return _KLOG[found[1]]
    if head.lstrip().startswith("{") and (found := _JSON.search(head)):
        return _BUNYAN.get(found[1]) or _WORDS.get(found[1].lower(), Level.NONE)
    if found := _LOGFMT.search(head):
        return _WORDS.get(found[1].lower(), Level.NONE)
    if found := _PLAIN.search(head):
        return _WORDS.get((found[1] or "panic").lower(), Level.NONE)
    return Level.NONE


def pretty_json(text: str) -> str:
    """A line that holds a JSON object, written over several lines; "" for any other line."""
    start = text.find("{")
    if start < 0:
        return ""
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return ""
    shown = json.dumps(value, indent=2, ensure_ascii=False)
    return f"{text[:start]}{shown}{text[end:]}"
