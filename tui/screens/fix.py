"""The repair dialog: preview, confirm, apply, verify, undo, one after the other in one box.

It shows; the executor does. Nothing is changed before ``y`` (or, for high risk, before the name is typed),
and what is approved is the digest of exactly what is on the screen.
"""

from __future__ import annotations

import getpass
import logging
from typing import ClassVar

from rich.console import Group
from rich.text import Text as RichText
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from kedge.executor import Outcome, Preview, Progress, Refused, Result, StepState, Verification
from kedge.i18n import Text, _, translate
from kedge.model import Approval, Finding, Plan, Risk
from kedge.picture import Picture
from kedge.printable import one_line
from kedge.workbench import NothingOpen, Workbench
from tui.glyphs import Glyphs
from tui.screens.dialog import Dialog, plain

log = logging.getLogger(__name__)

_STEP_GLYPHS = {
    StepState.RUNNING: "…",
    StepState.DONE: "✓",
    StepState.ALREADY: "✓",
    StepState.FAILED: "✗",
    StepState.INEFFECTIVE: "!",
    StepState.UNKNOWN: "?",
    StepState.NOT_RUN: "-",
}


class FixScreen(Dialog[bool]):
    """Dismissed with True when something was changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", translate(_("confirm")), id="fix.confirm"),
        Binding("u", "undo", translate(_("undo")), id="fix.undo"),
        Binding("c", "copy", translate(_("copy as script")), id="fix.copy"),
        Binding("j,down", "scroll(1)", translate(_("down")), show=False, id="fix.down"),
        Binding("k,up", "scroll(-1)", translate(_("up")), show=False, id="fix.up"),
    ]

    def __init__(self, workbench: Workbench, plan: Plan, glyphs: Glyphs) -> None:
        super().__init__()
        self._workbench = workbench
        self._plan = plan
        self._glyphs = glyphs
        self._preview: Preview | None = None
        self._outcome: Outcome | None = None
        self._stop = False
        self._applying = False
        self._changed = False
        self._lines: list[RichText] = []
        self._steps: dict[int, RichText] = {}

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="fix"):
            yield Static(self._title(), classes="title", markup=False)
            with VerticalScroll(id="scroll"):
                yield Static(translate(_("Reading the present state …")), id="body", markup=False)
            yield Input(id="name", placeholder=self._plan.target, compact=True)
            with Horizontal(id="buttons"):
                yield Button(translate(_("Cancel")), id="cancel", compact=True)
                yield Button(translate(_("Apply (y)")), id="apply", compact=True, disabled=True)
                yield Button(translate(_("Undo (u)")), id="undo", compact=True)
                yield Static("", id="state", markup=False)

    def on_mount(self) -> None:
        self.query_one("#name", Input).display = False
        self.query_one("#undo", Button).display = False
        self.query_one("#cancel", Button).focus()
        self.look(None)

    def _title(self) -> str:
        picture = self._picture()
        site = f"{picture.site} / {picture.context}" if picture else "-"
        return one_line(translate(_("{title} - {target}   [{site}]").format(
            title=self._plan.title, target=self._plan.target, site=site)))

    def _picture(self) -> Picture | None:
        return self._workbench.site.picture() if self._workbench.site is not None else None

    # ------------------------------------------------------------------------------------------------ preview

    @work(exclusive=True, group="fix", exit_on_error=False)
    async def look(self, undo: str | None) -> None:
        """Ask the executor what exactly would be done."""
        try:
            if undo is None:
                self._preview = await self._workbench.preview(self._plan)
            else:
                self._preview = await self._workbench.undo_preview(undo)
        except (Refused, NothingOpen) as error:
            self._say_body(plain(translate(getattr(error, "text", str(error))), "bold"))
            self._state(_("nothing was changed"))
            return
        self._plan = self._preview.plan
        self.query_one(".title", Static).update(self._title())
        self._show_preview(self._preview)

    def _show_preview(self, preview: Preview) -> None:
        plan = preview.plan
        parts = [
            plain(translate(_("risk    {risk}").format(risk=plan.risk.value)), "bold"),
            plain(translate(_("impact  {impact}").format(impact=plan.impact))),
        ]
        if plan.verify:
            parts.append(plain(translate(_("verify  {codes}").format(codes=" ".join(plan.verify)))))
        for number, shown in enumerate(preview.steps, 1):
            user = translate(shown.user)
            as_user = translate(_("  (as {user})").format(user=user)) if user else ""
            parts += [RichText(""), plain(f"{number}. {translate(shown.title)}{as_user}", "bold")]
            parts += [_diff_line(line) for line in shown.body.splitlines()]
            parts += [plain("   " + translate(note), "italic") for note in shown.notes]
        self._lines = parts
        self._draw()
        if preview.idle:
            self._state(_("everything is as wanted already"))
            return
        self.query_one("#apply", Button).disabled = False
        if plan.risk is Risk.HIGH:
            name = self.query_one("#name", Input)
            name.display = True
            name.value = ""
            self._state(_("high risk: type {name} and press enter").format(name=plan.target))
        else:
            self._state(_("y applies exactly this; esc leaves everything as it is"))

    # ------------------------------------------------------------------------------------------------- apply

    def action_confirm(self) -> None:
        """Apply what is shown (low and medium risk); high risk wants the name typed."""
        preview = self._preview
        if preview is None or preview.idle or self._applying or self._outcome is not None:
            return
        if preview.plan.risk is Risk.HIGH and self.query_one("#name", Input).value != preview.plan.target:
            self.query_one("#name", Input).focus()
            return
        self._approve("typed name" if preview.plan.risk is Risk.HIGH else "key y")

    @on(Input.Submitted, "#name")
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_confirm()

    @on(Button.Pressed, "#apply")
    def _pressed_apply(self) -> None:
        self.action_confirm()

    @on(Button.Pressed, "#cancel")
    def _pressed_cancel(self) -> None:
        self.action_cancel()

    @on(Button.Pressed, "#undo")
    def _pressed_undo(self) -> None:
        self.action_undo()

    def _approve(self, how: str) -> None:
        assert self._preview is not None
        self._applying = True
        self.query_one("#apply", Button).disabled = True
        self.query_one("#name", Input).display = False
        self.query_one("#cancel", Button).label = translate(_("Stop"))
        self.apply(self._preview, Approval(self._preview.digest, getpass.getuser(), how))

    @work(exclusive=True, group="fix", exit_on_error=False)
    async def apply(self, preview: Preview, approval: Approval) -> None:
        """Apply, then verify; every outcome is a sentence in the box."""
        before = self._findings()
        self._lines += [RichText(""), plain(translate(_("Applying")), "bold")]
        try:
            outcome = await self._workbench.apply(preview, approval, self._progress, lambda: self._stop)
        except (Refused, NothingOpen) as error:
            self._ended(getattr(error, "text", str(error)), undo=False)
            return
        self._outcome, self._changed = outcome, True
        self._settle_steps()
        if outcome.result is not Result.DONE:
            self._ended(outcome.text, undo=outcome.can_undo)
            return
        self._state(_("verifying {codes} …").format(codes=" ".join(preview.plan.verify)))
        verification = await self._workbench.verify(outcome, before, self._state)
        self._verified(verification, outcome)

    def _progress(self, progress: Progress) -> None:
        glyph = _STEP_GLYPHS[progress.state]
        text = f"{glyph} {progress.position + 1}/{progress.steps} {translate(progress.title)}"
        if progress.text is not None:
            text += f": {translate(progress.text)}"
        self._steps[progress.position] = plain(text)
        self._draw()

    def _settle_steps(self) -> None:
        self._lines += [self._steps[position] for position in sorted(self._steps)]
        self._steps = {}

    def _verified(self, verification: Verification, outcome: Outcome) -> None:
        style = "bold green" if verification.result.is_good else "bold red"
        self._lines += [RichText("")]
        for finding in verification.after:
            glyph = self._glyphs.status(finding.status)
            self._lines.append(plain(f"{glyph} {finding.code} {finding.target}  {translate(finding.text)}"))
        self._lines.append(plain(translate(verification.text), style))
        self._lines += [plain(translate(problem), "italic") for problem in outcome.problems]
        self._ended(verification.text, undo=outcome.can_undo)

    def _ended(self, text: Text | str, *, undo: bool) -> None:
        self._applying = False
        self._settle_steps()
        self._lines.append(plain(translate(text), "bold"))
        self._draw()
        self._state(text)
        cancel = self.query_one("#cancel", Button)
        cancel.label = translate(_("Close"))
        cancel.focus()
        self.query_one("#undo", Button).display = undo
        self.query_one("#apply", Button).display = False

    # -------------------------------------------------------------------------------------------------- undo

    def action_undo(self) -> None:
        """Preview taking it back; that is confirmed like any other change."""
        outcome = self._outcome
        if outcome is None or not outcome.can_undo or self._applying:
            return
        self._outcome, self._preview = None, None
        apply = self.query_one("#apply", Button)
        apply.display, apply.disabled = True, True
        self.query_one("#undo", Button).display = False
        self._say_body(plain(translate(_("Reading the present state …"))))
        self.look(outcome.id)

    # ------------------------------------------------------------------------------------------------- others

    def action_cancel(self) -> None:
        """Close; while steps run: stop before the next one."""
        if self._applying and self._outcome is None:
            self._stop = True
            self._state(_("stopping after this step …"))
            return
        self.dismiss(self._changed)

    def action_copy(self) -> None:
        """The plan as a script for a person to run by hand."""
        if self._preview is not None:
            self.app.copy_to_clipboard(self._preview.script())
            self._state(_("copied as a shell script"))

    def action_scroll(self, rows: int) -> None:
        """Scroll the preview."""
        self.query_one("#scroll", VerticalScroll).scroll_relative(y=rows * 3, animate=False)

    def _findings(self) -> tuple[Finding, ...]:
        picture = self._picture()
        return picture.findings if picture is not None else ()

    def _say_body(self, text: RichText) -> None:
        self._lines, self._steps = [text], {}
        self._draw()

    def _draw(self) -> None:
        running = [self._steps[position] for position in sorted(self._steps)]
        self.query_one("#body", Static).update(Group(*self._lines, *running))
        if self._applying or self._outcome is not None:
            self.query_one("#scroll", VerticalScroll).scroll_end(animate=False)

    def _state(self, text: Text | str) -> None:
        self.query_one("#state", Static).update(one_line(translate(text)))


def _diff_line(line: str) -> RichText:
    style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
    return plain("   " + line, style)
