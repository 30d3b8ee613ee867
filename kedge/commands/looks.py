"""What one look at a site found, and what of it was asked for. Shared by ``check`` and ``check --watch``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from kedge.atomic import write_whole
from kedge.commands.common import stop
from kedge.exit_codes import Exit, exit_code
from kedge.i18n import _, translate
from kedge.model import Status
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.printable import one_line
from kedge.report_formats import FORMATS
from kedge.selection import select

TEXTFILE_MODE = 0o644
"""The collector that reads it is another user."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found; ``complete`` is False when its time was up before everything had answered."""

    picture: Picture
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """How a live site is looked at.

    Attributes:
        files: outputs of probe scripts. wait: seconds to look again in. interval: seconds between looks of ``watch``.
    """

    NAMES: ClassVar[tuple[str, ...]] = ("files", "intrusive", "wait", "watch", "interval", "textfile")

    files: tuple[str, ...]
    intrusive: bool
    wait: float
    watch: bool
    interval: float
    textfile: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of a look: which part of it, in which form, and what counts as bad."""

    NAMES: ClassVar[tuple[str, ...]] = (
        "nodes",
        "groups",
        "output",
        "show",
        "fail_on",
        "strict",
        "exit_zero",
        "timeout",
    )

    registry: Registry
    codes: tuple[str, ...]
    nodes: tuple[str, ...]
    groups: tuple[str, ...]
    output: str
    show: frozenset[Status]
    fail_on: str
    strict: bool
    exit_zero: bool
    timeout: float

    def part(self, picture: Picture) -> Picture:
        """The part of a picture that was asked for."""
        return select(picture, self.codes, self.nodes, self.groups)

    def code(self, look: Look) -> Exit:
        """What the shell is told of it."""
        code = exit_code(
            self.part(look.picture),
            self.registry,
            fail_on=self.fail_on,
            strict=self.strict or not look.complete,
            partial=bool(self.codes or self.nodes or self.groups),
        )
        return Exit.OK if self.exit_zero else code


def tell_problems(look: Look, wanted: Wanted) -> None:
    """What a person should know about the look itself, on stderr."""
    for problem in look.picture.problems:
        click.echo(f"kedge-tui: {one_line(translate(problem))}", err=True)
    if not look.complete:
        click.echo(f"kedge-tui: not everything answered within {wanted.timeout:g} s; see --timeout", err=True)


def write_textfile(file: str, picture: Picture) -> None:
    """Metrics for the textfile collector; one that cannot be written ends the program."""
    path = Path(file).expanduser()
    try:
        write_whole(path, FORMATS["prom"](picture).encode(), TEXTFILE_MODE)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        stop(_("{file} cannot be written: {problem}").format(file=path, problem=why), Exit.INTERNAL)
