"""ssh_config where there is no ssh program to read it: the user's file, then the system's, includes in their place.

OpenSSH's rules (ssh_config(5)): what is found first counts; ``-F`` leaves out the system's file; names of included
files that are not absolute are looked for in ``~/.ssh`` or, from the system's file, in ``/etc/ssh``; what is not there
is passed over.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from kedge.i18n import Text, _

SYSTEM = Path("/etc/ssh/ssh_config")

_DEEPEST = 16
_WORD = re.compile(r"\s*([A-Za-z]+)\s*[\s=]\s*(.*)")


class NotReadable(Exception):
    """A file cannot be used without OpenSSH; carries the sentence."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


def whole_text(named: Path | None, system: Path | None = None) -> str:
    """Everything that counts, as one ssh_config without ``Include``.

    Args:
        named: the file that a site's settings name; None for the user's and the system's.
        system: in place of :data:`SYSTEM`.

    Raises:
        NotReadable: a file includes others for some hosts only, or in circles, or asks a program (``Match exec``).
        OSError: a file is there and cannot be read.
    """
    if named is not None:
        return _read(named.expanduser(), Path("~/.ssh").expanduser(), 0)
    own, shared = Path("~/.ssh/config").expanduser(), system or SYSTEM
    return f"{_read(own, own.parent, 0)}\nHost *\n{_read(shared, shared.parent, 0)}"


def _read(file: Path, folder: Path, depth: int) -> str:
    if not file.exists():
        return ""
    return "\n".join(_lines(file, folder, depth))


def _lines(file: Path, folder: Path, depth: int) -> Iterator[str]:
    for_all = True
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="surrogateescape").splitlines(), 1):
        key, value = (found[1].lower(), found[2].strip()) if (found := _WORD.match(line)) else ("", "")
        if key == "match" and re.search(r"\bexec\b", value, re.IGNORECASE):
            text = _("{file}, line {line}, has a `Match exec`; that takes OpenSSH's `ssh` here")
            raise NotReadable(text.format(file=file, line=number))
        if key in ("host", "match"):
            for_all = value in ("*", "all")
        if key != "include":
            yield line
        elif not for_all or depth == _DEEPEST:
            text = _("{file}, line {line}, includes other files for some hosts only; that takes OpenSSH's `ssh` here")
            raise NotReadable(text.format(file=file, line=number))
        else:
            for included in _included(value, folder):
                yield from (_read(included, folder, depth + 1), "Host *")  # its last section ends with it


def _included(value: str, folder: Path) -> Iterator[Path]:
    for word in shlex.split(value, comments=True):
        path = Path(word).expanduser()
        pattern = str((path if path.is_absolute() else folder / path).relative_to("/"))
        yield from sorted(Path("/").glob(pattern))
