"""What the details pane shows for a component: pure, from a picture and the fixes that are offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kedge.i18n import Text, _
from kedge.model import Finding, Status
from kedge.picture import ComponentView, LinkInfo, LinkState
from kedge.proposals import Proposal
from tui.index import ROOT, PictureIndex
from tui.widgets.detail_lines import MOST, Note, Shown, causal_order

Offers = Callable[[Finding], Sequence[Proposal]]

FIXES_MOST = 9
"""As many as there are digits."""

_BAD = (Status.FAIL, Status.WARN)
BRANCHES = (ROOT, "cloud", "edge")


def shown_of(index: PictureIndex, view: ComponentView, offers: Offers) -> Shown:
    """The notes, findings and fixes of a component; those below it too, as far as they need attention."""
    findings = causal_order(index.about(view.id))
    told = findings[:MOST]
    return Shown(
        notes=tuple(_notes(index, view)),
        about=view.about,
        findings=told,
        fixes=_fixes(index, told, offers),
        more=len(findings) - len(told),
        empty=_empty(index, view),
        day=index.picture.taken.astimezone().date(),
    )


def _fixes(index: PictureIndex, findings: Sequence[Finding], offers: Offers) -> tuple[tuple[int, Proposal], ...]:
    """What helps, in the order of the findings, each change once; then what cannot be offered, and why.

    A consequence is repaired by what repairs its cause, so that is offered there too, and first.
    """
    possible: list[tuple[int, Proposal]] = []
    refused: list[tuple[int, Proposal]] = []
    seen: set[str] = set()
    said: set[tuple[str, str]] = set()
    for position, finding in enumerate(findings):
        if (not finding.fixes and finding.status not in _BAD) or len(possible) >= FIXES_MOST:
            continue
        cause = index.cause_of(finding) if finding.status in _BAD else None
        for proposal in (*(offers(cause) if cause is not None else ()), *offers(finding)):
            if finding.status not in _BAD and not (proposal.on_demand and proposal.plan):
                continue
            if proposal.plan is None:
                if (proposal.fix, str(proposal.why_not)) not in said:
                    said.add((proposal.fix, str(proposal.why_not)))
                    refused.append((position, proposal))
            elif (digest := proposal.plan.digest()) not in seen and len(possible) < FIXES_MOST:
                seen.add(digest)
                possible.append((position, proposal))
    return (*possible, *refused)


def _notes(index: PictureIndex, view: ComponentView) -> list[Note]:
    """Links that are down, and at the root what is wrong with the program itself."""
    notes = [_link(link) for link in index.broken_links(view.id)]
    if view.id == ROOT:
        problems = index.picture.problems
        notes += [Note(Status.WARN, _("problem"), problem) for problem in problems[:3]]
        if len(problems) > 3:
            more = _("{count} more; :problems lists them").format(count=len(problems) - 3)
            notes.append(Note(Status.WARN, _("problem"), more))
    return notes


def _link(link: LinkInfo) -> Note:
    why = link.problem.text if link.problem is not None else _("it does not answer")
    said = _("{name} is not connected: {why}").format(name=link.name, why=why)
    return Note(Status.UNKNOWN, _("link"), said)


def _empty(index: PictureIndex, view: ComponentView) -> Text:
    link = index.kubernetes
    if link is not None and link.state is LinkState.CONNECTING:
        return _("Waiting for the first answer of the Kubernetes API")
    if not index.edges and view.id in (ROOT, "edge"):
        return _(
            "No edge node is known: no node has the label node-role.kubernetes.io/edge or a kubelet version with "
            "-kubeedge-, and no host of the config file has the role edge"
        )
    if view.about:
        return _("l follows its logs, s opens a shell in it, d describes it")
    if view.id in BRANCHES:
        return _("Nothing here needs attention")
    return _("Nothing is checked here yet")


def path_node(index: PictureIndex, view: ComponentView) -> str:
    """Whose path is shown: of the edge that is selected, else of the first one that is broken, else of the first."""
    paths = index.picture.paths
    if view.target in index.edges:
        return view.target
    bad = next((p.node for p in paths if any(hop.status is Status.FAIL for hop in p.hops)), "")
    return bad or (paths[0].node if paths else "")
