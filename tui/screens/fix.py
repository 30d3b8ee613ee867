"""The repair dialog: preview, confirm, apply, verify, undo, one after the other in one box.

It shows; the executor does. Nothing is changed before ``y`` (or, for high risk, before the name is typed), and
what is approved is the digest of exactly what is on the screen.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from kedge.i18n import Text, _, translate
from kedge.model import SITE, Approval, Plan, Risk
from kedge.printable import one_line
from tui.glyphs import Glyphs
from tui.repair import Repair, Stage
from tui.screens.dialog import Dialog
from tui.screens.fix_lines import fix_lines
from tui.text_layout import Line
from tui.widgets.line_view import LineView


class FixScreen(Dialog[None]):
    """One change. Closing it never interrupts a step: what runs goes on, and its end is told in a toast."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", translate(_("confirm")), id="fix.confirm"),
        Binding("u", "undo", translate(_("undo")), id="fix.undo"),
        Binding("r", "look_again", translate(_("look again")), id="fix.again"),
        Binding("c", "copy", translate(_("copy as script")), id="fix.copy"),
        Binding("j,down", "scroll(1)", translate(_("down")), show=False, id="fix.down"),
        Binding("k,up", "scroll(-1)", translate(_("up")), show=False, id="fix.up"),
        Binding("g,home", "edge(0)", translate(_("top")), show=False, id="fix.top"),
        Binding("G,end", "edge(1)", translate(_("bottom")), show=False, id="fix.bottom"),
        Binding("pagedown,ctrl+f", "page(1)", translate(_("page down")), show=False, id="fix.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", translate(_("page up")), show=False, id="fix.page_up"),
    ]

    def __init__(self, repair: Repair, where: str, glyphs: Glyphs) -> None:
        super().__init__()
        self.repair = repair
        self._where = where
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="fix"):
            yield Static("", id="title", classes="title", markup=False)
            yield LineView(self._lines, id="view")
            yield Input(id="name", compact=True)
            yield Static("", id="state", markup=False)
            with Horizontal(id="buttons"):
                yield Button(translate(_("Cancel")), id="cancel", compact=True)
                yield Button(translate(_("Apply (y)")), id="apply", compact=True)
                yield Button(translate(_("Look again (r)")), id="again", compact=True)
                yield Button(translate(_("Undo (u)")), id="undo", compact=True)

    def on_mount(self) -> None:
        self.query_one(LineView).can_focus = False
        self._take(self.repair)

    def on_unmount(self) -> None:
        self.repair.on_change = None

    def _take(self, repair: Repair) -> None:
        self.repair.on_change = None
        self.repair = repair
        repair.on_change = self.renew
        self.query_one("#cancel").focus()
        self.app.look(repair)

    def _lines(self, width: int) -> Sequence[Line]:
        return fix_lines(self.repair, width, self._glyphs)

    # ---------------------------------------------------------------------------------------------- what is shown

    def renew(self) -> None:
        """Show the change as it stands now."""
        repair = self.repair
        plan, stage = repair.plan, repair.stage
        title = _titled(plan) if plan else _("Undo")
        self.query_one("#title", Static).update(f"{one_line(translate(title))}   [{one_line(self._where)}]")
        self.query_one(LineView).renew(end=repair.running or stage in (Stage.ENDED, Stage.REFUSED))
        self._state(self._sentence())
        ready = repair.may_apply
        name = self.query_one("#name", Input)
        high = ready and plan is not None and plan.risk is Risk.HIGH
        if high and plan is not None and not name.display:
            name.placeholder, name.value = repair.name, ""
        name.display = high
        for button, wanted in (
            ("#apply", ready),
            ("#again", stage is Stage.REFUSED),
            ("#undo", repair.can_undo),
        ):
            self.query_one(button, Button).display = wanted
        self.query_one("#cancel", Button).label = translate(self._leave_word())
        if self.focused is None or not self.focused.display:
            self.query_one("#cancel").focus()
        self.refresh_bindings()

    def _leave_word(self) -> Text:
        stage = self.repair.stage
        if stage is Stage.APPLYING:
            return _("Stop")
        return _("Close") if stage in (Stage.VERIFYING, Stage.ENDED, Stage.REFUSED) else _("Cancel")

    def _sentence(self) -> Text:
        repair, stage, plan = self.repair, self.repair.stage, self.repair.plan
        if stage is Stage.LOOKING:
            return _("nothing is changed by looking")
        if stage is Stage.REFUSED:
            return _("refused; nothing was changed")
        if stage is Stage.SHOWN:
            return self._what_now()
        if stage is Stage.APPLYING:
            return _("stopping after this step") if repair.stopping else _("applying; esc stops after this step")
        if stage is Stage.VERIFYING:
            return repair.waiting or _("verifying {codes}").format(
                codes=" ".join(plan.verify or plan.expect) if plan else ""
            )
        return _("u takes it back; esc closes; it is in :history") if repair.can_undo else _("esc closes")

    def _what_now(self) -> Text:
        """What the person may do with what is shown."""
        repair, plan = self.repair, self.repair.plan
        if repair.idle:
            return _("everything is as wanted already; there is nothing to do")
        if repair.only_shown:
            return _("read-only: nothing is changed here; c copies it as a script for somebody who may")
        if plan is not None and plan.risk is Risk.HIGH:
            return _("high risk: type {name} and press enter").format(name=repair.name)
        return _("y applies exactly this; esc leaves everything as it is")

    def _state(self, text: Text) -> None:
        self.query_one("#state", Static).update(one_line(translate(text)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that have nothing to do now are not offered."""
        repair = self.repair
        possible = {
            "confirm": repair.may_apply,
            "undo": repair.can_undo,
            "look_again": repair.stage is Stage.REFUSED,
            "copy": bool(repair.script),
        }
        return possible.get(action, True)

    # ------------------------------------------------------------------------------------------------- actions

    def action_confirm(self) -> None:
        """Apply what is shown (low and medium risk); high risk wants the name typed."""
        repair, plan = self.repair, self.repair.plan
        if plan is None or not repair.may_apply:
            return
        name = self.query_one("#name", Input)
        high = plan.risk is Risk.HIGH
        if high and name.value != repair.name:
            name.focus()
            if name.value:
                self._state(_("that is not {name}").format(name=repair.name))
            return
        how = "typed name" if high else "key y"
        self.app.apply(repair, Approval(repair.digest, getpass.getuser(), how))

    @on(Input.Submitted, "#name")
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_confirm()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        actions = {
            "apply": self.action_confirm,
            "again": self.action_look_again,
            "undo": self.action_undo,
            "cancel": self.action_cancel,
        }
        actions[str(event.button.id)]()

    def action_undo(self) -> None:
        """Preview taking it back; that is confirmed like any other change."""
        if self.repair.can_undo:
            self._take(self.repair.undoing())

    def action_look_again(self) -> None:
        """After a refusal: read the present state again."""
        if self.repair.stage is Stage.REFUSED:
            self.app.look(self.repair)

    def action_cancel(self) -> None:
        """Close; while steps run: stop before the next one, and close when asked again."""
        if self.repair.stage is Stage.APPLYING and not self.repair.stopping:
            self.repair.stop()
        else:
            self.dismiss(None)

    def action_copy(self) -> None:
        """The plan as a script for a person to run by hand."""
        if text := self.repair.script:
            self.app.copy(text)

    def action_scroll(self, rows: int) -> None:
        self.query_one(LineView).action_scroll(rows)

    def action_page(self, pages: int) -> None:
        self.query_one(LineView).action_page(pages)

    def action_edge(self, end: int) -> None:
        self.query_one(LineView).action_edge(end)


def _titled(plan: Plan) -> Text:
    """What is done and where; the site stands behind it anyway."""
    if plan.target == SITE:
        return plan.title
    return _("{title} - {target}").format(title=plan.title, target=plan.target)
