"""Shells on a real sshd: what people do in them, what breaks, and what is left behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from kedge.links.ssh import SshLink
from kedge.links.ssh_pulse import Pulse
from kedge.links.terminals import Size
from kedge.model import LinkError, Reason
from tests.real.ssh_people import link_to, until
from tests.real.sshd import Sshd, children, running
from tests.real.typist import Typist

pytestmark = pytest.mark.real
POOLED = re.compile(r"^ssh-\w+-\d+$")
QUIET = ("env", "LANG=C.UTF-8", "PS1=$ ", "bash", "--norc", "--noprofile", "-i")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd") / "terminals", "MaxSessions 10") as sshd:
        yield sshd


@pytest_asyncio.fixture
async def link(server: Sshd) -> AsyncIterator[SshLink]:
    async with link_to(server) as made:
        yield made


async def opened(link: SshLink, *command: str, columns: int = 80, rows: int = 24) -> Typist:
    terminal = await link.terminals().open(command or QUIET, Size(columns, rows), deadline=30)
    typist = Typist(terminal, columns, rows)
    if not command:
        await typist.sees("$")  # what is typed before a shell is ready may hit whatever starts it
    return typist


async def test_a_login_shell_with_size_colours_and_exit_code(link: SshLink) -> None:
    terminal = await link.terminals().open((), Size(91, 33), deadline=30)
    typist = Typist(terminal, 91, 33)
    typist.type("PS1='$ '; stty size; echo $TERM-$SHELL\n")
    await typist.sees("33 91\n")
    await typist.sees("xterm-256color-/")
    typist.resize(100, 40)
    typist.type("stty size\n")
    await typist.sees("40 100")
    typist.type("exit 7\n")
    end = await typist.ended()
    assert (end.code, end.problem) == (7, None)


async def test_control_keys_reach_the_program_and_end_nothing_here(link: SshLink) -> None:
    typist = await opened(link)
    typist.type("sh -c 'echo goes; exec sleep 100'\n")
    await typist.sees("\ngoes")
    typist.type(b"\x03")
    await typist.sees("^C")
    typist.type("sh -c 'echo runs; exec sleep 100'\n")
    await typist.sees("\nruns")
    typist.type(b"\x1a")
    await typist.sees("Stopped")
    typist.type("kill %1; echo re''ady; cat\n")
    await typist.sees("ready")
    typist.type("to cat\n")
    await typist.sees("to cat\nto cat")
    typist.type(b"\x04")
    typist.type("echo still $((40+2))\n")
    await typist.sees("still 42")
    typist.type(b"\x04")
    assert (await typist.ended()).code == 0


async def test_vim_edits_and_saves_less_pages_and_top_resizes(link: SshLink, tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("first\nsecond 界\n")
    typist = await opened(link)
    typist.type(f"vim -u NONE -N {file}\n")
    await typist.sees("second 界")
    assert typist.emulator.screen.is_alternate
    typist.type("Gothird\x1b")
    await typist.sees("third")
    typist.type(":wq\r")
    await until(lambda: file.read_text() == "first\nsecond 界\nthird\n", 20)
    await until(lambda: not typist.emulator.screen.is_alternate, 20)
    assert "$ vim -u NONE" in typist.screen
    typist.type("seq 100 | less\n")
    await typist.sees("23\n:")
    typist.type("G")
    await typist.sees("100\n(END)")
    typist.type("q")
    await until(lambda: not typist.emulator.screen.is_alternate, 20)
    typist.type("top -d 1\n")
    await typist.sees("load average")
    typist.resize(120, 40)
    await typist.sees("COMMAND")
    typist.type("q")
    await typist.sees("$")


async def test_ten_thousand_coloured_lines_and_wide_text(link: SshLink) -> None:
    typist = await opened(link)
    loop = "for i in $(seq 10000); do printf '\\033[3%dm%05d 世界\\033[0m\\n' $((i % 8)) $i; done; echo o''ver\n"
    typist.type(loop)
    await typist.sees("\nover")  # not what is typed, which the shell shows, too
    assert "10000 世界" in typist.screen
    text, look = typist.emulator.screen.history[-50][0]
    assert int(text[:5]) in range(9900, 10000)
    assert look[0] == ["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"][int(text[:5]) % 8]


async def test_a_paste_of_a_megabyte_arrives_whole(link: SshLink, tmp_path: Path) -> None:
    target = tmp_path / "pasted"
    text = "".join(f"{number:07d} {'x' * 52}\n" for number in range(17_500)).encode()
    assert len(text) > 1_000_000
    typist = await opened(link)
    typist.type(f"stty -echo; echo re''ady; cat > {target}; md5sum < {target}\n")
    await typist.sees("\nready")
    typist.type(text)
    typist.type(b"\x04")
    await typist.sees(hashlib.md5(text).hexdigest())  # noqa: S324 - a checksum of our own text


async def test_a_flood_waits_for_whoever_reads_and_ctrl_c_ends_it(link: SshLink) -> None:
    terminal = await link.terminals().open(QUIET, Size(80, 24), deadline=30)
    terminal.write(b"yes\n")
    received = 0
    while received < 100_000:
        received += len(await terminal.read())
    await asyncio.sleep(1)  # nobody reads: the host is held back
    terminal.write(b"\x03")
    terminal.write(b"echo e''nd\n")
    held = b""
    async with asyncio.timeout(60):
        while b"end\r\n" not in held[-4096:]:
            held += await terminal.read()
    assert len(held) < 1_000_000, "the host ran far ahead of the reader"
    terminal.close()


async def test_twenty_tabs_on_one_host_use_few_connections_and_leave_none(server: Sshd, link: SshLink) -> None:
    typists = await asyncio.gather(*(opened(link) for _ in range(20)))
    for number, typist in enumerate(typists):
        typist.type(f"echo tab-$(({number}+100))\n")
    for number, typist in enumerate(typists):
        await typist.sees(f"tab-{number + 100}")
    assert link.stats.connections == 3  # eight shells on each
    for typist in typists:
        typist.terminal.close()
    assert all([(await typist.ended()).problem for typist in typists])
    await until(lambda: not server.sessions(), 20)


@pytest.mark.parametrize("most", [1, 3])
async def test_a_host_that_allows_few_sessions_gets_more_connections(tmp_path: Path, most: int) -> None:
    with running(tmp_path / "few", f"MaxSessions {most}") as server:
        async with link_to(server) as link:
            typists = await asyncio.gather(*(opened(link) for _ in range(4)))
            for typist in typists:
                typist.type("exit 3\n")
                assert (await typist.ended()).code == 3


async def test_a_cut_link_ends_the_shell_with_a_reason(server: Sshd, link: SshLink) -> None:
    typist = await opened(link)
    await typist.sees("$")
    server.kill_sessions()
    end = await typist.ended()
    assert end.code is None
    assert end.problem is not None
    assert end.problem.reason is Reason.UNREACHABLE


async def test_a_silent_host_is_noticed_and_closing_does_not_wait(
    server: Sshd, link: SshLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pulse.__init__, "__defaults__", (0.2,))
    typist = await opened(link)
    await typist.sees("$")
    frozen = [pid for session in server.sessions() for pid in (session, *children(session))]
    for pid in frozen:
        os.kill(pid, 19)
    try:
        await until(lambda: typist.terminal.silent_for > 1, 20)
        began = time.monotonic()
        typist.terminal.close()
        await typist.ended()
        assert time.monotonic() - began < 1
    finally:
        for pid in frozen:
            os.kill(pid, 18)


async def test_what_cannot_be_run_says_so(link: SshLink) -> None:
    typist = await opened(link, "no-such-program")
    assert (await typist.ended()).code == 127


async def test_a_signal_that_ends_it_is_named(link: SshLink) -> None:
    typist = await opened(link, "sh", "-c", "kill -9 $$")
    end = await typist.ended()
    assert (end.code, end.signal, end.problem) == (None, "KILL", None)


async def test_a_host_that_is_down_is_a_reason(tmp_path: Path) -> None:
    with running(tmp_path / "down") as server:
        pass
    async with link_to(server) as link:
        with pytest.raises(LinkError) as caught:
            await link.terminals().open((), Size(80, 24), deadline=10)
        assert caught.value.unknown.reason is Reason.UNREACHABLE


@pytest.mark.timeout(240)
async def test_two_hundred_shells_leave_no_thread_socket_or_process(server: Sshd, link: SshLink) -> None:
    def programs() -> int:
        """Of these shells, also those that nobody waits for any more."""
        found = 0
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended meanwhile
                found += file.read_bytes() == b"cat\0-\0/dev/null\0"
        return found

    def left() -> tuple[list[str], int, int]:
        """Threads but for those of the pools, descriptors, connections on the host."""
        threads = [thread.name for thread in threading.enumerate() if not POOLED.search(thread.name)]
        return sorted(threads), len(os.listdir("/proc/self/fd")), len(server.sessions())

    await until(lambda: not server.sessions(), 20)
    before, descriptors, _sessions = left()  # other tests of this process have threads of their own
    for _round in range(5):
        typists = await asyncio.gather(*(opened(link, "cat", "-", "/dev/null") for _ in range(40)))
        for typist in typists[:20]:
            typist.type("x\n\x04")
        for typist in typists[20:]:
            typist.terminal.close()
        await asyncio.gather(*(typist.ended() for typist in typists))

    def nothing_new() -> bool:
        threads, files, sessions = left()
        return not set(threads) - set(before) and files <= descriptors and sessions == 0 and programs() == 0

    await until(nothing_new, 30)
