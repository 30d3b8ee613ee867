"""The part of a picture that somebody asked for: some codes, some nodes. What explains it comes along."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kedge.model import Finding, Kind
from kedge.picture import Picture


def matches(code: str, globs: Sequence[str]) -> bool:
    """``KE206``, ``KE2*``, ``ke50[12]``; everything when there is no glob."""
    return not globs or any(fnmatch.fnmatchcase(code, glob.upper()) for glob in globs)


def select(
    picture: Picture, globs: Sequence[str] = (), nodes: Iterable[str] = (), groups: Iterable[str] = ()
) -> Picture:
    """The picture with the findings of these codes, targets and groups, and only the causes that explain them."""
    wanted, places = frozenset(nodes), frozenset(groups)
    if not globs and not wanted and not places:
        return picture
    findings = tuple(
        f
        for f in picture.findings
        if matches(f.code, globs)
        and (not wanted or f.target in wanted)
        and (not places or places & set(f.kind.place.split("/")))
    )
    roots = {_root(finding) for finding in findings}
    return replace(
        picture,
        findings=findings,
        causes=tuple(cause for cause in picture.causes if (cause.code, cause.target) in roots),
        paths=tuple(path for path in picture.paths if not wanted or path.node in wanted),
    )


GROUPS = tuple(sorted({part for kind in Kind for part in kind.place.split("/") if "{" not in part}))
"""Groups of checks: the parts of the tree they belong to, e.g. ``cloud``, ``edge``, ``edgestream``."""


def _root(finding: Finding) -> tuple[str, str]:
    return (finding.because or finding.code, finding.because_target or finding.target)
