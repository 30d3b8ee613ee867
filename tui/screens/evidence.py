"""``e``: the raw observations behind a finding: command, exit code, time, and what came back."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kedge.asks import Api, File
from kedge.i18n import Text, _
from kedge.model import Evidence, Finding, Observation
from kedge.printable import one_line, printable
from tui.highlight import highlighted
from tui.screens.text_view import TextView, paragraph
from tui.text_layout import Line, chop
from tui.widgets.detail_lines import relevant

SHOWN = 200_000
"""Characters of one answer that are shown; that there is more is said."""


class EvidenceScreen(TextView):
    """Everything a finding rests on, as the links gave it, secrets masked."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(
            _("Evidence for {code} on {target}: {text}").format(
                code=finding.code, target=finding.target, text=finding.text
            )
        )
        self._evidence = relevant(finding.evidence)
        self._bodies = [_body(piece.observation) for piece in self._evidence]
        self._line_row = 0

    def build(self, width: int) -> Sequence[Line]:
        """One section per observation, the most telling first."""
        if not self._evidence:
            return paragraph(_("This finding rests on no observation: nothing has answered yet."), width)
        lines: list[Line] = []
        for piece, body in zip(self._evidence, self._bodies, strict=True):
            lines += _head(piece, width)
            digits = len(str(len(body)))
            for number, line in enumerate(body, 1):
                if number == piece.line and piece is self._evidence[0]:
                    self._line_row = len(lines)
                lines += _numbered(line, number, digits, number == piece.line, width)
            lines += [*_stderr(piece.observation, width), Line()]
        return lines

    def on_mount(self) -> None:
        self.call_after_refresh(self._to_the_line)

    def _to_the_line(self) -> None:
        if self._line_row >= self.view.size.height:
            self.view.show_row(self._line_row)

    def plain_text(self) -> str:
        """The answers without line numbers."""
        parts = []
        for piece in self._evidence:
            seen = piece.observation
            parts.append(f"# {piece.source}: {piece.what}")
            parts.append(printable(seen.stdout + seen.stderr) if seen is not None else "")
        return "\n".join(parts)


def _head(piece: Evidence, width: int) -> list[Line]:
    lines = paragraph(f"{one_line(piece.source)}: {one_line(piece.what)}", width, "line--title")
    seen = piece.observation
    if seen is None:
        return lines
    lines += paragraph(_how(seen), width, "line--dim")
    if seen.error is not None:
        lines += paragraph(seen.error.text, width, "line--bad")
    if seen.objects is not None and not seen.stdout:
        lines += paragraph(_("{count} objects, kept by a watch").format(count=len(seen.objects)), width, "line--dim")
    return lines


def _how(seen: Observation) -> Text:
    at = seen.at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if seen.at else "-"
    code = "-" if seen.exit_code is None else seen.exit_code
    answer = _("HTTP status") if isinstance(seen.ask, Api) else _("exit code")
    cut = _("; there was more than is shown") if seen.cut or len(seen.stdout) > SHOWN else _("")
    return _("seen {at}, {answer} {code}, took {ms} ms{cut}").format(
        at=at, answer=answer, code=code, ms=round(seen.seconds * 1000), cut=cut
    )


def _body(seen: Observation | None) -> list[Line]:
    if seen is None or not seen.stdout:
        return []
    text = printable(seen.stdout[:SHOWN]).rstrip("\n")
    if isinstance(seen.ask, File):
        return highlighted(text, "yaml" if seen.ask.path.endswith((".yaml", ".yml")) else None)
    if isinstance(seen.ask, Api) and text[:1] in ("{", "["):
        return highlighted(_indented(text), "json")
    return highlighted(text, None)


def _indented(text: str) -> str:
    """JSON on many lines; as it is when it was cut and is none any more."""
    try:
        return printable(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
    except ValueError:
        return text


def _numbered(line: Line, number: int, digits: int, marked: bool, width: int) -> list[Line]:
    """One line of an answer with its number, broken where the screen ends."""
    gutter = f"{number:>{digits}} "
    room = width - len(gutter)
    mark = "line--marked" if marked else "line--dim"
    if sum(len(text) for text, _style in line.parts) * 2 <= room or len(chop(line.text, room)) == 1:
        return [Line(((gutter, mark), *line.parts))]
    pieces = chop(line.text, room)
    return [
        Line(((gutter if not n else " " * len(gutter), mark), (piece, "line--text"))) for n, piece in enumerate(pieces)
    ]


def _stderr(seen: Observation | None, width: int) -> list[Line]:
    if seen is None or not seen.stderr:
        return []
    lines = paragraph(_("stderr"), width, "line--dim")
    for line in printable(seen.stderr[:SHOWN]).rstrip("\n").split("\n"):
        lines += [Line((("  " + piece, "line--bad"),)) for piece in chop(line, width - 2)]
    return lines
