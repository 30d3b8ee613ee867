"""Root commands through the real sudo: without a password, with one, with a wrong one, and not at all."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kedge.links.base import Command
from kedge.links.host_writer import ShellWriter
from kedge.links.script import Sudo
from kedge.model import LinkError, Reason
from kedge.prompter import QuestionKind
from tests.real.ssh_people import Person, link_to, until
from tests.real.sshd import Sshd, public, running

pytestmark = pytest.mark.real

SECRET = "correct horse $x 'y\""
_numbers = itertools.count()


@dataclass(frozen=True)
class Account:
    """A login user and what the sudoers file says of them."""

    name: str

    def may(self, rule: str) -> None:
        """Replace the user's rule in sudoers."""
        self.file.write_text(f"{self.name} ALL=(ALL) {rule}\n" if rule else "")
        self.file.chmod(0o440)

    @property
    def file(self) -> Path:
        return Path("/etc/sudoers.d") / self.name


@pytest.fixture
def account() -> Iterator[Account]:
    user = Account(f"kedge{os.getpid()}x{next(_numbers)}")
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", user.name], check=True)
    try:
        subprocess.run(["chpasswd"], input=f"{user.name}:{SECRET}", text=True, check=True)
        yield user
    finally:
        user.file.unlink(missing_ok=True)
        subprocess.run(["userdel", "--force", "--remove", user.name], check=True, capture_output=True)


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "sudo", "AuthorizedKeysFile .ssh/authorized_keys") as sshd:
        yield sshd


@pytest.fixture
def server(listening: Sshd, account: Account) -> Sshd:
    folder = Path("/home", account.name, ".ssh")
    folder.mkdir()
    (folder / "authorized_keys").write_text(public(listening.client_key) + "\n")
    listening.configure_client(f"User {account.name}")
    return listening


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of root that everybody may look into; pytest's own are for root alone."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


COMMANDS = [Command("me", "id -un"), Command("root", "id -un", root=True), Command("again", "id -u", root=True)]


async def test_root_commands_go_through_sudo_and_others_do_not(server: Sshd, account: Account) -> None:
    account.may("NOPASSWD: ALL")
    async with link_to(server, sudo=Sudo.NOPASSWD) as link:
        me, root, again = await link.batch(COMMANDS, deadline=20)
    assert (me.stdout, root.stdout, again.stdout) == (f"{account.name}\n".encode(), b"root\n", b"0\n")


async def test_a_hung_root_command_is_killed_with_its_children(server: Sshd, account: Account) -> None:
    account.may("NOPASSWD: ALL")
    commands = [
        Command("hang", "trap '' TERM; sleep 555 & sleep 555; sleep 555", root=True, timeout=1),
        Command("fine", "id -u", root=True),
    ]
    async with link_to(server) as link:
        hang, fine = await link.batch(commands, deadline=30)
    assert (hang.timed_out, fine.stdout) == (True, b"0\n")
    running_ = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)  # noqa: ASYNC221
    assert "sleep 555" not in running_.stdout


async def test_refused_root_commands_say_why_and_the_others_answer(server: Sshd, account: Account) -> None:
    account.may("")
    async with link_to(server, sudo=Sudo.NOPASSWD) as link:
        me, root, again = await link.batch(COMMANDS, deadline=20)
        assert link.stats.channels == 1
    assert me.exit_code == 0
    for answer in (root, again):
        assert (answer.sudo_denied, answer.exit_code) == (True, None)
        assert b"password is required" in answer.stderr


async def test_without_sudo_the_login_user_tries(server: Sshd, account: Account) -> None:
    account.may("NOPASSWD: ALL")
    async with link_to(server, sudo=Sudo.NONE) as link:
        answers = await link.batch(COMMANDS, deadline=20)
    assert answers[1].stdout == f"{account.name}\n".encode()


async def test_the_password_is_asked_for_once_and_only_when_it_is_needed(server: Sshd, account: Account) -> None:
    account.may("ALL")
    person = Person(SECRET)
    async with link_to(server, person, sudo=Sudo.PASSWORD) as link:
        await link.batch([Command("me", "id -un")], deadline=20)
        assert person.asked == []
        for channels in (3, 4):
            me, root, again = await link.batch(COMMANDS, deadline=20)
            assert (me.exit_code, root.stdout, again.stdout) == (0, b"root\n", b"0\n")
            assert link.stats.channels == channels  # the first time twice, later once
    (question,) = person.asked
    assert (question.kind, question.is_secret) == (QuestionKind.SUDO_PASSWORD, True)
    assert account.name in str(question.text)

    account.may("NOPASSWD: ALL")
    person = Person(SECRET)
    async with link_to(server, person, sudo=Sudo.PASSWORD) as link:
        assert (await link.batch(COMMANDS, deadline=20))[1].stdout == b"root\n"
    assert person.asked == []


async def test_the_password_is_seen_nowhere_on_the_host(server: Sshd, account: Account) -> None:
    account.may("ALL")
    look = (
        "for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/cmdline; tr '\\0' '\\n' <$p/environ; done 2>/dev/null; "
        "cat /dev/shm/kedge-*/* 2>/dev/null </dev/null & sleep 0.5; kill $! 2>/dev/null; :"
    )
    commands = [Command("look", look, root=True, cap=8 << 20), Command("me", look, cap=8 << 20)]
    async with link_to(server, Person(SECRET), sudo=Sudo.PASSWORD) as link:
        answers = await link.batch(commands, deadline=30)
        answers += await link.batch(commands, deadline=30)
    for answer in answers:
        assert answer.exit_code == 0
        assert len(answer.stdout) > 1000
        assert SECRET.encode() not in answer.stdout
    assert SECRET not in server.log.read_text()
    assert SECRET.split(maxsplit=1)[0] not in repr(vars(link))


async def test_a_wrong_password_is_asked_again_at_most_twice(server: Sshd, account: Account) -> None:
    account.may("ALL")
    person = Person("wrong", SECRET)
    async with link_to(server, person, sudo=Sudo.PASSWORD) as link:
        answers = await link.batch(COMMANDS, deadline=20)
        assert answers[1].stdout == b"root\n"
    assert [question.attempt for question in person.asked] == [1, 2]

    person = Person("wrong", "wrong", "wrong", "wrong")
    async with link_to(server, person, sudo=Sudo.PASSWORD) as link:
        for _sweep in range(2):
            me, root, _again = await link.batch(COMMANDS, deadline=30)
            assert (me.exit_code, root.sudo_denied) == (0, True)
    assert len(person.asked) == 3


async def test_a_user_whom_no_password_would_help_is_asked_once(server: Sshd, account: Account) -> None:
    account.may("")
    person = Person(SECRET, SECRET, SECRET)
    async with link_to(server, person, sudo=Sudo.PASSWORD) as link:
        _me, root, _again = await link.batch(COMMANDS, deadline=30)
    assert root.sudo_denied
    assert b"not in the sudoers file" in root.stderr
    assert len(person.asked) == 1


async def test_a_refusal_leaves_the_rest_of_the_sweep(server: Sshd, account: Account) -> None:
    account.may("ALL")
    async with link_to(server, Person(False), sudo=Sudo.PASSWORD) as link:
        me, root, _again = await link.batch(COMMANDS, deadline=20)
    assert (me.exit_code, root.sudo_denied) == (0, True)


async def test_files_of_root_are_read_and_replaced_through_sudo(server: Sshd, account: Account, place: Path) -> None:
    account.may("ALL")
    file = place / "edgecore.yaml"
    file.write_bytes(b"# mine\nold: 1\n")
    file.chmod(0o600)
    async with link_to(server, Person(SECRET), sudo=Sudo.PASSWORD) as link:
        writer = ShellWriter(link)
        assert await writer.read(str(file), deadline=20) == b"# mine\nold: 1\n"
        await writer.write(str(file), b"# mine\nnew: \xff\n", deadline=20)
        assert (await writer.run(["id", "-un"], deadline=20)).stdout == b"root\n"
        assert (await writer.run(["id", "-un"], deadline=20, root=False)).stdout == f"{account.name}\n".encode()
    assert file.read_bytes() == b"# mine\nnew: \xff\n"
    assert (file.stat().st_uid, file.stat().st_mode & 0o7777) == (0, 0o600)


async def test_a_writer_without_the_right_changes_nothing(server: Sshd, account: Account, place: Path) -> None:
    account.may("")
    folder = place / "etc"
    folder.mkdir(mode=0o755)
    file = folder / "edgecore.yaml"
    file.write_text("old\n")
    file.chmod(0o644)
    for sudo, reason in ((Sudo.NOPASSWD, Reason.NEEDS_ROOT), (Sudo.NONE, Reason.DENIED)):
        async with link_to(server, sudo=sudo) as link:
            with pytest.raises(LinkError) as caught:
                await ShellWriter(link).write(str(file), b"new\n", deadline=20)
        assert caught.value.unknown.reason is reason
        assert [child.name for child in folder.iterdir()] == ["edgecore.yaml"]
        assert file.read_text() == "old\n"


async def test_a_user_may_not_give_away_the_owner_of_a_file(server: Sshd, account: Account, place: Path) -> None:
    """Who may write a folder could replace a file of root there, and would own it then."""
    folder = place / "open"
    folder.mkdir()
    folder.chmod(0o777)
    file = folder / "edgecore.yaml"
    file.write_text("old\n")
    file.chmod(0o644)
    async with link_to(server, sudo=Sudo.NONE) as link:
        with pytest.raises(LinkError) as caught:
            await ShellWriter(link).write(str(file), b"new\n", deadline=20)
    assert caught.value.unknown.reason is Reason.DENIED
    assert file.read_text() == "old\n"
    assert len(list(folder.iterdir())) == 1


async def test_a_long_command_runs_as_root_and_ends_with_its_reader(server: Sshd, account: Account) -> None:
    account.may("ALL")
    person = Person(SECRET)
    async with link_to(server, person, sudo=Sudo.PASSWORD) as link:
        stream = await link.stream("id -u; echo $$; sleep 600", root=True, deadline=20)
        seen = b""
        async for piece in stream:
            seen += piece
            if seen.count(b"\n") == 2:
                break
        user, shell = seen.split()
        assert user == b"0"
        assert len(person.asked) == 1
        await stream.aclose()
        await until(lambda: not Path(f"/proc/{int(shell)}").exists(), 20)


async def test_a_long_command_that_needs_root_says_what_sudo_said(server: Sshd, account: Account) -> None:
    account.may("")
    async with link_to(server, sudo=Sudo.NOPASSWD) as link:
        with pytest.raises(LinkError) as caught:
            await link.stream("journalctl -f", root=True, deadline=20)
    assert caught.value.unknown.reason is Reason.NEEDS_ROOT
    assert "`journalctl -f` on edge1 needs root, and sudo refused it" in str(caught.value.unknown.text)
