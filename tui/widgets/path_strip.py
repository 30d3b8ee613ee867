"""The path of a request to one edge node, hop by hop, with the broken one marked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from kedge.i18n import Text, _, translate
from kedge.model import Hop, HopState, NodePath, Status
from kedge.printable import one_line
from tui.errors import Guarded
from tui.glyphs import STATUS_CLASSES, Glyphs, style_of
from tui.text_layout import Part, cut_middle, width_of

LABELS: dict[Hop, Text] = {
    Hop.APISERVER: _("apiserver"),
    Hop.NAT: _("nat"),
    Hop.CLOUDSTREAM: _("cloudstream"),
    Hop.TUNNEL: _("tunnel"),
    Hop.EDGESTREAM: _("edgestream"),
    Hop.EDGED: _("edged"),
    Hop.RUNTIME: _("runtime"),
    Hop.METRICS_SERVER: _("metrics-server"),
    Hop.APISERVICE: _("apiservice"),
}
SHORT = LABELS | {
    Hop.APISERVER: _("api"),
    Hop.CLOUDSTREAM: _("cstream"),
    Hop.EDGESTREAM: _("estream"),
    Hop.METRICS_SERVER: _("metrics"),
    Hop.APISERVICE: _("apisvc"),
}
"""For narrow screens."""

FRONT = (Hop.METRICS_SERVER, Hop.APISERVICE)
NAME_MOST = 20


def path_parts(
    name: str, hops: Sequence[HopState], homes: Collection[tuple[str, Hop]], width: int, glyphs: Glyphs
) -> list[Part]:
    """One path in at most ``width`` cells: first spaces go, then words get short, then codes go, then words.

    Args:
        homes: (code, hop) where a code speaks of the hop itself; the code is shown there.
    """
    link = glyphs.link
    coded = _coded(hops, homes)
    ways: tuple[tuple[dict[Hop, Text], str, dict[Hop, str]], ...] = (
        (LABELS, f" {link} ", coded),
        (LABELS, link, coded),
        (SHORT, link, coded),
        (SHORT, link, {}),
        ({}, link, coded),
    )
    for labels, between, codes in ways:
        parts = _parts(name, hops, codes, labels, between, glyphs)
        if width_of(parts) <= width:
            return parts
    return _parts(cut_middle(name, 12, glyphs.more), hops, {}, {}, link, glyphs)


def _coded(hops: Sequence[HopState], homes: Collection[tuple[str, Hop]]) -> dict[Hop, str]:
    """Which hops show their code: each failing code once, where it belongs."""
    failing = [hop for hop in hops if hop.code and hop.status is Status.FAIL]
    found: dict[Hop, str] = {}
    for code in dict.fromkeys(str(hop.code) for hop in failing):
        places = [hop.hop for hop in failing if hop.code == code]
        found[next((place for place in places if (code, place) in homes), places[0])] = code
    return found


def _parts(
    name: str,
    hops: Sequence[HopState],
    coded: dict[Hop, str],
    labels: dict[Hop, Text],
    between: str,
    glyphs: Glyphs,
) -> list[Part]:
    parts: list[Part] = [(name + "  ", "path--name")]
    for position, hop in enumerate(hops):
        if position:
            parts.append((between, "path--link"))
        label = f" {translate(labels[hop.hop])}" if labels else ""
        code = f" {coded[hop.hop]}" if hop.hop in coded else ""
        parts.append((glyphs.status(hop.status) + label + code, style_of(hop.status)))
    return parts


class PathStrip(Guarded, Widget):
    """One or two lines: logs and exec, and below it metrics where the screen has the room."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"path--name", "path--link", *STATUS_CLASSES}

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._path: NodePath | None = None
        self._homes: Collection[tuple[str, Hop]] = ()
        self._metrics_first = False
        self._empty: Text | str = ""

    def blank(self) -> None:
        """Nothing is known yet, not even whether there is an edge."""
        self._path, self._empty = None, ""
        self.refresh()

    def show(
        self, path: NodePath | None, homes: Collection[tuple[str, Hop]] = (), *, metrics_first: bool = False
    ) -> None:
        """Show the path to a node; None when there is no edge.

        Args:
            metrics_first: what is selected belongs to metrics, so where there is one line only it is theirs.
        """
        empty = _("No edge node, no path")
        if (path, metrics_first, empty) != (self._path, self._metrics_first, self._empty):
            self._path, self._homes, self._metrics_first, self._empty = path, homes, metrics_first, empty
            self.refresh()

    def lines(self, width: int) -> list[list[Part]]:
        """The lines as styled parts."""
        path = self._path
        if path is None:
            return [[(translate(self._empty), "path--name")]]
        node = cut_middle(one_line(path.node), NAME_MOST, self.glyphs.more)
        logs, top = (translate(said.format(node=node)) for said in (_("logs {node}"), _("top  {node}")))
        front = [hop for hop in path.metrics if hop.hop in FRONT]
        first = path_parts(logs, path.hops, self._homes, width, self.glyphs)
        second = path_parts(top, front, self._homes, width, self.glyphs)
        said = f" {self.glyphs.link} " + translate(_("then as logs"))
        if width_of(second) + cell_len(said) <= width:
            second.append((said, "path--link"))
        return [second, first] if self._metrics_first else [first, second]

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        lines = self.lines(width)
        if y >= len(lines):
            return Strip.blank(width, self.rich_style)
        segments = [Segment(text, self._style(str(name))) for text, name in lines[y]]
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name)
