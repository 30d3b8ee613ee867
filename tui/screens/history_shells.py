"""The shells and commands in ``:history``: one line each, and one in full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kedge.audit import ShellEntry
from kedge.i18n import _, translate
from kedge.printable import one_line
from tui.screens.text_view import TextView, heading, table
from tui.text_layout import Line, cut


def moment_of(said: object) -> str:
    """Local date and time; what the log says when that is no time."""
    try:
        return datetime.fromisoformat(str(said)).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return one_line(str(said))


def what_of(shell: ShellEntry) -> str:
    """The command, or that it was a shell."""
    return one_line(" ".join(map(str, shell.begin.get("command") or ()))) or translate(_("shell"))


def lines_of(shells: Sequence[ShellEntry], first: int, width: int, more: str) -> list[Line]:
    """One line per shell, newest first; ``first`` is the number of the first one in the list."""
    lines = heading(_("Shells and commands"), width) if shells else []
    for item, shell in enumerate(shells, first):
        begin = shell.begin
        who = one_line(str((begin.get("who") or {}).get("os", "-")))
        target = one_line(str(begin.get("target", "-")))
        at = moment_of(begin.get("at", "-")) + "  "
        rest = f"{target}  {what_of(shell)}  {one_line(shell.how)}  ({who})"
        lines.append(Line(((at, "line--dim"), (cut(rest, width - len(at), more), "line--text")), item))
    return lines


class ShellEntryScreen(TextView):
    """One shell in full. What passed through it was never written down."""

    def __init__(self, shell: ShellEntry) -> None:
        super().__init__(_("Shell on {name}").format(name=shell.begin.get("target", "-")))
        self._shell = shell

    def build(self, width: int) -> Sequence[Line]:
        """Who, where, when, and how it ended."""
        begin, end = self._shell.begin, self._shell.end or {}
        who = begin.get("who") or {}
        rows = [
            (_("id"), self._shell.id),
            (_("when"), moment_of(begin.get("at", "-"))),
            (_("site"), f"{begin.get('site', '-')} / {begin.get('context', '-')}"),
            (_("who"), f"{who.get('os', '-')} (kube: {who.get('kubernetes') or '-'}), {begin.get('machine', '-')}"),
            (_("node"), str(begin.get("node", "-"))),
            (_("way"), str(begin.get("way", "-"))),
            (_("command"), what_of(self._shell)),
            (_("result"), self._shell.how),
            (_("seconds"), str(end.get("seconds", "-"))),
        ]
        return table([(translate(name), value) for name, value in rows], width)
