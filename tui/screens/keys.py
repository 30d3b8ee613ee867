"""``:keys``: every binding with the id by which the config file binds it otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.i18n import _
from tui.keymap import bindings_of, places
from tui.screens.text_view import TextView, heading, paragraph, table
from tui.text_layout import Line


class KeysScreen(TextView):
    """One table for each part of the screen, in the order of the ids."""

    def __init__(self) -> None:
        super().__init__(_("Keys and their ids"))
        found: dict[str, tuple[list[str], str]] = {}
        for place in places():
            for binding in bindings_of(place):
                found.setdefault(binding.id or "-", ([], binding.description))[0].append(binding.key)
        self._rows = [(id, f"{', '.join(dict.fromkeys(keys))}   {what}") for id, (keys, what) in sorted(found.items())]

    def build(self, width: int) -> Sequence[Line]:
        """How it is written, then what there is."""
        example = "keys: {main.fix: F2, tree.mark: [m, insert]}"
        lines = paragraph(_("In the config file, e.g. {example}").format(example=example), width, "line--dim")
        parts = dict.fromkeys(id.partition(".")[0] for id, _what in self._rows)
        for part in parts:
            lines += heading(part, width)
            lines += table([row for row in self._rows if row[0].startswith(f"{part}.")], width)
        return lines
