"""``:history``: every change made from this machine, newest first, and how each ended; then every shell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from kedge.audit import Entry, History
from kedge.executor import VerifyResult
from kedge.i18n import Text, _, translate
from kedge.printable import one_line, printable
from tui.glyphs import Glyphs
from tui.screens.history_shells import ShellEntryScreen, lines_of
from tui.screens.text_view import TextView, heading, paragraph, table
from tui.text_layout import Line, chop, cut, pad
from tui.widgets.command_line import CommandLine
from tui.widgets.key_footer import KeyFooter
from tui.widgets.pick_list import PickList

_RESULTS: dict[str, tuple[str, Text, str]] = {
    "done": ("done", _("done"), "status--pass"),
    "failed": ("failed", _("failed"), "status--fail"),
    "stopped": ("not run", _("stopped"), "status--warn"),
    "unknown": ("unknown", _("end unknown"), "status--unknown"),
    "partly done": ("done without effect", _("partly done"), "status--warn"),
    "nothing changed": ("not run", _("nothing changed"), "status--skip"),
    "": ("unknown", _("end unknown"), "status--unknown"),
}


def when(entry: Entry) -> str:
    """Local date and time of a change; what the log says when that is no time."""
    said = str(entry.intent.get("at", "-"))
    try:
        return datetime.fromisoformat(said).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return one_line(said)


def result_of(entry: Entry, glyphs: Glyphs) -> tuple[str, str]:
    """(glyph and word, component class) of how a change ended."""
    step, said, style = outcome_of(entry)
    return f"{glyphs.step(step)} {said}", style


def outcome_of(entry: Entry) -> tuple[str, str, str]:
    """(state whose glyph fits, word, component class) of how a change ended."""
    step, word, style = _RESULTS.get(
        entry.result, ("unknown", _("{word}").format(word=entry.result), "status--unknown")
    )
    said = translate(word)
    verified = str(entry.verify["result"]) if entry.verify and entry.result == "done" else ""
    if verified in ("not fixed", "worse", "not verified"):
        step, said, style = "done without effect", verified, "status--warn"
    elif verified and verified != VerifyResult.MEASURED:
        said = verified
    if entry.undone_by:
        said += translate(_(", undone"))
    return step, said, style


class HistoryScreen(TextView):
    """The list; enter shows one change, u takes it back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", translate(_("undo")), id="history.undo"),
    ]

    def __init__(self, history: History, site: str, glyphs: Glyphs) -> None:
        super().__init__(_("Changes made from this machine, newest first"))
        self._entries = tuple(reversed(history.entries))
        self._shells = tuple(reversed(history.shells))
        self._problems = history.problems
        self._site = site
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        yield Static(translate(self._title_text), classes="title", markup=False)
        yield PickList(self.build, id="view")
        yield CommandLine(id="line")
        yield KeyFooter()

    def build(self, width: int) -> Sequence[Line]:
        """One line per change."""
        lines: list[Line] = []
        for problem in self._problems:
            lines += paragraph(problem, width, "line--bad")
        if not self._entries:
            lines += paragraph(_("Nothing was changed from this machine yet."), width, "line--dim")
        sites = {str(entry.intent.get("site", "")) for entry in self._entries}
        for item, entry in enumerate(self._entries):
            said, style = result_of(entry, self._glyphs)
            target = one_line(str(entry.intent.get("target", "-")))
            site = one_line(str(entry.intent.get("site", "-")))
            place = f"{site}/{target}" if sites - {self._site} else target
            who = one_line(str(entry.intent.get("who", {}).get("os", "-")))
            fixed = 19 + 2 + 20 + 2
            title = f"{place}  {one_line(str(entry.intent.get('title', '-')))}  ({who})"
            rest = cut(title, width - fixed, self._glyphs.more)
            parts = ((when(entry) + "  ", "line--dim"), (pad(said, 20) + "  ", style), (rest, "line--text"))
            lines.append(Line(parts, item))
        return lines + lines_of(self._shells, len(self._entries), width, self._glyphs.more)

    def _chosen(self) -> Entry | None:
        cursor = self.query_one(PickList).cursor
        return self._entries[cursor] if cursor < len(self._entries) else None

    @on(PickList.Picked)
    def _open(self, event: PickList.Picked) -> None:
        event.stop()
        if event.item < len(self._entries):
            self.app.push_screen(ChangeScreen(self._entries[event.item], self._glyphs))
        else:
            self.app.push_screen(ShellEntryScreen(self._shells[event.item - len(self._entries)]))

    def action_undo(self) -> None:
        entry = self._chosen()
        if entry is not None:
            self.app.undo(entry)
        else:
            self.app.say(_("A shell cannot be taken back"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing to take back, nothing to offer."""
        return bool(self._entries) if action == "undo" else True


class ChangeScreen(TextView):
    """One change in full: who, where, what was shown, every step, and what came of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", translate(_("undo")), id="change.undo"),
    ]

    def __init__(self, entry: Entry, glyphs: Glyphs) -> None:
        title = _("{title} - {target}")
        super().__init__(title.format(title=entry.intent.get("title", "-"), target=entry.intent.get("target", "-")))
        self._entry = entry
        self._glyphs = glyphs

    def build(self, width: int) -> Sequence[Line]:
        """Who and when, how it ended, the steps, the preview."""
        entry, intent = self._entry, self._entry.intent
        who = intent.get("who", {})
        said, _style = result_of(entry, self._glyphs)
        rows = [
            (_("id"), entry.id),
            (_("when"), when(entry)),
            (_("site"), f"{intent.get('site', '-')} / {intent.get('context', '-')}"),
            (_("who"), f"{who.get('os', '-')} (kube: {who.get('kube', '-')}), {intent.get('machine', '-')}"),
            (_("approved"), f"{who.get('approved', '-')}, {intent.get('how', '-')}"),
            (_("fix"), f"{intent.get('fix', '-')}, risk {intent.get('risk', '-')}"),
            (_("result"), said),
        ]
        for name, event in ((_("outcome"), entry.outcome), (_("verified"), entry.verify)):
            if event and event.get("text"):
                rows.append((name, str(event["text"])))
        if intent.get("undoes"):
            rows.append((_("undoes"), str(intent["undoes"])))
        if entry.undone_by:
            rows.append((_("undone by"), entry.undone_by))
        lines = table([(translate(name), value) for name, value in rows], width)
        return [*lines, *self._steps(width), *self._checks(width), *self._preview(width)]

    def _steps(self, width: int) -> list[Line]:
        lines = heading(_("Steps"), width)
        for position, step in enumerate(self._entry.intent.get("steps", ())):
            state = self._entry.state_of(position) or "not run"
            why = self._entry.steps.get(position, {}).get("text") or ""
            text = f"{step.get('title', '-')} ({state})" + (f": {why}" if why else "")
            lines += paragraph(f"{self._glyphs.step(state)} {text}", width, indent=2)
        return lines

    def _checks(self, width: int) -> list[Line]:
        verify = self._entry.verify
        if not verify or not verify.get("after"):
            return []
        before = {(f["code"], f["target"]): f["status"] for f in verify.get("before", ())}
        lines = heading(_("Checks, before and after"), width)
        for found in verify["after"]:
            was = before.get((found["code"], found["target"]), "-")
            text = (
                f"{found['code']} {found['target']}: {was} {self._glyphs.arrow} {found['status']}  {found['message']}"
            )
            lines += paragraph(text, width, indent=2)
        return lines

    def _preview(self, width: int) -> list[Line]:
        lines = heading(_("What was shown"), width)
        for line in printable(str(self._entry.intent.get("preview", ""))).split("\n"):
            lines += [Line((("  " + piece, "line--text"),)) for piece in chop(line, width - 2)]
        return lines

    def action_undo(self) -> None:
        self.app.undo(self._entry)
