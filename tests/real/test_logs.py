"""Log files of a node over a real sshd: every line once through rotation, restarts and lost connections."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedge.i18n import Text
from kedge.links.base import HostStream
from kedge.links.ssh import SshLink
from kedge.logs import follow
from kedge.logs.follow import Follower
from kedge.logs.lines import LineKind, LogLine
from kedge.logs.sources import ContainerLog, UnitLog
from kedge.logs.ways import Broken
from kedge.model import LinkError, Reason, Unknown
from tests.real.ssh_people import link_to, until
from tests.real.sshd import Sshd, running

pytestmark = pytest.mark.real

LOG = ContainerLog("factory", "web-0", "uid 1", "web", "edge1")
COUNT = 60_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "logs", "MaxSessions 10") as sshd:
        yield sshd


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "RETRY_FIRST", 0.05)


class NodeOnly:
    """The API gives nothing; the node is reached over SSH."""

    def __init__(self, link: SshLink, folder: Path) -> None:
        self._link, self._folder = link, folder

    async def pod_log(self, log: ContainerLog, query: dict[str, str]) -> AsyncIterator[bytes]:
        raise LinkError(Unknown(Reason.UNREACHABLE, Text("the tunnel is down")))
        yield b""

    async def host_stream(self, host: str, command: str) -> HostStream:
        return await self._link.stream(command, deadline=20)

    def pod_logs_folder(self, host: str) -> str:
        return str(self._folder)

    def broken(self, node: str) -> Broken | None:
        return Broken("KE206", Text("EdgeStream is disabled"))

    async def ask_anew(self, node: str) -> Broken | None:
        return self.broken(node)

    def is_running(self, log: ContainerLog) -> bool | None:
        return True

    def restarts(self, log: ContainerLog) -> int | None:
        return 0


class Container(threading.Thread):
    """Writes numbered lines as a kubelet would, rotates its file once, and waits where the test breaks something."""

    def __init__(self, folder: Path, count: int) -> None:
        super().__init__(daemon=True)
        self.folder, self.count, self.written = folder, count, 0
        self.go_on = threading.Semaphore(0)
        folder.mkdir(parents=True)
        self.file = (folder / "0.log").open("a")
        self._write(10)

    def _write(self, count: int) -> None:
        for _line in range(count):
            stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            self.file.write(f"{stamp} stdout F number {self.written}\n")
            self.written += 1
        self.file.flush()

    def run(self) -> None:
        while self.written < self.count:
            if self.written == self.count // 2:
                self.file.close()
                (self.folder / "0.log").rename(self.folder / "0.log.20261122-090000")
                self.file = (self.folder / "0.log").open("a")
            if self.written in (self.count // 5, self.count * 4 // 5):
                self.go_on.acquire()
            self._write(500 - self.written % 500)
            time.sleep(0.005)
        self.file.close()


def numbers(lines: list[LogLine]) -> list[int]:
    return [int(line.text.split()[1]) for line in lines if line.kind is LineKind.LINE]


async def test_every_line_once_through_rotation_and_a_lost_connection(server: Sshd, tmp_path: Path) -> None:
    container = Container(tmp_path / "factory_web-0_uid 1" / "web", COUNT)
    lines: list[LogLine] = []
    async with link_to(server) as link:
        task = asyncio.create_task(Follower(LOG, 0, NodeOnly(link, tmp_path), lines.extend).run())
        await until(lambda: len(numbers(lines)) == 10)
        container.start()
        for share in (0.2, 0.8):
            await until(lambda share=share: len(numbers(lines)) >= COUNT * share, 60)
            server.kill_sessions()
            container.go_on.release()
        await until(lambda: numbers(lines)[-1] == COUNT - 1, 60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    container.join()
    found = numbers(lines)
    assert found == list(range(COUNT))
    marks = [line.text for line in lines if line.kind is LineKind.MARK]
    assert sum("reconnected after" in text for text in marks) == 2
    assert any("rotated" in text for text in marks)
    assert not any("missing" in text for text in marks)


async def test_a_container_that_was_started_again_is_followed_in_its_next_file(server: Sshd, tmp_path: Path) -> None:
    folder = tmp_path / "factory_web-0_uid 1" / "web"
    folder.mkdir(parents=True)
    for number, name in enumerate(["2.log", "9.log", "10.log"]):
        (folder / name).write_text(f"2026-11-22T09:00:0{number}Z stderr F number {number}\n")
    lines: list[LogLine] = []
    async with link_to(server) as link:
        task = asyncio.create_task(Follower(LOG, 0, NodeOnly(link, tmp_path), lines.extend).run())
        await until(lambda: numbers(lines) == [2])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        previous = ContainerLog("factory", "web-0", "uid 1", "web", "edge1", previous=True)
        before: list[LogLine] = []
        await Follower(previous, 0, NodeOnly(link, tmp_path), before.extend).run()
    assert numbers(before) == [1]


async def test_a_node_without_the_pods_files_says_where_it_looked(server: Sshd, tmp_path: Path) -> None:
    lines: list[LogLine] = []
    async with link_to(server) as link:
        task = asyncio.create_task(Follower(LOG, 0, NodeOnly(link, tmp_path), lines.extend).run())
        await until(lambda: any("cannot be read" in line.text for line in lines))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert f"{tmp_path}/factory_web-0_uid 1/web" in next(line.text for line in lines if "cannot be read" in line.text)


async def test_without_a_journal_the_log_file_is_followed(server: Sshd, tmp_path: Path) -> None:
    """A host without systemd: the PATH of the command holds no journalctl."""
    file = tmp_path / "edgecore.log"
    file.write_text("".join(f"I1122 09:00:00.000000 1 a.go:1] line {n}\n" for n in range(500)))

    class Bare(NodeOnly):
        async def host_stream(self, host: str, command: str) -> HostStream:
            tools = tmp_path / "bin"
            tools.mkdir(exist_ok=True)
            for tool in ("awk", "cat", "cksum", "date", "dd", "ls", "sleep", "tail", "tr", "wc"):
                if not (tools / tool).exists():
                    (tools / tool).symlink_to(shutil.which(tool) or "")
            return await self._link.stream(f"PATH={tools}\n{command}", deadline=20)

    lines: list[LogLine] = []
    async with link_to(server) as link:
        log = UnitLog("edge1", "edgecore", str(file))
        task = asyncio.create_task(Follower(log, 0, Bare(link, tmp_path), lines.extend, tail=3).run())
        await until(lambda: len(lines) == 3)
        with file.open("a") as more:
            more.write("I1122 09:00:01.000000 1 a.go:1] fresh\n")
        await until(lambda: len(lines) == 4)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [line.text.rpartition("] ")[2] for line in lines] == ["line 497", "line 498", "line 499", "fresh"]
