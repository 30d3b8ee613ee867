"""The top line: where one is, how bad it is, how old the data are, and whether anything may be changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from rich.style import Style
from rich.text import Text as RichText
from textual.widget import Widget

from kedge.i18n import _, translate
from kedge.model import Status
from kedge.picture import LinkInfo, LinkState, Picture
from kedge.printable import one_line
from tui.glyphs import Glyphs, style_of

STALE_SECONDS = 45.0


class HeaderBar(Widget):
    """Site, context, counts, read-only banner, age of the data. Renews its age every second."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--name",
        "header--site",
        "header--readonly",
        "header--stale",
        "header--busy",
        *(f"status--{word}" for word in ("pass", "info", "warn", "fail", "skip", "unknown")),
    }

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._picture: Picture | None = None
        self._opening = ""

    def on_mount(self) -> None:
        self.set_interval(1.0, self.refresh)

    def show(self, picture: Picture) -> None:
        """Show another picture."""
        self._picture = picture
        self.refresh()

    def opening(self, site: str) -> None:
        """Before the first picture: which site is being opened."""
        self._opening = site
        self.refresh()

    @property
    def kubernetes(self) -> LinkInfo | None:
        """How the link to the API server stands."""
        links = self._picture.links if self._picture else ()
        return next((link for link in links if link.name == "kubernetes"), None)

    def age(self) -> float | None:
        """Seconds since the API server last answered; None when it never did or there is none."""
        link = self.kubernetes
        if link is None or link.last_seen is None:
            return None
        return max(0.0, (datetime.now(UTC) - link.last_seen).total_seconds())

    def is_stale(self) -> bool:
        """True when what is shown may no longer be so."""
        link = self.kubernetes
        return link is not None and link.state is LinkState.DOWN

    def render(self) -> RichText:
        """The line; what matters most comes first, so that a narrow screen cuts the rest."""
        line = RichText(no_wrap=True, overflow="ellipsis")
        line.append("kedge-tui ", self._style("header--name"))
        picture = self._picture
        if picture is None:
            line.append(translate(_(" opening {site} …").format(site=one_line(self._opening or "-"))))
            return line
        if picture.read_only:
            line.append(translate(_(" READ-ONLY ")), self._style("header--readonly"))
        line.append(f" {one_line(picture.site)} ", self._style("header--site"))
        counts = picture.summary()
        for status in (Status.FAIL, Status.WARN, Status.UNKNOWN):
            style = self._style(style_of(status)) if counts[status] else Style(dim=True)
            line.append(f" {self.glyphs.status(status)} {counts[status]} ", style)
        line.append(" " + self._data(), self._style("header--stale" if self.is_stale() else "header--name"))
        if picture.context:
            line.append(translate(_("  context: {name}").format(name=one_line(picture.context))), Style(dim=True))
        if picture.busy is not None:
            line.append("  " + one_line(translate(picture.busy)), self._style("header--busy"))
        return line

    def _data(self) -> str:
        age = self.age()
        link = self.kubernetes
        if link is not None and link.state is LinkState.DOWN:
            old = translate(_("data {seconds} s old").format(seconds=round(age))) if age is not None else ""
            return translate(_("DISCONNECTED {old}").format(old=old)).rstrip()
        if age is None:
            return translate(_("connecting"))
        return translate(_("data {seconds} s").format(seconds=round(age)))

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)
