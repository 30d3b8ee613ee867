"""A full-screen reader for text: evidence, explanations, help, history. It scrolls, finds, copies and closes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from kedge.i18n import Text, _, translate
from kedge.printable import one_line
from tui.errors import Guarded
from tui.text_layout import Line, Part, wrap
from tui.widgets.command_line import CommandLine
from tui.widgets.key_footer import KeyFooter
from tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from tui.app import KedgeApp


class TextView(Guarded, Screen[None]):
    """Shows :meth:`build` under a title; ``esc`` or ``q`` goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "escape", translate(_("back")), key_display="esc", id="view.escape"),
        Binding("slash", "find", translate(_("find")), key_display="/", id="view.find"),
        Binding("n", "next(1)", translate(_("next match")), show=False, id="view.next"),
        Binding("N", "next(-1)", translate(_("previous match")), show=False, id="view.previous"),
        Binding("c", "copy", translate(_("copy")), id="view.copy"),
        Binding("x", "export", translate(_("write to a file")), show=False, id="view.export"),
        Binding("colon", "command", translate(_("command")), key_display=":", show=False, id="view.command"),
        Binding("question_mark", "help", translate(_("help")), key_display="?", id="view.help"),
        Binding("left_square_bracket", "leave", translate(_("back")), show=False, id="view.back"),
        Binding("q", "leave", translate(_("back")), show=False, id="view.leave"),
    ]

    app: KedgeApp

    def __init__(self, title: Text) -> None:
        super().__init__()
        self._title_text = title
        self._sought = ""

    def build(self, width: int) -> Sequence[Line]:
        """The lines for a width; overridden."""
        raise NotImplementedError

    def plain_text(self) -> str:
        """What ``c`` copies; overridden where the lines are not what one wants."""
        return "\n".join(line.text.rstrip() for line in self.view.lines) + "\n"

    def compose(self) -> ComposeResult:
        yield Static(one_line(translate(self._title_text)), classes="title", markup=False)
        yield LineView(self.build, id="view")
        yield CommandLine(id="line")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.view.focus()

    @property
    def view(self) -> LineView:
        """Where the text is."""
        return self.query_one(LineView)

    # ------------------------------------------------------------------------------------------------ finding

    def action_find(self) -> None:
        self.query_one(CommandLine).ask("/", self._sought, typed=self._find, done=self._find)

    def _find(self, text: str) -> None:
        self._sought = text
        line = self.query_one(CommandLine)
        try:
            count = self.view.find(text)
        except re.error as error:
            line.note(translate(_("no regular expression: {error}").format(error=error)))
            return
        line.note(translate(_("{count} lines").format(count=count)) if text else "")

    def action_next(self, step: int) -> None:
        if not self.view.next(step) and self._sought:
            self.app.say(_("Nothing here matches {text}").format(text=self._sought))

    # ------------------------------------------------------------------------------------------------- others

    def action_escape(self) -> None:
        """First what is being looked for goes, then the screen."""
        if self._sought:
            self._find("")
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Back to where one came from."""
        self.app.pop_screen()

    def action_command(self) -> None:
        """Commands are about the site: they are typed on the main screen."""
        self.app.back_to_main()
        self.app.main.action_command()

    def action_help(self) -> None:
        self.app.show_help()

    def action_export(self) -> None:
        """Write everything to a file."""
        text = self.plain_text()
        self.app.export(translate(self._title_text), ".txt", lambda: text)

    def action_copy(self) -> None:
        """Copy everything."""
        self.app.copy(self.plain_text())


# ------------------------------------------------------------------------------------------------- line makers


def paragraph(text: Text | str, width: int, style: str = "line--text", indent: int = 0) -> list[Line]:
    """A sentence, wrapped."""
    room = " " * indent
    return [Line(((room + part, style),)) for part in wrap(translate(text), width - indent)]


def heading(text: Text | str, width: int) -> list[Line]:
    """A heading with a blank line above it."""
    return [Line(), *paragraph(text, width, "line--heading")]


def table(rows: Iterable[tuple[str, str]], width: int, style: str = "line--key") -> list[Line]:
    """Two columns, the first as wide as it must be, the second wrapped."""
    pairs = [(one_line(left), right) for left, right in rows]
    column = min(max((len(left) for left, _right in pairs), default=0), width // 2)
    lines: list[Line] = []
    for left, right in pairs:
        for number, part in enumerate(wrap(right, width - column - 2)):
            head: Part = (f"{left if not number else '':<{column}}  ", style)
            lines.append(Line((head, (part, "line--text"))))
    return lines
