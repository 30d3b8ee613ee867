"""The logs pane: lines, following, finding, filtering, wrapping, saving; fed by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.i18n import Text
from kedge.logs.choices import Choice
from kedge.logs.lines import LineKind, LogLine
from kedge.logs.sources import ContainerLog, Source, UnitLog
from kedge.logs.ways import FollowState, Way
from tests.tui.conftest import Desk, Opener
from tui.logs import pane as pane_module
from tui.logs.pane import LogPane
from tui.logs.ring import LogRing, Rows
from tui.logs.scan import searcher
from tui.patterns import compiled

JOURNAL = UnitLog("edge1", "edgecore")
WEB = ContainerLog("factory", "web-0", "u", "web", "edge1")


class FakeReader:
    """Stands in for the follower: the test says what arrives."""

    made: list[FakeReader] = []  # noqa: RUF012 - emptied for every test

    def __init__(self, desk: Any, on_lines: Any, *, tail: int, since: int | None = None) -> None:
        self.on_lines, self.since = on_lines, since
        self.sources: list[Source] = []
        self.states = [FollowState(Way.SSH, because="KE206", received=2048)]
        self.closed = False
        FakeReader.made.append(self)

    def add(self, source: Source) -> None:
        if source not in self.sources:
            self.sources.append(source)

    def go_on(self) -> bool:
        waited = any(state.waits for state in self.states)
        self.states = [FollowState(Way.SSH)]
        return waited

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pane_module, "LogReader", FakeReader)
    FakeReader.made.clear()


@asynccontextmanager
async def reading(
    at_desk: Opener, *sources: Source, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Desk, LogPane, FakeReader]]:
    async with at_desk(size=size) as desk:
        pane = LogPane("logs/x", "edgecore on edge1", None, lambda: sources or (JOURNAL,))  # type: ignore[arg-type]
        await desk.app.main.open_pane(pane)
        await desk.until(lambda: pane.has_focus_within)
        yield desk, pane, FakeReader.made[-1]


def numbered(count: int, first: int = 0) -> list[LogLine]:
    return [
        LogLine(f"line {n}", f"2026-11-22T09:{n // 60 % 60:02d}:{n % 60:02d}Z") for n in range(first, first + count)
    ]


async def shown(desk: Desk, text: str) -> None:
    await desk.until(lambda: text in desk.text, text)


async def test_the_newest_lines_stay_in_view_until_somebody_looks_back(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        reader.on_lines(numbered(100))
        await shown(desk, "line 99")
        await shown(desk, "through SSH because KE206  100 lines  2.0 KiB")
        await desk.press("k", "k", "ctrl+b")
        assert not pane.view.following
        top = desk.text
        assert "line 99" not in top
        reader.on_lines(numbered(50, 100))
        await shown(desk, "150 lines")
        assert "line 149" not in desk.text
        await desk.press("G")
        await shown(desk, "line 149")
        await desk.press("g")
        await shown(desk, "line 0")


async def test_find_counts_goes_round_and_keeps_everything_in_view(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        reader.on_lines(numbered(120))
        await shown(desk, "line 119")
        await desk.press("slash")
        await desk.type("line .*7$")
        await desk.press("enter")
        await shown(desk, "/line .*7$ 12/12")
        assert pane.view.shown == 120
        await desk.press("N")
        await shown(desk, "11/12")
        await desk.press("n", "n")
        await shown(desk, "1/12")
        await shown(desk, "line 7")
        await desk.press("escape")
        assert "/line" not in desk.text
        assert desk.app.main.dock.has_focus_within


async def test_a_filter_leaves_lines_out_and_the_next_ones_too(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        reader.on_lines(numbered(30))
        await desk.press("ampersand")
        await desk.type("line !2")
        await desk.press("enter")
        await shown(desk, "&line !2")
        assert pane.view.shown == 30 - 12
        reader.on_lines([LogLine("line 2"), LogLine("line 5"), LogLine("other")])
        await desk.until(lambda: pane.view.shown == 19)
        await desk.press("ampersand", "home", "ctrl+k")
        await desk.type("[")
        await desk.press("enter")
        await shown(desk, "no regular expression")


async def test_many_lines_are_looked_through_while_keys_are_answered(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        view = pane.view
        reader.on_lines([LogLine(f"{'aaaaaaaaaa' * 3}{n}b {'error' if n % 1000 == 7 else ''}") for n in range(40_000)])
        view.find(compiled("[0-9]+b er+or$"))
        assert view.is_busy
        reader.on_lines([LogLine("come meanwhile 7b error")])
        await desk.until(lambda: len(view.matches) == 41 and not view.is_busy)
        assert view.cursor == view.matches[-1] == 40_000
        view.filter(lambda line: "error" in line.text)
        assert view.is_busy
        assert view.shown == 40_001, "what was shown stays until it is done"
        await desk.until(lambda: view.shown == 41)
        assert view.matches == [*range(7, 40_000, 1000), 40_000]


async def test_an_expression_that_would_search_for_ever_is_given_up(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        reader.on_lines([LogLine("a" * 60 + "b")])
        for key in ("slash", "ampersand"):
            await desk.press(key)
            await desk.type("(a+)+$")
            await desk.press("enter")
            await shown(desk, "takes too long")
            assert pane.view.shown == 1
            assert "/(a" not in desk.text
            pane._problem = None


async def test_hostile_lines_stay_on_their_row(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, _pane, reader):
        hostile = "\x1b[2J\x1b]0;owned\x07[red]markup[/red]\ttab\rcr \u202e生产线 " + "x" * 10_000
        reader.on_lines([LogLine("before"), LogLine(hostile), LogLine("after")])
        await shown(desk, "after")
        rows = [row for row in desk.text.splitlines() if "markup" in row]
        assert len(rows) == 1
        assert rows[0].startswith("[red]markup[/red]")
        await desk.press("k", "enter")
        await desk.until(lambda: type(desk.app.screen).__name__ == "WholeLine")


async def test_remarks_and_the_edges_complaint_are_told_apart_from_lines(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        mark = LogLine("reconnected after 41 s", "", 0, LineKind.MARK, Text("reconnected after 41 s"))
        reader.on_lines([LogLine("one"), mark, LogLine("unable to retrieve", "", 0, LineKind.ERROR), LogLine("two")])
        await shown(desk, "⋯ reconnected after 41 s ⋯")
        pane.view.filter(lambda line: False)
        await desk.pilot.pause()
        assert "reconnected" in desk.text
        assert "one" not in desk.text.splitlines()[2:6]


async def test_wrapping_keeps_the_place_and_follows_the_width(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        reader.on_lines([LogLine(f"{n} " + "word " * 40) for n in range(50)])
        await desk.until(lambda: pane.view.shown == 50)
        await desk.press("w")
        assert pane.view.virtual_size.height == 150
        pane.view.go_to(10)
        await desk.pilot.pause()
        assert any(row.startswith("10 word") for row in desk.text.splitlines())
        await desk.pilot.resize_terminal(120, 40)
        await desk.until(lambda: pane.view.virtual_size.height != 150)
        assert any("10 word" in row for row in desk.text.splitlines())


async def test_times_and_sources_stand_in_front(at_desk: Opener) -> None:
    async with reading(at_desk, JOURNAL, WEB) as (desk, _pane, reader):
        reader.on_lines([LogLine("a", "2026-11-22T09:42:26.733Z", 0), LogLine("b", "2026-11-22T17:42:27+08:00", 1)])
        await shown(desk, "edgecore on edge1 a")
        await shown(desk, "web-0/web b")
        await desk.press("T")
        await shown(desk, "09:42:26.733 edgecore on edge1 a")
        await shown(desk, "09:42:27.000 web-0/web b")
        await desk.press("T", "T")
        await shown(desk, "2026-11-22T17:42:27+08:00 web-0/web b")


async def test_a_known_line_leads_to_its_finding(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        known = "E1122 09:42:26.733454 1 x.go:1] dial wss://10.0.0.1:10004/v1 error dial tcp: connection refused"
        reader.on_lines([LogLine("fine"), LogLine(known)])
        await desk.until(lambda: pane.view.shown == 2)
        line = pane.view.ring[1]
        signs = pane.view.look.sign_of(line)
        assert signs is not None
        assert (signs.code, signs.target) == ("KE214", "edge1")
        assert pane.view.look.sign_of(pane.view.ring[0]) is None


async def test_what_is_shown_is_saved_in_full_and_never_over_a_file(
    at_desk: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with reading(at_desk) as (desk, _pane, reader):
        long = "x" * 20_000
        reader.on_lines([LogLine(long, "2026-11-22T09:00:00Z"), LogLine("Authorization: Bearer abcdefghijklmnop")])
        for _time in range(2):
            await desk.press("W", "home", "ctrl+k")
            await desk.type("kept.log")
            await desk.press("enter")
            await desk.until(lambda count=_time + 1: len(desk.toasts) == count)
    assert (tmp_path / "kept.log").read_text() == f"2026-11-22T09:00:00Z {long}\nAuthorization: Bearer ***\n"
    assert "2 lines" in desk.toasts[0]
    assert "is there already" in desk.toasts[1]


async def test_a_number_reads_again_from_further_back(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        reader.on_lines(numbered(5))
        await desk.press("3")
        await desk.until(lambda: len(FakeReader.made) == 2)
        assert reader.closed
        assert FakeReader.made[-1].since == 900
        assert len(pane.view.ring) == 0
        await shown(desk, "15 min")


async def test_f_reads_on_when_much_has_come(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        reader.states = [FollowState(Way.API, received=21 << 20, waits=True)]
        await desk.press("F")
        assert not reader.states[0].waits
        assert pane.view.following


async def test_a_pager_that_cannot_be_had_is_a_sentence(at_desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with reading(at_desk) as (desk, _pane, reader):
        reader.on_lines(numbered(3))
        monkeypatch.setenv("PAGER", "no-such-pager --raw")
        desk.app.main.run_command("pager")
        monkeypatch.setenv("PAGER", "cat")
        desk.app.main.run_command("pager")  # a test has no terminal to hand over
        await desk.until(lambda: len(desk.toasts) == 2)
    assert desk.toasts == [
        "There is no pager: set PAGER, or install less",
        "This terminal cannot be handed to a pager; W saves to a file",
    ]


async def test_closing_stops_the_reading(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, _pane, reader):
        await desk.press("X")
        await desk.until(lambda: reader.closed)


# ------------------------------------------------------------------------------------------------------ pure


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 12), st.integers(1, 40))
def test_the_ring_keeps_the_newest_within_its_limits(sizes: Sequence[int], lines: int, characters: int) -> None:
    ring, all_lines = LogRing(lines, characters), []
    for number, size in enumerate(sizes):
        line = LogLine(f"{number:x}" * size)
        all_lines.append(line)
        ring.extend([line])
        kept = list(ring.since(ring.first))
        assert kept == all_lines[ring.first : ring.end]
        assert len(kept) <= lines
        assert ring.characters == sum(len(line.text) for line in kept)
        assert ring.characters <= characters or len(kept) == 1
        assert [ring[n] for n in range(ring.first, ring.end)] == kept


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=40), st.data())
def test_rows_lead_to_lines_and_back(lines: list[tuple[int, int]], data: st.DataObject) -> None:
    """Against the plain list of (line, part), with gaps between numbers and old lines dropped."""
    rows, model, number = Rows(), [], 0
    for gap, height in lines:
        number += gap
        rows.add([number], [height])
        model += [(number, part) for part in range(height)]
        if data.draw(st.booleans()):
            bound = data.draw(st.integers(0, number))
            gone = len([row for row in model if row[0] < bound])
            assert rows.drop_before(bound) == gone
            model = model[gone:]
        assert [rows.at(row) for row in range(len(model) + 1)] == [*model, None]
        assert len(rows) == len(model)
        for row, (line, part) in enumerate(model):
            assert rows.row_of(line) == row - part


@given(
    st.sampled_from(["Number", "num.*7$", r"\bN\D+\S", "a+B?|XY", r"\\Nu", "[A-Z]x", "(?i:Q)", r"İ|k", r"\x41b"]),
    st.text(st.sampled_from(r"nNuUmberXxyYaAbBQq7 \İK"), max_size=12),
)
def test_the_quick_search_finds_what_the_pattern_finds(pattern: str, text: str) -> None:
    found = compiled(pattern)
    assert bool(searcher(found)(text)) is bool(found.search(text))


CHOICES = tuple(
    Choice(source.name, Text(source.name), (source,)) for source in (JOURNAL, WEB, UnitLog("edge1", "containerd"))
)


class FakeDesk:
    """What there is to choose from."""

    def choices(self) -> tuple[Choice, ...]:
        return CHOICES


async def test_logs_are_chosen_to_stand_side_by_side(at_desk: Opener) -> None:
    async with reading(at_desk) as (desk, pane, reader):
        pane._desk = FakeDesk()  # type: ignore[assignment]
        await desk.press("S")
        await shown(desk, "containerd on edge1")
        await desk.type("web")
        await shown(desk, " web ")
        await desk.until(lambda: "containerd on edge1" not in desk.text)
        await desk.press("space", "backspace", "backspace", "backspace", "down", "down", "space")
        await shown(desk, "2 ticked")
        assert "[x] web-0/web" in desk.text
        await desk.press("enter")
        await desk.until(lambda: len(FakeReader.made) == 2)
        assert reader.closed
        assert FakeReader.made[-1].sources == [WEB, CHOICES[2].sources[0]]
        assert "are gone" not in desk.text
        await desk.press("S")
        await shown(desk, "2 ticked")
        await desk.press("escape")
        assert len(FakeReader.made) == 2
