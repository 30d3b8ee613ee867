"""What a log that is followed lets one judge of its breaks: silence that is odd, and what is missing. Pure."""

from __future__ import annotations

from kedge.i18n import Text, _
from kedge.logs.lines import moment

ODD_SECONDS = 15.0
"""Silence that is odd of a log that never paused so long."""


class Pauses:
    """How long a log is silent at most, as far as it was seen."""

    def __init__(self) -> None:
        self._longest: float | None = None

    def spoke(self, after: float) -> None:
        """It said something after so many seconds."""
        self._longest = max(after, self._longest or 0.0)

    def is_odd(self, silent: float) -> bool:
        """Silence of a log that speaks, three times as long as any before."""
        return self._longest is not None and silent >= max(ODD_SECONDS, 3 * self._longest)


def gap(before: str, now: str) -> Text:
    """How much is missing cannot be known; from when to when can."""
    first, last = moment(before), moment(now)
    if first is None or last is None:
        return _("lines may be missing here")
    spanned = round((last - first).total_seconds())
    return _("lines may be missing here: nothing was read of {seconds} s").format(seconds=spanned)
