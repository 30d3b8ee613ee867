"""Cuts the output of a terminal program into text and control sequences (ECMA-48, and what xterm adds).

pyte's own stream is not used: it prints DCS strings (vim asks with some), takes ``CSI > 4 ; 2 m`` for underlining,
and dies of ``CSI ? … m``. Here one regular expression finds whole tokens, and text comes in runs as long as possible.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from typing import Protocol

MOST_HELD = 65_536
"""Characters of a string that has no end yet; a longer one is no string."""

_TOKEN = re.compile(
    r"(?P<flow>[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]+)"  # text, and the ends of its lines
    r"|\x1b\[(?P<params>[0-?]*)(?P<between>[ -/]*)(?P<csi>[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b\x18\x1a]*)(?:\x07|\x1b\\)"
    r"|\x1b[P^_Xk](?P<string>[^\x1b\x18\x1a]*)\x1b\\"  # k: how screen and tmux name a window
    r"|\x1b(?P<inter>[ -/]+)(?P<designate>[0-~])"
    r"|\x1b(?P<escape>[0-OQ-WYZ\\`-jl-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b\x18\x1a]*\x1b?|[P^_Xk][^\x1b\x18\x1a]*\x1b?|[ -/]*)?\Z")


class Listener(Protocol):
    """What tokens are told to."""

    def flow(self, text: str) -> None:
        """Printable text with ``\\r`` and ``\\n`` in it."""
        ...

    def control(self, code: str) -> None:
        """One control character."""
        ...

    def csi(self, params: str, between: str, final: str) -> None:
        """A control sequence."""
        ...

    def osc(self, text: str) -> None:
        """An operating system command: titles and the like."""
        ...

    def string(self, text: str) -> None:
        """A device control or other string."""
        ...

    def escape(self, between: str, final: str) -> None:
        """A short escape sequence."""
        ...


class Tokens:
    """Takes bytes in pieces of any size and tells a listener of whole tokens."""

    def __init__(self, listener: Listener) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""
        said = listener
        self._tell: Mapping[str, Callable[[re.Match[str]], None]] = {
            "flow": lambda found: said.flow(found[0]),
            "csi": lambda found: said.csi(found["params"], found["between"], found["csi"]),
            "control": lambda found: said.control(found[0]),
            "osc": lambda found: said.osc(found["osc"]),
            "string": lambda found: said.string(found["string"]),
            "designate": lambda found: said.escape(found["inter"], found["designate"]),
            "escape": lambda found: said.escape("", found["escape"]),
        }

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        text = self._held + self._decode(data)
        self._held, place, end = "", 0, len(text)
        match, tell = _TOKEN.match, self._tell
        while place < end:
            found = match(text, place)
            if found is not None:
                tell[str(found.lastgroup)](found)
                place = found.end()
            elif _UNFINISHED.match(text, place) and end - place < MOST_HELD:
                self._held = text[place:]
                return
            else:
                place += 1  # a broken sequence: its escape character is dropped, as terminals do
