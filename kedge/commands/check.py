"""``kedge-tui check``: one look at a site, a recording or this machine, then a report and an exit code."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from kedge.commands.common import site_options, stop
from kedge.exit_codes import exit_code
from kedge.i18n import _
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.recording import RecordingError
from kedge.registry import discover
from kedge.report import FORMATS


@click.command("check")
@click.option("-o", "--output", type=click.Choice(sorted(FORMATS)), default="table", help="Format of the report.")
@click.option("--recording", metavar="DIR", default="", help="Judge a recorded site instead of a live one.")
@click.option("--fail-on", type=click.Choice(["fail", "warn"]), default="fail", help="What makes the exit code.")
@click.option("--strict", is_flag=True, help="Exit 5 when anything could not be judged.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds for the whole look.")
@site_options
def command(output: str, recording: str, fail_on: str, strict: bool, timeout: float, **site: Any) -> None:
    """Check the site once and report what is broken, and why."""
    registry = discover()
    for problem in registry.problems:
        click.echo(f"kedge-tui: {problem}", err=True)
    picture = _recorded(recording, registry) if recording else _live(registry, timeout, site)
    click.echo(FORMATS[output](picture), nl=False)
    sys.exit(exit_code(picture, registry, fail_on=fail_on, strict=strict))


def _recorded(directory: str, registry: Registry) -> Picture:
    try:
        return asyncio.run(judge_recording(Path(directory), registry))
    except RecordingError as error:
        stop(error.text)


async def judge_recording(directory: Path, registry: Registry) -> Picture:
    """Judge a recorded site with today's checks; intrusive ones too, as far as it holds them."""
    from kedge.opening import open_recorded

    return (await open_recorded(directory, registry)).picture()


def _live(registry: Registry, timeout: float, site: dict[str, Any]) -> Picture:
    from kedge.commands.live import look_once
    from kedge.workbench import Options

    try:
        return asyncio.run(look_once(registry, timeout, Options(**site)))
    except KeyboardInterrupt:
        sys.exit(130)
    except TimeoutError:
        stop(_("The look at the site took longer than {seconds:g} s; see --timeout").format(seconds=timeout))
