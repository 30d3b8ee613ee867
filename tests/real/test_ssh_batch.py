"""Batches over a real sshd: one connection, one channel each, and what happens when things hang or break."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kedge.links.base import Command
from kedge.links.pools import Pools
from kedge.links.ssh import SshLink
from kedge.links.ssh_config import SshTarget
from kedge.links.ssh_shared import SshShared
from kedge.model import LinkError, Reason
from kedge.prompter import RefusingPrompter
from tests.real.ssh_people import failure, link_to, until
from tests.real.sshd import Sshd, running

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "batch", "MaxSessions 10") as sshd:
        yield sshd


async def test_commands_come_back_with_their_own_outcomes(server: Sshd) -> None:
    weird = bytes(range(256)) + "名字\n".encode("gbk")
    script = "".join(f"\\{byte:03o}" for byte in weird)
    commands = [
        Command("id", "id -u", root=True),
        Command("fails", "echo no >&2; exit 9"),
        Command("bytes", f"printf '{script}'"),
        Command("stdin", "cat", stdin=weird),
        Command("last", "date -u +%s"),
    ]
    async with link_to(server) as link:
        answers = await link.batch(commands, deadline=20)
    assert [answer.id for answer in answers] == ["id", "fails", "bytes", "stdin", "last"]
    root, fails, raw, stdin, last = answers
    assert root.stdout == b"0\n"
    assert (fails.exit_code, fails.stderr) == (9, b"no\n")
    assert raw.stdout == stdin.stdout == weird
    assert last.at is not None
    assert abs(last.at.timestamp() - int(last.stdout)) < 2


async def test_ten_megabytes_are_cut_to_the_cap_and_the_next_command_is_not_disturbed(server: Sshd) -> None:
    commands = [Command("big", "head -c 10000000 /dev/urandom; exit 4"), Command("next", "echo here")]
    async with link_to(server) as link:
        big, following = await link.batch(commands, deadline=30)
        assert link.stats.received < 300_000
    assert (len(big.stdout), big.cut, big.exit_code) == (262_144, True, 4)
    assert following.stdout == b"here\n"


async def test_both_streams_may_be_larger_than_an_ssh_window(server: Sshd) -> None:
    cap = 6_000_000
    shell = f"head -c {cap} /dev/zero & head -c {cap} /dev/zero >&2; wait"
    async with link_to(server) as link:
        (answer,) = await link.batch([Command("both", shell, cap=cap)], deadline=60)
    assert (len(answer.stdout), len(answer.stderr), answer.cut) == (cap, cap, False)


async def test_a_hung_command_costs_its_own_timeout_only(server: Sshd) -> None:
    commands = [Command("hang", "sleep 600 & sleep 600", timeout=1), Command("fine", "echo fine")]
    async with link_to(server) as link:
        hang, fine = await link.batch(commands, deadline=30)
    assert (hang.exit_code, hang.timed_out) == (124, True)
    assert fine.stdout == b"fine\n"


async def test_many_batches_use_one_connection_and_one_channel_each(server: Sshd) -> None:
    before = server.count("Accepted publickey"), server.count("Starting session")
    async with link_to(server) as link:
        for number in range(20):
            (answer,) = await link.batch([Command("n", f"echo {number}")], deadline=20)
            assert answer.stdout == f"{number}\n".encode()
        assert (link.stats.connections, link.stats.channels) == (1, 20)
        assert len(server.sessions()) == 1
    after = server.count("Accepted publickey"), server.count("Starting session")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 20)


async def test_batches_at_the_same_time_share_the_connection(server: Sshd) -> None:
    async with link_to(server) as link:
        sweeps = [link.batch([Command("n", f"sleep 0.2; echo {number}")], deadline=30) for number in range(20)]
        answers = await asyncio.gather(*sweeps)
        assert [answer.stdout for (answer,) in answers] == [f"{n}\n".encode() for n in range(20)]
        assert link.stats.connections == 1


async def test_a_connection_lost_mid_sweep_keeps_what_has_answered(server: Sshd, tmp_path: Path) -> None:
    commands = [
        Command("quick", "head -c 5000 /dev/urandom"),
        Command("slow", f"readlink /proc/$$/fd/2 >{tmp_path}/running; sleep 60", timeout=2),
    ]
    async with link_to(server) as link:
        sweep = asyncio.create_task(link.batch(commands, deadline=60))
        await until(lambda: link.stats.received > 5000 and (tmp_path / "running").exists())
        server.kill_sessions()
        quick, slow = await asyncio.wait_for(sweep, 10)
        assert (quick.exit_code, len(quick.stdout)) == (0, 5000)
        assert (slow.exit_code, slow.stdout) == (None, b"")
        (again,) = await link.batch([Command("again", "echo back")], deadline=20)
        assert again.stdout == b"back\n"
        assert link.stats.connections == 2
    folder = Path((tmp_path / "running").read_text().strip()).parent
    assert folder.name.startswith("kedge-")
    await until(lambda: not folder.exists())  # on the host the script notices, too, and tidies up


async def test_a_connection_lost_before_any_answer_is_said(server: Sshd, tmp_path: Path) -> None:
    async with link_to(server) as link:
        await link.batch([Command("warm", "true")], deadline=20)
        server.kill_sessions()
        await until(lambda: not link.is_connected)
        (again,) = await link.batch([Command("again", "echo back")], deadline=20)
        assert again.stdout == b"back\n"


async def test_a_deadline_keeps_what_has_answered_and_the_connection(server: Sshd) -> None:
    commands = [Command("quick", "echo quick"), Command("slow", "sleep 60", timeout=60)]
    async with link_to(server) as link:
        await link.batch([Command("warm", "true")], deadline=20)
        began = time.monotonic()
        quick, slow = await link.batch(commands, deadline=3)
        assert time.monotonic() - began < 4
        assert (quick.stdout, slow.exit_code) == (b"quick\n", None)
        (again,) = await link.batch([Command("again", "echo again")], deadline=20)
        assert again.stdout == b"again\n"
        assert link.stats.connections == 1


async def test_a_login_shell_that_runs_nothing_is_quoted(tmp_path: Path) -> None:
    with running(tmp_path / "s", "ForceCommand echo This account is closed.") as sshd:
        async with link_to(sshd) as link:
            unknown = await failure(link)
    assert unknown.reason is Reason.UNPARSABLE
    assert "This account is closed." in str(unknown.text)


async def test_a_noisy_login_does_not_disturb_the_answers(tmp_path: Path) -> None:
    noise = "echo hello; echo warning >&2; head -c 300000 /dev/zero >&2; "
    with running(tmp_path / "s", f"ForceCommand {noise} $SSH_ORIGINAL_COMMAND") as sshd:
        async with link_to(sshd) as link:
            (answer,) = await link.batch([Command("a", "echo fine")], deadline=20)
    assert answer.stdout == b"fine\n"


async def test_a_refused_session_is_said_and_the_connection_kept(tmp_path: Path) -> None:
    with running(tmp_path / "s", "MaxSessions 0") as sshd:
        async with link_to(sshd) as link:
            unknown = await failure(link)
            assert unknown.reason is Reason.SERVER_ERROR
            assert link.is_connected


async def test_open_connections_are_limited_and_the_longest_unused_goes(tmp_path: Path) -> None:
    pools, shared = Pools(), SshShared(most_open=2)
    with running(tmp_path / "s") as sshd:
        sshd.configure_client(host="*")
        names = ("one", "two", "three")
        targets = [SshTarget(name, ssh_config=sshd.ssh_config) for name in names]
        links = [SshLink(target, pools, RefusingPrompter(), shared) for target in targets]
        for link in links:
            await link.batch([Command("a", "true")], deadline=20)
        await until(lambda: len(sshd.sessions()) == 2)
        assert [link.is_connected for link in links] == [False, True, True]
        await links[0].batch([Command("a", "true")], deadline=20)
        await until(lambda: len(sshd.sessions()) == 2)
        assert [link.is_connected for link in links] == [True, False, True]
        for link in links:
            await link.close()
    pools.close()


async def test_nothing_is_left_open_by_links_that_failed_or_were_closed(server: Sshd, tmp_path: Path) -> None:
    def open_things() -> tuple[int, int]:
        transports = [thread for thread in threading.enumerate() if type(thread).__name__ == "Transport"]
        return len(transports), len(os.listdir("/proc/self/fd"))

    async with link_to(server) as link:  # whatever is made once is made now
        await link.batch([Command("a", "true")], deadline=20)
    await until(lambda: open_things()[0] == 0)
    before = open_things()
    for _round in range(5):
        async with link_to(server) as link:
            await link.batch([Command("a", "true")], deadline=20)
        async with link_to(server, identity=str(tmp_path / "none")) as link:
            await failure(link)
    await until(lambda: open_things() == before)


async def test_a_cancelled_sweep_frees_its_thread_and_the_link_goes_on(server: Sshd) -> None:
    async with link_to(server) as link:
        await link.batch([Command("warm", "true")], deadline=20)
        sweep = asyncio.create_task(link.batch([Command("slow", "sleep 60", timeout=60)], deadline=60))
        await until(lambda: link.stats.channels == 2)
        sweep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sweep
        (again,) = await link.batch([Command("again", "echo again")], deadline=20)
        assert again.stdout == b"again\n"


async def test_an_empty_batch_asks_nothing(server: Sshd) -> None:
    async with link_to(server) as link:
        assert await link.batch([], deadline=5) == []
        assert link.stats.connections == 0


async def test_a_host_that_is_down_costs_one_deadline_for_everybody(server: Sshd) -> None:
    async with link_to(server, port=1) as link:
        outcomes = await asyncio.gather(
            *(link.batch([Command("a", "true")], deadline=5) for _ in range(10)), return_exceptions=True
        )
        outcomes = [outcome for outcome in outcomes if isinstance(outcome, LinkError)]
        assert len(outcomes) == 10
        assert len({id(outcome.unknown) for outcome in outcomes}) == 1
        assert link.stats.connections == 0
        began = time.monotonic()
        assert (await failure(link)).reason is Reason.UNREACHABLE
        assert time.monotonic() - began < 0.1
