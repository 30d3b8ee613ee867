"""Makes text from the outside safe to print: no escape sequence, no control character, one line stays one line.

Names of nodes, pods and files and every line of a log are hostile input.
"""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI … final byte
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS, SOS, PM, APC … terminator
    r"|\x1b[ -/]*[0-~]"  # other two-byte sequences
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, tab: int = 8) -> str:
    """The text with escapes taken out, tabs expanded and other control characters replaced by U+FFFD.

    Line breaks stay; see :func:`one_line`.
    """
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "\t" in text:
        text = "\n".join(line.expandtabs(tab) for line in text.split("\n"))
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The printable text on one line, line breaks shown as ``⏎``."""
    return printable(text).replace("\n", " ⏎ ")
