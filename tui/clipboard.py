"""Copied text on its way out: to the clipboard of the desktop, of tmux, of the terminal, or into a file.

A terminal never says whether it took what OSC 52 sent it, so what is known to work comes first, and what is too
long for it is written to a file rather than lost.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from kedge.i18n import Text, _
from tui.aside import aside

OSC52_MOST = 74_000
"""Bytes of base64 that terminals are known to take (xterm, and tmux in its default build)."""

SCREEN_PIECE = 240
"""Bytes that GNU screen passes through in one device control string, with room for what frames them."""

NATIVE_SECONDS = 2.0

Which = Callable[[str], str | None]


def native(environ: Mapping[str, str], platform: str = sys.platform, which: Which = shutil.which) -> Sequence[str]:
    """The command that takes text on stdin to where the person pastes from; nothing when there is none here.

    tmux first: its own buffer is what is pasted there, and ``-w`` hands the text on to the terminal outside. A
    desktop's clipboard is the person's only where they sit, so over SSH it counts with X11 forwarding alone.
    """
    remote = bool(environ.get("SSH_CONNECTION"))
    wanted: list[tuple[bool, tuple[str, ...]]] = [
        (bool(environ.get("TMUX")), ("tmux", "load-buffer", "-w", "-")),
        (platform == "darwin" and not remote, ("pbcopy",)),
        (bool(environ.get("WAYLAND_DISPLAY")) and not remote, ("wl-copy",)),
        (bool(environ.get("DISPLAY")), ("xclip", "-selection", "clipboard")),
        (bool(environ.get("DISPLAY")), ("xsel", "--clipboard", "--input")),
    ]
    return next((argv for here, argv in wanted if here and which(argv[0])), ())


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """The sequence that asks a terminal to take the text, wrapped for what stands between; "" when it is too long."""
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if len(encoded) > OSC52_MOST:
        return ""
    sequence = f"\x1b]52;c;{encoded}\a"
    if environ.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("TERM", "").startswith("screen"):
        pieces = (sequence[at : at + SCREEN_PIECE] for at in range(0, len(sequence), SCREEN_PIECE))
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return sequence


async def deliver(text: str, write: Callable[[str], object], keep: Callable[[str], Path]) -> Text:
    """Take the text where it can be pasted from, and say where that is.

    Args:
        write: sends to the terminal.
        keep: writes a file, for what is too long for a terminal; may raise OSError.
    """
    count = len(text)
    argv = native(os.environ)
    if argv and await _piped(argv, text):
        return _("Copied {count} characters with {command}").format(count=count, command=argv[0])
    sequence = osc52(text, os.environ)
    if sequence:
        write(sequence)
        return _("Copied {count} characters to the terminal's clipboard").format(count=count)
    try:
        path = await aside(lambda: keep(text))
    except OSError as error:
        said = _("{count} characters are too many for a terminal's clipboard, and no file could be written: {error}")
        return said.format(count=count, error=error)
    said = _("{count} characters are too many for a terminal's clipboard; they are in {path}")
    return said.format(count=count, path=path)


async def _piped(argv: Sequence[str], text: str) -> bool:
    """True when the command took the text in time."""
    quiet = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet)
    except OSError:
        return False
    try:
        async with asyncio.timeout(NATIVE_SECONDS):
            await process.communicate(text.encode("utf-8", "replace"))
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return False
    return process.returncode == 0


def kept(text: str, folder: Path, name: str) -> Path:
    """Write a file of one's own, readable by nobody else; raises OSError."""
    path = folder / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return path
