"""The full-screen readers: evidence, explanation, help, problems; they scroll, find, copy and close."""

from __future__ import annotations

from kedge.asks import Api
from kedge.i18n import Text
from kedge.model import Evidence, Kind, Observation, Reason, Status, Unknown
from tests.tui.conftest import Desk, Opener
from tests.tui.sites import CLOUD, NOW, FakeWorkbench, config_of, evidence, finding, picture
from tui.screens.evidence import EvidenceScreen
from tui.screens.help import HelpScreen
from tui.screens.text_view import TextView
from tui.widgets.command_line import CommandLine
from tui.widgets.line_view import LineView

LONG = "\n".join(f"line {number}: {'E' if number % 50 == 7 else 'I'}1122 tunnel" for number in range(1, 401))


async def reading(desk: Desk, *keys: str) -> TextView:
    await desk.press(*keys)

    def laid_out() -> bool:
        screen = desk.app.screen
        return isinstance(screen, TextView) and screen.is_mounted and bool(screen.query(LineView)) and drawn(screen)

    def drawn(screen: TextView) -> bool:
        """Its lines are made when its size is known, and that is after it is on the screen."""
        lines = [line.text.strip() for line in screen.view.lines]
        return any(line and line in desk.text for line in lines)

    await desk.until(laid_out, "a reader")
    screen = desk.app.screen
    assert isinstance(screen, TextView)
    return screen


def with_evidence(bench: FakeWorkbench, *pieces: Evidence) -> None:
    found = finding("KE206", Kind.EDGESTREAM, "edge1", Status.FAIL, "EdgeStream is disabled", evidence=pieces)
    bench.fixed_picture = picture((*CLOUD, found))


async def test_evidence_shows_the_command_its_time_its_code_and_the_line(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        screen = await reading(desk, "e")
        assert "Evidence for KE206 on edge1: EdgeStream is disabled on edge1" in desk.text
        assert "edge1: cat -- /etc/kubeedge/config/edgecore.yaml" in desk.text
        assert "seen 2026-11-22 02:51:09, exit code 0, took 31 ms" in desk.text
        (marked,) = (line for line in screen.view.lines if any(style == "line--marked" for _t, style in line.parts))
        assert marked.text == "6     enable: false  # off"
        await desk.press("c")
        assert "\n    enable: false  # off\n" in desk.app.clipboard


async def test_the_line_that_matters_is_brought_into_view(at_desk: Opener, bench: FakeWorkbench) -> None:
    piece = config_of("edge1", 333)
    seen = Observation(piece.observation.ask, "edge1", piece.what, NOW, 0.1, 0, LONG)  # type: ignore[union-attr]
    with_evidence(bench, Evidence("edge1", piece.what, NOW, 333, seen))
    async with at_desk((80, 24)) as desk:
        await reading(desk, "e")
        await desk.until(lambda: "333 line 333" in desk.text)


async def test_json_is_shown_on_many_lines_and_errors_in_words(at_desk: Opener, bench: FakeWorkbench) -> None:
    refused = Unknown(Reason.DENIED, Text("pods/exec is forbidden to oncall in namespace factory"))
    with_evidence(
        bench,
        evidence("kubernetes", Api("/version"), "GET /version", '{"gitVersion":"v1.36.2","minor":"36"}'),
        Evidence("kubernetes", "GET /x", NOW, 0, Observation(Api("/x"), "kubernetes", "GET /x", NOW, error=refused)),
        Evidence("edge1", "ss -tn", NOW, 0, Observation(None, "edge1", "ss -tn", NOW, 0.1, 127, "", "ss: not found\n")),
    )
    async with at_desk() as desk:
        await reading(desk, "e")
        assert '2   "gitVersion": "v1.36.2",' in desk.text
        assert "HTTP status 0" in desk.text
        assert "pods/exec is forbidden to oncall" in desk.text
        assert "exit code 127" in desk.text
        assert "ss: not found" in desk.text


async def test_a_finding_without_evidence_says_so(at_desk: Opener, bench: FakeWorkbench) -> None:
    with_evidence(bench)
    async with at_desk() as desk:
        await reading(desk, "e")
        assert "This finding rests on no observation" in desk.text


async def test_finding_text_goes_around_and_escape_ends_it_first(at_desk: Opener, bench: FakeWorkbench) -> None:
    with_evidence(bench, evidence("edge1", None, "journalctl -u edgecore", LONG))
    async with at_desk((80, 24)) as desk:
        screen = await reading(desk, "e", "slash", "E", "1", "1", "2", "2")
        assert "8 lines" in desk.text
        await desk.press("enter")
        view = screen.view
        assert view.has_focus
        assert "line 7: E1122" in desk.text
        await desk.press("n")
        assert "line 57: E1122" in desk.text
        await desk.press("N", "N")
        assert "line 357: E1122" in desk.text
        await desk.press("escape")
        assert desk.app.screen is screen
        await desk.press("escape")
        assert desk.app.screen is desk.app.main


async def test_what_is_not_found_is_said(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await reading(desk, "e", "slash", "z", "z", "z", "enter", "n")
        assert desk.toasts[-1] == "Nothing here matches zzz"
        await desk.press("slash", "left_parenthesis")
        assert "no regular expression" in desk.app.screen.query_one(CommandLine).noted


async def test_scrolling(at_desk: Opener, bench: FakeWorkbench) -> None:
    with_evidence(bench, evidence("edge1", None, "journalctl -u edgecore", LONG))
    async with at_desk((80, 24)) as desk:
        view = (await reading(desk, "e")).view
        await desk.press("j", "j", "k", "down", "up")
        assert view.scroll_y == 1
        await desk.press("ctrl+f")
        assert view.scroll_y == view.size.height
        await desk.press("pageup", "ctrl+b")
        assert view.scroll_y == 0
        await desk.press("G")
        assert "line 400" in desk.text
        await desk.press("g")
        assert view.scroll_y == 0


async def test_a_command_typed_in_a_reader_leads_back_to_the_main_screen(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await reading(desk, "e", "question_mark")
        await desk.command("node edge2")
        assert desk.app.screen is desk.app.main
        assert desk.app.main.tree_view.cursor == "edge/edge2"


async def test_help_lists_the_keys_of_what_has_the_focus_and_every_command(at_desk: Opener) -> None:
    async with at_desk((120, 60)) as desk:
        await reading(desk, "question_mark")
        told = "\n".join(line.text for line in desk.app.screen.query_one(LineView).lines)
        for words in ("fold or unfold", "re-run everything below", ":theme NAME", "code:KE3*", "every change made"):
            assert words in told
        for words in ("Scroll Left", "Focus Next", "Copy selected text"):
            assert words not in desk.text
        await desk.press("question_mark")
        assert sum(isinstance(screen, HelpScreen) for screen in desk.app.screen_stack) == 1
        await desk.press("q", "f", "question_mark")
        assert "choose the only one" in desk.text


async def test_an_explanation_needs_no_document(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.fixed_picture = picture(
        (*CLOUD, finding("KE999", Kind.EDGECORE, "edge1", Status.FAIL, "a third party says no"))
    )
    async with at_desk() as desk:
        await reading(desk, "o")
        assert "a third party says no" in desk.text
        assert "KE999" in desk.text


async def test_readers_are_laid_out_anew_when_the_terminal_changes(at_desk: Opener) -> None:
    async with at_desk((120, 40)) as desk:
        screen = await reading(desk, "o")
        before = len(screen.view.lines)
        await desk.pilot.resize_terminal(60, 20)
        await desk.until(lambda: len(screen.view.lines) > before)
        assert isinstance(screen, TextView)


async def test_the_palette_offers_commands_and_themes(at_desk: Opener) -> None:
    async with at_desk() as desk:
        offered = {command.title for command in desk.app.get_system_commands(desk.app.screen)}
        assert {"history", "problems", "theme light", "readonly"} <= offered
        await desk.press("ctrl+p")
        await desk.until(lambda: type(desk.app.screen).__name__ == "Palette")
        await desk.pilot.resize_terminal(50, 10)
        await desk.until(lambda: type(desk.app.screen).__name__ == "TooSmall")
        await desk.press("ctrl+p")
        assert sum(type(screen).__name__ == "Palette" for screen in desk.app.screen_stack) == 1
        await desk.pilot.resize_terminal(120, 40)
        await desk.until(lambda: type(desk.app.screen).__name__ == "Palette")
        await desk.press("escape", "ctrl+p", "escape")
        assert not isinstance(desk.app.screen, EvidenceScreen)
