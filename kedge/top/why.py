"""Why something has no numbers: the finding that says so, its cause if something else explains it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kedge.model import SITE, Finding, Status

_NODE = ("KE503", "KE201", "KE504")
_POD = ("KE504", "KE503", "KE201")
_SITE = ("KE101", "KE404", "KE401", "KE402", "KE405", "KE403", "KE102", "KE406")
_TELLING = {Status.FAIL: 0, Status.WARN: 1, Status.UNKNOWN: 2}


Found = Mapping[tuple[str, str], Finding]
"""Findings by (code, target)."""


def indexed(findings: Iterable[Finding]) -> Found:
    """Made once per picture."""
    return {(finding.code, finding.target): finding for finding in findings}


def why_no_numbers(by_code: Found, node: str = SITE, *, pods: bool = False) -> Finding | None:
    """What explains that the metrics API says nothing about a node (or its pods), or, for the site, nothing at all.

    A consequence leads to its cause: where KE503 fails because of KE404, the answer is KE404. Failures come before
    warnings, and those before what could not be found out.
    """
    codes = [(code, node) for code in (_POD if pods else _NODE)] if node != SITE else []
    codes += [(code, SITE) for code in _SITE]
    found = [by_code[key] for key in codes if key in by_code and by_code[key].status in _TELLING]
    # Sorting is stable: among equals the order of the codes decides.
    found.sort(key=lambda finding: _TELLING[finding.status])
    return _cause(found[0], by_code) if found else None


def _cause(finding: Finding, by_code: Found) -> Finding:
    seen = {(finding.code, finding.target)}
    while finding.because:
        key = (finding.because, finding.because_target or finding.target)
        cause = by_code.get(key)
        if cause is None or key in seen:
            break
        seen.add(key)
        finding = cause
    return finding
