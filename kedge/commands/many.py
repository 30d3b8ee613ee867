"""``kedge-tui fix`` for several nodes: one first, the rest once it is verified, one summary."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from kedge.campaign import Campaign, Member, Standing
from kedge.commands.change import Change, code_of
from kedge.commands.common import put
from kedge.commands.live import Session
from kedge.commands.repair import Consent, not_applied, stoppable
from kedge.commands.terminal import YES, ask, is_interactive, say
from kedge.executor import Executor
from kedge.exit_codes import Exit
from kedge.i18n import Text, _
from kedge.live import LiveSite
from kedge.model import Approval, Finding, Risk
from kedge.plugins import Fix
from kedge.printable import printable
from kedge.proposals import propose
from kedge.repairs import Repairs
from kedge.report import API_VERSION

_WILD = frozenset("*?[")
_ORDER = (Exit.FAILURE, Exit.NOT_VERIFIED, Exit.INTERRUPTED, Exit.NOT_APPLIED, Exit.OK)


def is_many(patterns: Sequence[str]) -> bool:
    """True when ``--node`` names more than one node, or a pattern."""
    return len(patterns) > 1 or any(_WILD & set(pattern) for pattern in patterns)


@dataclass(slots=True)
class Changes(Change):
    """What became of one fix on several nodes."""

    parts: list[Change] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """English, whatever the locale."""
        return {
            "apiVersion": API_VERSION,
            "action": self.action,
            "name": self.name,
            "site": self.site,
            "context": self.context,
            "targets": [part.target for part in self.parts],
            "message": str(self.text),
            "exitCode": int(self.code),
            "changes": [part.document() for part in self.parts],
        }


class OnSite(Repairs):
    """Carries out the changes of a campaign on a site that is open for one command."""

    def __init__(self, site: LiveSite, executor: Executor) -> None:
        self._open, self._executor = site, executor

    @property
    def executor(self) -> Executor:
        """The only writer."""
        return self._executor

    def _site(self) -> LiveSite:
        return self._open


def matching(patterns: Sequence[str], offered: Sequence[str], known: Sequence[str]) -> tuple[list[str], list[str]]:
    """The targets that names and patterns mean, each once and in order; and the names that nobody knows.

    A pattern means what the fix is offered for; a name means itself.
    """
    found: dict[str, None] = {}
    strange = []
    for pattern in patterns:
        if _WILD & set(pattern):
            found.update(dict.fromkeys(one for one in offered if fnmatchcase(one, pattern)))
        elif pattern in known:
            found[pattern] = None
        else:
            strange.append(pattern)
    return list(found), strange


async def fix_many(
    changes: Changes, fix: Fix, targets: Sequence[str], wrong: Sequence[Finding], session: Session, consent: Consent
) -> Changes:
    """Propose, show, approve once, then change one node after the other."""
    site, executor = session.site, session.executor
    if executor is None:
        return _ended(changes, Exit.FAILURE, _("Nothing can be changed here: this is no live site"))
    before = site.picture().findings
    members = []
    for target in targets:
        answers = tuple(f.code for f in wrong if f.target == target)
        proposal = propose(fix, target, site.engine.store, answers)
        if answers and proposal.plan is not None:
            members.append(Member(target, proposal.plan))
        else:
            why = proposal.why_not or _("nothing is wrong there that {fix} would repair").format(fix=fix.id)
            say(_("- {target}: {why}").format(target=target, why=why))
    if not members:
        return _ended(changes, Exit.OK, _("Nothing to repair on these nodes"))
    campaign = Campaign(OnSite(site, executor), fix.title, members)
    await campaign.look()
    changes.parts = [Change(changes.action, fix.id, changes.site, changes.context, m.target) for m in members]
    _show(campaign, consent)
    if not campaign.ready:
        refused = any(one.standing is Standing.REFUSED for one in members)
        return _finish(changes, campaign, Exit.FAILURE if refused else Exit.OK)
    if executor.read_only and not consent.yes:
        return _finish(changes, campaign, Exit.NOT_APPLIED, _("Nothing was changed: this site is read-only for you"))
    how = await _consent(campaign, consent, fix)
    if not how:
        return _finish(changes, campaign, Exit.NOT_APPLIED, not_applied(consent))
    campaign.on_change = _told()
    with stoppable() as asked:
        await campaign.run(lambda preview: Approval(preview.digest, getpass.getuser(), how), before, asked)
    return _finish(changes, campaign)


def _show(campaign: Campaign, consent: Consent) -> None:
    for one in campaign.members:
        if one.preview is None:
            say(_("✗ {target}: {why}").format(target=one.target, why=one.text))
        elif consent.output == "table":
            put(printable(f"== {one.target}\n{one.preview.text()}") + "\n")
        else:
            consent.show(one.preview)


async def _consent(campaign: Campaign, consent: Consent, fix: Fix) -> str:
    """How it was approved: once, for all that was shown; "" when it was not."""
    if consent.dry_run:
        return ""
    if consent.yes:
        return "--yes"
    if not is_interactive():
        return ""
    words = {"count": len(campaign.ready), "first": campaign.ready[0].target, "fix": fix.id}
    if campaign.risk is Risk.HIGH:
        question = _("High risk. Type {fix} to apply exactly this on {count} nodes, {first} first:").format(**words)
        return "tty" if await ask(question) == fix.id else ""
    question = _("Apply exactly this on {count} nodes, {first} first? [y/N]").format(**words)
    return "tty" if (await ask(question)).lower() in YES else ""


def _told() -> Callable[[Member | None], None]:
    """Says every step of every node once."""
    said: dict[str, str] = {}

    def tell(one: Member | None) -> None:
        if one is None:
            return
        why = f": {one.text}" if one.text else ""
        line = f"{one.target} {one.standing.value}{why}"
        if said.get(one.target) != line:
            said[one.target] = line
            say(line)

    return tell


def _finish(changes: Changes, campaign: Campaign, code: Exit | None = None, text: Text | None = None) -> Changes:
    """Every node's own end, and the worst of them as the end of all."""
    for part, one in zip(changes.parts, campaign.members, strict=True):
        part.preview, part.outcome, part.verification = one.preview, one.outcome, one.verification
        part.ended(code if code is not None and one.outcome is None else _code(one), one.text or campaign.summary)
    worst = min((part.code for part in changes.parts), key=_ORDER.index)
    return _ended(changes, worst if code is None else code, text or campaign.summary)


def _code(one: Member) -> Exit:
    if one.outcome is not None:
        return code_of(one.outcome, one.verification)
    if one.standing is Standing.ALREADY:
        return Exit.OK
    return Exit.NOT_APPLIED if one.standing in (Standing.NOT_BEGUN, Standing.SHOWN) else Exit.FAILURE


def _ended(changes: Changes, code: Exit, text: Text) -> Changes:
    changes.ended(code, text)
    return changes
