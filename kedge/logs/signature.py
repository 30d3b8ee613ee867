"""One kind of line in a log, as data. Line numbers of Go files are never matched: they move."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from kedge.i18n import Text


@dataclass(frozen=True, slots=True)
class Signature:
    """One kind of line.

    Attributes:
        id: stable name, e.g. ``no-session``.
        pattern: of the message, header taken off; group ``node`` names the node it speaks of, where it does.
        kind: ``failure``, ``health`` (it works for that node, or at all) or ``benign`` (looks bad, means nothing).
        meaning: what a tired human should know of it.
        topics: what it is about (tunnel, hub, edged …). A failure has one; a sign of health contradicts older failures
            of its topics.
        code: the check whose verdict it supports, "" for none.
    """

    id: str
    pattern: re.Pattern[str]
    kind: Literal["failure", "health", "benign"]
    meaning: Text
    topics: tuple[str, ...] = ("tunnel",)
    code: str = ""

    @property
    def topic(self) -> str:
        """What a failure is about."""
        return self.topics[0]


def health(id: str, pattern: str, *topics: str) -> Signature:
    """A line that says that something works."""
    return Signature(id, re.compile(pattern), "health", Text(""), topics or ("tunnel",))


def benign(id: str, pattern: str, meaning: Text) -> Signature:
    """A line that looks bad and means nothing, or is mere news."""
    return Signature(id, re.compile(pattern), "benign", meaning)


def failure(id: str, pattern: str, meaning: Text, code: str = "", topic: str = "tunnel") -> Signature:
    """A line that says that something does not work."""
    return Signature(id, re.compile(pattern), "failure", meaning, (topic,), code)
