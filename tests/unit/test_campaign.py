"""One fix on many nodes: a canary, then the rest, none any more once one goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kedge.campaign import AT_ONCE, Campaign, Standing
from kedge.execute.base import Settings
from kedge.executor import Outcome, Preview
from kedge.i18n import Text
from kedge.model import Finding, Kind, Plan, Status
from kedge.steps import ServiceAction
from tests.unit.executor_fakes import Bench, FakeHost, FakeUnit, FakeWriters, approve, plan_of

NODES = [f"edge{number}" for number in range(1, 9)]


class FakeActor:
    """An executor on fake hosts; a node is verified by what its service is."""

    def __init__(self, path: Path) -> None:
        hosts = {name: FakeHost(name, units={"edgecore": FakeUnit("inactive")}) for name in NODES}
        self.bench = Bench(path, FakeWriters(hosts))
        self.bench.executor._settings = Settings(find_out=10.0, settle=0.0)
        self.order: list[str] = []
        self.at_once = self.most = 0
        self.on_apply: Callable[[str], None] = lambda target: None

    async def preview(self, plan: Plan) -> Preview:
        return await self.bench.executor.preview(plan)

    async def undo_preview(self, id: str) -> Preview:
        return await self.bench.executor.undo_preview(id)

    async def apply(self, preview: Preview, approval: Any, progress: Any, stop: Any = lambda: False) -> Outcome:
        self.order.append(preview.plan.target)
        self.on_apply(preview.plan.target)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            return await self.bench.executor.apply(preview, approval, progress, stop)
        finally:
            self.at_once -= 1

    async def verify(self, outcome: Outcome, before: Any, tell: Any = lambda text: None) -> Any:
        async def recheck(codes: Any, target: str) -> list[Finding]:
            up = self.bench.host(target).units["edgecore"].active == "active"
            status = Status.PASS if up else Status.FAIL
            return [Finding("KE204", Text("EdgeCore"), Kind.EDGECORE, target, status, Text("it"))]

        return await self.bench.executor.verify(outcome, recheck, before, tell)


@pytest.fixture
def actor(tmp_path: Path) -> FakeActor:
    return FakeActor(tmp_path / "audit.jsonl")


def start(actor: FakeActor, *nodes: str) -> Campaign:
    steps = {node: ServiceAction(node, "edgecore", "start") for node in nodes or NODES}
    plans = [plan_of(step, target=node, verify=("KE204",), verify_seconds=1.0) for node, step in steps.items()]
    return Campaign.of(actor, plans)


def standings(campaign: Campaign) -> list[Standing]:
    return [one.standing for one in campaign.members]


def active(actor: FakeActor) -> list[str]:
    return [name for name in NODES if actor.bench.host(name).units["edgecore"].active == "active"]


async def test_one_is_verified_before_the_rest_begin_and_never_too_many_at_once(actor: FakeActor) -> None:
    campaign = start(actor)
    await campaign.look()
    assert len(campaign.ready) == len(NODES)
    assert active(actor) == []
    verified_before_second: list[Standing] = []
    actor.on_apply = lambda target: verified_before_second.append(campaign.members[0].standing)
    await campaign.run(approve)
    assert verified_before_second[:2] == [Standing.APPLYING, Standing.GOOD]
    assert actor.order[0] == "edge1"
    assert sorted(actor.order) == NODES == active(actor)
    assert 1 < actor.most <= AT_ONCE
    assert campaign.ended_well
    assert str(campaign.summary) == "Repair it: 8 done"


async def test_a_canary_that_is_not_fixed_ends_it(actor: FakeActor) -> None:
    actor.bench.host("edge1").units["edgecore"].starts_as = "failed"
    campaign = start(actor)
    await campaign.look()
    await campaign.run(approve)
    assert standings(campaign) == [Standing.BAD, *[Standing.NOT_BEGUN] * 7]
    assert actor.order == ["edge1"]
    assert "1 failed, 7 not begun. edge1: " in str(campaign.summary)
    assert campaign.ended
    assert not campaign.ended_well


async def test_a_failure_in_the_middle_lets_what_runs_end_and_begins_nothing(actor: FakeActor) -> None:
    actor.bench.host("edge2").units["edgecore"].starts_as = "failed"
    campaign = start(actor)
    await campaign.look()
    apply = actor.apply

    async def after_the_failure(preview: Preview, *more: Any) -> Outcome:
        slow = preview.plan.target not in ("edge1", "edge2")
        while slow and campaign.members[1].standing is not Standing.BAD:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
        return await apply(preview, *more)

    actor.apply = after_the_failure  # type: ignore[method-assign]
    await campaign.run(approve)
    left = len(NODES) - 1 - AT_ONCE
    ran = [Standing.GOOD, Standing.BAD, *[Standing.GOOD] * (AT_ONCE - 1)]
    assert standings(campaign) == [*ran, *[Standing.NOT_BEGUN] * left]
    assert sorted(actor.order) == NODES[: 1 + AT_ONCE]


async def test_what_is_so_already_and_what_is_refused_is_left_out_and_told(actor: FakeActor) -> None:
    actor.bench.host("edge1").units["edgecore"] = FakeUnit()
    actor.bench.host("edge3").sudo = False
    campaign = start(actor, "edge1", "edge2", "edge3")
    await campaign.look()
    assert standings(campaign) == [Standing.ALREADY, Standing.SHOWN, Standing.REFUSED]
    await campaign.run(approve)
    assert actor.order == ["edge2"]
    assert "1 already so, 1 refused, 1 done. edge3: sudo on edge3 refuses" in str(campaign.summary)


async def test_stopping_begins_no_further_node(actor: FakeActor) -> None:
    campaign = start(actor)
    await campaign.look()
    actor.on_apply = lambda target: campaign.stop()
    await campaign.run(approve)
    assert actor.order == ["edge1"]
    assert standings(campaign)[1:] == [Standing.NOT_BEGUN] * 7


async def test_all_of_it_is_taken_back_the_last_first(actor: FakeActor) -> None:
    campaign = start(actor, "edge1", "edge2")
    await campaign.look()
    await campaign.run(approve)
    back = campaign.undoing()
    await back.look()
    assert [one.target for one in back.members] == ["edge2", "edge1"]
    await back.run(approve)
    assert back.ended_well
    assert active(actor) == []


async def test_the_script_holds_every_node(actor: FakeActor) -> None:
    campaign = start(actor, "edge1", "edge2")
    await campaign.look()
    assert "on host edge1, as root" in campaign.script()
    assert "on host edge2, as root" in campaign.script()
