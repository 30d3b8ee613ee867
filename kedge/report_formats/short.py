"""``-o short``: the causes and nothing else, for a glance, a prompt or a message on a phone."""

from __future__ import annotations

from kedge.i18n import _, translate
from kedge.model import Status
from kedge.picture import Picture
from kedge.report import EVERYTHING, GLYPHS, said, summary


def as_short(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """One line a cause, then the counts; ``show`` asks for further results on lines of their own."""
    lines = [f"{GLYPHS[Status.FAIL]} {cause.code} {said(cause.target)}: {said(cause.text)}" for cause in picture.causes]
    if show != EVERYTHING:
        causes = {(cause.code, cause.target) for cause in picture.causes}
        rest = [f for f in picture.findings if f.status in show and (f.code, f.target) not in causes]
        lines += [f"{GLYPHS[f.status]} {f.code} {said(f.target)}: {said(f.text)}" for f in rest]
    if not lines:
        lines = [translate(_("nothing is broken as far as it could be judged"))]
    return "\n".join([*lines, summary(picture)]) + "\n"
