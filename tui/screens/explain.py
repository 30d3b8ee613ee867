"""``o``: what a check means and why it matters, offline."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.markdown import Markdown
from rich.text import Text as RichText

from kedge.explain import explanation
from kedge.i18n import _, translate
from kedge.model import Finding
from tui.screens.dialog import plain
from tui.screens.text_view import TextView


class ExplainScreen(TextView):
    """The finding in a sentence, then the anchor of its code."""

    def __init__(self, finding: Finding, doc: str = "") -> None:
        super().__init__(_("{code} {title}").format(code=finding.code, title=finding.title))
        self._finding = finding
        self._text = explanation(finding.code, doc)

    def content(self) -> Iterable[RenderableType]:
        """The sentence, the relations, the document."""
        finding = self._finding
        yield plain(translate(finding.text), "bold")
        if finding.because:
            said = _("Explained by {code} on {target}")
            yield plain(translate(said.format(code=finding.because, target=finding.because_target or "-")))
        yield RichText("")
        yield Markdown(self._text, hyperlinks=False)

    def plain_text(self) -> str:
        """The document as Markdown."""
        return self._text
