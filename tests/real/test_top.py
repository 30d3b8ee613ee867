"""What a machine tells over a real sshd, beside what ``top``, ``free`` and ``df`` say in the same seconds."""

from __future__ import annotations

import asyncio
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kedge.top import hosts
from kedge.top.host import HostSample
from kedge.top.hosts import HostNow, HostTops
from kedge.top.script import render
from tests.real.ssh_people import link_to, until
from tests.real.sshd import Sshd, running

pytestmark = pytest.mark.real

SECONDS = 5
TOLERANCE = 0.05
MARK = secrets.token_hex(8)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "top", "MaxSessions 10") as sshd:
        yield sshd


async def said(*argv: str) -> str:
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    out, _err = await process.communicate()
    return out.decode()


def busy_of_top(text: str) -> float:
    """The mean over the rounds of ``top`` but for the first, which counts since the machine started."""
    rounds = re.findall(r"%Cpu\(s\):.*[ ,]([\d.]+) id, *([\d.]+) wa", text)[1:]
    assert len(rounds) == SECONDS
    return 1 - sum(float(idle) + float(wait) for idle, wait in rounds) / 100 / len(rounds)


async def test_the_numbers_are_those_of_top_free_and_df(server: Sshd) -> None:
    samples: list[HostSample] = []

    def take(now: HostNow) -> None:
        if now.sample is not None:
            samples.append(now.sample)

    async with link_to(server) as link:
        tops = HostTops(lambda name: link)
        leave = tops.watch("edge1", 1, take)
        await until(lambda: bool(samples), 30)
        top = await said("top", "-b", "-d", "1", "-n", str(SECONDS + 1))
        free, df = await asyncio.gather(said("free", "-b"), said("df", "-P", "-k", "/"))
        count = len(samples)
        await until(lambda: len(samples) > count, 30)
        leave()
        await tops.close()
    cpu = [sample.cpu.busy for sample in samples if sample.cpu is not None][-SECONDS - 1 :]
    assert abs(sum(cpu) / len(cpu) - busy_of_top(top)) < TOLERANCE
    now = samples[-1]
    total, used = map(int, next(line for line in free.splitlines() if line.startswith("Mem:")).split()[1:3])
    assert now.memory.total == total
    assert abs(now.memory.used - used) < TOLERANCE * total
    blocks, _used, left = map(int, df.splitlines()[1].split()[1:4])
    root = next(disk for disk in now.disks if disk.mount == "/")
    assert root.total == blocks * 1024
    assert abs(root.available - left * 1024) < TOLERANCE * root.total
    load = float(re.findall(r"load average: ([\d.]+)", top)[-1])
    assert now.load is not None
    assert abs(now.load[0] - load) < max(0.5, 0.2 * load)


@pytest.fixture
def burning() -> Iterator[int]:
    """A process that does nothing but work."""
    process = subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
    yield process.pid
    process.kill()
    process.wait()


async def test_a_busy_process_is_seen(server: Sshd, burning: int) -> None:
    seen: list[float | None] = []

    def take(now: HostNow) -> None:
        own = [p for p in now.sample.processes if p.pid == burning] if now.sample is not None else []
        seen.extend(process.cpu for process in own)

    async with link_to(server) as link:
        tops = HostTops(lambda name: link)
        leave = tops.watch("edge1", 1, take)
        await until(lambda: any(cpu is not None and cpu > 0.1 for cpu in seen), 30)
        leave()
        await tops.close()
    assert all(cpu is None or cpu < 1.2 for cpu in seen)


async def test_opened_and_closed_often_it_leaves_nothing_on_either_side(
    server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "render", lambda nonce, interval: f": {MARK}\n{render(nonce, interval)}")
    async with link_to(server) as link:
        tops = HostTops(lambda name: link)
        for _round in range(20):
            seen: list[HostNow] = []
            leave = tops.watch("edge1", 1, seen.append)
            await until(lambda seen=seen: any(now.sample for now in seen), 30)  # type: ignore[misc]
            leave()
        await tops.close()
        await until(lambda: _threads() == [], 30)
    await until(lambda: _loops() == 0, 30)


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("stream", "top-"))]


def _loops() -> int:
    """How many loops of this very test run still run on the machine."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found += MARK.encode() in (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
