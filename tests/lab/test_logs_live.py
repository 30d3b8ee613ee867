"""Logs of a real pod on the practice site: by SSH while the tunnel is down, through the API once it is repaired."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kedge.logs.desk import LogReader
from kedge.logs.lines import LineKind, LogLine
from kedge.logs.ways import Way
from kedge.model import Status
from kedge.picture import Picture
from kedge.prompter import RefusingPrompter
from kedge.workbench import Options, Workbench
from lab.background import BackgroundSite, run_in_thread
from lab.world import World

pytestmark = pytest.mark.timeout(180)
PATIENCE = 60.0
REQUEST = re.compile(r"request (\d+) from|ERROR upstream")


@asynccontextmanager
async def workbench(lab: BackgroundSite) -> AsyncIterator[tuple[Workbench, list[Picture]]]:
    bench = Workbench(
        Options(config=str(lab.config_file), accept_new_host_keys=True), RefusingPrompter(accept_new_host_keys=True)
    )
    pictures: list[Picture] = []
    await bench.open(pictures.append)
    try:
        yield bench, pictures
    finally:
        await bench.close()


async def until(holds: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - pictures and lines come when they come
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"{what} never came about")


def status(pictures: list[Picture], code: str, target: str) -> Status | None:
    found = pictures[-1].findings if pictures else ()
    return next((f.status for f in found if (f.code, f.target) == (code, target)), None)


def numbers(lines: list[LogLine]) -> list[int]:
    """The workload counts its requests, so a missing or repeated line shows; every 61st line is another."""
    return [int(found[1]) for line in lines if (found := REQUEST.search(line.text)) and found[1]]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path))


async def test_every_line_once_through_a_cut_tunnel_and_an_api_restart() -> None:
    with run_in_thread(edges=1) as lab:
        async with workbench(lab) as (bench, pictures):
            await until(lambda: status(pictures, "KE501", "edge1") is Status.PASS, "a judgement of logs")
            desk, lines = bench.logs(), list[LogLine]()
            reader = LogReader(desk, lines.extend, tail=20)
            reader.add(next(s for s in desk.sources("edge/edge1/pods", "edge1") if s.name.endswith("/gateway")))
            await until(lambda: len(numbers(lines)) >= 19, "the log through the API")
            assert reader.states[0].way is Way.API
            lab.set_fault("edgestream-disabled", True, "edge1")
            await until(lambda: reader.states[0].because == "KE206", "the cause, found while the log is followed")
            seen = len(numbers(lines))
            await until(lambda: len(numbers(lines)) > seen, "the log from the node")
            assert reader.states[0].way is Way.SSH
            assert "KE206" in next(line.text for line in reversed(lines) if line.kind is LineKind.MARK)

            lab.set_fault("edgestream-disabled", False, "edge1")
            await bench.site.rerun()  # type: ignore[union-attr]
            await until(lambda: reader.states[0].way is Way.API, "the way back to the API")
            seen = len(numbers(lines))
            await until(lambda: len(numbers(lines)) >= seen + 3, "lines through the API")
            lab.stop_api()
            await until(lambda: reader.states[0].way is not Way.API, "the loss of the API")
            lab.start_api()
            await until(lambda: reader.states[0].way is Way.API, "the API's return")
            seen = len(numbers(lines))
            await until(lambda: len(numbers(lines)) >= seen + 3, "lines after the API's return")
            await reader.close()
    found = numbers(lines)
    assert found == sorted(set(found)), "no line twice, none out of order"
    missing = set(range(found[0], found[-1] + 1)) - set(found)
    assert all(number % 61 == 60 for number in missing), "no line lost"


async def test_a_journal_is_followed() -> None:
    with run_in_thread(edges=1) as lab:
        async with workbench(lab) as (bench, pictures):
            await until(lambda: status(pictures, "KE204", "edge1") is Status.PASS, "the first look")
            desk, lines = bench.logs(), list[LogLine]()
            reader = LogReader(desk, lines.extend, tail=5)
            reader.add(desk.sources("edge/edge1/edgecore", "edge1")[0])
            await until(lambda: len(lines) >= 5, "the tail of the journal")
            lab.set_fault("edgecore-stopped", True, "edge1")
            await until(
                lambda: any("Stopped edgecore.service" in line.text for line in lines), "the stop in the journal"
            )
            assert all(line.stamp for line in lines if line.kind is LineKind.LINE)
            await reader.close()


def restart_gateway(lab: BackgroundSite) -> None:
    """End the container; its kubelet starts it again with a log that counts from 0."""

    def end(world: World) -> None:
        pod = next(p for p in world.pods_on("edge1") if p["metadata"]["name"].startswith("line-gateway"))
        world.exit_container(pod["metadata"]["namespace"], pod["metadata"]["name"], "gateway")

    lab.call(end)


@pytest.mark.parametrize(("faults", "way"), [((), Way.API), (("edgestream-disabled",), Way.SSH)])
async def test_a_container_that_is_started_again_is_followed(faults: tuple[str, ...], way: Way) -> None:
    with run_in_thread(edges=1, faults=list(faults)) as lab:
        async with workbench(lab) as (bench, pictures):
            judged = Status.FAIL if faults else Status.PASS
            await until(lambda: status(pictures, "KE501", "edge1") is judged, "a judgement of logs")
            desk, lines = bench.logs(), list[LogLine]()
            reader = LogReader(desk, lines.extend, tail=20)
            reader.add(next(s for s in desk.sources("edge/edge1/pods", "edge1") if s.name.endswith("/gateway")))
            await until(lambda: len(numbers(lines)) > 20, "the log")
            assert reader.states[0].way is way
            restart_gateway(lab)
            await until(lambda: {0, 1, 2} <= set(numbers(lines)[-8:]), "the log of the new container")
            await reader.close()
    found = numbers(lines)
    again = found.index(0)
    for part in (found[:again], found[again:]):
        assert part == sorted(set(part)), "no line twice, none out of order"
        assert all(n % 61 == 60 for n in set(range(part[0], part[-1] + 1)) - set(part)), "no line lost"
