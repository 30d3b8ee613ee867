"""``check --watch``: looks again and again over one open site, and tells what changed."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import NoReturn

import click

from kedge.changes import changes
from kedge.commands.live import Session, ask_once, opened
from kedge.commands.looks import Look, Wanted, tell_problems, write_textfile
from kedge.exit_codes import Exit
from kedge.picture import Picture
from kedge.report import document
from kedge.workbench import Options


async def watch_site(wanted: Wanted, options: Options, interval: float, textfile: str) -> NoReturn:
    """One JSON object a line: ``report`` at the start, then a ``change`` for whatever says something else.

    Args:
        interval: seconds from the end of one look to the start of the next.
        textfile: Prometheus metrics of every look go there, when given.
    """
    before: Picture | None = None
    async with opened(wanted.registry, options, read_only=lambda: True) as session:
        while True:
            look = await _look(session, wanted)
            picture = wanted.part(look.picture)
            if before is None:
                tell_problems(look, wanted)
                whole = document(picture)
                _print({"kind": "report", **{name: whole[name] for name in whole if name not in ("results", "paths")}})
            for change in changes(before, picture, wanted.show):
                _print(change)
            if textfile:
                write_textfile(textfile, picture)
            before = picture
            await asyncio.sleep(interval)


async def _look(session: Session, wanted: Wanted) -> Look:
    try:
        async with session.within(wanted.timeout):
            await ask_once(session, wanted.nodes)
    except TimeoutError:
        return Look(session.site.picture(), complete=False)
    return Look(session.site.picture())


def _print(line: dict[str, object]) -> None:
    """At once: who reads it is waiting. One that has seen enough ends the watching."""
    try:
        click.echo(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
        sys.stdout.flush()
    except BrokenPipeError:
        sys.exit(Exit.OK)
