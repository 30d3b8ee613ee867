"""Watched lists as a source: live objects, what is lost and what is only denied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from kedge import k8s
from kedge.asks import Api, PodExec, PodLog
from kedge.i18n import Text
from kedge.links.base import Access, ExecResult, Response, WatchEvent
from kedge.model import LinkError, Reason, Unknown
from kedge.sources.kube import KubeSource

NODES = Api("/api/v1/nodes", of=k8s.Node, watched=True, access=Access("list", "", "nodes"))
PODS = Api("/api/v1/pods", of=k8s.Pod, watched=True, access=Access("list", "", "pods"))


class Link:
    """A link whose watches are driven by the test."""

    server = "https://cloud:6443"

    def __init__(self) -> None:
        self.tell: dict[str, Callable[[WatchEvent], None]] = {}
        self.answers: dict[str, Response | LinkError] = {}
        self.closed = False
        self.watched = asyncio.Event()

    def watch(self, path: str, access: Access, decode: Any, on_event: Callable[[WatchEvent], None]) -> Any:
        """Remember how to tell it something."""
        self.tell[path] = on_event
        self.watched.set()
        return lambda: None

    async def get(self, path: str, access: Access, *, deadline: float, query: Any = None, cap: int = 0) -> Response:
        """A prepared answer."""
        answer = self.answers[path]
        if isinstance(answer, LinkError):
            raise answer
        return answer

    async def exec(self, *words: Any, deadline: float) -> ExecResult:
        """A command that could not be started."""
        return ExecResult(None, b"", b"", "no such program")

    async def close(self) -> None:
        """Remember."""
        self.closed = True


def node(name: str) -> k8s.Node:
    """A node with a name."""
    found: k8s.Node = k8s.decode_one(f'{{"metadata":{{"name":"{name}"}}}}', k8s.Node)
    return found


def lost(reason: Reason = Reason.UNREACHABLE) -> WatchEvent:
    """The watch has ended for a reason."""
    return WatchEvent("LOST", error=Unknown(reason, Text("gone")))


async def listed(source: KubeSource, link: Link, *events: WatchEvent) -> Any:
    """What is observed of nodes after these events."""
    asking = asyncio.create_task(source.observe([NODES], deadline=2))
    await link.watched.wait()
    for event in events:
        link.tell[NODES.path](event)
    return (await asking)[0]


def names(seen: Any) -> list[str]:
    """Names of the objects of an observation."""
    return sorted(thing.metadata.name for thing in seen.objects)


async def test_a_list_follows_its_watch() -> None:
    link = Link()
    source = KubeSource(link)  # type: ignore[arg-type]
    seen = await listed(source, link, WatchEvent("RELISTED", (node("a"), node("b"))), WatchEvent("ADDED", (node("c"),)))
    assert names(seen)[:2] == ["a", "b"]
    link.tell[NODES.path](WatchEvent("DELETED", (node("a"),)))
    await asyncio.sleep(0)
    assert names((await source.observe([NODES], deadline=1))[0]) == ["b", "c"]


async def test_a_list_that_never_came_says_why() -> None:
    link = Link()
    source = KubeSource(link)  # type: ignore[arg-type]
    assert (await listed(source, link, lost())).error.reason is Reason.UNREACHABLE


async def test_a_lost_list_keeps_its_objects() -> None:
    link = Link()
    source = KubeSource(link)  # type: ignore[arg-type]
    seen = await listed(source, link, WatchEvent("RELISTED", (node("a"),)), lost())
    assert (names(seen), seen.error) == (["a"], None)


async def test_the_api_is_lost_when_every_watch_is() -> None:
    link = Link()
    source = KubeSource(link)  # type: ignore[arg-type]
    await listed(source, link, WatchEvent("RELISTED", (node("a"),)), lost())
    await asyncio.sleep(0)
    assert source.problem is not None
    link.tell[NODES.path](WatchEvent("BACK"))
    await asyncio.sleep(0)
    assert source.problem is None


async def test_a_denied_list_does_not_make_the_api_lost() -> None:
    link = Link()
    source = KubeSource(link)  # type: ignore[arg-type]
    await listed(source, link, lost(Reason.DENIED))
    assert source.problem is None


async def test_silence_is_a_timeout_with_the_step() -> None:
    source = KubeSource(Link())  # type: ignore[arg-type]
    seen = (await source.observe([PODS], deadline=0.01))[0]
    assert seen.error is not None
    assert seen.error.reason is Reason.TIMED_OUT
    assert "/api/v1/pods" in str(seen.error.text)


async def test_the_servers_clock_dates_what_it_says() -> None:
    link = Link()
    date = datetime.now(UTC) - timedelta(hours=2)
    link.answers["/version"] = Response(200, b'{"gitVersion":"v1.36.2"}', date, 0.01)
    seen = (await KubeSource(link).observe([Api("/version", of=k8s.Version)], deadline=1))[0]  # type: ignore[arg-type]
    assert seen.at == date
    assert seen.objects is not None


async def test_an_answer_that_is_no_json_is_unparsable() -> None:
    link = Link()
    link.answers["/version"] = Response(200, b"<html>", None, 0.01)
    seen = (await KubeSource(link).observe([Api("/version", of=k8s.Version)], deadline=1))[0]  # type: ignore[arg-type]
    assert seen.error is not None
    assert seen.error.reason is Reason.UNPARSABLE


async def test_a_failed_log_keeps_its_reason() -> None:
    link = Link()
    log = PodLog("factory", "p", "c")
    link.answers[log.path] = LinkError(Unknown(Reason.SERVER_ERROR, Text("Internal error occurred: ")))
    seen = (await KubeSource(link).observe([log], deadline=1))[0]  # type: ignore[arg-type]
    assert seen.error is not None
    assert seen.error.reason is Reason.SERVER_ERROR


async def test_a_command_that_could_not_be_started_is_no_answer() -> None:
    seen = (await KubeSource(Link()).observe([PodExec("factory", "p", "c")], deadline=1))[0]  # type: ignore[arg-type]
    assert seen.error is not None
    assert "no such program" in str(seen.error.text)
