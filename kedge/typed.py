"""What was typed on the ``:`` and ``/`` lines of the screen, kept from one session to the next.

One line of the file per entry, its first character says which prompt it answered. Only the owner may read it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from kedge.atomic import write_whole
from kedge.printable import one_line
from kedge.state import state_dir, state_place

log = logging.getLogger(__name__)

NAME = "typed"
MOST = 200
"""Entries that are offered again, per prompt."""

FILE_MOST = 8 * MOST
"""Lines from which on the file is written anew with those that are still offered."""

LARGEST = 1_000_000
"""Bytes; a larger file was not written by this program and is left alone."""


def past(prompts: str = ":/") -> dict[str, list[str]]:
    """What was typed in earlier sessions, oldest first, by prompt; nothing when it cannot be read."""
    found: dict[str, list[str]] = {prompt: [] for prompt in prompts}
    lines = _lines(state_place() / NAME)
    for line in lines:
        if line[:1] in found and line[1:].strip():
            found[line[:1]].append(line[1:])
    for prompt, entries in found.items():
        del entries[:-MOST]
        found[prompt] = [text for place, text in enumerate(entries) if entries[place - 1 : place] != [text]]
    if len(lines) > FILE_MOST:
        _write_anew(found)
    return found


def keep(prompt: str, text: str) -> None:
    """Add one entry; a disk that is full or not writable is logged, never shown: it is a convenience."""
    line = f"{prompt}{one_line(text)}\n".encode()
    try:
        descriptor = os.open(state_dir() / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.info("what was typed is not kept: %s", error)


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > LARGEST:
            return []
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _write_anew(found: dict[str, list[str]]) -> None:
    body = "".join(f"{prompt}{text}\n" for prompt, entries in found.items() for text in entries)
    try:
        write_whole(state_dir() / NAME, body.encode())
    except OSError as error:
        log.info("what was typed is not shortened: %s", error)
