"""Exit codes, the same in every format and command."""

from __future__ import annotations

from enum import IntEnum

from kedge.model import Each, Reason, Status
from kedge.picture import Picture
from kedge.plugins import Registry


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    FAILURE = 3
    WARNING = 4
    UNJUDGED = 5
    NOT_VERIFIED = 6
    NOT_APPLIED = 7
    INTERRUPTED = 130


def exit_code(
    picture: Picture, registry: Registry, *, fail_on: str = "fail", strict: bool = False, partial: bool = False
) -> Exit:
    """The exit code of a check run.

    Args:
        picture: what was found. registry: to know which checks speak of edges.
        fail_on: ``fail`` or ``warn``. strict: any unknown counts as unjudged.
        partial: the picture holds only what was asked for, which need not speak of edges.
    """
    counts = picture.summary()
    if counts[Status.FAIL] or picture.causes:
        return Exit.FAILURE
    if fail_on == "warn" and counts[Status.WARN]:
        return Exit.WARNING
    if strict and counts[Status.UNKNOWN]:
        return Exit.UNJUDGED
    of_edges = {check.code for check in registry.checks if check.each is Each.EDGE}
    judged = any(
        (partial or finding.code in of_edges)
        and finding.status not in (Status.UNKNOWN, Status.SKIP)
        and finding.reason is not Reason.NOT_ASKED
        for finding in picture.findings
    )
    return Exit.OK if judged else Exit.UNJUDGED
