"""``kedge-tui history``: every change made from this machine, those that never ended first; then every shell."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from kedge.audit import Audit, AuditError, Entry, History, ShellEntry
from kedge.commands.change import entry_document
from kedge.commands.common import put, stop
from kedge.exit_codes import Exit
from kedge.i18n import _, translate
from kedge.printable import one_line
from kedge.report import API_VERSION
from kedge.state import audit_path


@click.command("history")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Format of the report.")
def command(output: str) -> None:
    """List what was changed and which shells were opened, by whom, and how each ended."""
    try:
        history = Audit(audit_path()).read()
    except (AuditError, OSError) as error:
        stop(error.text if isinstance(error, AuditError) else str(error), Exit.INTERNAL)
    if output == "json":
        put(json.dumps(document(history), ensure_ascii=False, indent=2) + "\n")
    else:
        put(table(history))
    for problem in history.problems:
        click.echo(f"kedge-tui: {translate(problem)}", err=True)
    sys.exit(Exit.OK)


def ordered(history: History) -> tuple[tuple[Entry, bool], ...]:
    """(entry, unfinished), the unfinished first, then newest first."""
    unfinished = history.unfinished()
    ids = {entry.id for entry in unfinished}
    rest = (entry for entry in reversed(history.entries) if entry.id not in ids)
    return (*((entry, True) for entry in unfinished), *((entry, False) for entry in rest))


def document(history: History) -> dict[str, Any]:
    """The history as one JSON document."""
    return {
        "apiVersion": API_VERSION,
        "unfinished": [entry.id for entry in history.unfinished()],
        "changes": [entry_document(entry, unfinished=open_) for entry, open_ in ordered(history)],
        "shells": [_shell_document(shell) for shell in reversed(history.shells)],
        "problems": [str(problem) for problem in history.problems],
    }


def table(history: History) -> str:
    """One change a line, and a line below it for what calls for attention."""
    lines = []
    for entry, unfinished in ordered(history):
        intent = entry.intent
        who = (intent.get("who") or {}).get("os") or "-"
        where = f"{intent.get('site') or '-'}/{intent.get('target') or '-'}"
        words = [entry.id, str(intent.get("at") or "-"), who, where, str(intent.get("title") or "-"), _end(entry)]
        lines.append(one_line("  ".join(words)))
        if unfinished:
            hint = _("    how it ended is not known: kedge-tui undo {id} finds out and takes it back")
            lines.append(one_line(translate(hint.format(id=entry.id))))
    if not lines:
        lines = [translate(_("Nothing was ever changed from this machine"))]
    if history.shells:
        lines += ["", translate(_("Shells and commands, newest first"))]
        lines += [_shell_line(shell) for shell in reversed(history.shells)]
    return "\n".join(lines) + "\n"


def _shell_document(shell: ShellEntry) -> dict[str, Any]:
    begin, end = shell.begin, shell.end or {}
    names = ("at", "site", "context", "who", "machine", "target", "node", "way", "command")
    found = {"id": shell.id, **{name: begin.get(name) for name in names}}
    return {**found, "ended": end.get("at"), "how": shell.how, "code": end.get("code"), "seconds": end.get("seconds")}


def _shell_line(shell: ShellEntry) -> str:
    begin = shell.begin
    who = (begin.get("who") or {}).get("os") or "-"
    where = f"{begin.get('site') or '-'}/{begin.get('target') or '-'}"
    what = " ".join(map(str, begin.get("command") or ())) or "shell"
    words = [shell.id, str(begin.get("at") or "-"), who, where, f"{what} ({begin.get('way') or '-'})", shell.how]
    return one_line("  ".join(words))


def _end(entry: Entry) -> str:
    words = [entry.result or "unfinished"]
    if entry.verify:
        words.append(str(entry.verify.get("result")))
    if entry.undone_by:
        words.append(f"undone by {entry.undone_by}")
    return ", ".join(words)
