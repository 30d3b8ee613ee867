"""The main screen: tree, details, the dock of panes, path, and the line for filters and commands."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from kedge.i18n import Text, _, translate
from kedge.model import Finding, Status
from kedge.picture import Picture
from kedge.proposals import Proposal
from tui import mark as mark  # noqa: PLC0414 - registers its command
from tui import panes
from tui.arranging import Arrangement
from tui.glyphs import Glyphs
from tui.index import PictureIndex
from tui.screens.main_panes import PANE_ACTIONS
from tui.screens.main_way import MainWay
from tui.screens.problems import ProblemsScreen
from tui.shown import path_node, shown_of
from tui.widgets.command_line import CommandLine
from tui.widgets.component_title import ComponentTitle
from tui.widgets.component_tree import ComponentTree
from tui.widgets.detail_lines import Note, Shown
from tui.widgets.details import Details
from tui.widgets.header_bar import Clock, HeaderBar, utc_now
from tui.widgets.key_footer import KeyFooter
from tui.widgets.pane_dock import PaneDock
from tui.widgets.path_strip import PathStrip

log = logging.getLogger(__name__)

panes.load()

METRICS = ("cloud/metrics-server", "cloud/apiservice")

TALL = 30
"""Rows from which on the metrics path has a line of its own."""


class MainScreen(MainWay):
    """Everything one needs at 3 a.m. on one screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fix", translate(_("fix")), id="main.fix"),
        Binding("r", "rerun", translate(_("re-run")), id="main.rerun"),
        Binding("R", "rerun_below", translate(_("re-run everything below")), show=False, id="main.rerun_below"),
        Binding("e", "evidence", translate(_("evidence")), show=False, id="main.evidence"),
        Binding("o", "explain", translate(_("explain")), show=False, id="main.explain"),
        Binding("i", "incident", translate(_("the incident in a few lines")), show=False, id="main.incident"),
        Binding("d", "look('describe')", translate(_("describe the object")), show=False, id="main.describe"),
        Binding("y", "look('yaml')", translate(_("YAML of the object")), show=False, id="main.yaml"),
        *panes.bindings(),
        Binding("slash", "filter", translate(_("filter")), key_display="/", id="main.filter"),
        Binding("z", "faults", translate(_("faults")), id="main.faults"),
        Binding("colon", "command", translate(_("command")), key_display=":", id="main.command"),
        Binding("question_mark", "help", translate(_("help")), key_display="?", id="main.help"),
        Binding("q", "leave", translate(_("quit")), id="main.leave"),
        Binding("c", "copy", translate(_("copy")), show=False, id="main.copy"),
        Binding("x", "export", translate(_("write a report to a file")), show=False, id="main.export"),
        Binding("left_square_bracket", "back", translate(_("back")), show=False, key_display="[", id="main.back"),
        Binding(
            "right_square_bracket", "forward", translate(_("forward")), show=False, key_display="]", id="main.forward"
        ),
        Binding("escape", "escape", translate(_("back")), show=False, key_display="esc", id="main.escape"),
    ]

    def __init__(self, glyphs: Glyphs, clock: Clock = utc_now, tick: float = 1.0) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.index: PictureIndex | None = None
        self._clock = clock
        self._tick = tick
        self._selected = ""
        self._following: str | None = ""
        self.arrangement = Arrangement()
        self._fixable = False

    def compose(self) -> ComposeResult:
        yield HeaderBar(self.glyphs, self._clock, id="header", tick=self._tick)
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Static("", id="sifted", markup=False)
                yield ComponentTree(self.glyphs, id="tree")
            with Vertical(id="right"):
                yield ComponentTitle(self.glyphs, id="component")
                yield Details(self.glyphs, id="details")
                yield PaneDock(self.glyphs, id="dock")
        yield PathStrip(self.glyphs, id="path")
        yield CommandLine(id="line")
        yield KeyFooter(id="footer")

    def on_mount(self) -> None:
        self.query_one("#sifted").display = False
        self.remember_typed()
        self.opening("")
        self.tree_view.focus()

    @on(events.Resize)
    def _sized(self, event: events.Resize) -> None:
        self.query_one(PathStrip).styles.height = 2 if event.size.height >= TALL else 1

    def now(self) -> datetime:
        """What ages are counted to: the present; in a recording, when it was made."""
        if self.header.recorded and self.index is not None:
            return self.index.picture.taken
        return self._clock()

    # ------------------------------------------------------------------------------------------------ pictures

    @property
    def details(self) -> Details:
        """The details pane."""
        return self.query_one(Details)

    @property
    def header(self) -> HeaderBar:
        """The top line."""
        return self.query_one(HeaderBar)

    def opening(self, site: str) -> None:
        """Another site is being opened: nothing of the old one stays."""
        text = _("opening {site} {more}").format(site=site or _("the site"), more=self.glyphs.more)
        self.index, self._selected, self._following = None, "", ""
        self._forget_trail()
        self.header.opening(text)
        self.tree_view.clear()
        self.query_one(ComponentTitle).show(None, "")
        self.details.show(Shown(empty=text), keep_place=False)
        self.query_one(PathStrip).blank()

    def cannot_open(self, why: Text) -> None:
        """The site cannot be opened at all: say why, and what to do."""
        self.opening("")
        self.header.opening(_("not open"))
        self.query_one(ComponentTitle).show(None, translate(_("This site cannot be opened")))
        hint = _("r tries again; :site and :ctx open something else; q quits")
        self.details.show(Shown((Note(Status.FAIL, _("error"), why),), empty=hint), keep_place=False)

    def show(self, picture: Picture) -> None:
        """Take a new picture in; selection and places stay."""
        if not self.is_attached or not self.query(PathStrip) or not self.query("#sifted"):
            return  # not composed yet, or being taken down: the next picture comes soon
        index = self.index = PictureIndex(picture, self.index, self.arrangement)
        self.header.show(index)
        tree = self.tree_view
        tree.stale = self.header.is_stale()
        tree.show(index, self._keeper(index))
        self._tell_sifted()
        self.dock.picture(index)
        self._follow_cause(index)
        self._show_component(tree.cursor, keep_place=tree.cursor == self._selected)

    def _follow_cause(self, index: PictureIndex) -> None:
        """Stand on the first cause until the first look is complete, or until somebody moves."""
        if self._following is None or not index.picture.causes:
            return
        self._following = index.picture.causes[0].component
        self.tree_view.select(self._following)
        if index.complete:
            self._following = None

    @on(events.Key)
    @on(events.MouseDown)
    def _touched(self) -> None:
        self._following = None

    @on(ComponentTree.Selected)
    def _moved(self, message: ComponentTree.Selected) -> None:
        self._been_at(message.component)
        self._show_component(message.component, keep_place=message.component == self._selected)

    @on(ComponentTree.Chosen)
    def _chosen(self) -> None:
        self.details.focus()

    @on(ComponentTree.ViewChanged)
    def _view_changed(self, message: ComponentTree.ViewChanged) -> None:
        self.app.look_at(message.targets)
        self._tell_sifted()

    @on(Details.Chosen)
    def _evidence_of(self, message: Details.Chosen) -> None:
        self.app.show_evidence(message.finding)

    def _show_component(self, component: str, *, keep_place: bool) -> None:
        index = self.index
        view = index.views.get(component) if index is not None else None
        if index is None or view is None:
            return
        self._selected = component
        shown = shown_of(index, view, self.app.proposals)
        self.query_one(ComponentTitle).show(view, "", shown)
        self.details.show(shown, keep_place=keep_place)
        path, metrics = index.picture.path_of(path_node(index, view)), view.id in METRICS
        self.query_one(PathStrip).show(path, index.homes, metrics_first=metrics)
        if self._fixable != bool(shown.numbered):
            self._fixable = not self._fixable
            self.refresh_bindings()

    # ----------------------------------------------------------------------------------------------- actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A fix that is not there is shown dimmed; what is about panes is hidden while there is none."""
        if getattr(self.focused, "takes_every_key", False):
            return False  # a shell has the keys: the footer must not promise ours
        if action in PANE_ACTIONS:
            return bool(self.dock.panes)
        return True if action != "fix" or self._fixable or self.tree_view.marked else None

    def numbered_fixes(self) -> tuple[Proposal, ...]:
        """The fixes as numbered in the details pane."""
        return self.details.shown.numbered

    def action_fix(self) -> None:
        """What helps what is selected; with marks, what helps the marked nodes."""
        marked = self._marked_targets()
        if marked:
            from tui.screens import fix_many  # only when first needed

            fix_many.choose(self, marked)
        elif self._fixable:
            self.app.choose_fix(self.numbered_fixes())

    def _marked_targets(self) -> list[str]:
        views = self.index.views if self.index is not None else {}
        return sorted({views[id].target for id in self.tree_view.marked if id in views} - {"-"})

    def action_rerun(self) -> None:
        """What is marked, else what is selected; the site's own parts are asked of the cloud hosts too."""
        index = self.index
        if index is None:
            self.app.open_site()
            return
        chosen = self.details.finding if self.details.has_focus else None
        if chosen is not None and self.app.run_intrusive(chosen):
            return
        tree = self.tree_view
        views = [index.views[id] for id in tree.marked or {tree.cursor} if id in index.views]
        targets = {view.target for view in views if view.target != "-"}
        if any(view.id.startswith("cloud") for view in views):
            targets |= index.cloud_hosts
        self.app.rerun(sorted(targets))

    def action_rerun_below(self) -> None:
        """Everything below what is selected."""
        if self.index is not None:
            component = self.tree_view.cursor
            targets = self.index.subtree(component) if component != "site" else None
            self.app.rerun(sorted(targets) if targets is not None else None)

    def action_evidence(self) -> None:
        if (finding := self._finding()) is not None:
            self.app.show_evidence(finding)

    def action_explain(self) -> None:
        if (finding := self._finding()) is not None:
            self.app.explain(finding)

    def action_incident(self) -> None:
        self.app.show_report()

    def action_look(self, look: str) -> None:
        if self.index is not None and (view := self.index.views.get(self.tree_view.cursor)) is not None:
            self.app.show_object(view, look)

    def action_copy(self) -> None:
        if (finding := self._finding()) is not None:
            self.app.copy(f"{finding.code} {finding.target} {finding.status.value}: {finding.text}")

    def action_export(self) -> None:
        """The whole picture as a report, for a ticket."""
        if self.index is not None:
            from kedge.report_formats.markdown import as_markdown

            picture = self.index.picture
            self.app.export(picture.site, ".md", lambda: as_markdown(picture))

    def _finding(self) -> Finding | None:
        finding = self.details.finding
        if finding is None:
            self.say(_("There is no finding here"))
        return finding

    def action_problems(self) -> None:
        if self.index is not None:
            self.app.push_screen(ProblemsScreen(self.index))

    def action_history(self) -> None:
        self.app.show_history()

    def action_rerun_all(self) -> None:
        self.app.rerun(None)

    def action_faults(self) -> None:
        self.tree_view.faults_only = not self.tree_view.faults_only
        self._tell_sifted()

    def order_edges(self, arrangement: Arrangement) -> None:
        """Show the edges in another order; what is selected stays selected."""
        self.arrangement = arrangement
        if self.index is not None:
            self.show(self.index.picture)

    def action_help(self) -> None:
        self.app.show_help()

    def action_escape(self) -> None:
        """One thing at a time: out of a pane, the filter, faults only, marks; then the focus goes back to the tree."""
        tree = self.tree_view
        if self.leave_pane():
            return
        if self._filter:
            self._set_filter("")
        elif tree.faults_only:
            self.action_faults()
        elif not tree.unmark():
            tree.focus()

    def action_leave(self) -> None:
        if self.leave_pane():
            return
        if self.details.has_focus:
            self.tree_view.focus()
        else:
            self.app.leave()

    def say(self, text: Text, severity: str = "information") -> None:
        """One sentence in a toast, never markup."""
        self.app.say(text, severity)
