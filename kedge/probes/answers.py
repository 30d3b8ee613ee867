"""Reading what a host's shell answered: why there is no answer, and times as tools print them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kedge.i18n import _
from kedge.model import Observation, Reason, Unknown

NO_TOOL, TIMED_OUT = (126, 127), 124

_ABSENT = re.compile(r"No such file or directory|cannot stat|can't open '[^']*': No such")
_NEEDS_ROOT = re.compile(r"must be root|Operation not permitted|you must be superuser|requires root", re.IGNORECASE)
_DENIED = re.compile(r"Permission denied|Access denied", re.IGNORECASE)


def failure(seen: Observation, what: str) -> Unknown:
    """Why an answer holds nothing. ``what`` names the file or tool that was asked for, as a person would.

    Never called for an answer that can be used; the sentence says what failed, where, and what to do.
    """
    if seen.error is not None:
        return seen.error
    said = (seen.stderr or seen.stdout).strip()
    first = said.splitlines()[0] if said else ""
    if seen.exit_code in NO_TOOL:
        text = _("{host} has no {what}: {message}")
        return Unknown(Reason.NO_TOOL, text.format(host=seen.source, what=what, message=first or "not found"))
    if seen.exit_code == TIMED_OUT:
        text = _("{host} did not answer in time while asked for {what}")
        return Unknown(Reason.TIMED_OUT, text.format(host=seen.source, what=what))
    if _ABSENT.search(said):
        return Unknown(Reason.MISSING, _("{what} does not exist on {host}").format(what=what, host=seen.source))
    if _NEEDS_ROOT.search(said):
        text = _("Reading {what} on {host} needs root: log in as root, or allow it in sudoers")
        return Unknown(Reason.NEEDS_ROOT, text.format(what=what, host=seen.source))
    if _DENIED.search(said):
        text = _("{host} denies reading {what}: log in as root, or allow it in sudoers")
        return Unknown(Reason.DENIED, text.format(what=what, host=seen.source))
    if seen.exit_code == 0 and not said:
        text = _("{host} printed nothing at all when asked for {what}")
        return Unknown(Reason.UNPARSABLE, text.format(host=seen.source, what=what))
    text = _("{what} on {host} failed with exit code {code}: {message}")
    return Unknown(
        Reason.UNPARSABLE,
        text.format(what=what, host=seen.source, code=seen.exit_code, message=first or "no message"),
    )


def is_denied(seen: Observation) -> bool:
    """Whether the host refused to run the command, rather than the command having failed."""
    said = f"{seen.stderr}\n{seen.stdout}"
    return bool(_NEEDS_ROOT.search(said) or _DENIED.search(said))


_SYSTEMD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? ?(\S*)")


def systemd_time(text: str) -> datetime | None:
    """``Sun 2026-11-22 09:35:54 UTC``. None when empty, or in a zone whose letters are ambiguous (CST …)."""
    found = _SYSTEMD.search(text)
    if found is None or found[2] not in ("UTC", "GMT", "Z"):
        return None
    try:
        return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def epoch_time(text: str) -> datetime | None:
    """Seconds since the epoch; None for anything else."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
