"""One line of a log in full."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.i18n import _
from kedge.printable import printable
from kedge.sources.mask import masked
from tui.logs.look import wrapped
from tui.screens.text_view import TextView
from tui.text_layout import Line


class WholeLine(TextView):
    """The text of a line, wrapped; JSON unfolded."""

    def __init__(self, text: str) -> None:
        super().__init__(_("One line of the log"))
        self._text = masked(printable(text))

    def build(self, width: int) -> Sequence[Line]:
        """Wrapped to the screen."""
        return [
            Line(((piece, "line--text"),)) for row in self._text.split("\n") for piece in wrapped(row, max(10, width))
        ]
