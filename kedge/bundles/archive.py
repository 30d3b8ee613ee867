"""The archive on disk: written whole or not at all, and read without trusting a byte of it.

A bundle comes by mail from somebody else. Nothing of it is unpacked to disk; only regular files of the known names are
read, in memory, up to a limit, so that neither a path, a link nor a bomb in it does anything.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from kedge.atomic import write_whole
from kedge.bundles.gather import AUDIT, FINDINGS, MANIFEST, OBSERVATIONS
from kedge.i18n import Text, _
from kedge.recording import RecordingError

NAMES = frozenset({MANIFEST, FINDINGS, OBSERVATIONS, AUDIT})
MOST = 1024 * 2**20
"""Bytes that are unpacked at most."""

_LEVEL = 6


class BundleError(RecordingError):
    """A bundle cannot be written or read; ``text`` says which file, and why."""


def write(path: Path, files: Mapping[str, bytes], moment: float) -> int:
    """Write the archive with mode 0600 and give its size; what was there stays until the new one is whole.

    Args:
        moment: time stamp of the files in it, seconds since the epoch.

    Raises:
        BundleError: it cannot be written; nothing is left behind.
    """
    body = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=body, mode="wb", compresslevel=_LEVEL, mtime=moment) as packed:
        _pack(packed, files, moment)
    try:
        write_whole(path, body.getvalue())
    except OSError as error:
        text = _("{file} cannot be written: {problem}. Nothing was left behind")
        raise BundleError(text.format(file=path, problem=error.strerror or error)) from None
    return body.tell()


def _pack(packed: gzip.GzipFile, files: Mapping[str, bytes], moment: float) -> None:
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(body), 0o600, int(moment)
            archive.addfile(member, io.BytesIO(body))


class _TooMuch(Exception):
    """More was unpacked than a bundle may hold."""


class _Counted(io.RawIOBase):
    """A stream that gives up past :data:`MOST` bytes, whatever the archive says of their number."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._left = stream, most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        piece = self._stream.read(wanted)
        self._left -= len(piece)
        if self._left < 0:
            raise _TooMuch
        return piece


def read(path: Path, most: int = MOST) -> dict[str, bytes]:
    """The files of a bundle by name; raises BundleError for anything else than a whole, honest bundle."""
    try:
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as unpacked:
            files = _unpack(path, _Counted(unpacked, most))
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
        raise _refused(path, _("it is damaged or was cut off ({error})").format(error=error)) from None
    except _TooMuch:
        raise _refused(path, _("it unpacks to more than {size} MiB").format(size=most // 2**20)) from None
    except OSError as error:
        text = _("{file} cannot be read: {problem}")
        raise BundleError(text.format(file=path, problem=error.strerror or error)) from None
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise _refused(path, _("it is damaged ({error})").format(error=error)) from None
    if MANIFEST not in files or OBSERVATIONS not in files:
        raise _refused(path, _("it lacks {name}").format(name=MANIFEST if MANIFEST not in files else OBSERVATIONS))
    return files


def _unpack(path: Path, stream: _Counted) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if not member.isreg() or member.issparse():
                raise _refused(path, _("{name} in it is no ordinary file").format(name=member.name))
            if member.name not in NAMES or member.name in files:
                raise _refused(path, _("{name} has no place in a bundle").format(name=member.name))
            body = archive.extractfile(member)
            files[member.name] = body.read() if body is not None else b""
            if len(files[member.name]) != member.size:
                raise _refused(path, _("{name} in it was cut off").format(name=member.name))
    while stream.read(65_536):  # to the end: only then the checksum is verified
        pass
    return files


def _refused(path: Path, why: Text) -> BundleError:
    return BundleError(_("{file} is no bundle of kedge-tui that can be read: {why}").format(file=path, why=why))
