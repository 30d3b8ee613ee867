"""A full-screen reader for text: evidence, explanations, help. It scrolls, finds and closes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.console import Group, RenderableType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from kedge.i18n import Text, _, translate
from kedge.printable import one_line


class TextView(Screen[None]):
    """Shows :meth:`content` under a title; ``esc`` or ``q`` goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", translate(_("back")), key_display="esc", id="view.leave"),
        Binding("j,down", "scroll(1)", translate(_("down")), show=False, id="view.down"),
        Binding("k,up", "scroll(-1)", translate(_("up")), show=False, id="view.up"),
        Binding("g,home", "edge(0)", translate(_("top")), show=False, id="view.top"),
        Binding("G,end", "edge(1)", translate(_("bottom")), show=False, id="view.bottom"),
        Binding("pagedown,ctrl+f", "page(1)", translate(_("page down")), show=False, id="view.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", translate(_("page up")), show=False, id="view.page_up"),
        Binding("c", "copy", translate(_("copy")), id="view.copy"),
    ]

    def __init__(self, title: Text) -> None:
        super().__init__()
        self._title_text = title

    def content(self) -> Iterable[RenderableType]:
        """What is shown; overridden."""
        raise NotImplementedError

    def plain_text(self) -> str:
        """What ``c`` copies; overridden where there is more than the title."""
        return str(self._title_text)

    def compose(self) -> ComposeResult:
        yield Static(one_line(translate(self._title_text)), classes="title", markup=False)
        with VerticalScroll(id="scroll"):
            yield Static(Group(*self.content()), id="body", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._scroll().focus()

    def _scroll(self) -> VerticalScroll:
        return self.query_one("#scroll", VerticalScroll)

    def action_leave(self) -> None:
        """Back to where one came from."""
        self.app.pop_screen()

    def action_scroll(self, rows: int) -> None:
        """A line up or down."""
        self._scroll().scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        """A page up or down."""
        self._scroll().scroll_relative(y=pages * max(1, self._scroll().size.height - 1), animate=False)

    def action_edge(self, end: int) -> None:
        """To the first or the last line."""
        scroll = self._scroll()
        (scroll.scroll_end if end else scroll.scroll_home)(animate=False)

    def action_copy(self) -> None:
        """Copy everything to the terminal's clipboard."""
        text = self.plain_text()
        self.app.copy_to_clipboard(text)
        self.notify(translate(_("Copied {count} characters").format(count=len(text))), markup=False)
