"""Following one source: through the API, from the node where that fails, and back; with a remark for each turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from kedge.i18n import Text
from kedge.links.base import HostStream
from kedge.logs import breaks, follow
from kedge.logs.desk import LogReader
from kedge.logs.follow import Follower
from kedge.logs.lines import LineKind, LogLine
from kedge.logs.sources import ContainerLog, UnitLog
from kedge.logs.ways import Broken, Way
from kedge.model import LinkError, Reason, Unknown

LOG = ContainerLog("factory", "web-0", "uid-1", "web", "edge1")
JOURNAL = UnitLog("edge1", "edgecore", "/var/log/kubeedge/edgecore.log")
KE206 = Broken("KE206", Text("EdgeStream is disabled on edge1"))


def at(second: int, text: str) -> bytes:
    return f"2026-11-22T09:00:{second:02d}Z {text}\n".encode()


def cri(second: int, text: str) -> bytes:
    return f"2026-11-22T09:00:{second:02d}Z stdout F {text}\n".encode()


def failing(reason: Reason, words: str) -> LinkError:
    return LinkError(Unknown(reason, Text(words)))


@dataclass
class Stream:
    """Gives its pieces, then ends, raises or stays open."""

    pieces: Sequence[bytes]
    end: Exception | str = ""
    exit_code: int | None = None
    complaint: str = ""
    received: int = 0
    heard: float = 0.0
    closed: bool = False

    async def _run(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if isinstance(self.end, Exception):
            raise self.end
        if self.end == "open":
            await asyncio.Event().wait()

    def __post_init__(self) -> None:
        self._iterator = self._run()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._iterator

    async def aclose(self) -> None:
        self.closed = True
        await self._iterator.aclose()  # type: ignore[attr-defined]


@dataclass
class FakeWays:
    """Answers in turn; the last answer of a kind stays."""

    api: list[Stream | LinkError] = field(default_factory=list)
    ssh: list[Stream | LinkError] = field(default_factory=list)
    why: Broken | None = None
    running: bool | None = True
    queries: list[dict[str, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    is_stale: bool = False
    restarted: int = 2
    asked: int = 0

    def pod_log(self, log: ContainerLog, query: dict[str, str]) -> AsyncIterator[bytes]:
        self.queries.append(query)
        answer = self.api.pop(0) if len(self.api) > 1 else self.api[0]

        async def refuse() -> AsyncIterator[bytes]:
            raise answer  # type: ignore[misc]
            yield b""

        return refuse() if isinstance(answer, LinkError) else aiter(answer)

    async def host_stream(self, host: str, command: str) -> HostStream:
        self.commands.append(command)
        answer = self.ssh.pop(0) if len(self.ssh) > 1 else self.ssh[0]
        if isinstance(answer, LinkError):
            raise answer
        return answer

    def pod_logs_folder(self, host: str) -> str:
        return "/var/log/pods"

    def broken(self, node: str) -> Broken | None:
        return self.why

    def restarts(self, log: ContainerLog) -> int | None:
        return self.restarted

    async def ask_anew(self, node: str) -> Broken | None:
        self.asked += 1
        if self.is_stale:
            self.why = None
        return self.why

    def is_running(self, log: ContainerLog) -> bool | None:
        return self.running


class Desk:
    """Runs a follower and keeps what it says."""

    def __init__(self, ways: FakeWays, source: Any = LOG, **more: Any) -> None:
        self.lines: list[LogLine] = []
        self.follower = Follower(source, 0, ways, self.lines.extend, **more)

    async def until(self, holds: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.follower.run())
        try:
            async with asyncio.timeout(20):
                while not holds():
                    await asyncio.sleep(0.005)
                    if task.done():
                        task.result()
                        assert holds(), self.lines
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines if line.kind is LineKind.LINE]

    @property
    def marks(self) -> list[str]:
        return [line.text for line in self.lines if line.kind is LineKind.MARK]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "RETRY_FIRST", 0.01)
    monkeypatch.setattr(follow, "LOOK_AGAIN", 0.02)
    monkeypatch.setattr(follow, "SILENT_SECONDS", 0.1)


async def test_lines_come_through_the_api_with_their_times() -> None:
    ways = FakeWays([Stream([at(1, "one") + at(2, "tw"), b"o\n"][:1], "open")])
    desk = Desk(ways, tail=50)
    await desk.until(lambda: len(desk.texts) == 2)
    assert desk.lines[0].stamp == "2026-11-22T09:00:01Z"
    assert ways.queries[0] == {"container": "web", "timestamps": "true", "follow": "true", "tailLines": "50"}
    assert desk.marks == []


async def test_after_a_break_it_goes_on_at_the_second_and_says_so() -> None:
    broken = Stream([at(1, "one") + at(2, "two")], failing(Reason.UNREACHABLE, "the API server is gone"))
    ways = FakeWays(
        [broken, Stream([at(2, "two") + at(3, "three")], "open")], [failing(Reason.NO_SSH, "no way to edge1")]
    )
    desk = Desk(ways)
    await desk.until(lambda: len(desk.texts) == 3)
    assert desk.texts == ["one", "two", "three"]
    assert ways.queries[1]["sinceTime"] == "2026-11-22T09:00:02Z"
    assert desk.marks[0].startswith("not through the API: the API server is gone; nor over SSH: no way to edge1")
    assert desk.marks[1] == "reconnected after 0 s"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(Stream([]), "answered with nothing, though the container runs", id="empty-and-exit-0"),
        pytest.param(failing(Reason.UNREACHABLE, "connection refused"), "connection refused", id="error"),
        pytest.param(
            Stream([b"unable to retrieve container logs for containerd://abc\n"], "open"),
            "the edge answered with an error instead of the log",
            id="kubelet-text",
        ),
    ],
)
async def test_what_the_api_does_not_give_is_read_from_the_node(answer: Any, why: str) -> None:
    ways = FakeWays([answer], [Stream([cri(1, "one"), cri(2, "two")], "open")])
    desk = Desk(ways)
    await desk.until(lambda: len(desk.texts) == 2)
    assert desk.follower.state.way is Way.SSH
    assert why in desk.marks[0]
    assert "/var/log/pods/factory_web-0_uid-1/web" in ways.commands[0]


async def test_the_kubelets_complaint_is_shown_as_an_error_and_never_as_a_line() -> None:
    complaint = "unable to retrieve container logs for containerd://abc"
    ways = FakeWays([Stream([complaint.encode() + b"\n"], "open")], [failing(Reason.NO_SSH, "no way")])
    desk = Desk(ways)
    await desk.until(lambda: len(desk.marks) > 0)
    assert [line.text for line in desk.lines if line.kind is LineKind.ERROR] == [complaint]
    assert desk.texts == []


async def test_a_silent_api_is_left_where_logs_are_known_to_fail_and_the_cause_is_named() -> None:
    ways = FakeWays([Stream([], "open")], [Stream([cri(1, "one")], "open")], why=KE206)
    desk = Desk(ways)
    await desk.until(lambda: desk.texts == ["one"])
    assert desk.marks == ["read over SSH, because the API does not give it: KE206: EdgeStream is disabled on edge1"]
    assert desk.follower.state.because == "KE206"


async def test_a_silent_api_is_trusted_while_nothing_says_otherwise() -> None:
    ways = FakeWays([Stream([], "open")])
    desk = Desk(ways)
    task = asyncio.create_task(desk.follower.run())
    await asyncio.sleep(0.4)
    assert not task.done()
    assert (desk.marks, desk.follower.state.way) == ([], Way.API)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_log_that_falls_silent_as_it_never_did_is_doubted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaks, "ODD_SECONDS", 0.1)
    ways = FakeWays([Stream([at(1, "one")], "open")], [Stream([cri(1, "one") + cri(2, "two")], "open")])
    desk = Desk(ways)

    async def ask_anew(node: str) -> Broken | None:
        ways.asked += 1
        ways.why = KE206 if desk.texts == ["one"] else None
        return ways.why

    ways.ask_anew = ask_anew  # type: ignore[method-assign]
    await desk.until(lambda: desk.texts == ["one", "two"])
    assert desk.marks == ["read over SSH, because the API does not give it: KE206: EdgeStream is disabled on edge1"]
    assert ways.asked == 1


async def test_the_cause_is_told_when_it_is_found_while_the_node_is_read() -> None:
    """The tunnel was cut just now, so the last finding of it is that all is well."""
    ways = FakeWays([Stream([at(1, "one")]), Stream([])], [Stream([cri(1, "one") + cri(2, "two")], "open")])
    desk = Desk(ways)

    async def ask_anew(node: str) -> Broken | None:
        ways.asked, ways.why = ways.asked + 1, KE206
        return KE206

    ways.ask_anew = ask_anew  # type: ignore[method-assign]
    await desk.until(lambda: desk.follower.state.because == "KE206")
    assert desk.texts == ["one", "two"]
    assert desk.marks[-1] == "the cause is KE206: EdgeStream is disabled on edge1"
    assert ways.asked == 1


async def test_what_is_missing_after_a_break_is_told_by_its_time() -> None:
    lost = failing(Reason.UNREACHABLE, "the API server is gone")
    again = [Stream([at(1, "one")], lost), Stream([at(41, "two")], "open")]
    desk = Desk(FakeWays(again, [failing(Reason.NO_SSH, "no way to edge1")]))
    await desk.until(lambda: desk.texts == ["one", "two"])
    assert desk.marks[-1] == "lines may be missing here: nothing was read of 40 s"


async def test_another_run_of_a_host_is_told_where_its_journal_does_not_tell_it() -> None:
    """A journal in memory is empty after it; one on disk says it itself, in its place."""

    def said(second: int, text: str) -> bytes:
        return f"2026-11-22T09:00:{second:02d}.5+0000 edge1 edgecore[7]: {text}\n".encode()

    lost = failing(Reason.UNREACHABLE, "the connection to edge1 was lost")
    boots = [
        Stream([b"boot a\n", said(1, "one")], lost),
        Stream([b"boot b\n", said(1, "one") + b"-- Boot " + b"b" * 32 + b" --\n" + said(9, "two")], lost),
        Stream([b"boot c\n", said(20, "three")], "open"),
    ]
    ways = FakeWays(ssh=[*boots])
    desk = Desk(ways, JOURNAL)
    stream = ways.host_stream

    async def host_stream(host: str, command: str) -> HostStream:
        found = await stream(host, command)
        nonce = command.split("boot %s\\n' ")[1].split(maxsplit=1)[0]
        found.pieces = [f"#{nonce} ".encode() + piece if piece.startswith(b"boot") else piece for piece in found.pieces]  # type: ignore[attr-defined]
        found._iterator = found._run()  # type: ignore[attr-defined]
        return found

    ways.host_stream = host_stream  # type: ignore[method-assign]
    await desk.until(lambda: "three" in desk.texts)
    lines = [line.text for line in desk.lines if line.text != str(lost.unknown.text)]
    started, back = "the host was started again", "reconnected after 0 s"
    gap = "lines may be missing here: nothing was read of 11 s"
    assert lines == ["one", back, started, "two", back, gap, started, "three"]


async def test_a_restart_is_told_when_the_api_tells_it() -> None:
    ways = FakeWays([Stream([at(1, "last words")]), Stream([at(2, "hello")], "open")])
    desk = Desk(ways)

    def restarted() -> bool:
        ways.restarted += desk.texts == ["last words"] and ways.restarted == 2
        return "hello" in desk.texts

    await desk.until(restarted)
    assert [line.text for line in desk.lines] == ["last words", "the container was restarted, 3 times by now", "hello"]


async def test_the_node_says_where_files_were_rotated_and_the_next_containers_begins() -> None:
    lost = failing(Reason.UNREACHABLE, "the connection to edge1 was lost")
    again = [b"#rotated\n", cri(1, "one"), cri(2, "two"), b"#restarted 3\n#restarted nonsense\n", cri(3, "three")]
    ways = FakeWays([failing(Reason.UNREACHABLE, "no")], [Stream([cri(1, "one")], lost), Stream(again, "open")])
    desk = Desk(ways)
    await desk.until(lambda: "three" in desk.texts)
    assert desk.texts == ["one", "two", "#restarted nonsense", "three"]
    assert "the log file was rotated" in desk.marks
    assert "the container was restarted; log 3.log begins" in desk.marks


async def test_looking_back_is_asked_of_the_nodes_own_clock() -> None:
    ways = FakeWays([failing(Reason.UNREACHABLE, "no")], [Stream([cri(1, "one")], "open")])
    desk = Desk(ways, since=300)
    await desk.until(lambda: desk.texts == ["one"])
    assert "since=$(($(date +%s) - 300))" in ways.commands[0]


async def test_a_quiet_log_stays_with_the_api_when_the_finding_was_old() -> None:
    ways = FakeWays([Stream([at(1, "one")], "open")], why=KE206, is_stale=True)
    desk = Desk(ways)
    await desk.until(lambda: ways.asked > 0 and ways.why is None)
    assert (desk.texts, desk.marks, ways.commands) == (["one"], [], [])
    assert ways.asked == 1, "asked once, at the moment of doubt"


async def test_when_the_finding_is_gone_it_goes_back_to_the_api_without_loss_or_repetition() -> None:
    node = Stream([cri(1, "one") + cri(2, "two")], "open")
    ways = FakeWays([Stream([], "open"), Stream([at(2, "two") + at(3, "three")], "open")], [node], why=KE206)
    desk = Desk(ways)

    def back() -> bool:
        if desk.texts[:2] == ["one", "two"]:
            ways.why = None
        return desk.texts == ["one", "two", "three"]

    await desk.until(back)
    assert desk.marks[-1] == "through the API again"
    assert node.closed
    assert desk.follower.state.way is Way.API


async def test_a_pod_that_is_gone_ends_it() -> None:
    ways = FakeWays([failing(Reason.MISSING, "pods web-0 not found")], running=None)
    desk = Desk(ways)
    await desk.until(lambda: desk.follower.state.ended)
    assert desk.marks == ["web-0/web is gone"]


async def test_a_denied_right_is_told_once_and_not_tried_for_ever() -> None:
    ways = FakeWays([failing(Reason.DENIED, "pods/log: get is denied")])
    desk = Desk(ways)
    await desk.until(lambda: desk.follower.state.ended)
    assert desk.marks == ["pods/log: get is denied"]
    assert len(ways.queries) == 1


async def test_a_journal_goes_on_where_it_broke() -> None:
    def said(second: int, text: str) -> bytes:
        return f"2026-11-22T09:00:{second:02d}.5+0000 edge1 edgecore[7]: {text}\n".encode()

    lost = failing(Reason.UNREACHABLE, "the connection to edge1 was lost")
    ways = FakeWays(ssh=[Stream([said(1, "one")], lost), Stream([said(1, "one") + said(2, "two")], "open")])
    desk = Desk(ways, JOURNAL)
    await desk.until(lambda: desk.texts == ["one", "two"])
    assert "-n 200 -f" in ways.commands[0]
    assert "--since='2026-11-22 09:00:01'" in ways.commands[1]
    assert desk.marks == ["the connection to edge1 was lost", "reconnected after 0 s"]


async def test_a_previous_log_is_read_once() -> None:
    previous = ContainerLog("factory", "web-0", "uid-1", "web", "edge1", previous=True)
    ways = FakeWays([Stream([at(1, "last words")])])
    desk = Desk(ways, previous)
    await desk.until(lambda: desk.follower.state.ended)
    assert desk.texts == ["last words"]
    assert ways.queries[0]["previous"] == "true"
    assert "follow" not in ways.queries[0]
    assert desk.marks == ["end of the log of the previous container"]


async def test_much_from_one_source_is_read_only_when_somebody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "BUDGET", 1 << 20)
    stream = Stream([at(1, "x" * 600_000), at(2, "y" * 600_000), at(3, "z")], "open")
    desk = Desk(FakeWays([stream]))
    task = asyncio.create_task(desk.follower.run())
    async with asyncio.timeout(20):
        while not desk.follower.state.waits:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
    assert len(desk.texts) == 2
    assert desk.marks == ["1 MiB of web-0/web were read; F reads on"]
    desk.follower.go_on()
    async with asyncio.timeout(20):
        while len(desk.texts) < 3:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_several_sources_begin_in_one_order_however_fast_each_is() -> None:
    other = ContainerLog("factory", "web-1", "uid-2", "web", "edge2")
    late = Stream([at(1, "first"), at(3, "third")], "open")

    class Two(FakeWays):
        def pod_log(self, log: ContainerLog, query: dict[str, str]) -> AsyncIterator[bytes]:
            return self._late() if log is other else aiter(Stream([at(2, "second"), at(4, "fourth")], "open"))

        async def _late(self) -> AsyncIterator[bytes]:
            await asyncio.sleep(0.2)
            async for piece in late:
                yield piece

    batches: list[Sequence[LogLine]] = []
    reader = LogReader(Two(), batches.append, tail=9)  # type: ignore[arg-type]
    reader.add(LOG)
    reader.add(other)
    async with asyncio.timeout(20):
        while not batches:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
    await reader.close()
    assert [line.text for line in batches[0]] == ["first", "second", "third", "fourth"]
