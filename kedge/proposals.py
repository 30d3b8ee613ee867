"""From a finding to the plans that would help: pure, over facts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from kedge.i18n import Text, _
from kedge.model import Finding, Plan, Risk
from kedge.plugins import Fix, NotApplicable, Registry
from kedge.store import FactStore, missing

log = logging.getLogger(__name__)

_ORDER = {Risk.LOW: 0, Risk.MEDIUM: 1, Risk.HIGH: 2}


@dataclass(frozen=True, slots=True)
class Proposal:
    """One fix offered for one finding.

    Attributes:
        plan: what would be done; None when it cannot be offered here.
        why_not: the sentence that says why, when there is no plan.
        on_demand: it may be wanted although nothing is wrong.
    """

    fix: str
    title: Text
    risk: Risk
    plan: Plan | None
    why_not: Text | None = None
    on_demand: bool = False


def proposals(finding: Finding, registry: Registry, store: FactStore) -> tuple[Proposal, ...]:
    """The fixes of a finding, least risk first; those that cannot be offered last, with their reason."""
    found = [propose(fix, finding.target, store, (finding.code,)) for fix in registry.fixes if fix.id in finding.fixes]
    return tuple(sorted(found, key=lambda p: (p.plan is None, _ORDER[p.risk], finding.fixes.index(p.fix))))


def propose(fix: Fix, target: str, store: FactStore, answers: Sequence[str] = ()) -> Proposal:
    """Ask one fix for its plan for one target.

    Args:
        answers: codes of the findings it is made for: they must turn green as well, unless it was asked for on demand.
    """
    arguments = [store.argument(need, target) for need in fix.needs_facts]
    unknown = missing(fix.needs_facts, arguments)
    if unknown is not None:
        return Proposal(fix.id, fix.title, fix.risk, None, unknown.text)
    try:
        draft = fix.function(*arguments)
    except Exception as error:  # a plugin's bug must not take the screen away
        log.exception("fix %s failed for %s", fix.id, target)
        text = _("The fix itself failed: {error}. The log file has the details").format(error=error)
        return Proposal(fix.id, fix.title, fix.risk, None, text)
    if isinstance(draft, NotApplicable):
        return Proposal(fix.id, fix.title, fix.risk, None, draft.text)
    plan = Plan(
        fix=fix.id,
        target=target,
        title=draft.title or fix.title,
        steps=draft.steps,
        risk=draft.risk or fix.risk,
        impact=draft.impact,
        verify=_verified(fix, answers),
        expect=fix.expect,
        verify_seconds=fix.verify_seconds,
        answers=tuple(answers) or fix.answers,
    )
    return Proposal(fix.id, plan.title, plan.risk, plan, on_demand=fix.on_demand)


def _verified(fix: Fix, answers: Sequence[str]) -> tuple[str, ...]:
    """What proves the fix, and the very findings that it was chosen for."""
    asked = () if fix.on_demand or not fix.verify else answers
    return tuple(dict.fromkeys((*fix.verify, *asked)))
