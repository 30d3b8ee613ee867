"""From single verdicts to causes: the two declared relations, the roots, and the path of every edge.

``needs``: without it the check has no meaning, so it is ``skip`` because of that code. ``explained_by``: it
was measured and stays ``fail``, but is folded under its cause. End-to-end and path checks that have evidence
are never skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kedge.i18n import _
from kedge.model import (
    LOGS_PATH,
    METRICS_PATH,
    SITE,
    Each,
    Finding,
    Hop,
    HopState,
    NodePath,
    Status,
)
from kedge.plugins import Check, Registry

_MEASURED = ("KE3", "KE5")
_NOT_JUDGED = _("Means nothing while {code} fails")
_LINK = "KE101"
"""The API server. Losing it takes away no meaning: what was measured before stands, shown with its age."""


class Relations:
    """Applies ``needs`` and ``explained_by`` to one set of findings."""

    def __init__(self, registry: Registry, findings: Iterable[Finding]) -> None:
        self._checks = {check.code: check for check in registry.checks}
        self._raw: dict[str, dict[str, Finding]] = {}
        for finding in findings:
            self._raw.setdefault(finding.code, {})[finding.target] = finding
        edges = {check.code for check in registry.checks if check.each is Each.EDGE}
        self._edges = {target for code in edges for target in self._raw.get(code, {})}
        self._done: dict[tuple[str, str], Finding] = {}
        self._open: set[tuple[str, str]] = set()

    def settle(self) -> tuple[Finding, ...]:
        """All findings with their relations, sorted by code, then target."""
        for by_target in self._raw.values():
            for finding in by_target.values():
                self._settled(finding)
        return tuple(sorted(self._done.values(), key=lambda f: (f.code, f.target)))

    def _settled(self, finding: Finding) -> Finding:
        key = (finding.code, finding.target)
        if key in self._done:
            return self._done[key]
        if key in self._open:  # two checks that name each other: the first one asked stays a root
            return finding
        self._open.add(key)
        check = self._checks[finding.code]
        settled = self._skipped(check, finding) or self._explained(check, finding) or finding
        self._open.discard(key)
        self._done[key] = settled
        return settled

    def _skipped(self, check: Check, finding: Finding) -> Finding | None:
        measured = finding.status in (Status.FAIL, Status.PASS, Status.WARN, Status.INFO)
        if measured and finding.code.startswith(_MEASURED):
            return None
        for code in check.needs:
            for cause in self._relatives(code, finding.target):
                if cause.status is Status.FAIL or (cause.status is Status.SKIP and cause.because):
                    root = _root(cause)
                    if measured and root[0] == _LINK:
                        continue
                    text = _NOT_JUDGED.format(code=root[0]) if measured else finding.text
                    return replace(
                        finding, status=Status.SKIP, text=text, because=root[0], because_target=root[1], fixes=()
                    )
        return None

    def _explained(self, check: Check, finding: Finding) -> Finding | None:
        if finding.status is not Status.FAIL:
            return None
        declared = (*check.explained_by, *check.needs)
        for code in declared if finding.explained_by is None else finding.explained_by:
            for cause in self._relatives(code, finding.target):
                if cause.status is Status.FAIL:
                    root = _root(cause)
                    if root == (finding.code, finding.target):
                        continue
                    return replace(finding, because=root[0], because_target=root[1])
        return None

    def _relatives(self, code: str, target: str) -> Sequence[Finding]:
        """The findings of another code that speak of this target: its own, the site's, else any cloud host's."""
        by_target = self._raw.get(code, {})
        if target in by_target:
            return (self._settled(by_target[target]),)
        if SITE in by_target:
            return (self._settled(by_target[SITE]),)
        per_edge = code in self._checks and self._checks[code].each is Each.EDGE
        if per_edge and target in self._edges:
            return ()  # one edge's fault never explains another's
        return [self._settled(finding) for finding in by_target.values()]


def _root(cause: Finding) -> tuple[str, str]:
    return (cause.because or cause.code, cause.because_target or cause.target)


def diagnose(registry: Registry, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings with their causes."""
    return Relations(registry, findings).settle()


def causes(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The roots, those that explain most first."""
    explained: dict[tuple[str, str], int] = {}
    for finding in findings:
        if finding.because:
            key = (finding.because, finding.because_target or SITE)
            explained[key] = explained.get(key, 0) + 1
    roots = [finding for finding in findings if finding.is_cause]
    return tuple(sorted(roots, key=lambda f: (-explained.get((f.code, f.target), 0), f.code, f.target)))


_PROOFS = {"KE501": frozenset(LOGS_PATH), "KE503": frozenset(METRICS_PATH) - frozenset(LOGS_PATH)}
"""What came back all the way proves the hops that nobody could look at."""


def draw_paths(findings: Sequence[Finding], edges: Sequence[str]) -> tuple[NodePath, ...]:
    """The way to every edge node, each hop with its status and the code behind it."""
    own: dict[str, list[Finding]] = {edge: [] for edge in edges}
    proofs: dict[str, dict[Hop, str]] = {}
    shared: list[Finding] = []
    for finding in findings:
        if finding.hops:
            own.get(finding.target, shared).append(finding)
        elif finding.status is Status.PASS and finding.code in _PROOFS:
            proofs.setdefault(finding.target, {}).update(dict.fromkeys(_PROOFS[finding.code], finding.code))
    common = _worst_by_hop(shared)
    return tuple(_path(edge, common, _worst_by_hop(own[edge]), proofs.get(edge, {})) for edge in edges)


def _worst_by_hop(findings: Iterable[Finding]) -> dict[Hop, Finding]:
    """For each hop the finding that decides it; of equal ones the first."""
    worst: dict[Hop, Finding] = {}
    for finding in findings:
        for hop in finding.hops:
            if hop not in worst or finding.status.rank > worst[hop].status.rank:
                worst[hop] = finding
    return worst


def _path(node: str, common: Mapping[Hop, Finding], own: Mapping[Hop, Finding], proofs: Mapping[Hop, str]) -> NodePath:
    states = {hop: _state(hop, common.get(hop), own.get(hop), proofs.get(hop)) for hop in METRICS_PATH}
    return NodePath(node, tuple(states[hop] for hop in LOGS_PATH), tuple(states[hop] for hop in METRICS_PATH))


def _state(hop: Hop, shared: Finding | None, own: Finding | None, proof: str | None) -> HopState:
    worst = shared if own is None or (shared and shared.status.rank >= own.status.rank) else own
    if worst is None or worst.status is Status.UNKNOWN:
        if proof is not None:
            return HopState(hop, Status.PASS, proof)
        return HopState(hop, Status.UNKNOWN, worst.code if worst else None)
    told = worst.status in (Status.FAIL, Status.WARN, Status.SKIP)
    return HopState(hop, worst.status, (worst.because or worst.code) if told else None)
