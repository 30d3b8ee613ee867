"""Feeds that ask and stream only while somebody looks, and leave nothing behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from kedge import k8s
from kedge.asks import Ask
from kedge.i18n import Text
from kedge.links.base import HostStream
from kedge.model import Finding, Kind, LinkError, Observation, Reason, Status, Unknown
from kedge.top import hosts as hosts_module
from kedge.top.hosts import HostNow, HostTops
from kedge.top.metrics import Look, MetricsFeed
from kedge.top.why import indexed, why_no_numbers
from tests.unit.test_top_usage import listed

PATIENCE = 20.0


async def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("top")]


# -------------------------------------------------------------------------------------------------- metrics

LOST = Unknown(Reason.UNREACHABLE, Text("nobody answers"))
GONE = Unknown(Reason.SERVER_ERROR, Text("the server is currently unable to handle the request"))
PATHS = {
    "/api/v1/nodes": ("nodes.json", k8s.Node),
    "/api/v1/pods": ("pods.json", k8s.Pod),
    "/apis/metrics.k8s.io/v1beta1/nodes": ("metrics-nodes.json", k8s.NodeMetrics),
    "/apis/metrics.k8s.io/v1beta1/pods": ("metrics-pods.json", k8s.PodMetrics),
}


class FakeKubernetes:
    name = "kubernetes"

    def __init__(self) -> None:
        self.asked = 0
        self.fails: dict[str, Unknown] = {}

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        self.asked += 1
        return [self._one(ask) for ask in asks]

    def _one(self, ask: Any) -> Observation:
        for part, error in self.fails.items():
            if part in ask.path:
                return Observation(ask, self.name, ask.path, error=error)
        return Observation(ask, self.name, ask.path, exit_code=200, objects=listed("healthy", *PATHS[ask.path]))


async def looked(feed: MetricsFeed) -> Look:
    """The next answer."""
    got: list[Look] = []
    leave = feed.subscribe(got.append)
    await until(lambda: bool(got))
    leave()
    return got[0]


async def test_the_feed_asks_only_while_somebody_listens() -> None:
    source = FakeKubernetes()
    feed = MetricsFeed(source)
    assert source.asked == 0
    look = await looked(feed)
    assert {row.name for row in look.table.nodes if row.usage is not None} == {"cloud1", "edge1", "edge2"}
    assert look.problem is None
    asked = source.asked
    await until(lambda: own_threads() == [])
    assert source.asked == asked
    await feed.close()


async def test_without_the_metrics_api_every_row_stays_and_the_reason_is_told() -> None:
    source = FakeKubernetes()
    source.fails["metrics.k8s.io"] = GONE
    look = await looked(MetricsFeed(source))
    assert look.problem is GONE
    assert [row.usage for row in look.table.nodes] == [None, None, None]
    assert len(look.table.pods) == 4


async def test_without_kubernetes_the_last_numbers_stay_with_their_age() -> None:
    source = FakeKubernetes()
    feed = MetricsFeed(source)
    good = await looked(feed)
    source.fails["/api/v1/nodes"] = LOST
    look = await looked(feed)
    assert look.lost is LOST
    assert (look.table, look.at) == (good.table, good.at)


# ---------------------------------------------------------------------------------------------------- hosts


def frame(number: int, nonce: str, time: float, busy: int) -> bytes:
    cpu = f"cpu  {busy} 0 0 {busy} 0 0 0 0 0 0"
    memory = "MemTotal: 1000 kB\nMemAvailable: 400 kB"
    told = {"time": f"{time} 1.0", "cpu": cpu, "memory": memory, "processes": "1 S 5 5 1 1 10 init"}
    sections = "".join(f"#{nonce} {name}\n{text}\n" for name, text in told.items())
    return f"#{nonce} begin {number}\n{sections}#{nonce} end {number}\n".encode()


class FakeStream:
    exit_code: int | None = None
    complaint = ""
    received = 0
    heard = 0.0

    def __init__(self, host: FakeHost, nonce: str) -> None:
        self.host, self.nonce = host, nonce
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number in range(1, self.host.frames + 1):
            yield frame(number, self.nonce, number * 2.0, number * 100)
            await asyncio.sleep(0)
        if self.host.stays:
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


class FakeHost:
    """One machine whose streams are counted."""

    def __init__(self, frames: int = 2, *, stays: bool = True) -> None:
        self.frames, self.stays = frames, stays
        self.streams: list[FakeStream] = []
        self.scripts: list[str] = []
        self.error: Unknown | None = None

    async def stream(self, command: str, *, root: bool = False, deadline: float) -> HostStream:
        if self.error is not None:
            raise LinkError(self.error)
        assert not root, "nothing here needs root"
        self.scripts.append(command)
        nonce = command.split("nonce=")[1].split(maxsplit=1)[0]
        self.streams.append(FakeStream(self, nonce))
        return self.streams[-1]

    @property
    def open(self) -> int:
        return sum(not stream.closed for stream in self.streams)


async def test_one_stream_serves_everybody_and_ends_with_the_last() -> None:
    host = FakeHost()
    tops = HostTops(lambda name: host)
    one: list[HostNow] = []
    two: list[HostNow] = []
    leave_one, leave_two = tops.watch("edge1", 2, one.append), tops.watch("edge1", 5, two.append)
    await until(lambda: len(one) == 2)
    assert len(host.streams) == 1
    sample = one[-1].sample
    assert sample is not None
    assert sample.cpu is not None
    assert sample.memory.used == 600 * 1024
    assert [now.sample for now in two] == [now.sample for now in one]
    leave_one()
    await until(lambda: len(host.streams) == 2 and host.open == 1)  # at the slower pace that the other one wants
    assert "interval=5 " in host.scripts[-1]
    leave_two()
    leave_two()
    await until(lambda: host.open == 0 and own_threads() == [])
    assert tops.names == ()


async def test_fifty_times_open_and_closed_leaves_no_stream_task_nor_thread() -> None:
    host, source = FakeHost(), FakeKubernetes()
    tops, feed = HostTops(lambda name: host), MetricsFeed(source)
    before = len(asyncio.all_tasks())
    for _round in range(50):
        seen: list[HostNow] = []
        look: list[Look] = []
        leaves = [tops.watch("edge1", 2, seen.append), feed.subscribe(look.append)]
        await until(lambda seen=seen, look=look: bool(seen and look))  # type: ignore[misc]
        for leave in leaves:
            leave()
    await tops.close()
    await feed.close()
    await until(lambda: own_threads() == [] and len(asyncio.all_tasks()) == before)
    assert (len(host.streams), host.open) == (50, 0)


async def test_a_host_without_a_way_to_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts_module, "FIRST_PAUSE", 0.01)
    host = FakeHost()
    host.error = Unknown(Reason.NO_SSH, Text("There is no SSH to edge1"))
    tops = HostTops(lambda name: host)
    seen: list[HostNow] = []
    leave = tops.watch("edge1", 2, seen.append)
    await until(lambda: bool(seen))
    assert seen[0].problem is host.error
    host.error = None
    await until(lambda: seen[-1].sample is not None)
    assert seen[-1].problem is None, "back by itself"
    leave()
    await tops.close()


async def test_a_shell_that_says_something_else_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts_module, "FIRST_PAUSE", 0.01)
    host = FakeHost(frames=0, stays=False)
    tops = HostTops(lambda name: host)
    seen: list[HostNow] = []
    leave = tops.watch("edge1", 2, seen.append)
    await until(lambda: bool(seen))
    assert "edge1 told nothing about itself" in str(seen[0].problem.text if seen[0].problem else "")
    leave()
    await tops.close()


# ------------------------------------------------------------------------------------------------------ why


def finding(code: str, status: Status, target: str = "-", because: str = "", at: str | None = None) -> Finding:
    return Finding(
        code, Text(code), Kind.METRICS_SERVER, target, status, Text(code), because=because or None, because_target=at
    )


def test_a_consequence_leads_to_its_cause() -> None:
    found = (
        finding("KE404", Status.FAIL, because="KE401"),
        finding("KE401", Status.FAIL),
        finding("KE503", Status.FAIL, "edge1", "KE206", "edge1"),
        finding("KE206", Status.FAIL, "edge1"),
        finding("KE503", Status.PASS, "edge2"),
    )
    why = {node: why_no_numbers(indexed(found), node) for node in ("edge1", "edge2", "-")}
    assert {node: one.code for node, one in why.items() if one is not None} == {
        "edge1": "KE206", "edge2": "KE401", "-": "KE401",
    }  # fmt: skip


def test_a_failure_comes_before_a_warning_and_what_is_fine_explains_nothing() -> None:
    warned, failed = finding("KE503", Status.WARN, "edge1"), finding("KE401", Status.FAIL)
    assert why_no_numbers(indexed((warned, failed)), "edge1") is failed
    assert why_no_numbers(indexed((warned,)), "edge1") is warned
    assert why_no_numbers(indexed((finding("KE404", Status.PASS),))) is None
    circle = (finding("KE401", Status.FAIL, because="KE404"), finding("KE404", Status.FAIL, because="KE401"))
    assert why_no_numbers(indexed(circle)) is not None
