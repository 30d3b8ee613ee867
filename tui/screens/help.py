"""``?``: the keys that work right now, read from the bindings of what has the focus, then commands and filters."""

from __future__ import annotations

from collections.abc import Sequence

from textual.screen import Screen

from kedge.i18n import Text, _, translate
from tui import commands
from tui.screens.text_view import TextView, heading, table
from tui.text_layout import Line

FILTERS: tuple[tuple[str, Text], ...] = (
    ("text", _("regular expression over name, node, code and sentence")),
    ("status:fail", _("by status: ok, info, warn, fail, skip, unknown")),
    ("node:edge*", _("by node or host")),
    ("code:KE3*", _("by check code")),
    ("label:zone=north*", _("by a label of the node")),
    ("!…", _("not; several words must all hold")),
)


class HelpScreen(TextView):
    """What can be pressed and typed."""

    def __init__(self, about: Screen[object]) -> None:
        super().__init__(_("Keys and commands"))
        self._keys = keys_of(about)

    def build(self, width: int) -> Sequence[Line]:
        """Three tables."""
        known = sorted(commands.COMMANDS.values(), key=lambda command: command.name)
        return [
            *table(self._keys, width),
            *heading(_("Commands, typed after :"), width),
            *table([(f":{command.usage}", translate(command.help)) for command in known], width),
            *heading(_("Words after /"), width),
            *table([(word, translate(what)) for word, what in FILTERS], width),
        ]


def keys_of(screen: Screen[object]) -> list[tuple[str, str]]:
    """(keys, what they do) of everything that is bound where the focus is, in the order it is bound."""
    found: dict[str, list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.id is not None and binding.description and not binding.system:
            key = screen.app.get_key_display(binding)
            keys = found.setdefault(binding.description, [])
            if key not in keys:
                keys.append(key)
    return [(" ".join(keys), what) for what, keys in found.items()]
