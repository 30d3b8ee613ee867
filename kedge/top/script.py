"""The loop that a host runs for us, and the words around it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

INTERVALS = (1, 2, 5, 10, 30)
"""Seconds between two frames; whole ones, since busybox may not know others."""

TITLE = ": what this machine uses"
"""The first line, which does nothing: it is what messages about the loop call it."""

LONGEST_SECONDS = 4 * 3600
"""After this a loop ends by itself, so that none outlives a link that nobody closed; it is started again then."""


@cache
def _loop() -> str:
    return Path(__file__).with_name("host_loop.sh").read_text(encoding="utf-8")


def render(nonce: str, interval: int) -> str:
    """POSIX sh text for ``sh -s``; it reads nothing and writes frames to standard output.

    Args:
        nonce: letters and digits that the host cannot know beforehand; marks the lines that are ours.
        interval: whole seconds between frames.
    """
    frames = LONGEST_SECONDS // interval
    values = f"nonce={nonce} interval={interval} frames={frames}\n"
    return f"{TITLE}\n{values}{_loop()}main </dev/null 2>/dev/null\nexit\n"
