"""Replacing files and running commands over a real sshd."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from kedge.links.host_writer import ShellWriter
from kedge.links.ssh import SshLink
from kedge.model import LinkError, Reason
from tests.real.ssh_people import link_to, until
from tests.real.sshd import Sshd, running

pytestmark = pytest.mark.real

YAML = (
    b"# hand-written \xe6\xb3\xa8\nmodules:\n  edgeStream:   {enable: false}   # why\n"
    b"\ttab\r\n  token: '%s \\n $HOME `id`'\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "writer") as sshd:
        yield sshd


@pytest_asyncio.fixture
async def link(server: Sshd) -> AsyncIterator[SshLink]:
    async with link_to(server) as made:
        yield made


@pytest.fixture
def writer(link: SshLink) -> ShellWriter:
    return ShellWriter(link)


async def test_a_file_keeps_mode_and_owner_and_gets_exactly_these_bytes(writer: ShellWriter, tmp_path: Path) -> None:
    file = tmp_path / "edge core's.yaml"
    file.write_bytes(b"old")
    file.chmod(0o640)
    os.chown(file, 1234, 2345)
    await writer.write(str(file), YAML, deadline=20)
    assert file.read_bytes() == YAML
    now = file.stat()
    assert (stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid) == (0o640, 1234, 2345)
    assert await writer.read(str(file), deadline=20) == YAML
    assert os.listdir(tmp_path) == [file.name]


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"\0", bytes(range(256)) * 300, b"x" * 100_000, b"no end"],
    ids=["empty", "newline", "nul", "every byte", "one long line", "no newline at the end"],
)
async def test_any_bytes(writer: ShellWriter, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    await writer.write(str(file), data, deadline=30)
    assert file.read_bytes() == data


async def test_readers_see_the_old_file_or_the_new_one(writer: ShellWriter, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old\n")
    with file.open("rb") as opened_before:
        await writer.write(str(file), b"new\n", deadline=20)
        assert opened_before.read() == b"old\n"
    assert file.read_bytes() == b"new\n"


@pytest.mark.parametrize("absolute", [True, False])
async def test_a_symbolic_link_stays(writer: ShellWriter, tmp_path: Path, absolute: bool) -> None:
    folder = tmp_path / "real -> folder"
    folder.mkdir()
    file, alias, again = folder / "file", tmp_path / "alias", tmp_path / "again"
    file.write_bytes(b"old")
    alias.symlink_to(file if absolute else "real -> folder/file")
    again.symlink_to("alias")
    await writer.write(str(again), b"new", deadline=20)
    assert (alias.is_symlink(), again.is_symlink()) == (True, True)
    assert file.read_bytes() == b"new"


async def test_a_new_file_is_for_its_owner_only(writer: ShellWriter, tmp_path: Path) -> None:
    file = tmp_path / "-new file"
    await writer.write(str(file), b"x", deadline=20)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/no/such/folder/file", Reason.MISSING), ("/tmp", Reason.SERVER_ERROR), ("/proc/version", Reason.DENIED)],
)
async def test_what_cannot_be_written_is_said(writer: ShellWriter, path: str, reason: Reason) -> None:
    with pytest.raises(LinkError) as caught:
        await writer.write(path, b"x", deadline=20)
    assert caught.value.unknown.reason is reason
    assert "the old file is untouched" in str(caught.value)
    assert path in str(caught.value)


async def test_a_folder_and_a_missing_file_cannot_be_read(writer: ShellWriter, tmp_path: Path) -> None:
    for path, reason in ((tmp_path, Reason.SERVER_ERROR), (tmp_path / "none", Reason.MISSING)):
        with pytest.raises(LinkError) as caught:
            await writer.read(str(path), deadline=20)
        assert caught.value.unknown.reason is reason


async def test_a_relative_path_is_a_mistake_of_the_caller(writer: ShellWriter) -> None:
    with pytest.raises(ValueError, match="absolute"):
        await writer.write("etc/passwd", b"", deadline=5)


async def test_words_stay_words(writer: ShellWriter) -> None:
    words = ["printf", "%s|", "a b", "$HOME", "'", '"', "`id`", "*", "", "-n", "新"]
    answer = await writer.run(words, deadline=20)
    assert answer.stdout.decode() == "".join(f"{word}|" for word in words[2:])
    failed = await writer.run(["sh", "-c", "cat; exit 7"], deadline=20, stdin=b"in\0put")
    assert (failed.exit_code, failed.stdout) == (7, b"in\0put")


async def test_a_command_over_time_says_so(writer: ShellWriter) -> None:
    answer = await writer.run(["sleep", "60"], deadline=4)
    assert (answer.exit_code, answer.timed_out) == (124, True)


async def test_a_connection_lost_while_changing_is_not_called_a_failure(
    writer: ShellWriter, server: Sshd, tmp_path: Path
) -> None:
    mark = tmp_path / "started"
    change = asyncio.create_task(writer.run(["sh", "-c", f"touch {mark}; sleep 3"], deadline=30))
    await until(mark.exists)
    server.kill_sessions()
    with pytest.raises(LinkError) as caught:
        await change
    assert caught.value.unknown.reason is Reason.UNREACHABLE
    assert "not known" in str(caught.value)
