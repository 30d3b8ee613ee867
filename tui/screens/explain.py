"""``o``: what a check means and why it matters, offline."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.style import Style

from kedge.explain import explanation
from kedge.i18n import _
from kedge.model import Finding
from kedge.printable import printable
from tui.screens.text_view import TextView, paragraph
from tui.text_layout import Line


class ExplainScreen(TextView):
    """The finding in a sentence, then the document of its code."""

    def __init__(self, finding: Finding, doc: str = "") -> None:
        super().__init__(_("{code} {title}").format(code=finding.code, title=finding.title))
        self._finding = finding
        self._text = explanation(finding.code, doc)

    def build(self, width: int) -> Sequence[Line]:
        """The sentence, the relation, the document."""
        finding = self._finding
        lines = paragraph(finding.text, width, "line--title")
        if finding.because:
            said = _("Explained by {code} on {target}")
            target = finding.because_target or "-"
            lines += paragraph(said.format(code=finding.because, target=target), width, "line--dim")
        return [*lines, Line(), *markdown(self._text, width)]

    def plain_text(self) -> str:
        """The document as Markdown."""
        return self._text


def markdown(text: str, width: int) -> list[Line]:
    """A document as lines; of Rich's styles only weight is kept, colours are the theme's."""
    console = Console(width=width, color_system=None, force_terminal=False, legacy_windows=False)
    options = console.options.update(width=width, height=None)
    rendered = console.render_lines(Markdown(printable(text), hyperlinks=False), options, pad=False)
    return [
        Line(tuple((segment.text, _weight(segment.style)) for segment in line if segment.text)) for line in rendered
    ]


def _weight(style: Style | None) -> Style:
    if style is None:
        return Style()
    code = style.bgcolor is not None or style.color is not None
    return Style(bold=style.bold or code or None, italic=style.italic, underline=style.underline)
