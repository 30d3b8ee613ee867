"""Carrying out one plan for a command: show it, have it approved, apply it, verify it, tell how it ended."""

from __future__ import annotations

import asyncio
import getpass
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from kedge.commands.change import Change, code_of
from kedge.commands.common import put
from kedge.commands.interrupts import SIGNALS, interrupted
from kedge.commands.terminal import YES, ask, is_interactive, say
from kedge.executor import Executor, Outcome, Preview, Progress, Refused, Result, StepState, Verification
from kedge.exit_codes import Exit
from kedge.i18n import Text, _, translate
from kedge.live import LiveSite
from kedge.model import Approval, Finding, Risk
from kedge.printable import one_line, printable

GLYPHS = {
    StepState.RUNNING: "…",
    StepState.DONE: "✓",
    StepState.ALREADY: "✓",
    StepState.FAILED: "✗",
    StepState.INEFFECTIVE: "!",
    StepState.UNKNOWN: "?",
    StepState.NOT_RUN: "-",
}


@dataclass(frozen=True, slots=True)
class Consent:
    """How a plan may be approved here: ``--yes``, ``--dry-run``, or by asking who sits at the terminal."""

    yes: bool = False
    dry_run: bool = False
    output: str = "table"

    def show(self, preview: Preview) -> None:
        """The plan, on stdout; on stderr where stdout holds a document and somebody is to be asked."""
        if self.output == "table":
            put(printable(preview.text()) + "\n")
        elif not self.yes and not self.dry_run and is_interactive():
            say(preview.text())

    async def approve(self, preview: Preview) -> Approval | None:
        """The approval of exactly what was shown, or None."""
        if self.dry_run:
            return None
        if self.yes:
            return Approval(preview.digest, getpass.getuser(), "--yes")
        if not is_interactive() or not await _says_yes(preview):
            return None
        return Approval(preview.digest, getpass.getuser(), "tty")


async def _says_yes(preview: Preview) -> bool:
    """High risk wants the target's name typed, everything else a ``y``."""
    if preview.plan.risk is Risk.HIGH:
        return await ask(_("High risk. Type {name} to apply exactly this:").format(name=preview.name)) == preview.name
    return (await ask(_("Apply exactly this? [y/N]"))).lower() in YES


async def carry_out(
    change: Change, site: LiveSite, executor: Executor, preview: Preview, consent: Consent, before: Sequence[Finding]
) -> Change:
    """From the preview to the outcome; refusals and interruptions are outcomes too."""
    change.preview = preview
    consent.show(preview)
    if preview.idle:
        return change.ended(Exit.OK, _("Everything is as wanted already; nothing was changed"))
    if executor.read_only and not consent.yes:
        return change.ended(Exit.NOT_APPLIED, _("Nothing was changed: this site is read-only for you"))
    approval = await consent.approve(preview)
    if approval is None:
        return change.ended(Exit.NOT_APPLIED, not_applied(consent))
    with stoppable() as stop:
        try:
            outcome = await executor.apply(preview, approval, _progress, stop)
        except Refused as error:
            return change.ended(Exit.FAILURE, error.text)
    change.outcome = outcome
    for problem in outcome.problems:
        say(problem)
    if outcome.result is not Result.DONE:
        return change.ended(code_of(outcome, None), outcome.text)
    try:
        change.verification = await _verify(site, executor, outcome, before)
    except asyncio.CancelledError:
        return change.ended(Exit.INTERRUPTED, _("Applied; verifying it was interrupted"))
    text = change.verification.text if outcome.plan.verify or outcome.plan.expect else outcome.text
    return change.ended(code_of(outcome, change.verification), text)


def not_applied(consent: Consent) -> Text:
    """Why a plan that was shown was not applied."""
    if consent.dry_run or is_interactive():
        return _("Nothing was changed")
    return _("Nothing was changed: there is no terminal to ask at; --yes applies exactly this plan")


async def _verify(site: LiveSite, executor: Executor, outcome: Outcome, before: Sequence[Finding]) -> Verification:
    if outcome.plan.verify:
        say(_("verifying {codes} …").format(codes=" ".join(outcome.plan.verify)))
    return await executor.verify(outcome, site.recheck, before, lambda text: say(_("  {text}").format(text=text)))


def _progress(progress: Progress) -> None:
    said = f": {translate(progress.text)}" if progress.text is not None else ""
    place = f"{progress.position + 1}/{progress.steps}"
    say(one_line(f"{GLYPHS[progress.state]} {place} {translate(progress.title)}{said}"))


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """While steps run, ctrl+c, SIGTERM and SIGHUP stop before the next one; a second time they end it where it is."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    pressed: list[int] = []

    def press() -> None:
        pressed.append(1)
        if len(pressed) == 1:
            say(_("stopping after this step; once more ends it at once, its outcome unknown"))
        elif task is not None:
            task.cancel()

    found = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in found.items() if handler is not signal.SIG_IGN}
    for number in before:
        loop.add_signal_handler(number, press)
    try:
        yield lambda: bool(pressed)
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


# ------------------------------------------------------------------------------------------------- telling


def run_change(work: Coroutine[Any, Any, Change], output: str) -> NoReturn:
    """Run it, print how it ended, and exit with its code."""
    try:
        change = asyncio.run(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        interrupted(_("Interrupted; `kedge-tui history` shows what was begun"))
    tell(change, output)
    sys.exit(change.code)


def tell(change: Change, output: str) -> None:
    """The document on stdout, or the last word for people."""
    if output == "json":
        put(json.dumps(change.document(), ensure_ascii=False, indent=2) + "\n")
        return
    applied = change.outcome is not None
    click.echo(printable(translate(change.text)), err=not applied)
    if change.outcome is not None and change.outcome.can_undo:
        put(translate(_("Take it back with: kedge-tui undo {id}").format(id=change.outcome.id)) + "\n")
