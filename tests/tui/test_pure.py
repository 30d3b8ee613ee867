"""The parts of the screen that need none: text in cells, rows of the tree, paths, details, colours of syntax."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kedge.asks import Api, File, FileStat, Service
from kedge.k8s import Node
from kedge.model import LOGS_PATH, Finding, Hop, HopState, Kind, Status
from tests.tui.sites import BEFORE, CLOUD, NOW, broken, evidence, finding, picture, whole
from tui import commands, filtering, themes
from tui.glyphs import Glyphs
from tui.highlight import MOST, highlighted
from tui.index import PictureIndex
from tui.text_layout import chop, clock, cut, cut_middle, pad, wrap
from tui.widgets.detail_lines import Shown, causal_order, detail_lines, evidence_line, relevant
from tui.widgets.path_strip import path_parts
from tui.widgets.tree_rows import is_faulty, kept, visible_rows

TEXT = st.text(st.sampled_from("ab 边/.é-\u0301"), max_size=60)

# ------------------------------------------------------------------------------------------------- text in cells


@given(TEXT, st.integers(1, 40))
def test_what_is_cut_fits(text: str, room: int) -> None:
    assert cell_len(cut(text, room, "…")) <= room
    assert cell_len(cut_middle(text, room, "…")) <= room


@given(TEXT, st.integers(8, 40))
def test_what_is_wrapped_fits_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(TEXT, st.integers(8, 40))
def test_what_is_chopped_fits_and_nothing_is_lost(text: str, width: int) -> None:
    pieces = chop(text, width)
    assert all(cell_len(piece) <= width for piece in pieces)
    assert "".join(pieces) == text


def test_a_name_keeps_both_ends() -> None:
    assert cut_middle("edge-in-the-far-north-0042", 14, "…") == "edge-in…h-0042"


def test_paths_break_behind_a_slash() -> None:
    assert wrap("/etc/kubeedge/config/edgecore.yaml", 24) == ["/etc/kubeedge/config/", "edgecore.yaml"]


def test_padding_counts_wide_characters() -> None:
    assert pad("边", 4) == "边  "


def test_a_time_of_another_day_has_its_date() -> None:
    at = datetime(2026, 11, 21, 23, 59, 58, tzinfo=UTC)
    assert clock(at, date(2026, 11, 21)) == "23:59:58"
    assert clock(at, date(2026, 11, 22)) == "2026-11-21 23:59:58"


# ---------------------------------------------------------------------------------------------------------- rows


def test_rows_know_their_guides_and_what_is_folded() -> None:
    components = picture((*CLOUD, *broken("edge1"))).components
    rows = {row.id: row for row in visible_rows(components, {"edge/edge2"}).rows}
    assert (rows["site"].depth, rows["cloud"].depth, rows["cloud/apiserver"].depth) == (0, 1, 2)
    assert not rows["cloud"].last
    assert rows["edge"].last
    assert rows["cloud/apiserver"].guides == (False, True)
    folded = visible_rows(components, {"cloud"})
    assert folded.find("cloud/apiserver") is None
    assert folded.rows[1].folded


def test_a_filter_keeps_the_way_to_what_it_keeps_and_counts_the_rest() -> None:
    components = picture().components
    shown = kept(components, is_faulty)
    rows = visible_rows(components, (), shown)
    assert {row.id for row in rows.rows} == shown
    assert rows.hidden == len(components) - len(shown)
    assert "cloud" not in shown


def test_a_filter_that_keeps_nothing_leaves_no_row() -> None:
    rows = visible_rows(picture().components, (), kept(picture().components, lambda view: False))
    assert rows.rows == ()


@given(st.text(st.sampled_from("a(b)*!:status nodecod.+[]\\"), max_size=20))
def test_any_filter_is_understood_or_refused_with_a_sentence(text: str) -> None:
    index = PictureIndex(picture())
    try:
        keep = filtering.keeper(filtering.parse(text), index)
    except filtering.FilterError as error:
        said = str(error.text)
        assert said.startswith("no regular expression yet: ")
    else:
        assert keep is None or {keep(view) for view in index.picture.components} <= {True, False}


def test_sentences_are_read_once_for_two_pictures() -> None:
    first = PictureIndex(picture())
    assert "EdgeStream is disabled on edge1" in first.words["edge/edge1/edgestream"]
    second = PictureIndex(first.picture, first)
    assert second.words == first.words
    assert second._sentences.keys() == first._sentences.keys()


# ---------------------------------------------------------------------------------------------------------- paths

HOPS = tuple(
    HopState(hop, Status.FAIL, "KE206")
    if hop in (Hop.TUNNEL, Hop.EDGESTREAM)
    else HopState(hop, Status.SKIP, "KE206")
    if hop is Hop.RUNTIME
    else HopState(hop, Status.PASS)
    for hop in LOGS_PATH
)
HOMES = frozenset({("KE206", Hop.EDGESTREAM)})


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", range(30, 140, 5))
def test_a_path_fits_and_shows_every_hop(width: int, ascii_only: bool) -> None:
    glyphs = Glyphs(ascii_only)
    text = "".join(part for part, _style in path_parts("logs edge1", HOPS, HOMES, width, glyphs))
    assert cell_len(text) <= width
    assert text.count(glyphs.status(Status.PASS)) == 4
    assert text.count(glyphs.status(Status.FAIL)) == 2


def test_a_code_stands_once_where_it_belongs() -> None:
    text = "".join(part for part, _style in path_parts("logs edge1", HOPS, HOMES, 200, Glyphs()))
    assert text.count("KE206") == 1
    assert "✗ edgestream KE206" in text


# -------------------------------------------------------------------------------------------------------- details


def lines_of(*findings: Finding, width: int = 60) -> list[str]:
    return [line.text for line in detail_lines(Shown(findings=causal_order(findings)), width, Glyphs())]


def test_causes_come_first_and_each_is_followed_by_what_it_explains() -> None:
    other = finding("KE101", Kind.API_SERVER, "-", Status.FAIL, "refused")
    mine = finding("KE503", Kind.KUBECTL, "edge1", Status.FAIL, "no row", because="KE101", because_target="-")
    warned = finding("KE115", Kind.CLOUDCORE, "-", Status.WARN, "dropped")
    order = causal_order((*broken(), warned, mine, other))
    assert [f.code for f in order] == ["KE206", "KE306", "KE501", "KE101", "KE503", "KE115", "KE207"]


def test_a_finding_that_comes_and_goes_says_how_often() -> None:
    once = replace(broken()[0], since=NOW, flaps=1)
    assert "so far" not in " ".join(lines_of(once, width=100))
    assert ", 3 times so far" in " ".join(lines_of(replace(once, flaps=3), width=100))


def test_what_needs_no_attention_takes_one_line() -> None:
    text = lines_of(*whole("edge1"), width=50)
    assert len(text) == 4
    assert all(cell_len(line) <= 50 for line in text)


def test_the_most_telling_evidence_comes_first_and_once() -> None:
    nodes = evidence("kubernetes", Api("/api/v1/nodes", Node), "GET /api/v1/nodes", "{}")
    stat = evidence("edge1", FileStat("/etc/x"), "stat /etc/x", "")
    unit = evidence("edge1", Service("edgecore"), "systemctl show edgecore", "")
    line = evidence("edge1", File("/etc/x.yaml"), "cat -- /etc/x.yaml", BEFORE.decode(), 48)
    nameless = evidence("kubernetes", None, "", "")
    assert relevant((nodes, stat, unit, nameless, line, nodes)) == [line, unit, nodes, stat]
    assert evidence_line(line, NOW.date()) == "edge1:/etc/x.yaml:48  02:51:09"
    assert evidence_line(unit, NOW.date()) == "edge1: systemctl show edgecore  02:51:09"


@given(TEXT, st.integers(20, 60))
def test_details_of_any_text_fit_their_width(text: str, width: int) -> None:
    found = finding("KE206", Kind.EDGESTREAM, "edge1", Status.FAIL, text, expected=text, seen=text)
    for line in detail_lines(Shown(findings=(found,)), width, Glyphs())[1:]:
        assert cell_len(line.text) <= width


# --------------------------------------------------------------------------------------------------------- others


def test_coloured_text_is_the_same_text() -> None:
    text = "modules:\n  edgeStream:\n    enable: false # off\n    server: '10.99.0.10:10004'\n\n    x: [1, 2]"
    assert "\n".join(line.text for line in highlighted(text, "yaml")) == text
    coloured = [style for _text, style in highlighted(text, "yaml")[2].parts]
    assert "line--key" in coloured
    assert "line--dim" in coloured


def test_a_long_text_is_not_coloured() -> None:
    text = "a: b\n" * MOST
    lines = highlighted(text, "yaml")
    assert len(lines) == MOST + 1
    assert lines[0].parts == (("a: b", "line--text"),)


def test_themes_follow_each_other_around() -> None:
    names = [themes.following("")]
    for _step in themes.NAMES:
        names.append(themes.following(names[-1]))
    assert names == [*themes.NAMES.values(), "textual-dark"]


def test_two_commands_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="twice"):
        commands.register(commands.COMMANDS["node"])


@pytest.mark.parametrize(
    ("typed", "name"), [("node", "node"), ("h", None), ("hi", "history"), ("", None), ("zz", None)]
)
def test_a_command_is_found_by_a_beginning_that_is_its_own(typed: str, name: str | None) -> None:
    found = commands.find(typed)
    assert (found.name if found else None) == name
