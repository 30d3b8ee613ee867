"""Watches live through an API server that is overloaded, slow, killed, or silent on connections that look alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from kedge import sleep
from kedge.links.base import Access, WatchEvent
from kedge.links.kube import ApiLink
from kedge.links.kube_connection import KubeConnection
from kedge.links.kubeconfig import KubeSettings, find_target
from kedge.links.pools import Pools
from kedge.links.watch import WatchTimes
from kedge.live import Pace
from kedge.model import LinkError, Reason
from kedge.opening import open_site
from kedge.plugins import Probe
from kedge.prompter import RefusingPrompter
from kedge.registry import discover
from kedge.workbench import Options, choose
from lab.background import BackgroundSite, run_in_thread
from lab.objects import NODES, Object
from lab.world import World
from tests.unit.test_watch import Seen, decode

pytestmark = pytest.mark.lab

ACCESS = Access("watch", "", "nodes")
TIMES = WatchTimes(quiet=1.0, answer=1.0, backoff=(0.05, 0.2), settled=0.5)
VERSION = Access("get", "", "/version")


@pytest.fixture(scope="module")
def lab() -> Iterator[BackgroundSite]:
    with run_in_thread(edges=1) as site:
        yield site


@pytest.fixture
def link(lab: BackgroundSite) -> Iterator[ApiLink]:
    pools = Pools()
    settings = KubeSettings(kubeconfig=str(lab.kubeconfig))
    made = ApiLink(KubeConnection(find_target(settings), settings, pools), TIMES)
    yield made
    made.shut()
    pools.close()
    for name in ("api-busy", "api-slow", "api-half-open"):
        lab.set_fault(name, False)


def edit(lab: BackgroundSite, word: str) -> None:
    """Change a node, so that a watch has something to tell."""

    def change(world: World) -> None:
        def draft(node: Object) -> None:
            node["metadata"].setdefault("annotations", {})["test"] = word

        world.store.change(NODES, "", "edge1", draft, "test")

    lab.call(change)


def watching(lab: BackgroundSite, link: ApiLink) -> tuple[Seen, list[str]]:
    """What a watch of nodes tells, and the annotations that it has seen, newest last."""
    seen, words = Seen(), list[str]()

    def read(raw: bytes) -> str:
        if b'"test":"' in raw:
            words.append(raw.partition(b'"test":"')[2].partition(b'"')[0].decode())
        return decode(raw)

    link.watch("/api/v1/nodes", ACCESS, read, seen.add)
    seen.until(lambda events: events)
    return seen, words


def told(seen: Seen, words: list[str], word: str) -> list[WatchEvent]:
    return seen.until(lambda _events: words[-1:] == [word])


@pytest.mark.parametrize("name", ["api-busy", "api-killed", "api-half-open"])
def test_what_happens_meanwhile_is_told_afterwards(lab: BackgroundSite, link: ApiLink, name: str) -> None:
    seen, words = watching(lab, link)
    edit(lab, f"{name} before")
    told(seen, words, f"{name} before")
    lab.set_fault(name, True)
    if name == "api-busy":  # it refuses new requests; what is open stays open
        lab.call(lambda world: world.restart_api())
    edit(lab, f"{name} meanwhile")
    if name != "api-killed":
        lost = seen.until(lambda events: any(event.type == "LOST" for event in events))
        reason = next(event.error.reason for event in lost if event.type == "LOST")
        restarted = (Reason.SERVER_ERROR, Reason.UNREACHABLE)  # whichever the first attempt met
        assert reason in (restarted if name == "api-busy" else (Reason.TIMED_OUT,))
    lab.set_fault(name, False)
    told(seen, words, f"{name} meanwhile")
    edit(lab, f"{name} after")
    told(seen, words, f"{name} after")
    assert seen.types().count("LOST") == seen.types().count("BACK") <= 1


def test_a_slow_server_is_watched_without_alarm(lab: BackgroundSite, link: ApiLink) -> None:
    patient = ApiLink(link.connection, replace(TIMES, answer=30.0))  # as long as in the product; ends with link
    seen, words = watching(lab, patient)
    lab.set_fault("api-slow", True)
    lab.call(lambda world: world.restart_api())
    edit(lab, "slowly")
    told(seen, words, "slowly")
    assert "RELISTED" not in seen.types()[1:]
    assert seen.types().count("LOST") == seen.types().count("BACK") <= 1  # the restart itself may be met


def test_an_overloaded_server_is_not_asked_for_everything_again(lab: BackgroundSite, link: ApiLink) -> None:
    seen, words = watching(lab, link)
    lab.set_fault("api-busy", True)
    lab.call(lambda world: world.restart_api())
    seen.until(lambda events: any(event.type == "LOST" for event in events))
    lab.set_fault("api-busy", False)
    edit(lab, "calm again")
    told(seen, words, "calm again")
    assert seen.types().count("RELISTED") == 1


async def test_a_busy_server_is_asked_again_when_it_said_or_named(lab: BackgroundSite, link: ApiLink) -> None:
    lab.set_fault("api-busy", True)
    with pytest.raises(LinkError) as caught:
        await link.get("/version", VERSION, deadline=0.5)
    assert caught.value.unknown.reason is Reason.SERVER_ERROR
    assert "(429)" in str(caught.value)
    waiting = asyncio.create_task(link.get("/version", VERSION, deadline=20))
    await asyncio.sleep(0)
    await asyncio.to_thread(lab.set_fault, "api-busy", False)
    assert (await waiting).status == 200


async def test_a_slow_server_costs_a_deadline_and_no_more(lab: BackgroundSite, link: ApiLink) -> None:
    lab.set_fault("api-slow", True)
    began = time.monotonic()
    with pytest.raises(LinkError) as caught:
        await link.get("/version", VERSION, deadline=0.5)
    assert caught.value.unknown.reason is Reason.TIMED_OUT
    assert time.monotonic() - began < 2.5
    assert (await link.get("/version", VERSION, deadline=20)).status == 200


async def test_a_site_asks_at_once_after_this_machine_has_slept(
    lab: BackgroundSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = [0.0]
    monkeypatch.setattr(sleep, "slept_for", lambda: slept[0])
    options, pace = Options(kubeconfig=str(lab.kubeconfig), no_ssh=True), Pace(nap=0.05, api=300, api_down=300)
    opened = await open_site(choose(options), options, discover(), RefusingPrompter(), lambda: True, pace=pace)
    site, looks = opened.site, asyncio.Queue[None]()
    look = site.engine.look_at_site

    async def counted(*only: Callable[[Probe], bool], **how: Any) -> None:
        await look(*only, **how)
        if not only:  # everything that is asked of the API, not only what is watched
            looks.put_nowait(None)

    monkeypatch.setattr(site.engine, "look_at_site", counted)
    running = asyncio.create_task(site.run())
    try:
        for _look in range(2):
            waiting = asyncio.create_task(looks.get())
            await asyncio.wait({waiting, running}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            assert waiting.done(), running
            slept[0] += 3600
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await site.close()
