"""What changed between two pictures of a site: the lines of ``check --watch``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kedge.model import Finding, Status
from kedge.picture import Picture
from kedge.report import stamp


def changes(before: Picture | None, after: Picture, show: frozenset[Status]) -> Iterator[dict[str, Any]]:
    """One object for each result that is new, gone, or says something else; the first time every one is new.

    Args:
        show: only changes from or to one of these statuses.
    """
    old = {(one.code, one.target): one for one in before.findings} if before is not None else {}
    new = {(one.code, one.target): one for one in after.findings}
    for place in sorted(old.keys() | new.keys()):
        was, now = old.get(place), new.get(place)
        if _said(was) != _said(now) and {one.status for one in (was, now) if one is not None} & show:
            yield _change(after, place, was, now)


def _said(finding: Finding | None) -> tuple[Any, ...] | None:
    """What makes it another result; measured numbers in a sentence do not."""
    if finding is None:
        return None
    return (finding.status, finding.because, finding.because_target, finding.text.msgid)


def _change(picture: Picture, place: tuple[str, str], was: Finding | None, now: Finding | None) -> dict[str, Any]:
    code, target = place
    return {
        "kind": "change",
        "site": picture.site,
        "context": picture.context,
        "generatedAt": stamp(picture.taken),
        "code": code,
        "target": target,
        "from": was.status.value if was is not None else None,
        "to": now.status.value if now is not None else None,
        "message": str(now.text) if now is not None else None,
        "because": now.because if now is not None else None,
        "becauseTarget": now.because_target if now is not None else None,
    }
