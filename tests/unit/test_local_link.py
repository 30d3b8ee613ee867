"""This machine as a host: the same batch, the same writer, no SSH."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from kedge.links import local
from kedge.links.base import Command
from kedge.links.host_writer import ShellWriter
from kedge.links.local import LocalLink
from kedge.links.pools import Pools
from kedge.links.script import Sudo
from kedge.model import LinkError, Reason
from kedge.prompter import RefusingPrompter


@pytest_asyncio.fixture
async def link() -> AsyncIterator[LocalLink]:
    pools = Pools()
    made = LocalLink("here", pools, RefusingPrompter(), sudo=Sudo.NONE)
    yield made
    await made.close()
    pools.close()


async def test_commands_answer_as_over_ssh(link: LocalLink) -> None:
    out, root, slow = await link.batch(
        [
            Command("out", "echo out; echo err >&2; exit 3"),
            Command("root", "id -u", root=True),
            Command("slow", "sleep 9", timeout=1),
        ],
        deadline=20,
    )
    assert (out.exit_code, out.stdout, out.stderr) == (3, b"out\n", b"err\n")
    assert root.stdout == f"{os.getuid()}\n".encode()
    assert slow.timed_out
    assert link.stats.channels == 1


async def test_a_deadline_keeps_what_has_answered_and_ends_the_rest(link: LocalLink, tmp_path: Path) -> None:
    began = time.monotonic()
    quick, slow = await link.batch(
        [Command("quick", "echo quick"), Command("slow", f"echo $$ >{tmp_path}/pid; exec sleep 60", 60)], deadline=2
    )
    assert time.monotonic() - began < 5
    assert (quick.stdout, slow.exit_code) == (b"quick\n", None)
    await until(lambda: not is_running(int((tmp_path / "pid").read_text())))


async def test_a_cancelled_batch_ends_what_it_started(link: LocalLink, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    shell = f"echo $$ >{mark}.new; mv {mark}.new {mark}; exec sleep 60"
    batch = asyncio.create_task(link.batch([Command("a", shell)], deadline=60))
    await until(mark.exists)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    await until(lambda: not is_running(int(mark.read_text())))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def test_a_shell_that_runs_nothing_is_quoted(link: LocalLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SHELL", ("/bin/sh", "-c", "echo closed for today >&2; exit 1"))
    with pytest.raises(LinkError) as caught:
        await link.batch([Command("a", "true")], deadline=10)
    assert caught.value.unknown.reason is Reason.UNPARSABLE
    assert "closed for today" in str(caught.value)


async def test_a_missing_shell_is_named(link: LocalLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SHELL", ("/no/such/shell",))
    with pytest.raises(LinkError) as caught:
        await link.batch([Command("a", "true")], deadline=10)
    assert caught.value.unknown.reason is Reason.NO_TOOL


async def test_a_shell_that_says_nothing_is_a_timeout(link: LocalLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SHELL", ("/bin/sh", "-c", "exec sleep 30"))
    with pytest.raises(LinkError) as caught:
        await link.batch([Command("a", "true")], deadline=1)
    assert caught.value.unknown.reason is Reason.TIMED_OUT


async def test_files_are_replaced_here_too(link: LocalLink, tmp_path: Path) -> None:
    file = tmp_path / "edgecore.yaml"
    file.write_bytes(b"old\n")
    file.chmod(0o640)
    writer = ShellWriter(link)
    await writer.write(str(file), b"# new\xff\n", deadline=10)
    assert await writer.read(str(file), deadline=10) == b"# new\xff\n"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert os.listdir(tmp_path) == ["edgecore.yaml"]
