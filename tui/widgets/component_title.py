"""The line above the details: which component, how it stands, and since when."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from kedge.i18n import _, translate
from kedge.picture import ComponentView
from kedge.printable import one_line
from tui.errors import Guarded
from tui.glyphs import STATUS_CLASSES, WORDS, Glyphs, style_of
from tui.text_layout import Part, clock, cut_middle, width_of
from tui.widgets.detail_lines import Shown

_NOTHING: tuple[Part, ...] = ()


class ComponentTitle(Guarded, Widget):
    """One line; a name that is too long loses its middle."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"title--name", "title--dim", *STATUS_CLASSES}

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._text = ""
        self._status: tuple[Part, ...] = ()

    def show(self, view: ComponentView | None, text: str, shown: Shown | None = None) -> None:
        """Show a component, or a text when there is none."""
        name, status = text, _NOTHING
        if view is not None:
            name = title_of(view)
            status = self._status_of(view, shown or Shown())
        if (name, status) != (self._text, self._status):
            self._text, self._status = name, status
            self.refresh()

    def _status_of(self, view: ComponentView, shown: Shown) -> tuple[Part, ...]:
        word = translate(WORDS[view.rollup])
        parts: list[Part] = [(f"{self.glyphs.status(view.rollup)} {word}", style_of(view.rollup))]
        since = [f.since for f in shown.findings if f.status is view.rollup and f.since is not None]
        if since:
            text = _("  since {time}").format(time=clock(min(since), shown.day))
            parts.append((translate(text), "title--dim"))
        if view.seen is not None:
            looked = _("  seen {time}").format(time=clock(view.seen, shown.day))
            parts.append((translate(looked), "title--dim"))
        return tuple(parts)

    def render_line(self, y: int) -> Strip:
        """The only line."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        status = self._status
        if width_of(status) > width * 2 // 3:
            status = status[:2]  # the name matters more than when it was looked at
        room = width - width_of(status) - 1
        name = cut_middle(self._text, max(room, 8), self.glyphs.more)
        gap = max(1, width - width_of(((name, ""), *status)))
        parts: tuple[Part, ...] = ((name, "title--name"), (" " * gap, ""), *status)
        segments = [Segment(text, self._style(str(style))) for text, style in parts]
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name) if name else Style()


def title_of(view: ComponentView) -> str:
    """The component's name, with its node where that is not the same."""
    title = one_line(translate(view.label))
    if view.id.startswith("edge/") and view.id != f"edge/{view.target}":
        return translate(_("{what} on {node}").format(what=title, node=one_line(view.target)))
    return title
