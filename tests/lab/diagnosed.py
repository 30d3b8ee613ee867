"""Compares a diagnosis with what the world says is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kedge.diagnosis import causes
from kedge.model import Finding, Status
from lab import truth
from lab.world import World

Cause = tuple[str, str]

SYMPTOMS = frozenset({"KE201", "KE301", "KE307"})
"""As far as the API tells of an edge that cannot be looked at: it does not report, it never had or has no tunnel."""

HIDDEN_CLOUD = frozenset({"KE110", "KE112", "KE113", "KE207"})
"""What cannot be told without CloudCore's configuration; then KE303 says that nothing listens where an edge dials."""

_BLIND = frozenset({Status.UNKNOWN, Status.SKIP})


def true_causes(world: World) -> set[Cause]:
    """What is wrong, by the world's own account."""
    return {(code, target) for code, target in truth.causes(world)}


def found_causes(findings: Sequence[Finding]) -> set[Cause]:
    """What the diagnosis says is wrong."""
    return {(cause.code, cause.target) for cause in causes(findings)}


def mistakes(findings: Sequence[Finding], true: Iterable[Cause]) -> list[str]:
    """What is wrong with the diagnosis; empty when it is right.

    Every true cause must be found and nothing else. Where something could not be seen (an edge without SSH, a right
    that is missing, no API server), a cause may stay unknown there, never passed; a symptom then stands in its place.
    """
    by_place = {(finding.code, finding.target): finding for finding in findings}
    found, wanted = found_causes(findings), set(true)
    dark = {f.target for f in findings if f.code == "KE203" and f.status is Status.UNKNOWN}
    api = by_place["KE101", "-"].status is Status.FAIL or by_place["KE102", "-"].status is Status.WARN
    said = []
    for code, target in sorted(wanted - found):
        finding = by_place.get((code, target))
        status = finding.status if finding else None
        if status not in _BLIND or not (api or target in dark):
            said.append(f"{code} {target} is a cause, and the check says {status}")
    for code, target in sorted(found - wanted):
        stands_in = (target in dark and code in SYMPTOMS) or (
            api and code == "KE303" and bool(HIDDEN_CLOUD & {missing for missing, _target in wanted - found})
        )
        if not stands_in:
            said.append(f"{code} {target} is no cause: {by_place[code, target].text}")
    lost = {(f.because, f.because_target) for f in findings if f.because} - found
    said += [
        f"{code} {target} explains something, and is no cause itself"
        for code, target in sorted(map(str, p) for p in lost)
    ]
    return said
