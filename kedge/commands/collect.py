"""``kedge-tui collect``: everything that is known of a site in one file, clean of secrets, for others to look at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kedge.audit import Audit, AuditError
from kedge.bundles import archive
from kedge.bundles.archive import BundleError
from kedge.bundles.gather import Content, Gathered, Limits, content
from kedge.bundles.redact import Redactor
from kedge.commands.change import entry_document
from kedge.commands.common import site_options, stop
from kedge.commands.durations import duration
from kedge.commands.interrupts import interrupted
from kedge.commands.live import SWEEP, opened
from kedge.commands.progress import Progress
from kedge.commands.terminal import say
from kedge.engine import Engine
from kedge.exit_codes import Exit
from kedge.i18n import _, ngettext
from kedge.model import Cost, Observation
from kedge.recording import RecordingError
from kedge.registry import discover
from kedge.state import audit_path
from kedge.workbench import Options

CHANGES = 100
"""Changes of the site that go along, newest first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of a bundle."""

    redactor: Redactor
    limits: Limits
    timeout: float


@click.command("collect")
@click.option("-o", "--output", default="", metavar="FILE", help="Where to; kedge-SITE-TIME.tar.gz when not given.")
@duration("--timeout", "120s", "To ask in; what has not answered by then is missing.")
@click.option("--max-size", type=float, default=256.0, show_default=True, help="MiB it may hold before compression.")
@click.option("--mask-addresses", is_flag=True, help="Replace IPv4 addresses too, each by the same other one.")
@click.option("--recording", default="", metavar="PATH", help="Collect from a recorded site or another bundle.")
@site_options
def command(output: str, timeout: float, max_size: float, mask_addresses: bool, recording: str, **site: Any) -> None:
    """Write what the site answers, and what is found in it, to one file: to be sent to somebody without access.

    It is opened with `kedge-tui open FILE` and judged again with `kedge-tui check --bundle FILE`. Keys, tokens,
    passwords and Secret data are masked; manifest.json in it lists what was masked, and what is missing and why.
    """
    wanted = Wanted(Redactor(addresses=mask_addresses), Limits(whole=int(max_size * 2**20)), timeout)
    if output and not Path(output).expanduser().absolute().parent.is_dir():
        stop(_("{file} cannot be written: there is no such folder").format(file=output))
    try:
        found = asyncio.run(
            _recorded(Path(recording).expanduser(), wanted) if recording else _live(Options(**site), wanted)
        )
    except RecordingError as error:
        stop(error.text)
    except KeyboardInterrupt:
        interrupted(_("Interrupted; no bundle was written"))
    path = Path(output).expanduser() if output else Path(_name(str(found.manifest["site"])))
    try:
        size = archive.write(path, found.files, time.time())
    except BundleError as error:
        stop(error.text, Exit.INTERNAL)
    _tell(path, size, found)


def _name(site: str) -> str:
    clean = "".join(one if one.isalnum() or one in "-_." else "-" for one in site).strip("-.") or "site"
    return f"kedge-{clean}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"


async def _live(options: Options, wanted: Wanted) -> Content:
    gathered, complete, started = Gathered(), True, time.monotonic()
    async with opened(discover(), options, read_only=lambda: True) as session:
        engine = session.site.engine
        with Progress() as progress:

            def witness(seen: Sequence[Observation]) -> None:
                gathered(seen)
                progress(seen)

            engine.tell(witness)
            try:
                async with session.within(wanted.timeout):
                    await engine.look_at_site()
                    names = [host.name for host in engine.hosts if host.roles]
                    progress.expect(names)
                    await engine.look_at_hosts(names, SWEEP)
            except TimeoutError:
                complete = False
        return _content(engine, gathered, wanted, SWEEP, complete, time.monotonic() - started)


async def _recorded(path: Path, wanted: Wanted) -> Content:
    from kedge.opening import recorded_engine

    gathered, started = Gathered(), time.monotonic()
    engine = recorded_engine(path, discover())
    engine.tell(gathered)
    await engine.look(tuple(Cost))
    return _content(engine, gathered, wanted, tuple(Cost), True, time.monotonic() - started)


def _content(
    engine: Engine, gathered: Gathered, wanted: Wanted, costs: Sequence[Cost], complete: bool, seconds: float
) -> Content:
    return content(
        engine,
        engine.picture(),
        gathered,
        audit=_changes(engine),
        complete=complete,
        costs=costs,
        seconds=seconds,
        redactor=wanted.redactor,
        limits=wanted.limits,
    )


def _changes(engine: Engine) -> list[dict[str, Any]]:
    """The last changes of this very site, newest first; a log that cannot be read is said, and left out."""
    try:
        history = Audit(audit_path()).read()
    except (AuditError, OSError) as error:
        say(error.text if isinstance(error, AuditError) else str(error))
        return []
    open_ones = {entry.id for entry in history.unfinished()}
    own = [entry for entry in reversed(history.entries) if entry.intent.get("site") == engine.site.name]
    return [entry_document(entry, unfinished=entry.id in open_ones) for entry in own[:CHANGES]]


def _tell(path: Path, size: int, found: Content) -> None:
    """The file on stdout; what a person wants to know before sending it on stderr."""
    manifest = found.manifest
    click.echo(str(path))
    masked = sum(one["count"] for one in manifest["masked"])
    said = _("{size:.0f} KiB, {answers}, {masked}; readable by its owner only")
    answers = ngettext("{count} answer", "{count} answers", "count").format(count=manifest["observations"])
    secrets = ngettext("{count} secret masked", "{count} secrets masked", "count").format(count=masked)
    say(said.format(size=size / 1024, answers=answers, masked=secrets))
    if not manifest["complete"]:
        say(_("Not everything had answered in time: the bundle is partial; see --timeout"))
    by_reason: dict[str, set[str]] = {}
    for one in manifest["missing"]:
        by_reason.setdefault(f"{one['source']}: {one['reason']}", set()).add(one["what"])
    for reason, asked in sorted(by_reason.items()):
        say(_("missing from {reason} ({count})").format(reason=reason, count=len(asked)))
    say(_("Look at it: kedge-tui open {file}").format(file=path))
