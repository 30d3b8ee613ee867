"""The logs pane: what is read, how it is shown, and a line that says how it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from kedge.i18n import Text, _, translate
from kedge.logs.desk import LogReader
from kedge.logs.levels import pretty_json
from kedge.logs.lines import LogLine
from kedge.logs.saving import as_text, save
from kedge.logs.sources import Source, signs_of
from kedge.logs.ways import FollowState, Way
from kedge.model import LinkError
from kedge.printable import one_line
from tui.logs.look import Look, Times
from tui.logs.pick import PickSources
from tui.logs.view import LogView
from tui.logs.whole import WholeLine
from tui.panes.base import Pane
from tui.patterns import compiled
from tui.text_layout import cut_middle
from tui.widgets.command_line import CommandLine

if TYPE_CHECKING:
    from kedge.logs.desk import LogDesk
    from tui.index import PictureIndex

TAIL = 200
SINCE: tuple[tuple[int | None, Text], ...] = (
    (None, _("the last lines")),
    (60, _("1 min")),
    (300, _("5 min")),
    (900, _("15 min")),
    (1800, _("30 min")),
    (3600, _("1 h")),
    (86400, _("24 h")),
)
"""What the keys 0 to 6 look back."""

LABEL_MOST = 24

Sources = Callable[[], Sequence[Source]]


class LogPane(Pane):
    """Follows some sources.

    Args:
        desk: where logs come from. sources: what to read; asked again with every picture, so that new pods join.
        previous: opens the logs of the containers before the last restart; None when there is no such pane.
    """

    DEFAULT_CSS = """
    LogPane { layout: vertical; }
    LogPane #logstate { height: 1; background: $boost; color: $foreground-muted; padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", translate(_("down")), show=False, id="logs.down"),
        Binding("k,up", "move(-1)", translate(_("up")), show=False, id="logs.up"),
        Binding("g,home", "edge(0)", translate(_("oldest line")), show=False, id="logs.first"),
        Binding("G,end", "edge(1)", translate(_("newest line, and follow")), show=False, id="logs.last"),
        Binding("pagedown,ctrl+f", "page(1)", translate(_("page down")), show=False, id="logs.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", translate(_("page up")), show=False, id="logs.page_up"),
        Binding("right", "shift(1)", translate(_("to the right")), show=False, id="logs.right"),
        Binding("left", "shift(-1)", translate(_("to the left")), show=False, id="logs.left"),
        Binding("F", "follow", translate(_("follow")), id="logs.follow"),
        Binding("slash", "find", translate(_("find")), key_display="/", id="logs.find"),
        Binding("n", "next(1)", translate(_("next match")), show=False, id="logs.next"),
        Binding("N", "next(-1)", translate(_("match before")), show=False, id="logs.before"),
        Binding("ampersand", "keep", translate(_("filter lines")), key_display="&", id="logs.keep"),
        Binding("w", "wrap", translate(_("wrap")), id="logs.wrap"),
        Binding("T", "times", translate(_("times")), id="logs.times"),
        *(
            Binding(str(number), f"since({number})", translate(said), show=False, id=f"logs.since{number}")
            for number, (_seconds, said) in enumerate(SINCE)
        ),
        Binding("S", "sources", translate(_("sources")), id="logs.sources"),
        Binding("m", "mark", translate(_("mark the line")), show=False, id="logs.mark"),
        Binding("c", "copy", translate(_("copy the line, or what is marked")), show=False, id="logs.copy"),
        Binding("W,x", "save", translate(_("save to a file")), id="logs.save"),
        Binding(
            "enter", "enter", translate(_("the finding of a known line; JSON unfolded")), show=False, id="logs.enter"
        ),
        Binding("escape", "escape", translate(_("back")), show=False, key_display="esc", id="logs.escape"),
    ]

    def __init__(self, key: str, title: str, desk: LogDesk, sources: Sources) -> None:
        super().__init__(key, title)
        self._desk = desk
        self._sources = sources
        self._picked: frozenset[str] = frozenset()
        self._since: int | None = None
        self._since_said = SINCE[0][1]
        self._find = self._kept = ""
        self._problem: Text | None = None
        self._reader: LogReader | None = None
        self.view = LogView(Look())

    def compose(self) -> ComposeResult:
        yield self.view
        yield Static("", id="logstate", markup=False)

    def on_mount(self) -> None:
        glyphs = self.app.glyphs
        self.view.look.more = glyphs.more
        self.view.look.dots = "..." if glyphs.ascii_only else "⋯"
        self._read()
        self.set_interval(1.0, self._tell)

    # ------------------------------------------------------------------------------------------------- reading

    def _read(self) -> None:
        self._reader = LogReader(self._desk, self._came, tail=TAIL, since=self._since)
        self._join()

    def _join(self) -> None:
        """Follow what is there now; a pod that came later joins."""
        if self._reader is None:
            return
        for source in self._sources():
            self._reader.add(source)
        names = [source.name for source in self._reader.sources]
        look = self.view.look
        look.signs = [signs_of(source) for source in self._reader.sources]
        look.labels = [cut_middle(one_line(name), LABEL_MOST, look.more) for name in names] if len(names) > 1 else ()

    def _came(self, lines: Sequence[LogLine]) -> None:
        self.view.add(lines)
        self.activity = True

    def picture(self, index: PictureIndex) -> None:
        """New pods join."""
        self._join()

    async def shut(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            await self._reader.close()

    @on(LogView.Changed)
    def _changed(self, message: LogView.Changed) -> None:
        message.stop()
        self._tell()

    @on(LogView.GaveUp)
    def _gave_up(self, message: LogView.GaveUp) -> None:
        message.stop()
        self._find = self._kept = ""
        self._problem = _("this expression takes too long to look for, and was given up")
        self._tell()

    def _tell(self) -> None:
        self.query_one("#logstate", Static).update(translate_all(self._state()))

    def _state(self) -> list[Text | str]:
        """What matters most first: a narrow screen cuts the end off."""
        view, reader = self.view, self._reader
        states = reader.states if reader is not None else ()
        said: list[Text | str] = [self._problem] if self._problem is not None else []
        if self._find:
            said.append(f"/{self._find} {view.look.more if view.is_busy else f'{view.at_match}/{len(view.matches)}'}")
        if self._kept:
            said.append(f"&{self._kept}")
        said.append(_way_of(states))
        if not view.following:
            said.append(_("paused (F)"))
        said.append(_("{count} lines").format(count=f"{view.shown:,}"))
        said.append(size_of(sum(state.received for state in states)))
        if self._since is not None:
            said.append(_("since {time}").format(time=self._since_said))
        if view.look.times is not Times.OFF:
            said.append(_("times {which}").format(which=view.look.times.value))
        if view.ring.dropped:
            said.append(_("the oldest {count} are gone").format(count=f"{view.ring.dropped:,}"))
        return said

    # ------------------------------------------------------------------------------------------------- actions

    def action_move(self, by: int) -> None:
        self.view.move(by)

    def action_page(self, pages: int) -> None:
        self.view.move(pages * max(1, self.view.scrollable_content_region.height - 1))

    def action_edge(self, end: int) -> None:
        if end:
            self.view.follow(True)
        else:
            self.view.go_to(self.view.ring.first)

    def action_shift(self, by: int) -> None:
        self.view.shift(by)

    def action_follow(self) -> None:
        """Follow or stay; a source whose budget is used up is read on."""
        went_on = self._reader is not None and self._reader.go_on()
        self.view.follow(went_on or not self.view.following)

    def action_wrap(self) -> None:
        self.view.set_wrap(not self.view.wrap)

    def action_times(self) -> None:
        times = list(Times)
        chosen = times[(times.index(self.view.look.times) + 1) % len(times)]
        self.view.set_times(chosen)

    @work(group="since", exclusive=True, exit_on_error=False)
    async def action_since(self, preset: int) -> None:
        """Read again from further back."""
        self._since, self._since_said = SINCE[preset]
        await self._read_anew()

    def action_sources(self) -> None:
        """Choose which logs stand side by side; pods that join a choice later join the pane."""
        self.app.push_screen(PickSources(self._desk.choices(), self._picked), self._read_picked)

    @work(group="since", exclusive=True, exit_on_error=False)
    async def _read_picked(self, keys: frozenset[str] | None) -> None:
        if keys is None:
            return
        self._picked, desk = keys, self._desk
        chosen = [choice for choice in desk.choices() if choice.key in keys]
        self.title = translate(chosen[0].text if len(chosen) == 1 else _("{count} logs").format(count=len(chosen)))
        self._sources = lambda: [one for choice in desk.choices() if choice.key in keys for one in choice.sources]
        await self._read_anew()

    async def _read_anew(self) -> None:
        await self.shut()
        self.view.clear()
        self.view.follow(True)
        self._read()

    def action_mark(self) -> None:
        self.view.mark()

    def action_copy(self) -> None:
        self.app.copy(as_text(self.view.picked()).rstrip("\n"))

    def action_next(self, step: int) -> None:
        if self.view.next_match(step) == 0 and not self.view.is_busy:
            self.app.say(_("Nothing is found; / asks what to look for"))

    def action_find(self) -> None:
        self._line.ask("/", "", done=self._find_text, typed=self._find_text)

    def action_keep(self) -> None:
        self._line.ask("&", self._kept, done=self._keep_text)

    def action_save(self) -> None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", self.title).strip("_") or "log"
        self._line.ask(">", f"{name}-{datetime.now():%Y%m%dT%H%M%S}.log", done=self._save)  # noqa: DTZ005 - for people

    @property
    def _line(self) -> CommandLine:
        return self.screen.query_one(CommandLine)

    def action_enter(self) -> None:
        """A known line leads to its finding; any other is shown in full, JSON unfolded."""
        line = self.view.line
        if line is None:
            return
        signs = self.view.look.sign_of(line)
        index = self.app.main.index
        findings = index.picture.findings if index is not None else ()
        found = next((f for f in findings if signs and (f.code, f.target) == (signs.code, signs.target)), None)
        if found is not None:
            self.app.main.show_finding(found)
        else:
            self.app.push_screen(WholeLine(pretty_json(line.text) or line.text))

    def action_escape(self) -> None:
        """First the search, then the filter; then back to the tree."""
        if self._find:
            self._find_text("")
        elif self._kept:
            self._keep_text("")
        else:
            raise SkipAction

    # ----------------------------------------------------------------------------------------- what was typed

    def _find_text(self, text: str) -> None:
        self._find, self._problem = text, None
        try:
            self.view.find(compiled(text) if text else None)
        except re.error as error:
            self._problem = _("no regular expression: {error}").format(error=error)
        self._tell()

    def _keep_text(self, text: str) -> None:
        """``word`` keeps lines that match, ``!word`` those that do not; several words must all hold."""
        self._kept, self._problem = text.strip(), None
        try:
            terms = [
                (word.startswith("!"), compiled(word.removeprefix("!"))) for word in self._kept.split() if word != "!"
            ]
        except re.error as error:
            self._problem = _("no regular expression: {error}").format(error=error)
            return
        self.view.filter(_keeper(terms) if terms else None)
        self._tell()

    @work(group="save", exit_on_error=False)
    async def _save(self, text: str) -> None:
        if not text.strip():
            return
        lines, path = self.view.shown_lines(), Path(text.strip())
        try:
            size = await save(path, as_text(lines, self.view.look.labels))
        except LinkError as error:
            self.app.say(error.unknown.text, "error")
            return
        said = _("{count} lines, {size}, are in {path}")
        self.app.say(said.format(count=f"{len(lines):,}", size=size_of(size), path=path))


def _way_of(states: Sequence[FollowState]) -> Text:
    ways = {state.way.value for state in states if state.way is not Way.NONE}
    codes = sorted({state.because for state in states if state.because})
    if ways:
        text = _("through {ways} because {codes}") if codes else _("through {ways}")
        return text.format(ways=" + ".join(sorted(ways)), codes=", ".join(codes))
    if not states:
        return _("nothing to read")
    return _("ended") if all(state.ended for state in states) else _("connecting")


def _keeper(terms: Sequence[tuple[bool, re.Pattern[str]]]) -> Callable[[LogLine], bool]:
    return lambda line: all((pattern.search(line.text) is None) is without for without, pattern in terms)


def translate_all(said: Sequence[Text | str]) -> str:
    """Pieces of a status line."""
    return "  ".join(one_line(translate(piece)) for piece in said)


def size_of(count: int) -> str:
    """Bytes as a person reads them."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("the last unit takes any size")
