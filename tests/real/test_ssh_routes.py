"""Ways to a host: jump hosts, proxy commands, and every way in which nobody is at home."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kedge.links.base import Command
from kedge.links.pools import Pools
from kedge.links.ssh import SshLink
from kedge.links.ssh_config import SshTarget
from kedge.links.ssh_shared import SshShared
from kedge.model import Reason
from kedge.prompter import RefusingPrompter
from tests.real.ssh_people import Person, failure, link_to, until
from tests.real.sshd import Sshd, running

pytestmark = pytest.mark.real

ASK = [Command("a", "echo fine")]


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "gate") as sshd:
        yield sshd


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "inner") as sshd:
        yield sshd


@pytest.fixture
def both(gate: Sshd, inner: Sshd) -> Sshd:
    """The inner server, with a client configuration that also knows the gate."""
    gate.trust()
    inner.trust()
    own = gate.configure_client(host="gate").read_text()
    inner.configure_client(host="edge*")
    inner.ssh_config.write_text(own + inner.ssh_config.read_text())
    return inner


# ---------------------------------------------------------------------------------------------- jump hosts


async def test_a_host_behind_a_jump_host(both: Sshd, gate: Sshd) -> None:
    async with link_to(both, jump="gate") as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
        assert len(gate.sessions()) == 1
        (big,) = await link.batch([Command("big", "head -c 3000000 /dev/zero", cap=3_000_000)], deadline=60)
        assert len(big.stdout) == 3_000_000


async def test_two_jump_hosts_in_a_row(both: Sshd) -> None:
    async with link_to(both, jump="gate,edge0") as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"


async def test_every_hop_is_verified(both: Sshd, gate: Sshd, inner: Sshd) -> None:
    gate.known_hosts.write_text("")
    async with link_to(both, jump="gate") as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.HOST_KEY
    assert "gate" in str(unknown.text)
    gate.trust()
    inner.known_hosts.write_text("")
    person = Person(True)
    async with link_to(both, person, jump="gate") as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
    assert [question.host for question in person.asked] == ["edge1"]


async def test_many_hosts_share_one_connection_to_the_jump_host(both: Sshd, gate: Sshd) -> None:
    pools, shared = Pools(), SshShared()
    before = gate.count("Accepted publickey")
    targets = [SshTarget(f"edge{n}", jump="gate", ssh_config=both.ssh_config) for n in range(6)]
    links = [SshLink(target, pools, RefusingPrompter(), shared) for target in targets]
    answers = await asyncio.gather(*(link.batch(ASK, deadline=30) for link in links))
    assert [answer.stdout for (answer,) in answers] == [b"fine\n"] * 6
    assert gate.count("Accepted publickey") == before + 1
    gate.kill_sessions()
    await until(lambda: not any(link.is_connected for link in links))
    await asyncio.gather(*(link.batch(ASK, deadline=30) for link in links))
    assert gate.count("Accepted publickey") == before + 2
    for link in links:
        await link.close()
    shared.close()
    pools.close()


async def test_a_jump_host_that_finds_nobody_says_so(both: Sshd) -> None:
    async with link_to(both, jump="gate", port=1) as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.UNREACHABLE
    assert "jump host" in str(unknown.text)
    assert "127.0.0.1:1" in str(unknown.text)


async def test_a_jump_host_that_is_down_is_named(both: Sshd, tmp_path: Path) -> None:
    text = both.ssh_config.read_text()
    both.ssh_config.write_text(f"Host gone\n  HostName 127.0.0.1\n  Port 1\n{text}")
    async with link_to(both, jump="gone") as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.UNREACHABLE
    assert "gone refuses SSH" in str(unknown.text)


async def test_a_proxy_command_makes_the_connection_and_ends_with_it(both: Sshd, gate: Sshd) -> None:
    before = gate.count("Accepted publickey")
    proxy = f"ssh -F {both.ssh_config} -W %h:%p gate"
    both.ssh_config.write_text(f"Host edge5\n  ProxyCommand {proxy}\n{both.ssh_config.read_text()}")
    async with link_to(both, name="edge5") as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
        assert gate.count("Accepted publickey") == before + 1
        await until(lambda: len(gate.sessions()) == 1)
    await until(lambda: gate.sessions() == [])


async def test_a_proxy_command_that_fails_is_a_closed_connection(both: Sshd) -> None:
    both.ssh_config.write_text(f"Host edge5\n  ProxyCommand false\n{both.ssh_config.read_text()}")
    async with link_to(both, name="edge5") as link:
        assert (await failure(link)).reason is Reason.UNREACHABLE


# --------------------------------------------------------------------------------------------- nobody there


@contextmanager
def serving(talk: Callable[[socket.socket], object]) -> Iterator[int]:
    """A TCP server on loopback that does ``talk`` with whoever connects, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _address = listener.accept()
                except OSError:
                    return
                with client:
                    talk(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def wait_for_goodbye(client: socket.socket) -> None:
    while client.recv(4096):
        pass


@contextmanager
def filtered() -> Iterator[int]:
    """A port whose packets are dropped: a listener with its backlog full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = []
        while True:
            sock = socket.socket()
            waiting.append(sock)
            sock.settimeout(0.3)
            try:
                sock.connect(("127.0.0.1", port))
            except TimeoutError:
                break
        try:
            yield port
        finally:
            for sock in waiting:
                sock.close()


async def test_a_refused_port_is_unreachable(both: Sshd) -> None:
    async with link_to(both, port=1) as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.UNREACHABLE
    assert str(unknown.text).startswith("edge1 refuses SSH on 127.0.0.1:1")


async def test_a_name_nobody_knows_is_unreachable(both: Sshd) -> None:
    async with link_to(both, address="edge1.invalid") as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.UNREACHABLE
    assert "edge1.invalid cannot be resolved" in str(unknown.text)


async def test_a_filtered_port_times_out_while_connecting(both: Sshd) -> None:
    with filtered() as port:
        async with link_to(both, port=port) as link:
            began = time.monotonic()
            unknown = await failure(link, deadline=1.5)
            assert time.monotonic() - began < 2.5
    assert unknown.reason is Reason.TIMED_OUT
    assert str(unknown.text) == f"edge1: timed out after 1.5 s while connecting to 127.0.0.1:{port}"


async def test_connect_timeout_of_ssh_config_is_kept(both: Sshd) -> None:
    both.ssh_config.write_text(f"Host edge1\n  ConnectTimeout 1\n{both.ssh_config.read_text()}")
    with filtered() as port:
        async with link_to(both, port=port) as link:
            began = time.monotonic()
            assert (await failure(link, deadline=20)).reason is Reason.TIMED_OUT
            assert time.monotonic() - began < 5


async def test_a_silent_server_times_out_while_greeting(both: Sshd) -> None:
    with serving(wait_for_goodbye) as port:
        async with link_to(both, port=port) as link:
            unknown = await failure(link, deadline=1.5)
    assert unknown.reason is Reason.TIMED_OUT
    assert "to greet" in str(unknown.text)


async def test_a_server_that_stops_after_its_greeting_times_out_while_agreeing_on_keys(both: Sshd) -> None:
    def greet(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
        wait_for_goodbye(client)

    with serving(greet) as port:
        async with link_to(both, port=port) as link:
            unknown = await failure(link, deadline=1.5)
    assert unknown.reason is Reason.TIMED_OUT
    assert "agreeing on keys" in str(unknown.text)


@pytest.mark.parametrize("greeting", [b"220 ready\r\n", b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\0\1\2\3\n"])
async def test_another_kind_of_server_is_no_ssh(both: Sshd, greeting: bytes) -> None:
    def talk(client: socket.socket) -> None:
        client.sendall(greeting)
        wait_for_goodbye(client)

    with serving(talk) as port:
        async with link_to(both, port=port) as link:
            unknown = await failure(link)
    assert unknown.reason is Reason.NO_SSH
    assert f"127.0.0.1:{port}" in str(unknown.text)
    assert repr(greeting.decode().splitlines()[0]) in str(unknown.text)


async def test_a_server_that_hangs_up_at_once_is_unreachable(both: Sshd) -> None:
    with serving(lambda client: None) as port:
        async with link_to(both, port=port) as link:
            unknown = await failure(link)
    assert unknown.reason is Reason.UNREACHABLE


async def test_algorithms_from_another_age_are_told_apart(tmp_path: Path) -> None:
    with running(tmp_path / "old", "KexAlgorithms diffie-hellman-group1-sha1") as sshd:
        async with link_to(sshd) as link:
            unknown = await failure(link)
    assert unknown.reason is Reason.UNSUPPORTED
    assert "too old" in str(unknown.text)
