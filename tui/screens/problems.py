"""``:problems``: how every link stands, and what is wrong with config file and plugins."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.i18n import Text, _, translate
from kedge.picture import LinkInfo, LinkState
from kedge.printable import one_line
from tui.index import PictureIndex
from tui.screens.text_view import TextView, heading, paragraph
from tui.text_layout import Line, clock, pad

STATES: dict[LinkState, tuple[Text, str]] = {
    LinkState.IDLE: (_("not asked yet"), "line--dim"),
    LinkState.CONNECTING: (_("connecting"), "line--dim"),
    LinkState.UP: (_("up"), "line--good"),
    LinkState.DOWN: (_("down"), "line--bad"),
    LinkState.NONE: (_("none"), "line--dim"),
}


class ProblemsScreen(TextView):
    """Links first, those that are down on top; then everything the program has to say about itself."""

    def __init__(self, index: PictureIndex) -> None:
        super().__init__(_("Links and problems of {site}").format(site=index.picture.site))
        self._index = index

    def build(self, width: int) -> Sequence[Line]:
        """Two lists."""
        picture = self._index.picture
        lines = paragraph(_("Links"), width, "line--heading")
        for link in sorted(picture.links, key=lambda link: link.state is not LinkState.DOWN):
            lines += _link(link, width)
        if not picture.links:
            lines += paragraph(_("none: this is a recording"), width, "line--dim", 2)
        lines += heading(_("Problems of the program, its config file and its plugins"), width)
        for problem in picture.problems:
            lines += paragraph(problem, width, indent=2)
        if not picture.problems:
            lines += paragraph(_("none"), width, "line--dim", 2)
        return lines


def _link(link: LinkInfo, width: int) -> list[Line]:
    state, style = STATES[link.state]
    seen = translate(_("last answer {time}").format(time=clock(link.last_seen))) if link.last_seen else ""
    head = Line(
        (
            (f"  {pad(one_line(link.name), 20)} ", "line--key"),
            (pad(translate(state), 14), style),
            (seen, "line--dim"),
        )
    )
    return [head, *(paragraph(link.problem.text, width, indent=4) if link.problem is not None else ())]
