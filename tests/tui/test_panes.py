"""The dock: panes open, share the screen, take turns, are left and closed, and end with the program."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import ComposeResult
from textual.widgets import Static

from kedge.i18n import Text
from tests.tui.conftest import Desk, Opener
from tui import panes
from tui.index import PictureIndex
from tui.panes import PaneKind
from tui.panes.base import Pane
from tui.widgets.pane_tabs import PaneTabs


class NotePane(Pane):
    """Shows a word; remembers what happened to it."""

    def __init__(self, word: str, *, live: bool = False) -> None:
        super().__init__(f"note/{word}", f"Note {word}")
        self.word, self._live = word, live
        self.pictures: list[int] = []
        self.ended = 0

    def compose(self) -> ComposeResult:
        note = Static(self.word, classes="note")
        note.can_focus = True
        yield note

    @property
    def live(self) -> bool:
        return self._live

    def picture(self, index: PictureIndex) -> None:
        self.pictures.append(index.picture.serial)

    async def shut(self) -> None:
        self.ended += 1


@pytest.fixture(autouse=True)
def _kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_note(screen: Any, view: Any) -> Pane | Text:
        return NotePane(view.target) if view.target != "-" else Text("Nothing to note about the site itself")

    monkeypatch.setitem(panes.KINDS, "note", PaneKind("note", "f12", Text("note"), open_note))


async def opened(desk: Desk, word: str, *, live: bool = False) -> NotePane:
    pane = NotePane(word, live=live)
    await desk.app.main.open_pane(pane)
    await desk.pilot.pause()
    return pane


def tabs(desk: Desk) -> str:
    return desk.app.main.query_one(PaneTabs).render_line(0).text.strip()


async def test_a_pane_opens_beside_the_tree_and_takes_the_focus(at_desk: Opener) -> None:
    async with at_desk(size=(120, 40)) as desk:
        assert not desk.app.main.dock.display
        pane = await opened(desk, "edge1")
        assert "edge1" in desk.text
        assert "Note edge1" in tabs(desk)
        assert desk.app.main.tree_view.display
        await desk.until(lambda: pane.has_focus_within)
        assert pane.pictures, "it gets the present picture at once"


async def test_on_a_small_screen_it_fills_everything_until_it_is_left(at_desk: Opener) -> None:
    async with at_desk(size=(80, 24)) as desk:
        await opened(desk, "edge1")
        assert not desk.app.main.query_one("#left").display
        await desk.press("escape")
        assert desk.app.main.query_one("#left").display
        assert desk.app.main.tree_view.has_focus
        assert "Note edge1" in tabs(desk), "left, not closed"


async def test_plus_enlarges_and_goes_back(at_desk: Opener) -> None:
    async with at_desk(size=(120, 40)) as desk:
        pane = await opened(desk, "edge1")
        await desk.press("plus")
        assert not desk.app.main.details.display
        assert pane.size.width == 120
        await desk.press("plus")
        assert desk.app.main.details.display


async def test_the_same_key_shows_the_pane_that_is_there(at_desk: Opener) -> None:
    async with at_desk() as desk:
        first = await opened(desk, "edge1")
        second = await opened(desk, "edge2")
        await opened(desk, "edge1")
        assert desk.app.main.dock.panes == (first, second)
        assert desk.app.main.dock.active is first


async def test_braces_walk_through_the_tabs_and_activity_marks_one(at_desk: Opener) -> None:
    async with at_desk() as desk:
        first, second = await opened(desk, "one"), await opened(desk, "two")
        first.activity = True
        await desk.pilot.pause()
        assert "*Note one" in tabs(desk)
        await desk.press("right_curly_bracket")
        assert desk.app.main.dock.active is first
        assert "*" not in tabs(desk)
        await desk.press("left_curly_bracket")
        assert desk.app.main.dock.active is second


async def test_x_closes_and_the_last_one_gives_the_screen_back(at_desk: Opener) -> None:
    async with at_desk(size=(80, 24)) as desk:
        pane = await opened(desk, "edge1")
        await desk.press("X")
        await desk.until(lambda: pane.ended == 1 and not desk.app.main.dock.panes)
        await desk.until(lambda: desk.app.main.tree_view.has_focus)
        assert not desk.app.main.enlarged
        assert not desk.app.main.dock.display


async def test_closing_a_live_one_asks_first(at_desk: Opener) -> None:
    async with at_desk() as desk:
        pane = await opened(desk, "shell", live=True)
        await desk.press("X")
        await desk.until(lambda: "ends what runs in it" in desk.text)
        await desk.press("escape")
        assert pane.ended == 0
        await desk.press("X")
        await desk.until(lambda: "ends what runs in it" in desk.text)
        await desk.press("y")
        await desk.until(lambda: pane.ended == 1)


async def test_quitting_asks_while_something_runs_and_ends_every_pane_once(at_desk: Opener) -> None:
    async with at_desk() as desk:
        quiet, shell = await opened(desk, "logs"), await opened(desk, "shell", live=True)
        desk.app.leave()
        await desk.until(lambda: "Quitting ends it" in desk.text)
        await desk.press("escape")
        assert desk.app.is_running
        assert (quiet.ended, shell.ended) == (0, 0)
    assert (quiet.ended, shell.ended) == (1, 1)


async def test_a_sentence_where_there_is_nothing_to_open(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.app.main.tree_view.select("site")
        await desk.app.main.action_open_pane("note")
        assert "Nothing to note about the site itself" in desk.toasts
        desk.app.main.tree_view.select("edge/edge1")
        await desk.app.main.action_open_pane("note")
        assert desk.app.main.dock.find("note/edge1") is not None


async def test_a_new_picture_reaches_every_pane(at_desk: Opener) -> None:
    async with at_desk() as desk:
        first, second = await opened(desk, "one"), await opened(desk, "two")
        seen = len(first.pictures), len(second.pictures)
        index = desk.app.main.index
        assert index is not None
        desk.app.main.show(index.picture)
        assert (len(first.pictures), len(second.pictures)) == (seen[0] + 1, seen[1] + 1)
