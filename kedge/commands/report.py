"""``kedge-tui report``: the incident in a few lines, for a ticket or a chat."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from kedge import incident
from kedge.audit import Audit, AuditError, Entry
from kedge.bundles.opening import read_bundle
from kedge.commands.check import judge_recording
from kedge.commands.common import put, site_options, stop
from kedge.commands.durations import duration
from kedge.commands.terminal import say
from kedge.picture import Picture
from kedge.recording import RecordingError
from kedge.registry import discover
from kedge.state import audit_path
from kedge.workbench import Options

FORMATS = {"markdown": incident.as_markdown, "short": incident.as_short}


@click.command("report")
@click.option("-o", "--output", type=click.Choice(sorted(FORMATS)), default="markdown", help="Format of the report.")
@click.option("--bundle", default="", metavar="PATH", help="Tell of a bundle or recorded site instead.")
@duration("--timeout", "60s", "For the look at the site.")
@site_options
def command(output: str, bundle: str, timeout: float, **site: Any) -> None:
    """Tell the incident: what is broken, since when, why, what was done by whom, and what remains.

    It is no check: the exit code is 0 whatever is found.
    """
    try:
        if bundle:
            picture, entries = asyncio.run(judge_recording(Path(bundle), discover())), _bundled(Path(bundle))
        else:
            picture, entries = asyncio.run(_live(Options(**site), timeout)), _entries()
    except RecordingError as error:
        stop(error.text)
    for problem in picture.problems:
        say(problem)
    put(FORMATS[output](picture, entries))


async def _live(options: Options, timeout: float) -> Picture:
    from kedge.commands.live import look_once

    return (await look_once(discover(), timeout, options)).picture


def _bundled(path: Path) -> tuple[Entry, ...]:
    """The changes that a bundle tells of, oldest first; a folder of recordings tells of none."""
    if not path.is_file():
        return ()
    told = reversed(read_bundle(path).audit)
    return tuple(
        Entry(
            str(one.get("id")),
            one,
            outcome={"result": one["result"]} if one.get("result") else None,
            verify={"result": one["verification"]} if one.get("verification") else None,
            undone_by=str(one.get("undoneBy") or ""),
        )
        for one in told
    )


def _entries() -> tuple[Entry, ...]:
    """Changes made from this machine; a log that cannot be read is said and left out."""
    try:
        return Audit(audit_path()).read().entries
    except (AuditError, OSError) as error:
        say(error.text if isinstance(error, AuditError) else str(error))
        return ()
