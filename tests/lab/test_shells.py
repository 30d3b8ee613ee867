"""Shells and commands on the practice site: exec with a terminal through the API, machines over SSH, one account."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kedge.links.terminals import Size
from kedge.model import LinkError, Reason
from kedge.prompter import RefusingPrompter
from kedge.shells.reasons import Cause, told
from kedge.shells.run import run_on
from kedge.shells.service import Shells
from kedge.shells.targets import InContainer, OnHost, Way
from kedge.workbench import Options, Workbench
from lab.background import BackgroundSite, run_in_thread
from tests.real.typist import Typist

pytestmark = pytest.mark.timeout(180)
SIZE = Size(80, 24)


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "state"))
    return tmp_path / "state" / "audit.jsonl"


def written(audit: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in audit.read_text().splitlines()]


@asynccontextmanager
async def shells_of(site: BackgroundSite, **options: bool) -> AsyncIterator[Shells]:
    bench = Workbench(Options(config=str(site.config_file), site="lab", **options), RefusingPrompter())
    await bench.open(lambda picture: None)
    try:
        until = time.monotonic() + 60
        while bench.shells is None or not bench.shells.containers("edge2"):
            assert time.monotonic() < until, "the pods never came"
            await asyncio.sleep(0.05)
        yield bench.shells
    finally:
        await bench.close()


def gateway(shells: Shells, node: str) -> InContainer:
    return next(one for one in shells.containers(node) if one.container == "gateway")


async def test_a_container_through_the_tunnel_then_a_machine_then_many(audit: Path) -> None:
    with run_in_thread(edges=2, faults=[]) as site:
        async with shells_of(site) as shells:
            target = gateway(shells, "edge2")
            assert shells.warning(target) is not None
            shells.warned("edge2")
            assert shells.warning(target) is None
            inside = Typist(await shells.open(target, Way.EXEC, Size(91, 33)), 91, 33)
            inside.type("stty size; echo $HOSTNAME-$TERM\n")
            await inside.sees(f"33 91\n{target.pod}-xterm-256color")
            inside.resize(100, 40)
            inside.type("stty size\n")
            await inside.sees("40 100")
            inside.type("exit 3\n")
            assert (await inside.ended()).code == 3

            machine = Typist(await shells.open(OnHost("edge1"), Way.HOST, SIZE))
            machine.type("hostname; exit 4\n")
            assert (await machine.ended()).code == 4

            missing = Typist(await shells.open(target, Way.EXEC, SIZE, ["no-such-program"]))
            assert told(await missing.ended(), target, Way.EXEC).cause is Cause.NO_SHELL

            places = [OnHost("edge1"), OnHost("edge2"), OnHost("nowhere"), target]
            ran = {one.target: one async for one in run_on(shells, places, "echo said; exit 5")}
            assert [ran[place].code for place in places] == [5, 5, None, 5]
            assert ran[OnHost("edge1")].output == "said"
            assert ran[OnHost("nowhere")].problem is not None
            left = Typist(await shells.open(OnHost("edge1"), Way.HOST, SIZE))
            assert shells.live == 1
        assert (await left.ended()).code is None
    events = written(audit)
    begun = [event["id"] for event in events if event["event"] == "shell-begin"]
    ended = {event["id"]: event["code"] for event in events if event["event"] == "shell-end"}
    assert set(begun) == set(ended)
    assert len(begun) == 8
    assert [ended[id] for id in begun[:2]] == [3, 4]


async def test_a_broken_tunnel_is_the_reason_and_read_only_forbids(audit: Path) -> None:
    with run_in_thread(edges=2, faults=["edgestream-disabled"]) as site:
        async with shells_of(site) as shells:
            target = gateway(shells, "edge1")
            broken = Typist(await shells.open(target, Way.EXEC, SIZE))
            assert told(await broken.ended(), target, Way.EXEC).cause is Cause.TUNNEL
            beside = Typist(await shells.open(target, Way.RUNTIME, Size(91, 33)), 91, 33)
            beside.type("stty size; exit 6\n")
            await beside.sees("33 91\n")
            assert (await beside.ended()).code == 6
            (ran,) = [one async for one in run_on(shells, [target], "echo said; exit 7", lambda _one: Way.RUNTIME)]
            assert (ran.code, ran.output, ran.way) == (7, "said", Way.RUNTIME)
        async with shells_of(site, read_only=True) as shells:
            with pytest.raises(LinkError) as caught:
                await shells.open(OnHost("edge1"), Way.HOST, SIZE)
            assert caught.value.unknown.reason is Reason.DENIED
            with pytest.raises(LinkError):
                _ran = [one async for one in run_on(shells, [OnHost("edge1")], "id")]
