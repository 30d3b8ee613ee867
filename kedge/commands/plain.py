"""``kedge-tui --plain``: what is broken as a numbered list, read from top to bottom; for screen readers and teletypes.

No line is ever drawn over, no colour is needed, and every choice is a number or a word. The engine, the fixes and the
executor are those of the screen.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from kedge.commands.change import Change
from kedge.commands.common import stop
from kedge.commands.live import SWEEP, Session, opened
from kedge.commands.repair import Consent, carry_out, tell
from kedge.commands.terminal import ask, is_interactive
from kedge.executor import Preview, Refused
from kedge.explain import explanation
from kedge.i18n import Text, _, ngettext, translate
from kedge.model import Approval, Finding, Risk, Status
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.printable import one_line, printable
from kedge.proposals import Proposal, proposals
from kedge.registry import discover
from kedge.workbench import Options

LOOK_SECONDS = 60.0
TOLD = (Status.FAIL, Status.WARN, Status.UNKNOWN)
MOST = 30
"""Lines of the list; more is not listened to."""

T = TypeVar("T")

Ask = Callable[[Text], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class TypedYes(Consent):
    """Asks for the word, never for a key that is pressed by accident; high risk wants the target's name."""

    ask: Ask = ask

    async def approve(self, preview: Preview) -> Approval | None:
        """The approval of exactly what was read out, or None."""
        name = preview.name
        if preview.plan.risk is Risk.HIGH:
            agreed = await self.ask(_("High risk. Type {name} to apply exactly this:").format(name=name)) == name
        else:
            agreed = (await self.ask(_("Type yes to apply exactly this:"))).lower() == "yes"
        return Approval(preview.digest, getpass.getuser(), "plain") if agreed else None


class Menu:
    """The dialogue over one open site.

    Args:
        ask: puts a question and gives what was typed, "" at the end of the input.
        write: gets one line.
    """

    def __init__(
        self, session: Session, registry: Registry, ask: Ask = ask, write: Callable[[str], Any] = click.echo
    ) -> None:
        self._session, self._registry, self._ask, self._write = session, registry, ask, write

    def say(self, text: Text | str) -> None:
        """A line; names of hosts and objects cannot do more than be read."""
        self._write(printable(translate(text)))

    async def run(self) -> None:
        """Until the person quits."""
        await self._look()
        while True:
            found = broken(self._session.site.picture())
            self._list(found)
            typed = (await self._ask(_("Number for details, r to look again, q to quit:"))).lower()
            if typed in ("q", ""):
                return
            if typed == "r":
                await self._look()
            elif (finding := chosen(typed, found)) is not None:
                await self._details(finding)
            else:
                self.say(_("{typed} is not one of the choices").format(typed=typed))

    async def _look(self) -> None:
        site = self._session.site
        self.say(_("looking at {site} …").format(site=site.engine.site.name))
        site.hosts.retry()
        try:
            async with self._session.within(LOOK_SECONDS):
                await site.engine.look(SWEEP)
        except TimeoutError:
            self.say(_("Not everything answered within {seconds:g} s").format(seconds=LOOK_SECONDS))

    def _list(self, found: Sequence[Finding]) -> None:
        picture = self._session.site.picture()
        counts = picture.summary()
        said = _("{site}: {fail} failed, {warn} warnings, {unknown} unknown")
        numbers = {status.value: counts[status] for status in TOLD}
        self.say(said.format(site=picture.site, **numbers))
        if not found:
            self.say(_("Nothing needs attention"))
        for number, finding in enumerate(found[:MOST], 1):
            self.say(f"{number}. {_headline(finding)}")
        if len(found) > MOST:
            more = ngettext("and {count} more", "and {count} more", "count").format(count=len(found) - MOST)
            self.say(more)

    async def _details(self, finding: Finding) -> None:
        picture = self._session.site.picture()
        offers = proposals(finding, self._registry, self._session.site.engine.store)
        possible = [one for one in offers if one.plan is not None]
        for line in _told(finding, picture):
            self.say(line)
        for number, offer in enumerate(possible, 1):
            said = _("fix {number}: {title}, risk {risk}")
            self.say(said.format(number=number, title=offer.title, risk=offer.risk.value))
        for offer in offers:
            if offer.plan is None:
                self.say(_("{title} cannot be offered: {why}").format(title=offer.title, why=offer.why_not or "-"))
        while True:
            typed = (await self._ask(_("Number of a fix, e for evidence, o to explain, b to go back:"))).lower()
            if typed in ("b", "q", ""):
                return
            if typed == "o":
                self.say(explanation(finding.code))
            elif typed == "e":
                self._evidence(finding)
            elif (wanted := chosen(typed, possible)) is not None:
                await self._repair(wanted)
                return
            else:
                self.say(_("{typed} is not one of the choices").format(typed=typed))

    def _evidence(self, finding: Finding) -> None:
        for one in finding.evidence:
            self.say(_("from {source}: {what}").format(source=one.source, what=one.what))
            if one.observation is not None:
                self.say(one.observation.stdout or one.observation.stderr)
        if not finding.evidence:
            self.say(_("There is no evidence for it"))

    async def _repair(self, offer: Proposal) -> None:
        site, executor, plan = self._session.site, self._session.executor, offer.plan
        if plan is None or executor is None:
            self.say(_("Nothing can be changed here: this is no live site"))
            return
        change = Change("fix", plan.fix, site.engine.site.name, site.engine.site.context, plan.target)
        try:
            preview = await executor.preview(plan)
        except Refused as error:
            self.say(error.text)
            return
        before = site.picture().findings
        tell(await carry_out(change, site, executor, preview, TypedYes(ask=self._ask), before), "table")


def broken(picture: Picture) -> tuple[Finding, ...]:
    """What needs attention and has no cause of its own: failures, then warnings, then what is not known."""
    alone = [f for f in picture.findings if f.status in TOLD and f.because is None]
    return tuple(sorted(alone, key=lambda f: (-f.status.rank, f.code, f.target)))


def chosen(typed: str, offered: Sequence[T]) -> T | None:
    """The one of that number, counted from 1."""
    number = int(typed) if typed.isascii() and typed.isdigit() else 0
    return offered[number - 1] if 0 < number <= len(offered) else None


def _headline(finding: Finding) -> str:
    text = one_line(translate(finding.text))
    where = f" on {finding.target}" if finding.target != "-" else ""
    return f"{finding.status.value}, {finding.code}{where}: {text}"


def _told(finding: Finding, picture: Picture) -> list[Text | str]:
    lines: list[Text | str] = [_headline(finding)]
    if finding.expected is not None:
        lines.append(_("expected: {what}").format(what=finding.expected))
    if finding.seen is not None:
        lines.append(_("seen: {what}").format(what=finding.seen))
    if finding.since is not None:
        lines.append(_("since {time}").format(time=finding.since.astimezone().strftime("%Y-%m-%d %H:%M:%S")))
    own = (finding.code, finding.target)
    follow = [f for f in picture.findings if (f.because, f.because_target or f.target) == own and f.status in TOLD]
    lines += [_("because of it: {what}").format(what=_headline(one)) for one in follow[:MOST]]
    return lines


def run(options: Options) -> int:
    """The dialogue from the first look to the last answer; what ``--plain`` does."""
    if not is_interactive():
        stop(_("--plain asks at a terminal; `kedge-tui check` and `kedge-tui fix` are for scripts"))
    registry = discover()

    async def talk() -> None:
        async with opened(registry, options) as session:
            await Menu(session, registry).run()

    try:
        asyncio.run(talk())
    except asyncio.CancelledError as error:  # by a second signal, in the middle of a step
        raise KeyboardInterrupt from error
    return 0
