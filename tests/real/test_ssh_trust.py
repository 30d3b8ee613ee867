"""Host keys of a real sshd: known, unknown, changed, revoked, vouched for by an authority."""

from __future__ import annotations

import asyncio
import base64
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kedge.links.base import Command
from kedge.links.known_hosts import fingerprint
from kedge.model import Reason
from kedge.prompter import QuestionKind, RefusingPrompter, SharedPrompter
from tests.real.ssh_people import Person, failure, link_to
from tests.real.sshd import Sshd, keygen, public, running

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "trust", host_key_kinds=("ed25519", "rsa", "ecdsa")) as sshd:
        yield sshd


@pytest.fixture
def server(listening: Sshd) -> Sshd:
    """The server as every test finds it: known, with the plain client configuration."""
    listening.trust()
    listening.configure_client()
    return listening


def print_of(key: Path) -> str:
    return fingerprint(base64.b64decode(public(key).split()[1]))


ASK = [Command("a", "echo fine")]


async def test_an_unknown_key_is_refused_where_nobody_can_be_asked(server: Sshd) -> None:
    server.known_hosts.write_text("# nothing\n")
    async with link_to(server) as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.HOST_KEY
    assert f"ssh-ed25519 {print_of(server.host_keys[0])}" in str(unknown.text)
    assert server.known_hosts.read_text() == "# nothing\n"


async def test_an_unknown_key_is_shown_and_kept_once_accepted(server: Sshd) -> None:
    server.known_hosts.unlink()
    person = Person(True)
    async with link_to(server, person) as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
    (question,) = person.asked
    assert question.kind is QuestionKind.HOST_KEY
    assert question.about == print_of(server.host_keys[0])
    assert question.about in str(question.text)
    assert "edge1" in str(question.text)
    assert server.known_hosts.read_text() == f"[127.0.0.1]:{server.port} {public(server.host_keys[0])}\n"
    assert stat.S_IMODE(server.known_hosts.stat().st_mode) == 0o600
    async with link_to(server, person) as link:
        await link.batch(ASK, deadline=20)
    assert len(person.asked) == 1
    assert len(server.known_hosts.read_text().splitlines()) == 1


async def test_a_refused_key_is_not_kept_and_not_asked_about_again_soon(server: Sshd) -> None:
    server.known_hosts.write_text("")
    person = Person(False)
    async with link_to(server, person) as link:
        for _again in range(3):
            assert (await failure(link)).reason is Reason.HOST_KEY
        assert len(person.asked) == 1
        person = Person(True)
        link._prompter = person
        link.retry_now()
        await link.batch(ASK, deadline=20)
    assert len(person.asked) == 1


async def test_thinking_takes_as_long_as_it_takes_and_holds_no_connection(server: Sshd) -> None:
    server.known_hosts.write_text("")
    connected: list[int] = []
    asked, answer = asyncio.Event(), asyncio.Event()

    class Slow(Person):
        async def ask(self, question):  # type: ignore[no-untyped-def]
            asked.set()
            await answer.wait()
            return await super().ask(question)

    person = Slow(True)
    async with link_to(server, SharedPrompter(person)) as link:
        first = asyncio.create_task(link.batch(ASK, deadline=2))
        second = asyncio.create_task(link.batch(ASK, deadline=2))
        await asyncio.wait_for(asked.wait(), 10)
        done, _pending = await asyncio.wait({first, second}, timeout=3)
        assert not done
        for _ in range(50):
            connected = server.sessions()
            if not connected:
                break
            await asyncio.sleep(0.05)
        assert connected == []
        answer.set()
        assert [(await sweep)[0].stdout for sweep in (first, second)] == [b"fine\n", b"fine\n"]
    assert len(person.asked) == 1


async def test_the_accept_flag_takes_new_keys_but_never_a_changed_one(server: Sshd, tmp_path: Path) -> None:
    server.known_hosts.write_text("")
    async with link_to(server, RefusingPrompter(accept_new_host_keys=True)) as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
    other = keygen(tmp_path / "other")
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public(other)}\n")
    async with link_to(server, RefusingPrompter(accept_new_host_keys=True)) as link:
        assert (await failure(link)).reason is Reason.HOST_KEY


@pytest.mark.parametrize("strict", ["ask", "accept-new", "no"])
async def test_a_changed_key_is_refused_whatever_ssh_config_says(server: Sshd, tmp_path: Path, strict: str) -> None:
    other = keygen(tmp_path / "other")
    text = f"# the old machine\n[127.0.0.1]:{server.port} {public(other)}\n"
    server.known_hosts.write_text(text)
    server.configure_client(f"StrictHostKeyChecking {strict}")
    person = Person(True)
    async with link_to(server, person) as link:
        unknown = await failure(link)
    said = str(unknown.text)
    assert unknown.reason is Reason.HOST_KEY
    assert print_of(other) in said
    assert print_of(server.host_keys[0]) in said
    assert f"{server.known_hosts}:2" in said
    assert person.asked == []
    assert server.known_hosts.read_text() == text


async def test_a_revoked_key_is_refused(server: Sshd) -> None:
    server.known_hosts.write_text(server.known_hosts.read_text() + f"@revoked * {public(server.host_keys[0])}\n")
    async with link_to(server, Person(True)) as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.HOST_KEY
    assert "revoked" in str(unknown.text)
    assert f"{server.known_hosts}:4" in str(unknown.text)


async def test_a_certificate_authority_is_recognised_and_explained(server: Sshd, tmp_path: Path) -> None:
    authority = keygen(tmp_path / "ca")
    server.known_hosts.write_text(f"@cert-authority [127.0.0.1]:{server.port} {public(authority)}\n")
    person = Person(True)
    async with link_to(server, person) as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.HOST_KEY
    assert "certificate authority" in str(unknown.text)
    assert person.asked == []


@pytest.mark.parametrize("kind", [0, 1, 2])
async def test_a_host_known_by_one_kind_of_key_is_asked_for_that_kind(server: Sshd, kind: int) -> None:
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public(server.host_keys[kind])}\n")
    async with link_to(server) as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"


async def test_hashed_names_are_found_and_written(server: Sshd) -> None:
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", server.known_hosts], check=True, capture_output=True)  # noqa: ASYNC221
    async with link_to(server) as link:
        await link.batch(ASK, deadline=20)
    server.known_hosts.write_text("")
    server.configure_client("HashKnownHosts yes")
    async with link_to(server, Person(True)) as link:
        await link.batch(ASK, deadline=20)
    assert server.known_hosts.read_text().startswith("|1|")
    async with link_to(server) as link:
        await link.batch(ASK, deadline=20)


async def test_ssh_config_decides_whether_new_keys_are_asked_about(server: Sshd) -> None:
    server.known_hosts.write_text("")
    server.configure_client("StrictHostKeyChecking yes")
    person = Person(True)
    async with link_to(server, person) as link:
        assert (await failure(link)).reason is Reason.HOST_KEY
    server.configure_client("StrictHostKeyChecking accept-new")
    async with link_to(server, person) as link:
        await link.batch(ASK, deadline=20)
    assert person.asked == []
    assert len(server.known_hosts.read_text().splitlines()) == 1


async def test_an_alias_stands_for_the_address(server: Sshd) -> None:
    server.known_hosts.write_text(f"edge1.plant {public(server.host_keys[0])}\n")
    server.configure_client("HostKeyAlias edge1.plant")
    async with link_to(server) as link:
        await link.batch(ASK, deadline=20)


async def test_a_known_hosts_file_that_cannot_be_read_is_no_reason_to_trust(server: Sshd) -> None:
    server.known_hosts.unlink()
    server.known_hosts.mkdir()
    try:
        async with link_to(server, Person(True)) as link:
            unknown = await failure(link)
        assert unknown.reason is Reason.HOST_KEY
        assert str(server.known_hosts) in str(unknown.text)
    finally:
        server.known_hosts.rmdir()
