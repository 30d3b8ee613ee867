"""The lines of the details pane: pure, from findings and proposals to styled text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.cells import cell_len, chop_cells

from kedge.i18n import Text, _, translate
from kedge.model import Evidence, Finding, Status
from kedge.printable import one_line
from kedge.proposals import Proposal
from tui.glyphs import WORDS, Glyphs, style_of

Part = tuple[str, str]
"""(text, name of a component class)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``finding`` is the index of the finding it belongs to, -1 for none."""

    parts: tuple[Part, ...]
    finding: int = -1


@dataclass(frozen=True, slots=True)
class Shown:
    """What the details pane shows.

    Attributes:
        title: of the component. findings: in causal order.
        fixes: numbered proposals: (index of the finding, proposal).
        empty: the sentence shown when there is no finding.
    """

    title: Text
    findings: tuple[Finding, ...] = ()
    fixes: tuple[tuple[int, Proposal], ...] = ()
    empty: Text = field(default=_("Nothing is checked here"))


def causal_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Roots first, each followed by what it explains; then by attention, then by code."""
    rank = {(f.code, f.target): i for i, f in enumerate(f for f in findings if f.is_cause)}
    last = len(rank)

    def key(finding: Finding) -> tuple[int, int, int, str, str]:
        own = (finding.because or finding.code, finding.because_target or finding.target)
        group = rank.get(own, last)
        return (group, 0 if finding.is_cause else 1, -finding.status.rank, finding.code, finding.target)

    return tuple(sorted(findings, key=key))


def detail_lines(shown: Shown, width: int, glyphs: Glyphs, with_target: bool = False) -> list[Line]:
    """Lay everything out for a width in cells."""
    if not shown.findings:
        return [Line(((translate(shown.empty), "detail--dim"),))]
    lines: list[Line] = []
    for index, finding in enumerate(shown.findings):
        fixes = [(n + 1, p) for n, (of, p) in enumerate(shown.fixes) if of == index]
        lines += _block(index, finding, fixes, width, glyphs, with_target)
    return lines


def _block(
    index: int, finding: Finding, fixes: Sequence[tuple[int, Proposal]], width: int, glyphs: Glyphs, with_target: bool
) -> list[Line]:
    told = finding.status in (Status.FAIL, Status.WARN, Status.UNKNOWN)
    head = _head(finding, glyphs, with_target)
    lines = [Line(tuple(head), index)]
    if not told:
        text = one_line(translate(finding.text))
        room = width - sum(cell_len(part) for part, _style in head) - 2
        lines[0] = Line((*head, ("  " + _cut(text, room, glyphs), "detail--dim")), index)
        return lines
    lines += [Line((("  " + part, "detail--text"),), index) for part in _wrap(translate(finding.text), width - 2)]
    for name, value, style in _rows(finding, glyphs):
        lines += _row(index, name, value, style, width)
    for number, proposal in fixes:
        lines += _fix(index, number, proposal, width)
    lines.append(Line((), index))
    return lines


def _head(finding: Finding, glyphs: Glyphs, with_target: bool) -> list[Part]:
    word = translate(WORDS[finding.status])
    head: list[Part] = [
        (f"{glyphs.status(finding.status)} {word:<5}", style_of(finding.status)),
        (f" {finding.code} ", "detail--code"),
        (one_line(translate(finding.title)), "detail--title"),
    ]
    if with_target and finding.target != "-":
        head.append((f"  {one_line(finding.target)}", "detail--dim"))
    if finding.since is not None:
        head.append((translate(_("  since {time}").format(time=_clock(finding.since))), "detail--dim"))
    if finding.because:
        text = _("  because {code}") if finding.status is Status.FAIL else _("  skipped: because {code}")
        head.append((translate(text.format(code=finding.because)), "detail--because"))
    return head


def _rows(finding: Finding, glyphs: Glyphs) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    if finding.expected:
        rows.append((translate(_("expected")), translate(finding.expected), "detail--expected"))
    if finding.seen:
        rows.append((translate(_("seen")), translate(finding.seen), "detail--seen"))
    for evidence in finding.evidence[:3]:
        rows.append((translate(_("evidence")), evidence_line(evidence), "detail--dim"))
    if len(finding.evidence) > 3:
        more = _("and {count} more (e to view)").format(count=len(finding.evidence) - 3)
        rows.append(("", translate(more), "detail--dim"))
    return rows


def evidence_line(evidence: Evidence) -> str:
    """Where a piece of evidence comes from, in a line."""
    what = one_line(evidence.what).removeprefix("cat -- ")
    line = f":{evidence.line}" if evidence.line else ""
    at = f"  {_clock(evidence.at)}" if evidence.at else ""
    return f"{one_line(evidence.source)}: {what}{line}{at}"


def _row(index: int, name: str, value: str, style: str, width: int) -> list[Line]:
    wrapped = _wrap(value, width - 12)
    first = Line(((f"  {name:<9} ", "detail--name"), (wrapped[0], style)), index)
    return [first, *(Line(((" " * 12 + part, style),), index) for part in wrapped[1:])]


def _fix(index: int, number: int, proposal: Proposal, width: int) -> list[Line]:
    if proposal.plan is None:
        said = _("{title} - not possible here: {why}").format(title=proposal.title, why=proposal.why_not or _(""))
        return _row(index, translate(_("no fix")), translate(said), "detail--dim", width)
    name = translate(_("fix {number}").format(number=number))
    said = _("{title}   risk: {risk}").format(title=proposal.title, risk=proposal.risk.value)
    return _row(index, name, translate(said), "detail--fix", width)


def _clock(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M:%S")


def _cut(text: str, room: int, glyphs: Glyphs) -> str:
    if cell_len(text) <= room:
        return text
    left = room - cell_len(glyphs.more)
    return chop_cells(text, left)[0] + glyphs.more if left > 1 else ""


def _wrap(text: str, width: int) -> list[str]:
    """Break a sentence into lines by cells; words longer than a line are cut hard. Never empty."""
    room = max(width, 8)
    lines = [""]
    for word in one_line(text).split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= room:
            lines[-1] = joined
            continue
        pieces = chop_cells(word, room)
        lines = [*lines, *pieces] if lines[-1] else [*lines[:-1], *pieces]
    return lines
