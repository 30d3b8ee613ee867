"""What the screen says when things are not as one would like: no connection, no edges, odd names, little room."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len

from kedge.config import ConfigFileError
from kedge.i18n import Text
from kedge.links.kubeconfig_yaml import ConfigError
from kedge.model import Kind, Status
from kedge.picture import LinkInfo, LinkState
from kedge.recording import RecordingError
from tests.tui.conftest import Opener
from tests.tui.sites import CLOUD, NOW, FakeWorkbench, broken, down, finding, picture, whole
from tui.screens.too_small import TooSmall
from tui.widgets.header_bar import short_age

UP = LinkInfo("kubernetes", LinkState.UP, NOW - timedelta(seconds=2))


def first(text: str) -> str:
    return text.splitlines()[0]


async def test_before_the_first_picture_it_says_what_is_being_opened(at_desk: Opener, bench: FakeWorkbench) -> None:
    async def never(on_picture: object) -> None:
        await bench.ended()

    bench.open = never  # type: ignore[method-assign]
    async with at_desk((80, 24), wait=False, site="plant-7") as desk:
        await desk.until(lambda: "opening plant-7" in desk.text)
        await desk.press("e", "o", "f", "c", "r", "R", "z", "m", "space", "j", "G", "enter", "left_square_bracket")
        await desk.command("history")


@pytest.mark.parametrize("kind", [ConfigFileError, ConfigError, RecordingError])
async def test_a_file_that_cannot_be_used_is_a_sentence_and_another_site_can_be_opened(
    at_desk: Opener, bench: FakeWorkbench, kind: type[Exception]
) -> None:
    bench.error = kind(Text("config.yaml:3: sites.plant-7.ssh.user: Expected `str`, got `int`"))
    async with at_desk((80, 24), wait=False) as desk:
        await desk.until(lambda: "This site cannot be opened" in desk.text)
        assert "config.yaml:3: sites.plant-7.ssh.user: Expected `str`, got `int`" in desk.details
        assert "r tries again" in desk.details
        bench.error = kind(Text("still wrong"))
        await desk.press("r")
        await desk.until(lambda: "still wrong" in desk.details)
        await desk.command("site plant-8")
        await desk.until(lambda: desk.app.main.index is not None)
        assert desk.bench.options.site == "plant-8"


async def test_connecting_is_said_until_the_api_has_answered(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.fixed_picture = picture((), (), links=(LinkInfo("kubernetes", LinkState.CONNECTING),))
    async with at_desk((80, 24)) as desk:
        assert "connecting" in first(desk.text)
        assert desk.details == "Waiting for the first answer of the Kubernetes API"


async def test_a_site_without_edges_says_what_makes_a_node_an_edge(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.fixed_picture = picture(CLOUD, ())
    async with at_desk((80, 24)) as desk:
        desk.app.main.tree_view.select("edge")
        await desk.pilot.pause()
        assert "No edge node is known" in desk.text
        assert "node-role.kubernetes.io/edge" in desk.text
        assert "No edge node, no path" in desk.text


async def test_a_lost_connection_keeps_the_picture_dims_it_and_shows_its_age(at_desk: Opener) -> None:
    async with at_desk((120, 40)) as desk:
        lost = (down(seconds=34, retry_at=NOW + timedelta(seconds=3)),)
        desk.bench.show(picture(links=lost))
        await desk.pilot.pause()
        assert "DISCONNECTED, data 34 s old  retry in 3 s  10.99.0.10:6443 refuses connections" in first(desk.text)
        assert desk.app.main.tree_view.stale
        assert "EdgeStream is disabled" in desk.text, "the last picture stays"
        desk.bench.show(picture(links=(UP,)))
        await desk.pilot.pause()
        assert "data 2 s" in first(desk.text)
        assert not desk.app.main.tree_view.stale


async def test_data_that_nobody_renewed_for_long_are_called_stale(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.bench.show(picture(links=(replace(UP, last_seen=NOW - timedelta(minutes=5)),)))
        await desk.pilot.pause()
        assert "data 5 min" in first(desk.text)
        assert desk.app.main.tree_view.stale


async def test_a_site_without_kubernetes_says_so(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.bench.show(picture(links=(LinkInfo("kubernetes", LinkState.NONE),)))
        await desk.pilot.pause()
        assert "no Kubernetes API" in first(desk.text)


async def test_a_recording_has_a_date_and_no_age(at_desk: Opener) -> None:
    async with at_desk(recording="somewhere") as desk:
        assert "offline, taken 2026-11-22 02:51" in first(desk.text)
        desk.bench.show(picture(site="plant-7-in-the-far-north"))
        await desk.pilot.resize_terminal(62, 24)
        await desk.until(lambda: first(desk.text).endswith("  taken 02:51"))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (125, "2 min"), (7300, "2 h"), (200_000, "2 days")]
)
def test_ages_are_told_in_the_largest_unit_that_says_enough(seconds: float, said: str) -> None:
    assert short_age(seconds) == said


# ------------------------------------------------------------------------------------------------------- odd names

HOSTILE = "edge-[bold red]x[/]\x1b[31m\nrm -rf\r\x07"


async def test_hostile_names_are_shown_as_text_and_on_one_line(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.fixed_picture = picture((*CLOUD, *broken(HOSTILE)), (HOSTILE,), site="[b]plant[/b]\n", context="\x1b[2Jctx")
    async with at_desk((120, 40)) as desk:
        await desk.press("e")
        for keys in (
            ("q", "o"),
            ("q", "question_mark"),
            ("q", "f"),
            ("escape", "slash", "left_square_bracket", "escape"),
        ):
            await desk.press(*keys)
            assert "\x1b" not in desk.text
            assert "\x07" not in desk.text
        await desk.press("escape")
        assert "[bold red]x[/]" in desk.text
        assert "[b]plant[/b]" in first(desk.text)
        assert all(cell_len(line) <= 120 for line in desk.text.splitlines())


async def test_wide_characters_keep_their_columns(at_desk: Opener, bench: FakeWorkbench) -> None:
    name = "边缘节点一号生产线温度采集网关控制器" * 3
    bench.fixed_picture = picture((*CLOUD, *broken(name)), (name,), site="工厂七号")
    async with at_desk((80, 24)) as desk:
        assert all(cell_len(line) <= 80 for line in desk.text.splitlines())
        bars = {line.index("│", 20) for line in desk.text.splitlines()[1:3] if "│" in line[20:]}
        assert bars
        assert "工厂七号" in first(desk.text)
        await desk.press("f")
        assert all(cell_len(line) <= 80 for line in desk.text.splitlines())


async def test_long_names_lose_their_middle_and_never_scroll_sideways(at_desk: Opener, bench: FakeWorkbench) -> None:
    name = "edge-" + "very-long-" * 12 + "0042"
    bench.fixed_picture = picture((*CLOUD, *broken(name)), (name,))
    async with at_desk((80, 24)) as desk:
        tree = desk.app.main.tree_view
        rows = [line.partition("│")[0] for line in desk.text.splitlines()]
        assert any("✗ edge-" in row and "…" in row and "0042" in row for row in rows)
        assert not tree.show_horizontal_scrollbar
        assert tree.max_scroll_x == 0
        assert "0042" in desk.text.splitlines()[-2], "in the path too"


# ------------------------------------------------------------------------------------------------------ little room


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (40, 10), (10, 3)])
async def test_too_little_room_is_a_message_that_goes_away_by_itself(at_desk: Opener, size: tuple[int, int]) -> None:
    async with at_desk((80, 24)) as desk:
        await desk.press("e")
        evidence = desk.app.screen
        await desk.pilot.resize_terminal(*size)
        await desk.pilot.pause()
        assert isinstance(desk.app.screen, TooSmall)
        assert f"{size[0]}x{size[1]}" in desk.text.replace("\n", "").replace(" ", "")
        await desk.pilot.resize_terminal(60, 16)
        await desk.pilot.pause()
        assert desk.app.screen is evidence


async def test_it_works_in_the_least_room(at_desk: Opener) -> None:
    async with at_desk((60, 16)) as desk:
        assert "KE206" in desk.text
        await desk.press("f", "1")
        await desk.until(lambda: "y applies exactly this" in desk.text)
        assert "Apply (y)" in desk.text


async def test_starting_in_too_little_room(at_desk: Opener) -> None:
    async with at_desk((40, 10)) as desk:
        assert isinstance(desk.app.screen, TooSmall)
        await desk.press("q", "f", "y", "colon")
        await desk.pilot.resize_terminal(80, 24)
        await desk.pilot.pause()
        assert desk.app.screen is desk.app.main


async def test_the_metrics_path_has_its_line_where_there_is_room(at_desk: Opener) -> None:
    async with at_desk((120, 40)) as desk:
        assert "top  edge1  ✓ metrics-server ─ ✓ apiservice ─ then as logs" in desk.text
        await desk.pilot.resize_terminal(120, 29)
        await desk.pilot.pause()
        assert "metrics-server" not in desk.text


# ------------------------------------------------------------------------------------------------- plain terminals


async def test_ascii_draws_with_ascii_only(at_desk: Opener) -> None:
    async with at_desk((80, 24), ascii_only=True) as desk:
        screens = [desk.text]
        for keys in (("e",), ("q", "question_mark"), ("q", "f"), ("1",)):
            await desk.press(*keys)
            await desk.pilot.pause()
            screens.append(desk.text)
        await desk.until(lambda: "y applies" in desk.text)
        screens.append(desk.text)
        for text in screens:
            assert {character for character in text if ord(character) > 126} == set()


async def test_without_colours_every_status_is_still_told_apart(
    at_desk: Opener, bench: FakeWorkbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    kinds = zip(
        Status, (Kind.EDGECORE, Kind.EDGEHUB, Kind.EDGESTREAM, Kind.TUNNEL, Kind.RUNTIME, Kind.PODS), strict=True
    )
    found = [finding(f"KE2{n:02}", kind, "edge1", status, "so it is") for n, (status, kind) in enumerate(kinds)]
    bench.fixed_picture = picture((*CLOUD, *found, *whole("edge2")))
    async with at_desk((120, 40)) as desk:
        assert desk.app.no_color
        for status, kind in zip(
            "✓i!✗-?", ("EdgeCore", "EdgeHub", "EdgeStream", "Tunnel", "Container runtime", "Pods"), strict=True
        ):
            assert f"{status} {kind}" in desk.text
        cursor = [segment.style for segment in desk.app.main.tree_view.render_line(desk.app.main.tree_view.cursor_row)]
        assert all(style is not None and style.bold for style in cursor)
