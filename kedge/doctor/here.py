"""What this machine and this terminal are like. Nothing is written, and nothing is dialled."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kedge import __version__
from kedge.doctor.points import Point
from kedge.i18n import _
from kedge.model import Status

SMALLEST = (80, 24)
"""Columns and rows that the screen is made for."""

LEAST_FREE = 16 * 2**20
"""Bytes below which a state directory is as good as full: the log files alone may take as much."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What is known of the terminal: is it one, its size, and the encoding of what is printed."""

    is_one: bool
    columns: int
    rows: int
    encoding: str


def of_terminal(terminal: Terminal, environ: Mapping[str, str]) -> Iterator[Point]:
    """Size, colours and glyphs."""
    if not terminal.is_one:
        yield Point("terminal", Status.INFO, _("There is no terminal here: commands work, the screen does not"))
    elif environ.get("TERM", "") in ("", "dumb"):
        said = _("TERM is {term}: the screen cannot be drawn").format(term=environ.get("TERM") or "-")
        yield Point("terminal", Status.WARN, said, help=_("Set TERM to what your terminal is, e.g. xterm-256color"))
    else:
        yield _size(terminal, environ["TERM"])
    yield _colours(environ)
    if "utf" in terminal.encoding.lower():
        yield Point("locale", Status.PASS, _("Text is {encoding}").format(encoding=terminal.encoding))
    else:
        said = _("Text is {encoding}, which lacks the glyphs of the screen").format(encoding=terminal.encoding or "-")
        yield Point("locale", Status.WARN, said, help=_("Use a UTF-8 locale, e.g. LC_ALL=C.UTF-8, or --ascii"))


def _size(terminal: Terminal, term: str) -> Point:
    words = {"term": term, "columns": terminal.columns, "rows": terminal.rows}
    if terminal.columns >= SMALLEST[0] and terminal.rows >= SMALLEST[1]:
        return Point("terminal", Status.PASS, _("{term}, {columns}x{rows}").format(**words))
    said = _("{term}, {columns}x{rows}: the screen is made for 80x24 and more").format(**words)
    return Point("terminal", Status.WARN, said, help=_("Enlarge the window"))


def _colours(environ: Mapping[str, str]) -> Point:
    if environ.get("NO_COLOR"):
        return Point("colours", Status.INFO, _("NO_COLOR is set: no colours; words and glyphs say the same"))
    if environ.get("COLORTERM") in ("truecolor", "24bit"):
        return Point("colours", Status.PASS, _("16 million (COLORTERM)"))
    count = "256" if "256" in environ.get("TERM", "") else "16"
    return Point("colours", Status.PASS, _("{count}, by TERM").format(count=count))


def of_program(libraries: Mapping[str, str], problems: int) -> Point:
    """Versions, and whether every plugin could be loaded."""
    versions = ", ".join(f"{name} {version}" for name, version in libraries.items())
    said = _("kedge-tui {own}, Python {python}, {versions}")
    text = said.format(own=__version__, python=platform.python_version(), versions=versions)
    if problems:
        return Point("program", Status.WARN, text, help=_("Some plugins cannot be used: kedge-tui info says which"))
    return Point("program", Status.PASS, text)


def of_state(path: Path) -> Point:
    """Whether what was changed can be written down: without its record nothing is ever changed."""
    there = next(place for place in (path, *path.parents) if place.exists())
    if not there.is_dir():
        said = _("{path} cannot be made: {there} is no folder").format(path=path, there=there)
        return Point("state", Status.FAIL, said, help=_("Name another place with KEDGE_TUI_STATE"))
    if not os.access(there, os.W_OK | os.X_OK):
        said = _("{path} cannot be written: nothing could be changed, for every change is written down there first")
        return Point("state", Status.FAIL, said.format(path=path), help=_("Name another place with KEDGE_TUI_STATE"))
    free = shutil.disk_usage(there).free
    words = {"path": path, "free": free // 2**20}
    if free < LEAST_FREE:
        said = _("{path} has only {free} MiB left on its disk").format(**words)
        return Point("state", Status.WARN, said, help=_("Make room, or name another place with KEDGE_TUI_STATE"))
    return Point("state", Status.PASS, _("{path} can be written, {free} MiB are free").format(**words))


def of_ssh(environ: Mapping[str, str], home: Path | None) -> Iterator[Point]:
    """What `ssh` of this user has to offer: its config, an agent, the keys of hosts that it knows."""
    if shutil.which("ssh", path=environ.get("PATH")) is None:
        said = _("There is no `ssh` here: ~/.ssh/config is read without Match and other rarer words")
        yield Point("ssh", Status.INFO, said)
    agent = environ.get("SSH_AUTH_SOCK", "")
    if not agent:
        yield Point("ssh agent", Status.INFO, _("None runs; keys are read from files"))
    elif Path(agent).is_socket():
        yield Point("ssh agent", Status.PASS, _("{path}").format(path=agent))
    else:
        said = _("SSH_AUTH_SOCK names {path}, where no agent listens").format(path=agent)
        yield Point("ssh agent", Status.WARN, said, help=_("Start one (ssh-agent), or unset SSH_AUTH_SOCK"))
    known = None if home is None else home / ".ssh" / "known_hosts"
    if known is None:
        yield Point("ssh keys of hosts", Status.INFO, _("HOME is not set, so no known_hosts of yours is read"))
    elif not known.exists():
        said = _("{path} does not exist: every host is new, and its key is asked about").format(path=known)
        yield Point("ssh keys of hosts", Status.INFO, said)
    elif os.access(known, os.R_OK):
        yield Point("ssh keys of hosts", Status.PASS, _("{path}").format(path=known))
    else:
        yield Point("ssh keys of hosts", Status.WARN, _("{path} cannot be read").format(path=known))
