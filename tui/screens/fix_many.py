"""The repair dialog for several nodes: what happens on each, one after the other, and one summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kedge.campaign import Campaign, Member, Standing
from kedge.i18n import Text, _, translate
from kedge.model import Risk
from kedge.printable import one_line
from tui.glyphs import Glyphs
from tui.many import Group, ManyRepairs, groups, nodes
from tui.repair import Stage
from tui.screens.fix import FixScreen
from tui.screens.fix_lines import preview_lines
from tui.screens.fix_menu import FixMenu
from tui.screens.text_view import paragraph
from tui.text_layout import Line, pad, wrap

if TYPE_CHECKING:
    from tui.screens.main import MainScreen

_STATES = {
    Standing.LOOKING: ("running", "status--info"),
    Standing.SHOWN: ("not run", "status--skip"),
    Standing.ALREADY: ("already so", "status--pass"),
    Standing.REFUSED: ("failed", "status--unknown"),
    Standing.APPLYING: ("running", "status--info"),
    Standing.VERIFYING: ("running", "status--info"),
    Standing.GOOD: ("done", "status--pass"),
    Standing.BAD: ("failed", "status--fail"),
    Standing.NOT_BEGUN: ("not run", "status--skip"),
}
_WIDEST = 24


def choose(screen: MainScreen, targets: Sequence[str]) -> None:
    """Let the person pick a fix for the marked nodes, then show what it does on each of them."""
    app = screen.app
    if screen.index is None or app.workbench is None:
        return
    workbench = app.workbench
    offered = groups(screen.index, targets, app.proposals)
    if not offered:
        screen.say(_("No fix is offered for what is marked"))
        return

    def show(chosen: Group | None) -> None:
        if chosen is not None:
            many = ManyRepairs(workbench, Campaign.of(workbench, chosen.plans))
            app.push_screen(FixManyScreen(many, app.where, screen.glyphs))

    choices = [(group.proposal.title, group.where, group.proposal.risk, group) for group in offered]
    title = _("Which fix for what is marked ({targets})?").format(targets=", ".join(targets))
    app.push_screen(
        FixMenu(choices, title, _("it acts on the marks, not on the cursor; esc, then esc again unmarks")), show
    )


class FixManyScreen(FixScreen):
    """One campaign."""

    repair: ManyRepairs

    def _lines(self, width: int) -> Sequence[Line]:
        return campaign_lines(self.repair, width, self._glyphs)

    def _what_now(self) -> Text:
        repair = self.repair
        ready = repair.campaign.ready
        if not repair.may_apply or repair.plan.risk is Risk.HIGH:
            return super()._what_now()
        words = {"nodes": nodes(len(ready)), "first": ready[0].target}
        return _("y applies exactly this on {nodes}, {first} first; esc leaves everything as it is").format(**words)


def campaign_lines(repair: ManyRepairs, width: int, glyphs: Glyphs) -> list[Line]:
    """What would be done on each node; then how each of them stands, and the summary."""
    members = repair.campaign.members
    how = _("One node first. The rest follow, a few at a time, once it is verified; none any more once one goes wrong.")
    lines = paragraph(how, width, "line--dim")
    for one in members:
        if one.preview is not None:
            lines += [Line(), *paragraph(one_line(one.target), width, "line--heading")]
            lines += preview_lines(one.preview, width)
    lines += [Line(), *paragraph(_("Nodes"), width, "line--heading")]
    places = min(_WIDEST, max(len(one.target) for one in members))
    for one in members:
        lines += _member(one, places, width, glyphs)
    if repair.stage is Stage.ENDED:
        lines += [Line(), *paragraph(repair.text, width, "line--good" if repair.ended_well else "line--bad")]
    return lines


def _member(one: Member, places: int, width: int, glyphs: Glyphs) -> list[Line]:
    state, style = _STATES[one.standing]
    said = f": {translate(one.text)}" if one.text is not None else ""
    name = pad(one_line(one.target), places)
    indent = places + 3
    first, *rest = wrap(one_line(f"{one.standing.value}{said}"), width - indent)
    head = Line(((f"{glyphs.step(state)} ", style), (f"{name} ", "line--key"), (first, "line--text")))
    return [head, *(Line(((" " * indent + part, "line--text"),)) for part in rest)]
