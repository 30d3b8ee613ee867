"""``-o wide``: the table with expected, seen and evidence of every result."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model import Evidence, Finding, Status
from kedge.picture import Picture
from kedge.report import EVERYTHING, details, row, said, stamp, summary

_MOST = 3
"""Pieces of evidence shown of one result; ``-o json`` has all."""


def as_wide(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """Every result with what it rests on, in the reader's language."""
    findings = [finding for finding in picture.findings if finding.status in show]
    width = max((len(said(finding.target)) for finding in findings), default=1)
    lines = [line for finding in findings for line in _block(finding, width)]
    return "\n".join([*lines, "", summary(picture)]) + "\n"


def _block(finding: Finding, width: int) -> Iterator[str]:
    yield row(finding, width)
    for name, value in details(finding):
        yield f"    {name}: {said(value)}"
    if finding.since is not None:
        yield f"    since: {stamp(finding.since)}"
    if finding.flaps > 1:
        yield f"    flaps: {finding.flaps}"
    shown = dict.fromkeys(_evidence(evidence) for evidence in finding.evidence if evidence.what)
    for evidence in [*shown][:_MOST]:
        yield f"    evidence: {evidence}"


def _evidence(evidence: Evidence) -> str:
    place = f":{evidence.line}" if evidence.line else ""
    when = f" at {stamp(evidence.at)}" if evidence.at else ""
    first = evidence.what.splitlines()[0] if evidence.what else ""
    return said(f"{evidence.source}: {first}{place}{when}")
