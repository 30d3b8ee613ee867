"""Long commands on a host: output as it comes, an end that is noticed on both sides, and what sudo says."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kedge.links.base import Command
from kedge.links.local import LocalLink
from kedge.links.pools import Pools
from kedge.links.shell_host import ShellHost
from kedge.model import LinkError, Reason
from kedge.prompter import RefusingPrompter
from tests.real.ssh_people import link_to, until
from tests.real.sshd import Sshd, running

pytestmark = pytest.mark.real

COUNT = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "streams", "MaxSessions 10") as sshd:
        yield sshd


@asynccontextmanager
async def local() -> AsyncIterator[LocalLink]:
    pools = Pools()
    link = LocalLink("here", pools, RefusingPrompter())
    try:
        yield link
    finally:
        await link.close()
        pools.close()


@pytest.fixture(params=["ssh", "local"])
async def link(request: pytest.FixtureRequest, server: Sshd) -> AsyncIterator[ShellHost]:
    async with link_to(server) if request.param == "ssh" else local() as made:
        yield made


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_output_comes_as_it_is_written_and_the_exit_code_at_the_end(link: ShellHost) -> None:
    stream = await link.stream("echo one; sleep 0.3; echo two; echo why >&2; exit 7", deadline=20)
    pieces = [piece async for piece in stream]
    assert pieces == [b"one\n", b"two\n"]
    assert (stream.exit_code, stream.complaint, stream.received) == (7, "why", 8)


async def test_every_byte_arrives_in_order(link: ShellHost) -> None:
    stream = await link.stream("seq 1 200000; printf '\\377\\000end'", deadline=20)
    data = b"".join([piece async for piece in stream])
    assert data == b"".join(b"%d\n" % number for number in range(1, 200_001)) + b"\xff\x00end"


async def test_closing_ends_the_command_and_its_children_though_they_write_nothing(link: ShellHost) -> None:
    stream = await link.stream("sleep 600 & echo $$ $!; sleep 600", deadline=20)
    shell, child = map(int, (await anext(aiter(stream))).split())
    assert is_alive(shell)
    await stream.aclose()
    await until(lambda: not is_alive(shell) and not is_alive(child), 20)


async def test_a_reader_that_falls_behind_holds_the_command_back(link: ShellHost) -> None:
    stream = await link.stream("yes 0123456789", deadline=20)
    reader = aiter(stream)
    await anext(reader)
    before = -1
    while before != stream.received:  # until nothing moves any more
        before = stream.received
        await asyncio.sleep(0.5)
    assert stream.received < 32_000_000
    await stream.aclose()


async def test_what_is_no_shell_text_reaches_the_command_unharmed(link: ShellHost) -> None:
    stream = await link.stream("printf '%s|' 'it'\\''s' '$HOME' '`id`' '生产线'; cat", deadline=20)
    assert b"".join([piece async for piece in stream]) == "it's|$HOME|`id`|生产线|".encode()


async def test_streams_do_not_disturb_sweeps_and_use_connections_of_their_own(server: Sshd) -> None:
    logins = server.count("Accepted publickey")
    async with link_to(server) as link:
        streams = [await link.stream(COUNT, deadline=20) for _number in range(9)]
        for stream in streams:
            assert (await anext(aiter(stream))).startswith(b"line 1\n")
        (answer,) = await link.batch([Command("a", "echo fine")], deadline=20)
        assert answer.stdout == b"fine\n"
        assert server.count("Accepted publickey") - logins == 3, "eight streams, one stream, the sweep"
        link.disconnect()
        await anext(aiter(streams[0]))  # lives on
        for stream in streams:
            await stream.aclose()
        await until(lambda: len(server.sessions()) == 0, 20)


async def drained(reader: AsyncIterator[bytes]) -> None:
    async for _piece in reader:
        pass


async def test_a_lost_connection_is_told_as_one(server: Sshd) -> None:
    async with link_to(server) as link:
        stream = await link.stream(COUNT, deadline=20)
        reader = aiter(stream)
        await anext(reader)
        server.kill_sessions()
        with pytest.raises(LinkError) as caught:
            await drained(reader)
    assert caught.value.unknown.reason is Reason.UNREACHABLE
    assert "edge1" in str(caught.value.unknown.text)
    assert stream.exit_code is None


async def test_a_command_that_cannot_be_found_says_so(link: ShellHost) -> None:
    stream = await link.stream("no-such-tool -f", deadline=20)
    assert [piece async for piece in stream] == []
    assert stream.exit_code == 127
    assert "no-such-tool" in stream.complaint


async def test_nothing_is_left_of_a_dozen_streams(server: Sshd) -> None:
    async with link_to(server) as link:
        await link.batch([Command("a", "true")], deadline=20)
        await until(lambda: not [t for t in threading.enumerate() if t.name.startswith(("stream", "close"))])
        files = len(os.listdir("/proc/self/fd"))
        for _number in range(12):
            stream = await link.stream(COUNT, deadline=20)
            await anext(aiter(stream))
            await stream.aclose()
        await until(lambda: not [t for t in threading.enumerate() if t.name.startswith(("stream", "close"))], 20)
        await until(lambda: len(os.listdir("/proc/self/fd")) <= files, 20)
