"""The main screen: where the cursor goes, what is shown for it, and what every key does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kedge.model import Kind, Reason, Status
from kedge.picture import LinkInfo, LinkState
from kedge.typed import keep, past
from tests.tui.conftest import Opener
from tests.tui.sites import CLOUD, FakeWorkbench, broken, down, finding, picture, whole
from tui.screens.evidence import EvidenceScreen
from tui.screens.explain import ExplainScreen
from tui.screens.help import HelpScreen
from tui.screens.problems import ProblemsScreen
from tui.widgets.command_line import CommandLine

# ------------------------------------------------------------------------------------------------ what is shown


async def test_it_starts_on_the_cause_with_everything_one_needs(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        assert desk.app.main.tree_view.cursor == "edge/edge1/edgestream"
        text = desk.text
        assert "✗ 3  ! 0  ? 0  data 2 s  context: k3s" in text
        assert "EdgeStream on edge1" in text
        assert "KE206" in text
        assert "expected  modules.edgeStream.enable: true" in text
        assert "evidence  edge1:/etc/kubeedge/config/" in text
        assert "edgecore.yaml:6  02:51:09" in text
        assert "fix 1     Enable EdgeStream" in text
        assert "✗ estream KE206" in text


async def test_the_essential_keys_fit_the_footer_at_80_columns(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        last = desk.text.splitlines()[-1]
        for key in ("f fix", "r re-run", "/ filter", "z faults", ": command", "? help", "q quit"):
            assert key in last


async def test_nothing_moves_by_itself_once_somebody_has_moved(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("g")
        desk.bench.show(picture((*CLOUD, *whole("edge1"), *broken("edge2"))))
        await desk.pilot.pause()
        assert desk.app.main.tree_view.cursor == "site"


async def test_the_cursor_follows_the_first_cause_until_the_first_look_is_complete(
    at_desk: Opener, bench: FakeWorkbench
) -> None:
    asked = finding("KE204", Kind.EDGECORE, "edge2", Status.UNKNOWN, "not asked yet", reason=Reason.NOT_ASKED)
    early = finding("KE503", Kind.KUBECTL, "edge2", Status.FAIL, "kubectl top shows no row")
    bench.fixed_picture = picture((*CLOUD, early, asked))
    async with at_desk() as desk:
        tree = desk.app.main.tree_view
        assert tree.cursor == "edge/edge2/kubectl"
        desk.bench.show(picture())
        await desk.pilot.pause()
        assert tree.cursor == "edge/edge1/edgestream"
        desk.bench.show(picture((*CLOUD, *whole("edge1"), *broken("edge2"))))
        await desk.pilot.pause()
        assert tree.cursor == "edge/edge1/edgestream", "the first look was complete"


async def test_selection_stays_on_the_component_when_rows_come_before_it(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.app.main.tree_view.select("edge/edge2/tunnel")
        desk.bench.show(
            picture((*CLOUD, *broken("edge0"), *broken("edge1"), *whole("edge2")), ("edge0", "edge1", "edge2"))
        )
        await desk.pilot.pause()
        assert desk.app.main.tree_view.cursor == "edge/edge2/tunnel"
        assert "Tunnel on edge2" in desk.text


async def test_a_component_that_is_gone_hands_the_cursor_to_its_parent(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.app.main.tree_view.select("edge/edge2/tunnel")
        await desk.pilot.pause()
        desk.bench.show(picture((*CLOUD, *broken("edge1"), *whole("edge2")[:2])))
        await desk.pilot.pause()
        assert desk.app.main.tree_view.cursor == "edge/edge2"


async def test_a_picture_that_changes_nothing_lays_nothing_out_again(
    at_desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_desk() as desk:
        laid_out: list[str] = []
        monkeypatch.setattr(desk.app.main.tree_view, "_lay_out", lambda: laid_out.append("tree"))
        monkeypatch.setattr(desk.app.main.details, "_lay_out", lambda: laid_out.append("details"))
        for serial in range(5):
            desk.bench.show(replace(picture(), serial=serial))
        await desk.pilot.pause()
        assert laid_out == []


async def test_a_branch_repeats_what_needs_attention_below_it(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("g")
        codes = [f.code for f in desk.app.main.details.shown.findings]
        assert codes == ["KE206", "KE306", "KE501"]
        assert "KE207" not in desk.text


async def test_a_consequence_offers_what_repairs_its_cause(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.app.main.tree_view.select("edge/edge1/kubectl")
        await desk.pilot.pause()
        assert "because KE206" in desk.text
        assert [p.fix for p in desk.app.main.numbered_fixes()] == ["enable-edgestream"]


async def test_a_link_that_is_down_is_told_where_it_matters(at_desk: Opener) -> None:
    async with at_desk() as desk:
        links = (LinkInfo("kubernetes", LinkState.UP), down("edge2"))
        desk.bench.show(replace(picture(), links=links))
        for place, told in (
            ("site", True),
            ("edge", True),
            ("edge/edge2", True),
            ("edge/edge1", False),
            ("cloud", False),
        ):
            desk.app.main.tree_view.select(place)
            await desk.pilot.pause()
            assert ("edge2 is not connected" in desk.text) is told, place


async def test_problems_of_the_program_are_told_at_the_root_and_listed(at_desk: Opener) -> None:
    problems = tuple(
        finding("KE101", Kind.API_SERVER, "-", Status.PASS, f"config.yaml:{n}: unknown key").text for n in range(5)
    )
    async with at_desk() as desk:
        desk.bench.show(replace(picture(), problems=problems))
        await desk.press("g")
        assert "config.yaml:0: unknown key" in desk.text
        assert "2 more; :problems lists them" in desk.text
        await desk.command("problems")
        assert isinstance(desk.app.screen, ProblemsScreen)
        assert "config.yaml:4: unknown key" in desk.text
        assert "kubernetes" in desk.text


async def test_the_engine_is_told_which_machines_are_on_the_screen(at_desk: Opener) -> None:
    async with at_desk() as desk:
        assert desk.bench.site is not None
        assert desk.bench.site.looked_at[-1] == {"edge1", "edge2"}
        desk.app.main.tree_view.select("edge/edge2")
        await desk.press("space")
        desk.app.main.tree_view.select("edge/edge1")
        await desk.press("space")
        assert desk.bench.site.looked_at[-1] == {"edge1", "edge2"}


# ---------------------------------------------------------------------------------------------------- the tree


async def test_moving_in_the_tree(at_desk: Opener) -> None:
    async with at_desk() as desk:
        tree = desk.app.main.tree_view
        await desk.press("g")
        assert tree.cursor == "site"
        await desk.press("j", "down")
        assert tree.cursor == "cloud/apiserver"
        await desk.press("k", "up", "up")
        assert tree.cursor == "site"
        await desk.press("G")
        assert tree.cursor == "edge/edge2/kubectl"
        await desk.press("left")
        assert tree.cursor == "edge/edge2"
        await desk.press("left")
        assert not any(row.id.startswith("edge/edge2/") for row in tree.rows)
        await desk.press("right", "right")
        assert tree.cursor == "edge/edge2/edgestream"
        await desk.press("home", "pagedown", "end", "pageup")


async def test_space_folds_and_a_folded_branch_says_what_is_wrong_in_it(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.app.main.tree_view.select("edge/edge1")
        await desk.press("space")
        assert "▸ ✗ edge1  EdgeStream is disabled" in desk.text
        await desk.press("space")
        assert "▾ ✗ edge1" in desk.text


async def test_many_edges_start_folded_and_open_when_selected(at_desk: Opener, bench: FakeWorkbench) -> None:
    edges = [f"edge{n:02}" for n in range(30)]
    found = [f for edge in edges for f in (broken(edge) if edge == "edge17" else whole(edge))]
    bench.fixed_picture = picture((*CLOUD, *found), edges)
    async with at_desk() as desk:
        tree = desk.app.main.tree_view
        assert tree.cursor == "edge/edge17/edgestream"
        assert sum(row.folded for row in tree.rows) == 29


async def test_faults_only_shows_how_much_it_hides(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("z")
        ids = [row.id for row in desk.app.main.tree_view.rows]
        assert ids == ["site", "edge", "edge/edge1", "edge/edge1/edgestream", "edge/edge1/tunnel", "edge/edge1/kubectl"]
        assert "faults only, 9 hidden" in desk.text
        await desk.press("escape")
        assert "hidden" not in desk.text


async def test_marks_are_what_r_asks_again(at_desk: Opener) -> None:
    async with at_desk() as desk:
        assert desk.bench.site is not None
        desk.app.main.tree_view.select("edge/edge1")
        await desk.press("m")
        desk.app.main.tree_view.select("edge/edge2")
        await desk.press("m", "r")
        await desk.until(lambda: bool(desk.bench.site and desk.bench.site.reruns))
        assert desk.bench.site.reruns == [("edge1", "edge2")]
        await desk.press("escape")
        assert desk.app.main.tree_view.marked == set()


@pytest.mark.parametrize(
    ("place", "key", "asked"),
    [
        ("edge/edge1/tunnel", "r", ("edge1",)),
        ("cloud/nat", "r", ("cloud1",)),
        ("site", "r", ()),
        ("site", "R", None),
        ("edge", "R", ("edge1", "edge2")),
        ("edge/edge2", "R", ("edge2",)),
    ],
)
async def test_asking_again(at_desk: Opener, place: str, key: str, asked: tuple[str, ...] | None) -> None:
    async with at_desk() as desk:
        desk.app.main.tree_view.select(place)
        await desk.press(key)
        await desk.until(lambda: bool(desk.bench.site and desk.bench.site.reruns))
        assert desk.bench.site is not None
        assert desk.bench.site.reruns == [asked]


async def test_a_click_selects_and_two_fold(at_desk: Opener) -> None:
    async with at_desk() as desk:
        tree = desk.app.main.tree_view
        await desk.pilot.click(tree, offset=(6, 1))
        assert tree.cursor == "cloud"
        await desk.pilot.click(tree, offset=(6, 1), times=2)
        assert "▸ ✓ Cloud" in desk.text


# ------------------------------------------------------------------------------------------- filters and commands


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("status:fail", {"edge/edge1/edgestream", "edge/edge1/tunnel", "edge/edge1/kubectl"}),
        ("node:edge2 code:KE2*", {"edge/edge2/edgestream"}),
        ("nothing.for", {"edge/edge1/kubectl"}),
        ("node:edge1 !status:fail", {"edge/edge1"}),
        ("holds.no.tunnel$", {"edge/edge1/tunnel"}),
    ],
)
async def test_a_filter_keeps_what_it_says_and_what_leads_there(at_desk: Opener, typed: str, left: set[str]) -> None:
    async with at_desk() as desk:
        await desk.press("slash")
        await desk.type(typed)
        await desk.press("enter")
        tree = desk.app.main.tree_view
        ids = {row.id for row in tree.rows}
        assert {id for id in ids if not any(other.startswith(f"{id}/") for other in ids)} - {"site"} == left
        assert f"/{typed}, " in desk.text
        assert tree.has_focus
        await desk.press("escape")
        assert tree.hidden == 0


async def test_a_filter_that_is_no_regular_expression_is_said_so_and_changes_nothing(at_desk: Opener) -> None:
    async with at_desk() as desk:
        rows = len(desk.app.main.tree_view.rows)
        await desk.press("slash", "left_parenthesis")
        assert "no regular expression yet" in desk.text
        assert len(desk.app.main.tree_view.rows) == rows


async def test_the_filter_holds_for_the_next_picture(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("slash")
        await desk.type("status:fail")
        await desk.press("enter")
        desk.bench.show(picture((*CLOUD, *whole("edge1"), *broken("edge2"))))
        await desk.pilot.pause()
        assert "edge/edge2/edgestream" in {row.id for row in desk.app.main.tree_view.rows}
        assert not any("edge1" in row.id for row in desk.app.main.tree_view.rows)


async def test_commands_are_found_by_their_beginning_and_completed_by_tab(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("colon", "n", "tab")
        line = desk.app.main.query_one("CommandLine")
        assert line.line.value == "node "  # type: ignore[attr-defined]
        await desk.type("edge2")
        await desk.press("enter")
        assert desk.app.main.tree_view.cursor == "edge/edge2"
        await desk.press("colon", "up")
        assert line.line.value == "node edge2"  # type: ignore[attr-defined]
        await desk.press("escape")
        await desk.command("fau")
        assert desk.app.main.tree_view.faults_only


async def test_what_can_be_typed_next_is_offered_and_tab_goes_round(at_desk: Opener, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(
        "contexts: [{name: k3s, context: {}}, {name: plant-8, context: {}}, {name: plant-9, context: {}}]"
    )
    keep(":", "history")
    async with at_desk(kubeconfig=str(tmp_path / "kubeconfig")) as desk:
        line = desk.app.main.query_one(CommandLine)
        await desk.press("colon", "n")
        assert line.noted == "node"
        await desk.type("ode")
        assert line.noted == "node NAME: go to an edge node"
        await desk.type(" ")
        assert line.noted == "edge1  edge2"
        await desk.press("tab", "tab", "tab")
        assert line.line.value == "node edge1"
        await desk.press("escape", "colon")
        await desk.until(lambda: "plant-9" in desk.app.contexts)
        await desk.type("ctx p")
        assert line.noted == "plant-8  plant-9"
        await desk.press("escape", "colon", "up")
        assert line.line.value == "history", "typed in the session before"
        await desk.press("escape")
        await desk.command("exec echo secret")
        await desk.command("node edge2")
        await desk.until(lambda: "node edge2" in past()[":"])
        assert past()[":"] == ["history", "node edge2"], "what may hold a secret is not kept"


async def test_the_place_that_a_filter_takes_away_comes_back_with_it(at_desk: Opener) -> None:
    async with at_desk() as desk:
        tree = desk.app.main.tree_view
        tree.select("edge/edge1/edgestream")
        await desk.press("slash")
        await desk.type("edge2")
        assert tree.cursor == "edge"
        await desk.press("escape")
        assert tree.cursor == "edge/edge1/edgestream"


async def test_of_another_site_nothing_is_left_while_it_is_being_opened(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.app.main.opening("plant-8")
        await desk.pilot.pause()
        assert "edge1" not in desk.text
        assert "No edge node" not in desk.text
        desk.bench.show()
        await desk.until(lambda: "EdgeStream is disabled on edge1" in desk.details)


async def test_a_command_that_does_not_exist_is_answered_with_those_that_do(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.command("[bold]x")
        assert desk.toasts[-1].startswith("There is no command `[bold]x`; there are: ctx, ")
        assert all(f", {name}," in desk.toasts[-1] for name in ("faults", "logs", "node"))
        await desk.command("node nowhere")
        assert desk.toasts[-1] == "There is no edge node nowhere"


async def test_keys_that_come_in_a_burst_reach_what_they_were_meant_for(at_desk: Opener) -> None:
    from textual import events

    async with at_desk() as desk:
        for key in [":", *"node", " ", *"edge1", "enter", "e"]:
            named = {":": "colon", " ": "space"}.get(key, key)
            desk.app.post_message(events.Key(named, key if len(key) == 1 else None))
        await desk.until(lambda: isinstance(desk.app.screen, EvidenceScreen))
        assert desk.app.main.tree_view.cursor == "edge/edge1"


async def test_back_and_forward(at_desk: Opener) -> None:
    async with at_desk() as desk:
        tree = desk.app.main.tree_view
        for place in ("cloud/nat", "edge/edge2", "site"):
            tree.select(place)
            await desk.pilot.pause()
        await desk.press("left_square_bracket", "left_square_bracket")
        assert tree.cursor == "cloud/nat"
        await desk.press("right_square_bracket")
        assert tree.cursor == "edge/edge2"


async def test_themes_switch_and_are_named(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.command("theme light")
        assert desk.app.theme == "textual-light"
        await desk.command("theme")
        assert desk.app.theme == "kedge-colour-blind"
        await desk.command("theme nosuch")
        assert "there are: dark, light, colour-blind" in desk.toasts[-1]


# ---------------------------------------------------------------------------------------------------- the details


async def test_the_details_have_a_cursor_of_their_own(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("g", "enter")
        details = desk.app.main.details
        assert details.has_focus
        await desk.press("j")
        assert details.finding is not None
        assert details.finding.code == "KE306"
        desk.bench.show(replace(picture(), serial=2))
        await desk.pilot.pause()
        assert details.finding.code == "KE306", "a new picture does not move it"
        await desk.press("G")
        assert details.finding.code == "KE501"
        await desk.press("q")
        assert desk.app.main.tree_view.has_focus
        await desk.press("tab")
        assert details.has_focus


async def test_a_finding_longer_than_the_screen_can_be_read_to_its_end(at_desk: Opener, bench: FakeWorkbench) -> None:
    long = finding("KE206", Kind.EDGESTREAM, "edge1", Status.FAIL, "word " * 200 + "end")
    bench.fixed_picture = picture((*CLOUD, long))
    async with at_desk((80, 24)) as desk:
        await desk.press("enter")
        for _press in range(12):
            await desk.press("j")
        assert " end" in desk.text


async def test_evidence_explanation_and_help_open_and_close(at_desk: Opener) -> None:
    async with at_desk() as desk:
        for key, screen in (("e", EvidenceScreen), ("o", ExplainScreen), ("question_mark", HelpScreen)):
            await desk.press(key)
            assert isinstance(desk.app.screen, screen)
            await desk.press("q")
            assert desk.app.screen is desk.app.main
        await desk.press("enter", "enter")
        assert isinstance(desk.app.screen, EvidenceScreen)


async def test_copying_a_finding(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("c")
        assert desk.app.clipboard == "KE206 edge1 fail: EdgeStream is disabled on edge1"
        assert "Copied" in desk.toasts[-1]


async def test_where_nothing_is_wrong_f_offers_nothing(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.app.main.tree_view.select("edge/edge2/tunnel")
        await desk.press("f")
        assert desk.app.screen is desk.app.main


async def test_q_at_the_root_quits_and_ctrl_c_never_does(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("ctrl+c", "ctrl+c")
        assert desk.app.is_running
        assert desk.toasts == ["Press q to quit"] * 2
        await desk.pilot.press("q")
    assert desk.app.return_code == 0
    assert desk.bench.closed


async def test_read_only_can_be_switched_on_and_is_shown(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.command("readonly")
        assert desk.bench.read_only
        assert "READ-ONLY" in desk.text.splitlines()[0]
