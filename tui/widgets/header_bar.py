"""The top line: where one is, how bad it is, how old the data are, and whether anything may be changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from kedge.i18n import Text, _, ngettext, translate
from kedge.model import Status
from kedge.picture import LinkInfo, LinkState
from kedge.printable import one_line
from tui.errors import Guarded
from tui.glyphs import STATUS_CLASSES, Glyphs, style_of
from tui.index import PictureIndex
from tui.text_layout import Part, cut, cut_middle, width_of

STALE_SECONDS = 45.0
"""Three rounds of what is asked most rarely; past that something is stuck even if no link says so."""

SLOW_TICK = 10.0
"""Seconds between two looks at the clock where every byte counts."""

NAME_MOST = 24
"""Cells of a site's or context's name that are shown here; the middle goes first."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


class HeaderBar(Guarded, Widget):
    """Site, counts, age of the data, context, what is being done. Renews its age every second.

    Attributes:
        recorded: the site is a recording: it has a date, not an age.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--name",
        "header--dim",
        "header--site",
        "header--readonly",
        "header--stale",
        "header--busy",
        *STATUS_CLASSES,
    }

    def __init__(self, glyphs: Glyphs, clock: Clock = utc_now, id: str | None = None, tick: float = 1.0) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.recorded = False
        self._clock = clock
        self._seconds = tick
        self._index: PictureIndex | None = None
        self._opening: Text | None = None
        self._said: tuple[Part, ...] = ()

    def on_mount(self) -> None:
        self.set_interval(self._seconds, self.tick)

    def show(self, index: PictureIndex) -> None:
        """Show another picture."""
        self._index = index
        self.tick()

    def opening(self, text: Text) -> None:
        """Before the first picture: what is being opened, or that it cannot be."""
        self._index, self._opening = None, text
        self.tick()

    def tick(self) -> None:
        """Draw again if anything that is told has changed."""
        parts = self.parts(self.size.width)
        if parts != self._said:
            self._said = parts
            self.refresh()

    @property
    def kubernetes(self) -> LinkInfo | None:
        """How the link to the API server stands."""
        return self._index.kubernetes if self._index is not None else None

    def age(self) -> float | None:
        """Seconds since the API server last answered; None when it never did or there is none."""
        link = self.kubernetes
        if link is None or link.last_seen is None:
            return None
        return max(0.0, (self._clock() - link.last_seen).total_seconds())

    def is_stale(self) -> bool:
        """True when what is shown may no longer be so."""
        link, age = self.kubernetes, self.age()
        lost = link is not None and link.state is LinkState.DOWN
        return lost or (age is not None and age > STALE_SECONDS)

    def parts(self, width: int) -> tuple[Part, ...]:
        """The line; what matters most comes first, so that a narrow screen cuts the rest."""
        if self._index is None:
            said = translate(self._opening) if self._opening is not None else ""
            return (("kedge-tui  ", "header--name"), (cut(one_line(said), width - 12, self.glyphs.more), "header--dim"))
        picture = self._index.picture
        parts: list[Part] = [("kedge-tui ", "header--name")] if width >= 100 else []
        parts.append((f" {self._short(picture.site)} ", "header--site"))
        if picture.read_only:
            parts.append((translate(_(" READ-ONLY ")), "header--readonly"))
        for status in (Status.FAIL, Status.WARN, Status.UNKNOWN):
            count = self._index.counts.get(status, 0)
            parts.append((f"  {self.glyphs.status(status)} {count}", style_of(status) if count else "header--dim"))
        parts += [("  ", ""), *self._data(width - width_of(parts) - 2)]
        if picture.context and not self.recorded:
            said = translate(_("  context: {name}").format(name=self._short(picture.context)))
            if cell_len(said) <= width - width_of(parts):
                parts.append((said, "header--dim"))
        if picture.busy is not None:
            room = width - width_of(parts) - 2
            if room > 8:
                said = cut(one_line(translate(picture.busy)), room, self.glyphs.more)
                parts += [("  ", ""), (said, "header--busy")]
        return tuple(parts)

    def _short(self, name: str) -> str:
        return cut_middle(one_line(name), NAME_MOST, self.glyphs.more)

    def _data(self, room: int) -> list[Part]:
        """Age of the data, or why there are none, within some cells."""
        link, age = self.kubernetes, self.age()
        taken = self._index.picture.taken if self._index is not None else None
        if self.recorded and taken is not None:
            local = taken.astimezone()
            forms = (
                _("offline, taken {time}").format(time=local.strftime("%Y-%m-%d %H:%M")),
                _("offline, taken {time}").format(time=local.strftime("%H:%M")),
                _("taken {time}").format(time=local.strftime("%H:%M")),
            )
            said = [translate(form) for form in forms]
            return [(next((form for form in said if cell_len(form) <= room), said[-1]), "header--name")]
        if link is None or link.state is LinkState.NONE:
            return [(translate(_("no Kubernetes API")), "header--name")]
        if link.state is LinkState.DOWN:
            return self._disconnected(link, age, room)
        if age is None:
            return [(translate(_("connecting {more}").format(more=self.glyphs.more)), "header--busy")]
        name = "header--stale" if self.is_stale() else "header--name"
        return [(translate(_("data {age}").format(age=short_age(age))), name)]

    def _disconnected(self, link: LinkInfo, age: float | None, room: int) -> list[Part]:
        said = translate(_("DISCONNECTED"))
        if age is not None:
            said += translate(_(", data {age} old").format(age=short_age(age)))
        parts: list[Part] = [(f" {said} ", "header--stale")]
        again = self._retry(link)
        if width_of(parts) + cell_len(again) + 1 <= room:
            parts.append((" " + again, "header--busy"))
        why = one_line(translate(link.problem.text)) if link.problem is not None else ""
        left = room - width_of(parts) - 2
        if why and left > 12:
            parts.append(("  " + cut(why, left, self.glyphs.more), "header--dim"))
        return parts

    def _retry(self, link: LinkInfo) -> str:
        if link.retry_at is None:
            return translate(_("retrying"))
        seconds = max(0, round((link.retry_at - self._clock()).total_seconds()))
        return translate(_("retry in {seconds} s").format(seconds=seconds))

    def render_line(self, y: int) -> Strip:
        """The only line."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        segments = [Segment(text, self._style(str(name))) for text, name in self.parts(width)]
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name) if name else Style()


def short_age(seconds: float) -> str:
    """How long, in the largest unit that says enough."""
    whole = int(seconds)
    if whole < 120:
        return translate(_("{count} s").format(count=whole))
    if whole < 7200:
        return translate(_("{count} min").format(count=whole // 60))
    if whole < 172_800:
        return translate(_("{count} h").format(count=whole // 3600))
    return translate(ngettext("{count} day", "{count} days", "count").format(count=whole // 86_400))
