"""One fix on several nodes, as the repair dialog sees it; and which fixes help the marked ones."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kedge.campaign import Campaign, Standing
from kedge.i18n import Text, ngettext
from kedge.model import Approval, Finding, Plan, Status
from kedge.proposals import Proposal
from kedge.workbench import Workbench
from tui.index import PictureIndex
from tui.repair import Repair, Stage

_BAD = (Status.FAIL, Status.WARN)


@dataclass(frozen=True, slots=True)
class Group:
    """A fix that helps several of the marked nodes, with its plan for each."""

    proposal: Proposal
    plans: tuple[Plan, ...]

    @property
    def where(self) -> Text:
        """How many nodes."""
        return nodes(len(self.plans))


def nodes(count: int) -> Text:
    """``3 nodes``."""
    return ngettext("{count} node", "{count} nodes", "count").format(count=count)


def groups(
    index: PictureIndex, targets: Sequence[str], offers: Callable[[Finding], Sequence[Proposal]]
) -> tuple[Group, ...]:
    """The fixes of what is wrong on these nodes: those of causes first, then those that help the most nodes."""
    wanted = frozenset(targets)
    first: dict[str, Proposal] = {}
    plans: dict[str, dict[str, Plan]] = {}
    causes: set[tuple[str, str]] = set()
    for finding in sorted(index.picture.findings, key=lambda finding: not finding.is_cause):
        if finding.target not in wanted or finding.status not in _BAD:
            continue
        for proposal in offers(finding):
            if proposal.plan is not None:
                if finding.is_cause:
                    causes.add((proposal.fix, finding.target))
                first.setdefault(proposal.fix, proposal)
                plans.setdefault(proposal.fix, {}).setdefault(finding.target, proposal.plan)
    found = [Group(first[fix], tuple(by_target[t] for t in sorted(by_target))) for fix, by_target in plans.items()]
    repaired = Counter(fix for fix, _target in causes)
    return tuple(sorted(found, key=lambda group: (-repaired[group.proposal.fix], -len(group.plans))))


class ManyRepairs(Repair):
    """A campaign on its way; the dialog asks once, for exactly what it shows of every node."""

    def __init__(self, workbench: Workbench, campaign: Campaign) -> None:
        super().__init__(workbench, None)
        self.campaign = campaign
        campaign.on_change = lambda member: self._changed()

    @property
    def plan(self) -> Plan:
        """All of it as one, for the title and for how it is confirmed."""
        campaign = self.campaign
        count = str(nodes(len(campaign.members)))
        verify = next((one.plan.verify for one in campaign.members if one.plan is not None), ())
        return Plan("", count, campaign.title, (), campaign.risk, campaign.summary, verify)

    @property
    def digest(self) -> str:
        """Of everything that is shown."""
        parts = [one.preview.digest for one in self.campaign.ready if one.preview is not None]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def idle(self) -> bool:
        """True when every node is as wanted already."""
        return all(one.standing is Standing.ALREADY for one in self.campaign.members)

    @property
    def script(self) -> str:
        """Every node's part, for a person to run by hand."""
        return self.campaign.script()

    @property
    def stopping(self) -> bool:
        """True after :meth:`stop`."""
        return self.campaign.stopping

    @property
    def can_undo(self) -> bool:
        """True when something was changed that can be taken back."""
        return self.stage is Stage.ENDED and self.campaign.can_undo

    @property
    def text(self) -> Text:
        """The summary."""
        return self.problem or self.campaign.summary

    @property
    def ended_well(self) -> bool:
        """True when every node is as wanted."""
        return self.problem is None and self.campaign.ended_well

    async def look(self) -> None:
        """Read the present state of every node."""
        self._to(Stage.LOOKING)
        await self.campaign.look()
        self._to(Stage.SHOWN if self.campaign.ready or self.idle else Stage.REFUSED)

    async def apply(self, approval: Approval) -> None:
        """Change one node after the other; whatever happens, it ends."""
        if not self.may_apply or approval.plan_digest != self.digest:
            return
        before = self._workbench.site.picture().findings if self._workbench.site is not None else ()
        self._to(Stage.APPLYING)
        try:
            await self.campaign.run(lambda shown: Approval(shown.digest, approval.who, approval.how), before)
        finally:
            self._applied.set()
            self._to(Stage.ENDED)

    def stop(self) -> None:
        """Begin no further node and no further step."""
        self.campaign.stop()

    def undoing(self) -> ManyRepairs:
        """What takes all of it back."""
        return ManyRepairs(self._workbench, self.campaign.undoing())
