"""``?``: the keys that work right now, read from the bindings of what has the focus."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text as RichText
from textual.screen import Screen

from kedge.i18n import _, translate
from tui import commands
from tui.screens.text_view import TextView


class HelpScreen(TextView):
    """Keys first, then the ``:`` commands and the filter words."""

    def __init__(self, about: Screen[None]) -> None:
        super().__init__(_("Keys and commands"))
        self._keys = sorted(
            {
                (active.binding.description, about.app.get_key_display(active.binding))
                for active in about.active_bindings.values()
                if active.binding.description
            },
            key=lambda pair: (pair[0].lower(), pair[1]),
        )

    def content(self) -> Iterable[RenderableType]:
        """Three tables."""
        yield _table([(key, what) for what, key in self._keys])
        yield RichText("")
        yield RichText(translate(_("Commands after :")), "bold")
        yield _table([(f":{name}", translate(commands.COMMANDS[name].help)) for name in sorted(commands.COMMANDS)])
        yield RichText("")
        yield RichText(translate(_("Words after /, all of which must hold; ! in front negates one")), "bold")
        yield _table(
            [
                ("text", translate(_("regular expression over name, node, code and sentence"))),
                ("status:fail", translate(_("by status: ok, info, warn, fail, skip, unknown"))),
                ("node:edge*", translate(_("by node or host"))),
                ("code:KE3*", translate(_("by check code"))),
            ]
        )


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for left, right in rows:
        table.add_row(RichText(left), RichText(right))
    return table
