"""One row of the component tree as styled text: pure but for the styles, which the tree looks up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from kedge.i18n import translate
from kedge.model import Status
from kedge.picture import ComponentView
from kedge.printable import one_line
from tui.glyphs import Glyphs, style_of
from tui.text_layout import cut, cut_middle
from tui.widgets.tree_rows import Row

SENTENCE_LEAST = 12
"""Cells that a sentence keeps when the time is put beside it; on less the time is left out."""


@dataclass(frozen=True, slots=True)
class Dress:
    """What a row depends on besides its component.

    Attributes:
        style: a component class's style. day: times of another day are shown as dates.
        marked: somebody marked it. dated: what it shows may no longer be so.
    """

    glyphs: Glyphs
    style: Callable[[str], Style]
    day: date | None = None
    marked: bool = False
    dated: bool = False


def tree_line(row: Row, view: ComponentView, width: int, dress: Dress) -> list[Segment]:
    """Guides, marks, status, name, how many are bad below, since when, and why."""
    glyphs, style = dress.glyphs, dress.style
    dim = Style(dim=True) if dress.dated else Style()
    guide = style("tree--guide")
    segments = [Segment(_guides(row, glyphs), guide)]
    if dress.marked:
        segments.append(Segment(glyphs.mark + " ", style("tree--mark")))
    if row.branch:
        segments.append(Segment((glyphs.closed if row.folded else glyphs.open) + " ", guide))
    colour = "tree--line" if view.follows else style_of(view.rollup)  # only where to begin stands in red
    segments.append(Segment(glyphs.status(view.rollup) + " ", style(colour) + dim))
    room = width - sum(segment.cell_length for segment in segments)
    label = cut_middle(one_line(translate(view.label)), room, glyphs.more)
    segments.append(Segment(label, style("tree--label") + dim))
    room -= cell_len(label)
    for status in (Status.FAIL, Status.WARN) if row.branch else ():
        count = dict(view.counts).get(status, 0)
        said = f" {glyphs.status(status)}{count}"
        if count and room > len(said) + 1:
            segments.append(Segment(said, style(style_of(status)) + dim))
            room -= len(said)
    why = one_line(translate(view.line)) if view.line is not None and (not row.branch or row.folded) else ""
    since = _since(view.since, dress.day)
    least = cell_len(why) + 2 if view.follows else SENTENCE_LEAST
    if since and room >= len(since) + 2 + (least if why else 0):
        segments.append(Segment("  " + since, style("tree--line") + dim))
        room -= len(since) + 2
    if why and room > 5:
        if view.follows and cell_len(why) > room - 2:
            why = view.follows
        segments.append(Segment("  " + cut(why, room - 2, glyphs.more), style("tree--line") + dim))
    return segments


def _since(moment: datetime | None, day: date | None) -> str:
    """The time of day to the minute, by this machine's clock; a date for another day."""
    if moment is None:
        return ""
    local = moment.astimezone()
    return local.strftime("%H:%M" if day is None or local.date() == day else "%m-%d")


def _guides(row: Row, glyphs: Glyphs) -> str:
    if row.depth == 0:
        return ""
    bar, tee, corner = ("| ", "|-", "`-") if glyphs.ascii_only else ("│ ", "├ ", "└ ")
    return "".join(bar if goes_on else "  " for goes_on in row.guides[1:]) + (corner if row.last else tee)
