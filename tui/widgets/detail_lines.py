"""The lines of the details pane: pure, from findings and proposals to styled text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from kedge.asks import Api, File, FileStat
from kedge.i18n import Text, _, ngettext, translate
from kedge.model import Evidence, Finding, Status
from kedge.printable import one_line
from kedge.proposals import Proposal
from tui.glyphs import WORDS, Glyphs, style_of
from tui.index import TOLD
from tui.text_layout import Line, Part, clock, cut, pad, width_of, wrap

MOST = 60
"""Findings shown at once; a branch of a thousand broken edges is read by its causes."""

EVIDENCE_MOST = 2
INDENT = 12
_OFTEN = 2
"""From this count on a finding that comes and goes is said to."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is not a finding but has to be said here: a link that is down, a mistake in the config file."""

    status: Status
    name: Text
    text: Text


@dataclass(frozen=True, slots=True)
class Shown:
    """What the details pane shows.

    Attributes:
        notes: above everything else.
        about: name and value of what is known besides findings.
        findings: in causal order.
        fixes: (index of the finding, proposal); those with a plan are numbered in this order.
        more: how many further findings there are that are not shown.
        empty: the sentence shown when there is no finding.
        day: dates are left out of times of this day.
    """

    notes: tuple[Note, ...] = ()
    about: tuple[tuple[Text, Text], ...] = ()
    findings: tuple[Finding, ...] = ()
    fixes: tuple[tuple[int, Proposal], ...] = ()
    more: int = 0
    empty: Text = field(default=_("Nothing is checked here"))
    day: date | None = None

    @property
    def numbered(self) -> tuple[Proposal, ...]:
        """The fixes that can be chosen, as numbered."""
        return tuple(proposal for _index, proposal in self.fixes if proposal.plan is not None)


def causal_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Roots first, each followed by what it explains; then by attention, then by code."""
    rank = {(f.code, f.target): i for i, f in enumerate(f for f in findings if f.is_cause)}
    last = len(rank)

    def key(finding: Finding) -> tuple[int, int, int, str, str]:
        own = (finding.because or finding.code, finding.because_target or finding.target)
        group = rank.get(own, last)
        return (group, 0 if finding.is_cause else 1, -finding.status.rank, finding.code, finding.target)

    return tuple(sorted(findings, key=key))


def detail_lines(shown: Shown, width: int, glyphs: Glyphs) -> list[Line]:
    """Lay everything out for a width in cells; a line's ``item`` is the index of its finding."""
    lines: list[Line] = []
    for note in shown.notes:
        lines += _note(note, width, glyphs)
    lines += _about(shown.about, width)
    if not shown.findings:
        return [*lines, *(Line(((part, "detail--dim"),)) for part in wrap(translate(shown.empty), width))]
    several = len({finding.target for finding in shown.findings}) > 1
    numbers = iter(range(1, len(shown.fixes) + 1))
    fixes: dict[int, list[tuple[int, Proposal]]] = {}
    for index, proposal in shown.fixes:
        fixes.setdefault(index, []).append((next(numbers) if proposal.plan is not None else 0, proposal))
    for index, finding in enumerate(shown.findings):
        block = _Block(index, finding, width, glyphs, several, shown.day)
        lines += block.lines(fixes.get(index, ()))
    if shown.more:
        more = ngettext("and {count} more", "and {count} more", "count").format(count=shown.more)
        lines.append(Line(((translate(more), "detail--dim"),)))
    while lines and not lines[-1].parts:
        lines.pop()
    return lines


def _note(note: Note, width: int, glyphs: Glyphs) -> list[Line]:
    name = translate(note.name)
    head: list[Part] = [(f"{glyphs.status(note.status)} {pad(name, 8)}", style_of(note.status))]
    room = width - width_of(head) - 1
    wrapped = wrap(translate(note.text), room)
    first = Line((*head, (" " + wrapped[0], "detail--text")))
    rest = [Line(((" " * (width_of(head) + 1) + part, "detail--text"),)) for part in wrapped[1:]]
    return [first, *rest, Line()]


def _about(about: Sequence[tuple[Text, Text]], width: int) -> list[Line]:
    lines: list[Line] = []
    for name, value in about:
        first, *rest = wrap(one_line(translate(value)), width - INDENT)
        lines.append(Line(((pad("  " + translate(name), INDENT), "detail--name"), (first, "detail--text"))))
        lines += [Line(((" " * INDENT + part, "detail--text"),)) for part in rest]
    return [*lines, Line()] if lines else []


@dataclass(frozen=True, slots=True)
class _Block:
    """One finding as lines."""

    index: int
    finding: Finding
    width: int
    glyphs: Glyphs
    with_target: bool
    day: date | None

    def lines(self, fixes: Sequence[tuple[int, Proposal]]) -> list[Line]:
        if self.finding.status not in TOLD:
            return [self._short(), *(line for number, proposal in fixes for line in self._fix(number, proposal))]
        lines = self._head()
        for part in wrap(translate(self.finding.text), self.width - 2):
            lines.append(Line((("  " + part, "detail--text"),), self.index))
        for name, value, style in self._rows():
            lines += self._row(name, value, style)
        for number, proposal in fixes:
            lines += self._fix(number, proposal)
        return [*lines, Line((), self.index)]

    def _short(self) -> Line:
        """What needs no attention takes one line, its sentence as far as it fits."""
        head = self._name()
        text = self._because() or one_line(translate(self.finding.text))
        room = self.width - width_of(head) - 2
        return Line((*head, ("  " + cut(text, room, self.glyphs.more), "detail--dim")), self.index)

    def _name(self) -> list[Part]:
        finding = self.finding
        word = translate(WORDS[finding.status])
        head: list[Part] = [
            (f"{self.glyphs.status(finding.status)} {pad(word, 7)}", style_of(finding.status)),
            (f" {finding.code} ", "detail--code"),
            (one_line(translate(finding.title)), "detail--title"),
        ]
        if self.with_target and finding.target != "-":
            head.append((f"  {one_line(finding.target)}", "detail--target"))
        return head

    def _head(self) -> list[Line]:
        """Name, since when and because of what; on a second line what does not fit."""
        head = self._name()
        more: list[Part] = []
        if self.finding.since is not None:
            since = translate(_("since {time}").format(time=clock(self.finding.since, self.day)))
            more.append((f"  {since}{self._again()}", "detail--dim"))
        if self.finding.because:
            more.append(("  " + self._because(), "detail--because"))
        if width_of([*head, *more]) <= self.width:
            return [Line((*head, *more), self.index)]
        below = [Line((more[-1],), self.index)] if self.finding.because else []  # since when is above the details
        return [Line(tuple(head), self.index), *below]

    def _again(self) -> str:
        """How often it has come and gone while we watched; nothing for the first time."""
        if self.finding.flaps < _OFTEN:
            return ""
        times = ngettext("{count} time so far", "{count} times so far", "count").format(count=self.finding.flaps)
        return f", {translate(times)}"

    def _because(self) -> str:
        finding = self.finding
        if not finding.because:
            return ""
        other = finding.because_target or finding.target
        place = f" {one_line(other)}" if other not in ("-", finding.target) else ""
        skipped = finding.status is Status.SKIP
        text = _("skipped: because {cause}") if skipped else _("because {cause}")
        return translate(text.format(cause=finding.because + place))

    def _rows(self) -> list[tuple[str, str, str]]:
        finding = self.finding
        rows: list[tuple[str, str, str]] = []
        if finding.expected:
            rows.append((translate(_("expected")), translate(finding.expected), "detail--expected"))
        if finding.seen:
            rows.append((translate(_("seen")), translate(finding.seen), "detail--seen"))
        evidence = relevant(finding.evidence)
        shown = [piece for piece in evidence if _telling(piece) < _ASIDE][:EVIDENCE_MOST] or evidence[:1]
        for number, piece in enumerate(shown):
            name = translate(_("evidence")) if not number else ""
            rows.append((name, evidence_line(piece, self.day), "detail--dim"))
        if (more := len(evidence) - len(shown)) > 0:
            said = ngettext("and {count} more (e to view)", "and {count} more (e to view)", "count")
            rows.append(("", translate(said.format(count=more)), "detail--dim"))
        return rows

    def _row(self, name: str, value: str, style: str) -> list[Line]:
        wrapped = wrap(value, self.width - INDENT)
        first = Line(((f"  {pad(name, INDENT - 3)} ", "detail--name"), (wrapped[0], style)), self.index)
        return [first, *(Line(((" " * INDENT + part, style),), self.index) for part in wrapped[1:])]

    def _fix(self, number: int, proposal: Proposal) -> list[Line]:
        if proposal.plan is None:
            said = _("{title}: not possible here. {why}")
            text = said.format(title=proposal.title, why=proposal.why_not or _(""))
            return self._row(translate(_("no fix")), translate(text), "detail--dim")
        name = translate(_("fix {number}").format(number=number))
        said = _("{title}   risk: {risk}").format(title=proposal.title, risk=proposal.risk.value)
        return self._row(name, translate(said), "detail--fix")


def relevant(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Evidence without repetitions, the most telling first.

    A line of a file, then what was asked for this very finding, in the check's own order; then API objects, which
    nearly every finding rests on, and dates of files.
    """
    found: dict[tuple[str, str], Evidence] = {}
    for piece in evidence:
        if piece.what:
            found.setdefault((piece.source, piece.what), piece)
    return sorted(found.values(), key=_telling)


_ASIDE = 5
"""What is evidence of little by itself, such as a file's date."""


def _telling(piece: Evidence) -> int:
    ask = piece.observation.ask if piece.observation is not None else None
    if piece.line:
        return 0
    if isinstance(ask, FileStat):
        return _ASIDE
    return 2 if isinstance(ask, Api) and ask.of is not None else 1


def evidence_line(evidence: Evidence, day: date | None = None) -> str:
    """Where a piece of evidence comes from, in a line: ``edge1:/etc/…/edgecore.yaml:48  09:46:18``."""
    ask = evidence.observation.ask if evidence.observation is not None else None
    if isinstance(ask, File):
        place = f"{one_line(evidence.source)}:{one_line(ask.path)}"
    else:
        place = f"{one_line(evidence.source)}: {one_line(evidence.what)}"
    line = f":{evidence.line}" if evidence.line else ""
    at = f"  {clock(evidence.at, day)}" if evidence.at else ""
    return f"{place}{line}{at}"
