"""What becomes of work under way on the networks that edges have: reboots, silence, latency, cuts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kedge.audit import Audit
from kedge.execute.base import Settings, SystemClock
from kedge.execute.uploads import PIECE
from kedge.executor import Executor, Progress, Result, Where
from kedge.i18n import Text
from kedge.links.base import Command
from kedge.links.host_writer import ShellWriter
from kedge.model import Approval, LinkError, Plan, Reason, Risk
from kedge.steps import UploadFile
from tests.real.direct_writer import DirectWriters
from tests.real.relay import Relay, relayed
from tests.real.site import Site
from tests.real.ssh_people import failure, link_to, until

pytestmark = pytest.mark.real

BOOT = [Command("boot", "cat /proc/sys/kernel/random/boot_id")]


async def drained(reader: AsyncIterator[bytes]) -> None:
    async for _piece in reader:
        pass


async def test_a_reboot_ends_a_stream_with_a_word_and_the_next_one_runs(site: Site) -> None:
    edge = site.edges[0]
    async with link_to(site, name="edge1") as link:
        (before,) = await link.batch(BOOT, deadline=20)
        stream = await link.stream("while :; do echo tick; sleep 0.1; done", deadline=20)
        reader = aiter(stream)
        assert (await anext(reader)).startswith(b"tick")
        await asyncio.to_thread(edge.reboot)
        with pytest.raises(LinkError) as caught:
            await asyncio.wait_for(drained(reader), 40)
        assert caught.value.unknown.reason is Reason.UNREACHABLE
        assert "edge1" in str(caught.value.unknown.text)
        assert stream.exit_code is None
        (after,) = await link.batch(BOOT, deadline=20)
        assert after.stdout != before.stdout
        again = await link.stream("echo up", deadline=20)
        assert [piece async for piece in again] == [b"up\n"]


async def test_silence_in_mid_sweep_keeps_what_has_answered_and_ends(site: Site) -> None:
    edge = site.edges[0]
    commands = [Command("quick", "head -c 5000 /dev/urandom"), Command("slow", "sleep 60", timeout=60)]
    async with link_to(site, name="edge1") as link:
        sweep = asyncio.create_task(link.batch(commands, deadline=2.5))
        await until(lambda: link.stats.received > 5000)
        edge.firewall.drop(22)
        quick, slow = await asyncio.wait_for(sweep, 20)
        assert (len(quick.stdout), slow.exit_code) == (5000, None)
        assert (await failure(link, deadline=1.5)).reason is Reason.TIMED_OUT
        edge.firewall.open()
        link.retry_now()
        assert (await link.batch(BOOT, deadline=20))[0].exit_code == 0


@pytest.fixture
def far(site: Site) -> Iterator[Relay]:
    """The way to edge1: 200 ms there and back."""
    with relayed(site.edges[0].address, 22, delay=0.1) as relay:
        site.configure("Host edge1", "  HostName 127.0.0.1", f"  Port {relay.port}", "  HostKeyAlias far")
        site.known_hosts.write_text(site.edges[0].sshd.known_lines().replace(site.edges[0].address, "far"))
        yield relay


async def test_a_sweep_costs_one_channel_and_two_round_trips_however_far_the_host(site: Site, far: Relay) -> None:
    commands = [Command(str(number), f"echo {number}", root=number % 2 == 0) for number in range(24)]
    async with link_to(site, name="edge1") as link:
        await link.batch(commands, deadline=60)
        spoken, channels = far.round_trips, link.stats.channels
        answers = await link.batch(commands, deadline=60)
        assert [answer.stdout for answer in answers] == [f"{number}\n".encode() for number in range(24)]
        assert link.stats.channels - channels == 1
        assert far.connections == 1
        assert far.round_trips - spoken <= 4  # to open, to run, and what the window and the end may add


async def test_an_upload_goes_on_over_a_new_connection_and_is_checked(site: Site, tmp_path: Path) -> None:
    edge, cut, said = site.edges[0], [True], list[str]()
    source = tmp_path / "image.tar"
    source.write_bytes(os.urandom(PIECE + 2017))
    step = UploadFile("edge1", str(source), "/var/log/image of there.tar")

    def progress(seen: Progress) -> None:
        said.append(str(seen.text))
        if cut and "%" in said[-1]:
            cut.clear()
            edge.sshd.kill_sessions()

    async with link_to(site, name="edge1") as link:
        settings = Settings(find_out=10, poll=0.05)
        writers = DirectWriters({"edge1": ShellWriter(link)})
        where = Where("plant")
        executor = Executor(writers, Audit(tmp_path / "audit"), lambda: False, where, SystemClock(), settings)
        preview = await executor.preview(Plan("x", "edge1", Text("Load"), (step,), Risk.LOW, Text("nobody notices")))
        outcome = await executor.apply(preview, Approval(preview.digest, "ann", "test"), progress)
        assert (outcome.result, link.stats.connections) == (Result.DONE, 2)
    arrived = edge.machine.path("/var/log/image of there.tar")
    assert arrived.read_bytes() == source.read_bytes()
    assert arrived.stat().st_uid == 0, "through sudo"
    assert [line.rpartition("(")[2] for line in said if "%" in line] == ["99 %)", "100 %)"]
