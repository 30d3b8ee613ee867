"""One fix on the marked nodes, from the marks to the summary and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kedge.model import Finding, Kind, Risk, Status
from kedge.picture import Picture
from kedge.proposals import Proposal
from tests.tui.conftest import Desk, Opener
from tests.tui.sites import (
    AFTER,
    BEFORE,
    CLOUD,
    CONFIG,
    FakeWorkbench,
    broken,
    enable_edgestream,
    finding,
    picture,
    whole,
)
from tests.unit.executor_fakes import FakeHost, FakeUnit
from tui.index import PictureIndex
from tui.many import groups
from tui.repair import Stage
from tui.screens.fix_many import FixManyScreen
from tui.screens.fix_menu import FixMenu

EDGES = ("edge1", "edge2", "edge3")


@pytest.fixture
def bench(bench: FakeWorkbench, monkeypatch: pytest.MonkeyPatch) -> FakeWorkbench:
    """Three edges, EdgeStream off on all of them."""
    hosts = bench.fakes.writers.hosts
    for name in EDGES[1:]:
        hosts[name] = FakeHost(name, files={CONFIG: BEFORE}, units={"edgecore": FakeUnit()})

    def current() -> Picture:
        found = [f for e in EDGES for f in (whole(e) if hosts[e].files[CONFIG] == AFTER else broken(e))]
        return picture((*CLOUD, *found), EDGES)

    def proposals(finding: Finding) -> tuple[Proposal, ...]:
        if "enable-edgestream" not in finding.fixes:
            return ()
        plan = enable_edgestream(risk=bench.plan.risk if bench.plan else Risk.MEDIUM)
        steps = tuple(replace(step, on=finding.target) for step in plan.steps)
        plan = replace(plan, target=finding.target, steps=steps)
        return (Proposal("enable-edgestream", plan.title, plan.risk, plan),)

    monkeypatch.setattr(bench, "current", current)
    monkeypatch.setattr(bench, "proposals", proposals)
    return bench


async def opened(desk: Desk, mark: str = "mark edge*") -> FixManyScreen:
    await desk.press("colon")
    await desk.type(mark)
    await desk.press("enter", "f")
    await desk.until(lambda: isinstance(desk.app.screen, FixMenu))
    await desk.until(lambda: "it acts on the marks, not on the cursor" in desk.text)
    await desk.press("1")
    await desk.until(lambda: isinstance(desk.app.screen, FixManyScreen))
    screen = desk.app.screen
    assert isinstance(screen, FixManyScreen)
    await desk.until(lambda: screen.repair.stage is not Stage.LOOKING)
    await desk.pilot.pause()
    return screen


def lines(screen: FixManyScreen) -> str:
    return "\n".join(line.text for line in screen.query_one("LineView").lines)  # type: ignore[attr-defined]


def repaired(bench: FakeWorkbench) -> list[str]:
    return [name for name in EDGES if bench.fakes.host(name).files[CONFIG] == AFTER]


async def test_marked_nodes_are_shown_confirmed_once_repaired_and_taken_back(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        screen = await opened(desk)
        assert "Enable EdgeStream and restart edgecore - 3 nodes" in desk.text
        assert lines(screen).count("+    enable: true  # off") == 3
        assert "y applies exactly this on 3 nodes, edge1 first" in desk.text
        assert repaired(desk.bench) == []
        await desk.press("y")
        await desk.until(lambda: screen.repair.stage is Stage.ENDED)
        await desk.pilot.pause()
        assert repaired(desk.bench) == list(EDGES)
        assert "3 done" in desk.text
        await desk.press("u")
        await desk.until(lambda: screen.repair.stage is Stage.SHOWN)
        await desk.press("y")
        await desk.until(lambda: screen.repair.stage is Stage.ENDED)
        assert repaired(desk.bench) == []
        entries = desk.bench.fakes.audit.read().entries
        assert [entry.intent["how"] for entry in entries] == ["key y"] * 6
        await desk.press("escape")
        assert desk.app.screen is desk.app.main


def test_what_repairs_the_causes_comes_first() -> None:
    warned = [finding("KE204", Kind.EDGECORE, edge, Status.WARN, "restarted a lot") for edge in EDGES]
    index = PictureIndex(picture((*warned, *broken("edge1"), *broken("edge2")), EDGES))

    def offers(found: Finding) -> tuple[Proposal, ...]:
        fix = {"KE204": "restart-edgecore", "KE206": "enable-edgestream"}.get(found.code)
        plan = replace(enable_edgestream(found.target), answers=(found.code,))
        return (Proposal(fix, plan.title, plan.risk, plan),) if fix else ()

    found = groups(index, EDGES, offers)
    assert [(group.proposal.fix, len(group.plans)) for group in found] == [
        ("enable-edgestream", 2),
        ("restart-edgecore", 3),
    ]


async def test_a_first_node_that_is_not_fixed_keeps_the_others_as_they_are(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        desk.bench.fakes.host("edge1").units["edgecore"].starts_as = "failed"
        screen = await opened(desk)
        await desk.press("y")
        await desk.until(lambda: screen.repair.stage is Stage.ENDED)
        await desk.pilot.pause()
        assert "1 failed, 2 not begun" in " ".join(lines(screen).split())
        assert desk.bench.fakes.host("edge2").changes == []


async def test_marks_by_key_and_a_node_that_refuses_is_named(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        desk.bench.fakes.host("edge2").sudo = False
        desk.app.main.tree_view.select("edge/edge1")
        await desk.press("m")
        desk.app.main.tree_view.select("edge/edge2")
        await desk.press("m", "f", "1")
        await desk.until(lambda: isinstance(desk.app.screen, FixManyScreen))
        screen = desk.app.screen
        assert isinstance(screen, FixManyScreen)
        await desk.until(lambda: screen.repair.stage is Stage.SHOWN)
        assert "refused: sudo on edge2 refuses" in " ".join(lines(screen).split())
        await desk.press("y")
        await desk.until(lambda: screen.repair.stage is Stage.ENDED)
        assert repaired(desk.bench) == ["edge1"]


async def test_read_only_many_plans_are_shown_and_copied(at_desk: Opener) -> None:
    async with at_desk((120, 40), read_only=True) as desk:
        screen = await opened(desk)
        assert screen.repair.stage is Stage.SHOWN
        await desk.press("y", "c")
        assert desk.app.clipboard.count("systemctl restart edgecore") == 3
        assert repaired(desk.bench) == []


async def test_a_high_risk_wants_what_is_shown_typed(at_desk: Opener) -> None:
    async with at_desk((120, 40)) as desk:
        desk.bench.plan = enable_edgestream(risk=Risk.HIGH)
        screen = await opened(desk)
        await desk.press("y")
        assert screen.repair.stage is Stage.SHOWN
        await desk.type("3 nodes")
        await desk.press("enter")
        await desk.until(lambda: screen.repair.stage is Stage.ENDED)
        assert repaired(desk.bench) == list(EDGES)


async def test_without_anything_to_repair_the_key_says_so(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        await desk.press("colon")
        await desk.type("mark nothing*")
        await desk.press("enter")
        assert "No edge node matches" in desk.toasts
        desk.app.main.tree_view.mark_all(["edge/edge1"])
        for name in EDGES:
            desk.bench.fakes.host(name).files[CONFIG] = AFTER
        desk.bench.show()
        await desk.press("f")
        assert "No fix is offered for what is marked" in desk.toasts
