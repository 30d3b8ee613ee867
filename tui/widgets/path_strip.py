"""The path of a request to one edge node, hop by hop, with the broken one marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text as RichText
from textual.widget import Widget

from kedge.i18n import Text, _, translate
from kedge.model import Hop, HopState, NodePath, Status
from kedge.printable import one_line
from tui.glyphs import Glyphs, style_of

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


class PathStrip(Widget):
    """One or two lines: logs and exec, and metrics when there is room for them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "path--name",
        "path--link",
        *(f"status--{word}" for word in ("pass", "info", "warn", "fail", "skip", "unknown")),
    }

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._path: NodePath | None = None

    def show(self, path: NodePath | None) -> None:
        """Show the path to a node; None when no edge is selected."""
        if path != self._path:
            self._path = path
            self.refresh(layout=True)

    def render(self) -> RichText:
        """The strip as text with styles; no markup is ever interpreted."""
        if self._path is None:
            return RichText(translate(_("Select an edge node to see its path")), self._style("path--name"))
        logs = self._strip(_("logs {node}").format(node=one_line(self._path.node)), self._path.hops)
        front = [hop for hop in self._path.metrics if hop.hop in (Hop.METRICS_SERVER, Hop.APISERVICE)]
        if self.size.height < 2:
            return logs
        return RichText("\n").join([logs, self._strip(_("top, in front of it"), front)])

    def _strip(self, name: Text, hops: Sequence[HopState]) -> RichText:
        line = RichText(translate(name) + "  ", self._style("path--name"), no_wrap=True, overflow="ellipsis")
        for position, hop in enumerate(hops):
            if position:
                line.append(f" {self.glyphs.link} ", self._style("path--link"))
            style = self._style(style_of(hop.status))
            line.append(f"{self.glyphs.status(hop.status)} {translate(LABELS[hop.hop])}", style)
            if hop.code and hop.status is Status.FAIL:
                line.append(f" {hop.code}", style)
        return line

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)
