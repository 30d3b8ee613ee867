"""Logging in to a real sshd: key files, passphrases, agents, passwords, and what is said when nothing fits."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kedge.links.base import Command
from kedge.model import Reason
from kedge.prompter import QuestionKind
from tests.real.ssh_people import Person, agent, failure, link_to
from tests.real.sshd import Sshd, keygen, public, running

pytestmark = pytest.mark.real

ASK = [Command("a", "echo fine")]


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "login") as sshd:
        yield sshd


@pytest.fixture
def server(listening: Sshd) -> Sshd:
    listening.authorized_keys.write_text(public(listening.client_key) + "\n")
    listening.configure_client()
    return listening


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
async def test_keys_of_every_kind_open_the_door(server: Sshd, tmp_path: Path, kind: str) -> None:
    key = keygen(tmp_path / kind, kind)
    server.authorized_keys.write_text(public(key) + "\n")
    async with link_to(server, identity=str(key)) as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"


async def test_a_wrong_key_is_named(server: Sshd, tmp_path: Path) -> None:
    key = keygen(tmp_path / "wrong")
    async with link_to(server, identity=str(key)) as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.CREDENTIALS
    assert str(key) in str(unknown.text)
    assert "root" in str(unknown.text)


async def test_a_missing_and_a_broken_key_file_are_named(server: Sshd, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("not a key\n")
    for file, why in ((tmp_path / "none", "no such file"), (broken, "not a usable key")):
        async with link_to(server, identity=str(file)) as link:
            said = str((await failure(link)).text)
        assert f"{file} ({why})" in said


async def test_a_passphrase_is_asked_for_and_a_wrong_one_twice_more(server: Sshd, tmp_path: Path) -> None:
    key = keygen(tmp_path / "locked", passphrase="open sesame")
    server.authorized_keys.write_text(public(key) + "\n")
    person = Person("wrong", "wrong again", "open sesame")
    async with link_to(server, person, identity=str(key)) as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
        server.kill_sessions()
        await link.batch(ASK, deadline=20)
    assert [question.attempt for question in person.asked] == [1, 2, 3]
    assert {question.kind for question in person.asked} == {QuestionKind.PASSPHRASE}
    assert str(key) in str(person.asked[0].text)

    person = Person("wrong", "wrong", "wrong", "wrong")  # and then refuses
    async with link_to(server, person, identity=str(key)) as link:
        unknown = await failure(link)
        assert unknown.reason is Reason.CREDENTIALS
        assert f"{key} (wrong passphrase)" in str(unknown.text)
        assert len(person.asked) == 3
        link.retry_now()
        await failure(link)
        assert [question.attempt for question in person.asked] == [1, 2, 3, 4, 5]


async def test_without_a_passphrase_the_key_is_named(server: Sshd, tmp_path: Path) -> None:
    key = keygen(tmp_path / "locked", passphrase="secret")
    async with link_to(server, identity=str(key)) as link:
        unknown = await failure(link)
    assert unknown.reason is Reason.CREDENTIALS
    assert f"{key} (needs its passphrase)" in str(unknown.text)


async def test_an_agent_opens_the_door_and_saves_the_passphrase(server: Sshd, tmp_path: Path) -> None:
    held, locked = keygen(tmp_path / "held"), keygen(tmp_path / "locked")
    server.authorized_keys.write_text(public(locked) + "\n")
    with agent(tmp_path, held, locked) as sock:
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", locked], check=True)  # noqa: ASYNC221
        server.configure_client(f"IdentityAgent {sock}", f"IdentityFile {locked}")
        person = Person()
        async with link_to(server, person) as link:
            assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
        assert person.asked == []


async def test_many_keys_in_the_agent_do_not_lock_us_out(server: Sshd, tmp_path: Path) -> None:
    """sshd hangs up after six failures; the configured key comes first, as with ssh."""
    keys = [keygen(tmp_path / f"k{number}") for number in range(8)]
    server.authorized_keys.write_text(public(keys[-1]) + "\n")
    with agent(tmp_path, *keys) as sock:
        server.configure_client(f"IdentityAgent {sock}", "IdentitiesOnly no", f"IdentityFile {keys[-1]}")
        async with link_to(server) as link:
            assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"
        server.authorized_keys.write_text("")
        async with link_to(server) as link:
            unknown = await failure(link)
    assert unknown.reason is Reason.CREDENTIALS
    assert str(unknown.text).count("agent key") == 5


async def test_no_agent_behind_the_socket_is_no_catastrophe(server: Sshd, tmp_path: Path) -> None:
    server.configure_client(f"IdentityAgent {tmp_path / 'nobody'}")
    async with link_to(server) as link:
        assert (await link.batch(ASK, deadline=20))[0].stdout == b"fine\n"


async def test_a_password_is_asked_for_where_only_that_is_left(tmp_path: Path, user: str) -> None:
    with running(tmp_path / "s", "PasswordAuthentication yes", "PubkeyAuthentication no") as sshd:
        person = Person("wrong", "right horse")
        async with link_to(sshd, person, user=user) as link:
            (answer,) = await link.batch([Command("who", "id -un")], deadline=30)
            assert answer.stdout == f"{user}\n".encode()
            sshd.kill_sessions()
            await link.batch([Command("who", "id -un")], deadline=30)
        assert [(q.kind, q.attempt) for q in person.asked] == [
            (QuestionKind.LOGIN_PASSWORD, 1),
            (QuestionKind.LOGIN_PASSWORD, 2),
        ]
        assert "right horse" not in sshd.log.read_text()
        async with link_to(sshd, user=user) as link:
            assert (await failure(link)).reason is Reason.CREDENTIALS


@pytest.fixture
def user() -> Iterator[str]:
    """An account with a password."""
    name = f"kedge{os.getpid()}"
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True)
    try:
        subprocess.run(["chpasswd"], input=f"{name}:right horse", text=True, check=True)
        yield name
    finally:
        subprocess.run(["userdel", "--remove", name], check=True, capture_output=True)


async def test_failed_logins_are_not_repeated_at_the_pace_of_sweeps(server: Sshd, tmp_path: Path) -> None:
    """fail2ban would shut us out."""
    key = keygen(tmp_path / "wrong")
    before = len(re.findall("Connection from", server.log.read_text()))
    async with link_to(server, identity=str(key)) as link:
        for _sweep in range(5):
            await failure(link)
        assert len(re.findall("Connection from", server.log.read_text())) == before + 1
        link.retry_now()
        await failure(link)
        assert len(re.findall("Connection from", server.log.read_text())) == before + 2
