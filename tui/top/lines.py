"""A few prepared lines above or below a table: no focus, no scrolling, as high as they are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.text_layout import Line
from tui.widgets.line_view import LineView


class Lines(LineView, can_focus=False):
    """Asks for its lines again whenever :meth:`renew` is called."""

    DEFAULT_CSS = "Lines { height: 1; overflow: hidden hidden; padding: 0; scrollbar-size: 0 0; }"

    def __init__(self, make: Callable[[int], Sequence[Line]], id: str | None = None) -> None:
        super().__init__(make, id=id)

    def renew(self, *, end: bool = False) -> None:
        """The height follows the number of lines; none takes no room."""
        super().renew(end=end)
        self.display = bool(self.lines)
        self.styles.height = max(1, len(self.lines))
