"""The main screen: tree, details, path, and the line for filters and commands."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Footer, Static

from kedge.i18n import Text, _, translate
from kedge.model import SITE, Finding, Status
from kedge.picture import ComponentView, Picture
from kedge.printable import one_line
from kedge.proposals import Proposal
from tui import commands, filtering
from tui.glyphs import Glyphs
from tui.widgets.command_line import CommandLine
from tui.widgets.component_tree import ComponentTree
from tui.widgets.detail_lines import Shown, causal_order
from tui.widgets.details import Details
from tui.widgets.header_bar import HeaderBar
from tui.widgets.path_strip import PathStrip

if TYPE_CHECKING:
    from tui.app import KedgeApp

log = logging.getLogger(__name__)


class MainScreen(Screen[None]):
    """Everything one needs at 3 a.m. on one screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fix", translate(_("fix")), id="main.fix"),
        Binding("r", "rerun", translate(_("re-run")), id="main.rerun"),
        Binding("R", "rerun_all", translate(_("re-run all")), show=False, id="main.rerun_all"),
        Binding("e", "evidence", translate(_("evidence")), id="main.evidence"),
        Binding("o", "explain", translate(_("explain")), id="main.explain"),
        Binding("slash", "filter", translate(_("filter")), key_display="/", id="main.filter"),
        Binding("colon", "command", translate(_("command")), key_display=":", id="main.command"),
        Binding("question_mark", "help", translate(_("help")), key_display="?", id="main.help"),
        Binding("c", "copy", translate(_("copy")), show=False, id="main.copy"),
        Binding("left_square_bracket", "back", translate(_("back")), show=False, id="main.back"),
        Binding("right_square_bracket", "forward", translate(_("forward")), show=False, id="main.forward"),
        Binding("escape", "escape", translate(_("back")), show=False, id="main.escape"),
        Binding("q", "leave", translate(_("quit")), id="main.leave"),
    ]

    app: KedgeApp

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.picture: Picture | None = None
        self.tree_hidden = 0
        self._selected = ""
        self._trail: list[str] = []
        self._trail_at = -1
        self._touched = False
        self._filter = ""

    def compose(self) -> ComposeResult:
        yield HeaderBar(self.glyphs, id="header")
        with Horizontal(id="body"):
            yield ComponentTree(self.glyphs, id="tree")
            with Vertical(id="right"):
                yield Static("", id="component", markup=False)
                yield Details(self.glyphs, id="details")
        yield PathStrip(self.glyphs, id="path")
        yield CommandLine(id="line")
        yield Footer(id="footer", show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.tree_view.focus()
        self.query_one(Details).show(Shown(_(""), empty=_("Connecting …")), keep_place=False)

    # ------------------------------------------------------------------------------------------------ pictures

    @property
    def tree_view(self) -> ComponentTree:
        """The tree."""
        return self.query_one(ComponentTree)

    @property
    def details(self) -> Details:
        """The details pane."""
        return self.query_one(Details)

    def show(self, picture: Picture) -> None:
        """Take a new picture in; selection and places stay."""
        self.picture = picture
        header = self.query_one(HeaderBar)
        header.show(picture)
        tree = self.tree_view
        tree.stale = header.is_stale()
        tree.show(picture)
        if self._filter:
            self._apply_filter(self._filter)
        self._go_to_cause(picture)
        self._show_component(tree.cursor, keep_place=tree.cursor == self._selected)

    def cannot_open(self, why: Text) -> None:
        """The site cannot be opened at all: say why, and what to do."""
        self.query_one("#component", Static).update(translate(_("This site cannot be opened")))
        self.details.show(Shown(_(""), empty=why), keep_place=False)
        self.say(why, "error")

    def _go_to_cause(self, picture: Picture) -> None:
        """Until a key is pressed: stand on the first cause. What looks like one at first may turn out a symptom."""
        tree = self.tree_view
        if self._touched or not picture.causes:
            return
        component = picture.causes[0].component
        if tree.cursor != component:
            tree.select(component)

    def on_key(self) -> None:
        """From the first key on the cursor belongs to the person."""
        self._touched = True

    @on(ComponentTree.Selected)
    def _moved(self, message: ComponentTree.Selected) -> None:
        if self._trail_at < 0 or self._trail[self._trail_at] != message.component:
            self._trail = [*self._trail[: self._trail_at + 1], message.component][-100:]
            self._trail_at = len(self._trail) - 1
        self._show_component(message.component, keep_place=False)

    @on(ComponentTree.Chosen)
    def _chosen(self) -> None:
        self.details.focus()

    @on(ComponentTree.ViewChanged)
    def _view_changed(self, message: ComponentTree.ViewChanged) -> None:
        self.app.look_at(message.targets)
        self._tell_hidden(message.hidden)

    @on(Details.Chosen)
    def _evidence_of(self, message: Details.Chosen) -> None:
        self.app.show_evidence(message.finding)

    def _tell_hidden(self, hidden: int) -> None:
        self.tree_hidden = hidden
        tree = self.tree_view
        tree.border_subtitle = translate(_("{count} hidden").format(count=hidden)) if hidden else ""

    def _show_component(self, component: str, *, keep_place: bool) -> None:
        picture = self.picture
        view = next((v for v in picture.components if v.id == component), None) if picture else None
        if picture is None or view is None:
            return
        self._selected = component
        findings = self._findings_of(view, picture)
        fixes = tuple(
            (index, proposal)
            for index, finding in enumerate(findings)
            if finding.status in (Status.FAIL, Status.WARN)
            for proposal in self.app.proposals(finding)
        )
        possible = tuple(item for item in fixes if item[1].plan is not None)
        refused = tuple(item for item in fixes if item[1].plan is None)
        self._title(view)
        self.details.show(Shown(view.label, findings, (*possible, *refused)), keep_place=keep_place)
        node = view.target if any(path.node == view.target for path in picture.paths) else ""
        if not node and len(picture.paths) >= 1:
            bad = [p for p in picture.paths if any(h.status is Status.FAIL for h in p.hops)]
            node = (bad or list(picture.paths))[0].node
        self.query_one(PathStrip).show(picture.path_of(node))

    def _title(self, view: ComponentView) -> None:
        title = one_line(translate(view.label))
        if view.id.startswith("edge/") and view.id != f"edge/{view.target}":
            title = translate(_("{what} on {node}").format(what=title, node=one_line(view.target)))
        self.query_one("#component", Static).update(title)

    @staticmethod
    def _findings_of(view: ComponentView, picture: Picture) -> tuple[Finding, ...]:
        """Its own findings; for a branch, what needs attention below it as well."""
        own = picture.findings_of(view.id)
        below = tuple(
            finding
            for finding in picture.findings
            if (view.id == "site" or finding.component.startswith(view.id + "/"))
            and finding.status in (Status.FAIL, Status.WARN, Status.UNKNOWN)
            and finding not in own
        )
        return causal_order((*own, *below))

    # ----------------------------------------------------------------------------------------------- actions

    def numbered_fixes(self) -> tuple[Proposal, ...]:
        """The fixes as numbered in the details pane."""
        return tuple(proposal for _index, proposal in self.details.shown.fixes if proposal.plan is not None)

    def action_fix(self) -> None:
        fixes = self.numbered_fixes()
        if fixes:
            self.app.choose_fix(fixes)
        else:
            self.say(_("No fix is offered here; red components offer one where there is one"))

    def action_rerun(self) -> None:
        target = next((v.target for v in self.picture.components if v.id == self._selected), SITE) if self.picture else SITE
        self.app.rerun(None if target == SITE else [target])

    def action_rerun_all(self) -> None:
        self.app.rerun(None)

    def action_evidence(self) -> None:
        finding = self.details.finding
        if finding is None:
            self.say(_("There is no finding here"))
        else:
            self.app.show_evidence(finding)

    def action_explain(self) -> None:
        finding = self.details.finding
        if finding is None:
            self.say(_("There is no finding here"))
        else:
            self.app.explain(finding)

    def action_copy(self) -> None:
        finding = self.details.finding
        if finding is not None:
            self.app.copy(f"{finding.code} {finding.target}: {finding.text}")

    def action_help(self) -> None:
        self.app.show_help(self)

    def action_back(self) -> None:
        self._walk(-1)

    def action_forward(self) -> None:
        self._walk(1)

    def _walk(self, step: int) -> None:
        place = self._trail_at + step
        if 0 <= place < len(self._trail):
            self._trail_at = place
            self.tree_view.select(self._trail[place])

    def action_escape(self) -> None:
        if self._filter:
            self._set_filter("")
        elif self.tree_view.faults_only:
            self.tree_view.faults_only = False
        else:
            self.tree_view.focus()

    def action_leave(self) -> None:
        if self.details.has_focus:
            self.tree_view.focus()
        else:
            self.app.leave()

    def make_read_only(self) -> None:
        """Change nothing from now on, whatever is pressed."""
        self.app.make_read_only()

    def say(self, text: Text, severity: str = "information") -> None:
        """One sentence in a toast, never markup."""
        self.app.say(text, severity)

    # -------------------------------------------------------------------------------------- filter, command

    def action_filter(self) -> None:
        self.query_one(CommandLine).ask("/", self._filter)

    def action_command(self) -> None:
        self.query_one(CommandLine).ask(":", "")

    @on(CommandLine.Typed)
    def _typed(self, message: CommandLine.Typed) -> None:
        if message.prompt == "/":
            self._set_filter(message.text)

    @on(CommandLine.Done)
    def _done(self, message: CommandLine.Done) -> None:
        self.tree_view.focus()
        if message.prompt == "/":
            self._set_filter("" if message.text is None else message.text)
        elif message.text:
            self._run_command(message.text)

    def _set_filter(self, text: str) -> None:
        self._filter = text.strip()
        self._apply_filter(self._filter)

    def _apply_filter(self, text: str) -> None:
        line = self.query_one(CommandLine)
        if self.picture is None:
            return
        try:
            keep = filtering.keeper(filtering.parse(text), self.picture)
        except filtering.FilterError as error:
            line.note(translate(error.text))
            return
        rows = self.tree_view.filter(keep)
        self.tree_view.border_title = one_line(f"/{text}") if text else ""
        line.note(translate(_("{count} rows").format(count=rows)) if text else "")

    def _run_command(self, text: str) -> None:
        name, _space, rest = text.strip().partition(" ")
        command = commands.find(name)
        if command is None:
            known = ", ".join(sorted(commands.COMMANDS))
            self.say(_("There is no command `{name}`; there are: {known}").format(name=name, known=known), "warning")
            return
        command.run(self, rest.strip())
