"""What the repair dialog shows, as lines: pure, from a :class:`~tui.repair.Repair`."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.executor import Preview, StepState, Verification
from kedge.i18n import _, translate
from kedge.model import Finding
from kedge.printable import one_line, printable
from tui.glyphs import WORDS, Glyphs, style_of
from tui.repair import Repair, Stage
from tui.screens.text_view import paragraph
from tui.text_layout import Line, Part, chop, pad, wrap

_STATE_STYLES = {
    StepState.RUNNING: "status--info",
    StepState.DONE: "status--pass",
    StepState.ALREADY: "status--pass",
    StepState.FAILED: "status--fail",
    StepState.INEFFECTIVE: "status--warn",
    StepState.UNKNOWN: "status--unknown",
    StepState.NOT_RUN: "status--skip",
}


def fix_lines(repair: Repair, width: int, glyphs: Glyphs) -> list[Line]:
    """Everything that is known of a change by now, top to bottom in time."""
    if repair.stage is Stage.LOOKING:
        return paragraph(_("Reading the present state {more}").format(more=glyphs.more), width, "line--dim")
    lines: list[Line] = []
    if repair.preview is not None:
        lines += preview_lines(repair.preview, width)
    if repair.steps:
        lines += [Line(), *paragraph(_("Steps"), width, "line--heading")]
        lines += [line for position in sorted(repair.steps) for line in _step(repair, position, width, glyphs)]
    if repair.verification is not None:
        lines += _verification(repair.verification, width, glyphs)
    if repair.outcome is not None:
        for problem in repair.outcome.problems:
            lines += paragraph(problem, width, "line--bad")
    if repair.problem is not None:
        lines += [*([Line()] if lines else []), *paragraph(repair.problem, width, "line--bad")]
    if repair.stage is Stage.ENDED and repair.problem is None:
        lines += [Line(), *paragraph(repair.text, width, "line--good" if repair.ended_well else "line--bad")]
    return lines


def preview_lines(preview: Preview, width: int) -> list[Line]:
    """What exactly would be done."""
    plan = preview.plan
    later = _("nothing; afterwards it shows {codes}") if plan.expect else _("nothing: look at the checks afterwards")
    codes = " ".join(plan.verify) or translate(later.format(codes=" ".join(plan.expect)))
    rows = [(_("risk"), plan.risk.value), (_("impact"), translate(plan.impact)), (_("verifies"), codes)]
    lines: list[Line] = []
    for name, value in rows:
        first, *rest = wrap(value, width - 10)
        lines.append(Line(((pad(translate(name), 10), "line--dim"), (first, "line--text"))))
        lines += [Line(((" " * 10 + part, "line--text"),)) for part in rest]
    for number, shown in enumerate(preview.steps, 1):
        title = f"{number}. {one_line(translate(shown.title))}"
        if shown.user:
            title += translate(_("  (as {user})").format(user=shown.user))
        lines += [Line(), *paragraph(title, width, "line--title")]
        lines += _body(shown.body, width)
        for note in shown.notes:
            lines += paragraph(note, width, "line--dim", 3)
    return lines


def _body(body: str, width: int) -> list[Line]:
    """A diff with its colours, or command lines."""
    text = printable(body).split("\n") if body else []
    is_diff = any(line.startswith("@@") for line in text)
    lines = []
    for line in text:
        style = _diff_style(line) if is_diff else "line--key"
        lines += [Line((("   " + piece, style),)) for piece in chop(line, width - 3)]
    return lines


def _diff_style(line: str) -> str:
    if line.startswith(("---", "+++")):
        return "line--dim"
    return {"+": "line--added", "-": "line--removed", "@": "line--hunk"}.get(line[:1], "line--text")


def _step(repair: Repair, position: int, width: int, glyphs: Glyphs) -> Sequence[Line]:
    progress = repair.steps[position]
    text = f"{progress.position + 1}/{progress.steps} {one_line(translate(progress.title))}"
    if progress.state not in (StepState.RUNNING, StepState.DONE):
        text += f" ({progress.state.value})"
    if progress.text is not None:
        text += f": {translate(progress.text)}"
    first, *rest = wrap(text, width - 2)
    mark = glyphs.step(progress.state.value)
    head: Part = (f"{mark} ", _STATE_STYLES[progress.state])
    return [Line((head, (first, "line--text"))), *(Line((("  " + part, "line--text"),)) for part in rest)]


def _verification(verification: Verification, width: int, glyphs: Glyphs) -> list[Line]:
    before = {(finding.code, finding.target): finding for finding in verification.before}
    lines = [Line(), *paragraph(_("Checks, before and after"), width, "line--heading")]
    for finding in verification.after:
        lines += _check(before.get((finding.code, finding.target)), finding, width, glyphs)
    return lines


def _check(before: Finding | None, after: Finding, width: int, glyphs: Glyphs) -> list[Line]:
    parts: list[Part] = [(f"{after.code} ", "line--key")]
    if before is not None:
        parts += [_status(before, glyphs), (f" {glyphs.arrow} ", "line--dim")]
    parts.append(_status(after, glyphs))
    used = sum(len(text) for text, _style in parts) + 2
    first, *rest = wrap(f"{one_line(after.target)}: {translate(after.text)}", width - used)
    return [
        Line((*parts, ("  " + first, "line--text"))),
        *(Line(((" " * used + part, "line--text"),)) for part in rest),
    ]


def _status(finding: Finding, glyphs: Glyphs) -> Part:
    word = translate(WORDS[finding.status])
    return (f"{glyphs.status(finding.status)} {word}", style_of(finding.status))
