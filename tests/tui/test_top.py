"""The panes of ``t``: numbers, gaps with their reasons, keys, and nothing left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kedge.model import Kind, Status
from tests.tui.conftest import Desk, Opener
from tests.tui.sites import CLOUD, FakeWorkbench, broken, finding, picture, whole
from tests.tui.top_desk import GONE, LOST, desk, look, sample
from tui.top.host_pane import HostPane
from tui.top.pane import TopPane
from tui.top.sifting import sieve
from tui.widgets.virtual_table import Cell, Column, VirtualTable, fitted

KE503 = finding(
    "KE503", Kind.KUBECTL, "edge1", Status.FAIL, "kubectl top shows <unknown> for edge1",
    because="KE206", because_target="edge1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _site(bench: FakeWorkbench) -> None:
    bench.desk = desk()
    bench.fixed_picture = picture((*CLOUD, *broken("edge1"), KE503, *whole("edge2")))


async def top(at: Desk, select: str = "site") -> Any:
    """Open the pane for a component."""
    at.app.main.tree_view.select(select)
    await at.pilot.pause()
    await at.press("t")
    pane = at.app.main.dock.active
    assert pane is not None
    await at.until(lambda: bool(pane.query(VirtualTable)) and bool(pane.table.keys), "rows")
    await at.until(lambda: pane.table.has_focus, "focus")
    return pane


def line(pane: Any, word: str) -> str:
    """The first row of the table with a word, as it is drawn, blanks squeezed."""
    drawn = (" ".join(pane.table.render_line(y).text.split()) for y in range(pane.table.size.height))
    return next((f"{text} " for text in drawn if word in f"{text} "), "")


async def test_numbers_are_kubectls_and_a_gap_says_why_beside_the_machines_own(at_desk: Opener) -> None:
    async with at_desk(size=(80, 24)) as at:
        pane = await top(at)
        assert "edge2 27m 1% 96Mi 0%" in line(pane, "edge2 ")
        assert "api" in line(pane, "edge2 ")
        gap = line(pane, "edge1 ")
        assert "1860m 93% 1536Mi" in gap
        assert "ssh ✗ KE206" in gap
        pane.table.move_to(pane.table.keys.index(("edge1",)))
        await at.until(lambda: "enter goes there" in at.text)
        assert "The numbers marked ssh were read from edge1 itself" in at.text
        assert at.bench.desk.hosts.watching == [("edge1", 5)], "only the machine of the gap"


async def test_enter_on_a_gap_goes_to_the_finding_that_explains_it(at_desk: Opener) -> None:
    async with at_desk() as at:
        pane = await top(at)
        pane.table.move_to(pane.table.keys.index(("edge1",)))
        await at.press("enter")
        await at.until(lambda: at.app.main.tree_view.cursor == "edge/edge1/edgestream")
        await at.until(lambda: at.app.main.details.finding is not None and at.app.main.details.finding.code == "KE206")


async def test_without_ssh_that_is_said_too(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.desk = desk(hosts={})
    async with at_desk() as at:
        pane = await top(at)
        pane.table.move_to(pane.table.keys.index(("edge1",)))
        await at.until(lambda: "There is no SSH to edge1 either" in " ".join(at.text.split()))
        assert "- - - - - ✗ KE206" in line(pane, "edge1 ")


async def test_the_metrics_api_down_is_told_above_with_its_code(at_desk: Opener, bench: FakeWorkbench) -> None:
    down = finding("KE404", Kind.APISERVICE, "-", Status.FAIL, "APIService v1beta1.metrics.k8s.io does not exist")
    bench.fixed_picture = picture((*CLOUD, down, *whole("edge1"), *whole("edge2")))
    bench.desk = desk(look(gaps=("cloud1", "edge1", "edge2"), problem=GONE))
    async with at_desk() as at:
        pane = await top(at)
        await at.until(lambda: "The metrics API has no numbers: KE404" in " ".join(at.text.split()))
        assert "KE404" in line(pane, "edge2 ")


async def test_kubernetes_lost_dims_the_old_numbers_and_says_so(at_desk: Opener) -> None:
    async with at_desk() as at:
        pane = await top(at)
        at.bench.desk.metrics.say(replace(at.bench.desk.metrics.look, lost=LOST))
        await at.until(lambda: pane.table.stale)
        assert "these numbers are old" in at.text
        assert "27m" in line(pane, "edge2 "), "the last ones stay"


async def test_the_keys_sort_and_sift(at_desk: Opener) -> None:
    async with at_desk() as at:
        pane = await top(at)
        assert [key[0] for key in pane.table.keys] == ["edge1", "cloud1", "edge2"]
        await at.press("N")
        assert [key[0] for key in pane.table.keys] == ["cloud1", "edge1", "edge2"]
        assert "by name" in at.text
        await at.press("M")
        assert [key[0] for key in pane.table.keys] == ["edge1", "cloud1", "edge2"]
        await at.press("C")
        assert pane.order == "cpu"
        await at.press("z")
        assert pane.table.keys == [("edge1",)], "only what is pressed or missing"


async def test_views_pods_containers_and_machines(at_desk: Opener) -> None:
    async with at_desk() as at:
        pane = await top(at)
        await at.press("v")
        assert "5m 1Mi" in line(pane, "line-gateway-6mnpj")
        await at.until(lambda: "970m 40Mi" in line(pane, "line-gateway-zxgrr"))
        assert "ssh" in line(pane, "line-gateway-zxgrr")
        await at.press("v")
        assert ("factory", "line-gateway-6mnpj", "sidecar") in pane.table.keys
        await at.press("v")
        assert pane.table.keys == ["edge1", "edge2", "cloud1"]
        assert "93% 1.92" in line(pane, "edge1 ")
        assert "no SSH" in line(pane, "edge2 ")
        await at.press("v")
        assert pane.shown_view == "nodes"


async def test_the_guides_scenarios(at_desk: Opener) -> None:
    async with at_desk() as at:
        pane = await top(at)
        await at.press("v", "N", "a")
        assert {key[0] for key in pane.table.keys} == {"factory"}, "edge nodes only"
        await at.press("a")
        assert "namespace factory" in at.text
        await at.press("a")
        assert len(pane.table.keys) == 4
        await at.press("slash")
        await at.type("node:edge2 app=")
        await at.press("enter")
        assert pane.table.keys == [("factory", "line-gateway-6mnpj")]
        assert "1 of 4 rows" in at.text


async def test_an_edge_opens_its_machine(at_desk: Opener) -> None:
    async with at_desk(size=(80, 24)) as at:
        pane = await top(at, "edge/edge1")
        assert isinstance(pane, HostPane)
        text = " ".join(at.text.split())
        for part in ("Linux 5.10.0 armv7l", "93% !!", "1.5G of 2.0G used", "/data 97%", "↓12.1K/s", "3 err", "72 C"):
            assert part in text
        assert "factory/line-gateway-zxgrr/gateway" in line(pane, "2041 ")
        assert list(pane.table.keys)[:2] == [2041, 812]
        assert "\x1b" not in at.text
        await at.press("M")
        assert pane.table.keys[0] == 812
        await at.press("v")
        assert "970m" in line(pane, "factory ")
        assert at.bench.desk.hosts.watching == [("edge1", 2)]
        await at.press("greater_than_sign")
        assert at.bench.desk.hosts.watching == [("edge1", 5)]
        await at.press("less_than_sign", "less_than_sign", "less_than_sign")
        assert at.bench.desk.hosts.watching == [("edge1", 1)]


async def test_enter_on_a_machine_opens_it_and_the_row_can_be_copied(at_desk: Opener) -> None:
    async with at_desk() as at:
        pane = await top(at)
        await at.press("v", "v", "v", "enter")
        await at.until(lambda: isinstance(at.app.main.dock.active, HostPane))
        at.app.main.dock.show(pane)
        await at.until(lambda: pane.table.has_focus)
        await at.press("c")
        assert at.app.clipboard.startswith("edge1\t93%")


async def test_fifty_times_open_and_closed_leaves_nothing(at_desk: Opener) -> None:
    async with at_desk() as at:
        for number in range(50):
            at.app.main.tree_view.select("edge/edge1" if number % 2 else "site")
            await at.app.main.action_open_pane("top")
            pane = at.app.main.dock.active
            assert pane is not None
            await at.app.main.dock.close(pane)
        await at.until(lambda: not at.bench.desk.metrics.listeners and not at.bench.desk.hosts.watching)


async def test_streams_are_bounded_and_follow_what_is_in_view(at_desk: Opener, bench: FakeWorkbench) -> None:
    edges = tuple(f"edge{number:03}" for number in range(200))
    bench.fixed_picture = picture((), edges)
    bench.desk = desk(hosts={name: sample() for name in edges})
    async with at_desk(size=(80, 24)) as at:
        pane = await top(at)
        await at.press("v", "v", "v", "N")
        await at.until(lambda: ("edge000", 5) in bench.desk.hosts.watching)
        await at.press("G")
        await at.until(lambda: ("edge000", 5) not in bench.desk.hosts.watching)
        assert isinstance(pane, TopPane)
        assert 0 < bench.desk.hosts.most <= 12


# ---------------------------------------------------------------------------------------------------- parts


def test_columns_that_do_not_fit_go_together_and_the_rest_shrinks() -> None:
    columns = (Column("a", "A", 10, grows=True), Column("b", "B", 5, drop=1), Column("c", "C", 5, drop=2),
               Column("d", "D", 5, drop=2))  # fmt: skip
    assert [column.name for _i, column, _w in fitted(columns, 40)] == ["a", "b", "c", "d"]
    assert [(column.name, width) for _i, column, width in fitted(columns, 20)] == [("a", 14), ("b", 5)]
    assert [(column.name, width) for _i, column, width in fitted(columns, 6)] == [("a", 6)]


def test_a_sieve_reads_words_namespaces_nodes_and_labels() -> None:
    read = sieve("Gate ns:factory node:edge1 app=x tier= =odd")
    assert (read.words, read.namespace, read.node) == (("gate", "=odd"), "factory", "edge1")
    assert read.labels == (("app", "x"), ("tier", None))
    of = {"namespace": "factory", "node": "edge1", "edge": True}
    assert not read.keeps("gateway =odd", labels={"app": "x"}, **of)  # type: ignore[arg-type]
    assert read.keeps("gateway =odd", labels={"app": "x", "tier": ""}, **of)  # type: ignore[arg-type]


async def test_a_hundred_thousand_rows_are_not_made_before_they_are_seen(at_desk: Opener) -> None:
    async with at_desk() as at:
        pane = await top(at)
        made: list[object] = []

        def cells(key: object) -> list[Cell]:
            made.append(key)
            return [Cell(f"row {key}")]

        table = pane.table
        pane.draw = lambda: None  # a timer holds on to redraw, which asks for draw when it is due
        table.show((Column("a", "A", 10, grows=True),), range(100_000), cells)
        await at.pilot.pause()
        table.move_to(99_999)
        await at.until(lambda: "row 99999" in at.text)
        assert len(made) < 1000
