"""``:report``: the incident in a few lines, for a ticket; what ``kedge-tui report`` prints of the same moment."""

from __future__ import annotations

from collections.abc import Sequence

from kedge import incident
from kedge.audit import Entry
from kedge.i18n import _, translate
from kedge.picture import Picture
from tui.screens.text_view import TextView, paragraph
from tui.text_layout import Line


class ReportScreen(TextView):
    """Markdown as it is pasted: ``c`` copies it, ``x`` writes it to a file."""

    def __init__(self, picture: Picture, entries: Sequence[Entry]) -> None:
        super().__init__(_("Report of {site}").format(site=picture.site))
        self._markdown = incident.as_markdown(picture, entries)

    def build(self, width: int) -> Sequence[Line]:
        """One paragraph a line; headings stand out."""
        lines: list[Line] = []
        for text in self._markdown.splitlines():
            lines += paragraph(text, width, "line--heading" if text.startswith("#") else "line--text") or [Line(())]
        return lines

    def plain_text(self) -> str:
        """The report itself, not as it is wrapped here."""
        return self._markdown

    def action_export(self) -> None:
        """Write it to a file."""
        self.app.export(translate(self._title_text), ".md", self.plain_text)
