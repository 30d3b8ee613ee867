"""A file that is there whole or not at all: written beside its place, synced, then renamed."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, body: bytes, mode: int = 0o600) -> None:
    """Write the file with exactly this mode; what was there stays until the new one is whole.

    A device or a pipe (``/dev/stdout``) is written to, never put aside for a file.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    if path.exists() and not path.is_file():
        with path.open("wb", buffering=0) as stream:
            stream.write(body)
        return
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(body)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        os.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
