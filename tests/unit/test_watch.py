"""A watch keeps the picture true: pages, events, resuming, expiry, silence, a server that dies and comes back."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kedge.links.base import Access, WatchEvent
from kedge.links.kube import ApiLink
from kedge.links.kube_connection import KubeConnection
from kedge.links.kubeconfig import KubeSettings, find_target
from kedge.links.pools import Pools
from kedge.links.watch import WatchTimes
from kedge.model import Reason
from tests.unit.fake_kube import NODES, FakeKube, Handler, node, status, write_kubeconfig

ACCESS = Access("watch", "", "nodes")
FAST = WatchTimes(backoff=(0.05, 0.1), settled=0.5, page=2)
PATIENCE = 10.0


class Meta(msgspec.Struct):
    name: str


class Node(msgspec.Struct):
    metadata: Meta


def decode(raw: bytes) -> str:
    return msgspec.json.decode(raw, type=Node).metadata.name


@dataclass
class Seen:
    """What a watch reported so far."""

    events: list[WatchEvent] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, event: WatchEvent) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def until(self, wanted: Callable[[list[WatchEvent]], Any]) -> list[WatchEvent]:
        with self.changed:
            assert self.changed.wait_for(lambda: wanted(self.events), PATIENCE), self.events
            return list(self.events)

    def types(self) -> list[str]:
        return [event.type for event in self.events]


def wait(wanted: Callable[[], Any], what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < ends, what
        time.sleep(0.01)


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[FakeKube]:
    fake = FakeKube(tmp_path)
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def link_of(kube: FakeKube, tmp_path: Path) -> Iterator[Callable[..., ApiLink]]:
    links: list[ApiLink] = []
    pools = Pools()

    def make(times: WatchTimes = FAST) -> ApiLink:
        settings = KubeSettings(kubeconfig=str(write_kubeconfig(tmp_path / "config", kube.url)), connect_timeout=2)
        links.append(ApiLink(KubeConnection(find_target(settings), settings, pools), times))
        return links[-1]

    yield make
    for link in links:
        link.shut()
    pools.close()
    wait(lambda: not watch_threads(), "watch threads must end with their link")


def watch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("watch ")]


def names(events: list[WatchEvent]) -> list[tuple[str, tuple[str, ...]]]:
    return [(event.type, event.objects) for event in events]


def test_pages_then_events_in_order(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    for name in ("a", "b", "c", "d", "e"):
        kube.store.put(node(name))
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add)
    assert names(seen.until(lambda e: e)) == [("RELISTED", ("a", "b", "c", "d", "e"))]
    assert [request.query.get("continue") for request in kube.seen("GET", NODES, limit="2")] == [None, "2", "4"]
    kube.store.put(node("f"))
    kube.store.put(node("a", edited="yes"))
    kube.store.remove("b")
    events = seen.until(lambda e: len(e) == 4)
    assert names(events)[1:] == [("ADDED", ("f",)), ("MODIFIED", ("a",)), ("DELETED", ("b",))]
    (watch,) = kube.seen("GET", NODES, watch="1")
    assert watch.query["allowWatchBookmarks"] == "true"
    assert 240 <= int(watch.query["timeoutSeconds"]) <= 300
    assert watch.query["resourceVersion"] == "105"


def test_stream_goes_on_from_the_last_version_without_a_word(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    kube.store.put(node("a"))
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add)
    kube_watches = functools.partial(kube.seen, "GET", NODES, watch="1")
    wait(kube_watches, "the watch must start")
    kube.store.put(node("b"))
    seen.until(lambda e: len(e) == 2)
    kube.cut()
    wait(lambda: kube_watches(resourceVersion="102"), "cut: must resume from the last event")
    kube.store.bookmark()
    kube.end_watches()
    wait(lambda: kube_watches(resourceVersion="103"), "ended: must resume from the bookmark")
    kube.store.put(node("c"))
    seen.until(lambda e: len(e) == 3)
    assert seen.types() == ["RELISTED", "ADDED", "ADDED"]
    assert len([r for r in kube.seen("GET", NODES) if "watch" not in r.query]) == 1, "nothing is listed again"


@pytest.mark.parametrize("how", ["gone-as-status", "gone-as-event"])
def test_expired_version_lists_again(kube: FakeKube, link_of: Callable[..., ApiLink], how: str) -> None:
    kube.store.put(node("a"))
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add, query={"labelSelector": how})
    seen.until(lambda e: e)
    wait(lambda: kube.seen("GET", NODES, watch="1"), "the watch must start")
    kube.silent.set()
    kube.store.put(node("b"))
    kube.store.compact()
    kube.silent.clear()
    kube.cut()
    events = seen.until(lambda e: len(e) == 2)
    assert names(events) == [("RELISTED", ("a",)), ("RELISTED", ("a", "b"))], "expiry is no loss of the server"


def test_expired_continue_token_lists_all_at_once(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    for name in ("a", "b", "c"):
        kube.store.put(node(name))

    def paged_only_once(handler: Handler) -> None:
        if "continue" in handler.query:
            handler.answer(410, status(410, "The provided continue parameter is too old", "Expired"))
        elif handler.query.get("watch"):
            handler._watch(kube)
        else:
            handler._list(kube.store)

    kube.routes["GET", NODES] = paged_only_once
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add)
    assert names(seen.until(lambda e: e)) == [("RELISTED", ("a", "b", "c"))]
    lists = [request.query for request in kube.seen("GET", NODES) if "watch" not in request.query]
    assert [("limit" in query, "continue" in query) for query in lists] == [(True, False), (True, True), (False, False)]


def test_silent_connection_is_opened_anew_without_alarm(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    kube.store.put(node("a"))
    kube.silent.set()
    seen = Seen()
    link_of(WatchTimes(quiet=0.3, backoff=(0.05, 0.1), settled=0.2)).watch(NODES, ACCESS, decode, seen.add)
    wait(lambda: len(kube.seen("GET", NODES, watch="1")) >= 2, "a silent stream must be given up")
    kube.store.put(node("b"))
    kube.silent.clear()
    seen.until(lambda e: len(e) >= 2)
    assert seen.types() == ["RELISTED", "ADDED"]


def test_server_that_accepts_and_never_answers_is_lost(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    release = threading.Event()
    kube.routes["GET", NODES] = lambda handler: (release.wait(30), handler.answer(500, {}))[-1]
    seen = Seen()
    link_of(WatchTimes(answer=0.3, backoff=(0.05, 0.1))).watch(NODES, ACCESS, decode, seen.add)
    (lost,) = seen.until(lambda e: e)[:1]
    assert (lost.type, lost.error.reason) == ("LOST", Reason.TIMED_OUT)
    assert str(lost.error.text) == f"timed out after 0.3 s while listing nodes on {kube.url}"
    release.set()


def test_server_killed_and_restarted(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    kube.store.put(node("a"))
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add)
    seen.until(lambda e: e)
    wait(lambda: kube.seen("GET", NODES, watch="1"), "the watch must start")
    for _round in range(2):
        before = len(seen.events)
        kube.stop()
        lost = seen.until(lambda e, n=before: len(e) > n)[before]
        assert (lost.type, lost.error.reason) == ("LOST", Reason.UNREACHABLE)
        assert f"{kube.url} refuses connections while watching nodes" in str(lost.error.text)
        time.sleep(0.3)  # several failed attempts
        assert len(seen.events) == before + 1, "a loss is reported once"
        kube.store.put(node("b"))
        kube.start()
        events = seen.until(lambda e, n=before: len(e) >= n + 3)[before:]
        assert names(events)[1:] == [("BACK", ()), ("ADDED" if _round == 0 else "MODIFIED", ("b",))]
        assert len(watch_threads()) == 1
    assert len([r for r in kube.seen("GET", NODES) if "watch" not in r.query]) == 1, "resumed, not listed again"


def test_one_cut_while_asking_is_no_loss_but_two_are(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    cuts = [1]

    def cut(handler: Handler) -> None:
        if cuts[0]:
            cuts[0] -= 1
            kube.cut()
        else:
            handler._watch(kube) if "watch" in handler.query else handler._list(kube.store)

    kube.routes["GET", NODES] = cut
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add)
    seen.until(lambda e: e)
    assert seen.types() == ["RELISTED"]
    wait(lambda: kube.seen("GET", NODES, watch="1"), "the watch must start")
    cuts[0] = 2
    kube.cut()
    seen.until(lambda e: len(e) >= 3)
    assert seen.types() == ["RELISTED", "LOST", "BACK"]


def test_error_event_lists_again_and_says_why(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    kube.store.put(node("a"))
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add)
    seen.until(lambda e: e)
    kube.store.error(status(500, "etcdserver: request timed out", "InternalError"))
    events = seen.until(lambda e: len(e) >= 4)
    assert [event.type for event in events[:4]] == ["RELISTED", "LOST", "BACK", "RELISTED"]
    assert events[1].error.reason is Reason.SERVER_ERROR
    assert "etcdserver: request timed out" in str(events[1].error.text)


def test_denied_is_reported_once_and_recovers(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    denial = status(403, 'nodes is forbidden: User "u" cannot list resource "nodes"', "Forbidden")
    kube.routes["GET", NODES] = lambda handler: handler.answer(403, denial)
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add)
    (lost,) = seen.until(lambda e: e)
    assert lost.error.reason is Reason.DENIED
    wait(lambda: len(kube.requests) >= 3, "it keeps trying")
    del kube.routes["GET", NODES]
    assert [e.type for e in seen.until(lambda e: len(e) >= 3)] == ["LOST", "BACK", "RELISTED"]


def test_retry_after_is_obeyed(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    times: list[float] = []

    def busy(handler: Handler) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            handler.answer(429, status(429, "slow down"), {"Retry-After": "1"})
        else:
            handler._list(kube.store) if "watch" not in handler.query else handler._watch(kube)

    kube.routes["GET", NODES] = busy
    seen = Seen()
    link_of().watch(NODES, ACCESS, decode, seen.add)
    seen.until(lambda e: "RELISTED" in [event.type for event in e])
    assert times[1] - times[0] >= 0.95


def test_object_that_cannot_be_read_is_named(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    kube.store.put(node("a"))
    seen = Seen()
    link_of().watch(NODES, ACCESS, lambda raw: msgspec.json.decode(raw, type=list[int]), seen.add)
    (lost,) = seen.until(lambda e: e)[:1]
    assert (lost.type, lost.error.reason) == ("LOST", Reason.UNPARSABLE)
    assert NODES in str(lost.error.text)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_mistake_in_a_decoder_is_not_silent(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    kube.store.put(node("a"))
    seen = Seen()
    link_of().watch(NODES, ACCESS, lambda raw: {}["no such key"], seen.add)
    (lost,) = seen.until(lambda e: e)
    assert lost.type == "LOST"
    assert "ended by a mistake in the program" in str(lost.error.text)


def test_accepted_and_closed_at_once_does_not_spin(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    def close_watches(handler: Handler) -> None:
        if "watch" not in handler.query:
            handler._list(kube.store)
            return
        with handler.chunked():
            pass

    kube.routes["GET", NODES] = close_watches
    seen = Seen()
    link_of(WatchTimes(backoff=(0.2, 0.4))).watch(NODES, ACCESS, decode, seen.add)
    seen.until(lambda e: e)
    time.sleep(1.0)
    assert 2 <= len(kube.seen("GET", NODES, watch="1")) <= 10
    assert seen.types() == ["RELISTED"]


def test_stop_and_close_end_blocked_threads_within_a_second(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    link, seen = link_of(), Seen()
    stop = link.watch(NODES, ACCESS, decode, seen.add)
    link.watch(NODES, ACCESS, decode, seen.add)
    seen.until(lambda e: len(e) == 2)
    wait(lambda: len(kube.seen("GET", NODES, watch="1")) == 2, "both must be blocked in a watch")
    first, second = sorted(watch_threads(), key=lambda thread: thread.ident or 0)
    stop()
    wait(lambda: len(watch_threads()) == 1, "stop ends one")
    began = time.monotonic()
    link.shut()
    link.shut()
    for thread in (first, second):
        thread.join(1.0)
        assert not thread.is_alive()
    assert time.monotonic() - began < 1.0


def test_stop_ends_a_watch_that_waits_to_try_again(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    kube.stop()
    seen = Seen()
    stop = link_of(WatchTimes(backoff=(30, 30))).watch(NODES, ACCESS, decode, seen.add)
    seen.until(lambda e: e)
    stop()
    for thread in watch_threads():
        thread.join(1.0)
    assert not watch_threads()


def test_other_right_than_needed_is_refused(link_of: Callable[..., ApiLink]) -> None:
    link = link_of()
    for wrong in (Access("get", "", "nodes"), Access("watch", "", "pods"), Access("watch", "apps", "nodes")):
        with pytest.raises(ValueError, match="needs"):
            link.watch(NODES, wrong, decode, lambda event: None)


def test_after_a_nap_a_watch_goes_on_at_once_and_nothing_is_lost(
    kube: FakeKube, link_of: Callable[..., ApiLink]
) -> None:
    kube.store.put(node("a"))
    seen = Seen()
    link = link_of(WatchTimes(quiet=100, backoff=(30, 30)))
    link.watch(NODES, ACCESS, decode, seen.add)
    watches = functools.partial(kube.seen, "GET", NODES, watch="1")
    wait(watches, "the watch must start")
    link.renew()
    wait(lambda: len(watches()) == 2, "the watch must be opened anew")
    kube.store.put(node("b"))
    assert names(seen.until(lambda e: len(e) == 2))[1:] == [("ADDED", ("b",))]
    assert seen.types() == ["RELISTED", "ADDED"]


def test_after_a_nap_nobody_waits_for_the_end_of_a_pause(kube: FakeKube, link_of: Callable[..., ApiLink]) -> None:
    kube.stop()
    seen = Seen()
    link = link_of(WatchTimes(backoff=(100, 100)))
    link.watch(NODES, ACCESS, decode, seen.add)
    seen.until(lambda e: e)
    kube.start()
    link.renew()
    assert [event.type for event in seen.until(lambda e: len(e) == 3)] == ["LOST", "BACK", "RELISTED"]
