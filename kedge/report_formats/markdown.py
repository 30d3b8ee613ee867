"""``-o markdown``: for a ticket or a chat."""

from __future__ import annotations

import re

from kedge.i18n import Text, _, translate
from kedge.model import Finding, Status
from kedge.picture import Picture
from kedge.report import EVERYTHING, GLYPHS, details, said, stamp, summary

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")


def as_markdown(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """Causes as a list, results as a table, in the reader's language."""
    where = f"{picture.site} ({picture.context})" if picture.context else picture.site
    lines = [f"# kedge-tui: {quoted(where)}", "", f"{stamp(picture.taken)} · {summary(picture)}", ""]
    lines += [f"## {translate(_('Causes'))}", ""]
    for cause in picture.causes:
        lines.append(f"* **{cause.code} {quoted(cause.target)}**: {quoted(cause.text)}")
        lines += [f"  * {name}: {quoted(value)}" for name, value in details(cause)]
    if not picture.causes:
        lines.append(translate(_("none")))
    lines += ["", f"## {translate(_('Results'))}", ""]
    lines += ["| | code | target | message | because |", "|---|---|---|---|---|"]
    lines += [_row(finding) for finding in picture.findings if finding.status in show]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    state = f"{GLYPHS[finding.status]} {finding.status.value}"
    because = finding.because or ""
    return f"| {state} | {finding.code} | {quoted(finding.target)} | {quoted(finding.text)} | {because} |"


def quoted(text: Text | str) -> str:
    """What hosts and objects say is text, never markup."""
    return _SPECIAL.sub(r"\\\1", said(text))
