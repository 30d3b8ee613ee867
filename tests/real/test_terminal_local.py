"""A terminal on this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kedge.links.terminal_local import LocalTerminals, login_shell
from kedge.links.terminals import Size
from kedge.model import LinkError, Reason
from tests.real.ssh_people import until
from tests.real.typist import Typist

SHELL = ("env", "LANG=C.UTF-8", "PS1=$ ", "bash", "--norc", "--noprofile", "-i")


@pytest_asyncio.fixture
async def terminals() -> AsyncIterator[LocalTerminals]:
    made = LocalTerminals("here")
    yield made
    made.close()


async def opened(terminals: LocalTerminals, *command: str) -> Typist:
    return Typist(await terminals.open(command or SHELL, Size(80, 24), deadline=10))


async def test_size_jobs_exit_codes_and_signals(terminals: LocalTerminals) -> None:
    typist = await opened(terminals)
    await typist.sees("$")
    typist.resize(97, 31)
    typist.type("stty size; tty\n")
    await typist.sees("31 97\n/dev/")
    typist.type("sh -c 'echo runs; exec sleep 99'\n")
    await typist.sees("\nruns")
    typist.type(b"\x1a")
    await typist.sees("Stopped")
    typist.type("exit; exit 9\n")
    assert (await typist.ended()).code == 9
    killed = await opened(terminals, "sh", "-c", "kill -9 $$")
    assert (await killed.ended()).signal == "KILL"


async def test_closing_ends_even_a_shell_that_ignores_it(
    terminals: LocalTerminals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kedge.links.terminal_local.GRACE", 0.2)
    typist = await opened(terminals, "sh", "-c", "trap '' HUP; echo ready; while :; do sleep 1; done")
    await typist.sees("ready")
    typist.terminal.close()
    assert (await typist.ended()).signal in ("HUP", "KILL")


async def test_a_megabyte_through_cat_and_back(terminals: LocalTerminals) -> None:
    typist = await opened(terminals, "sh", "-c", "stty raw -echo; echo ready; head -c 1000000 | cat; echo; echo over")
    await typist.sees("ready")
    typist.type(b"0123456789" * 100_000)
    await typist.sees("over")
    assert typist.received > 1_000_000


async def test_nothing_is_left_behind(terminals: LocalTerminals) -> None:
    before = (threading.active_count(), len(os.listdir("/proc/self/fd")))
    for _round in range(30):
        typist = await opened(terminals, "cat")
        typist.terminal.close()
        await typist.ended()
    await until(lambda: (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before, 20)


async def test_what_cannot_be_had_is_a_reason(terminals: LocalTerminals, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> tuple[int, int]:
        raise OSError(28, "out of pty devices")

    monkeypatch.setattr("os.openpty", full)
    with pytest.raises(LinkError) as caught:
        await opened(terminals)
    assert caught.value.unknown.reason is Reason.NO_TOOL


def test_the_login_shell_is_a_login_shell() -> None:
    assert login_shell()[1:] == ["-l"]
