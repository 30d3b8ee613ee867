"""People at a prompt, and links to a real sshd, for tests."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from kedge.links.base import Command
from kedge.links.pools import Pools
from kedge.links.ssh import SshLink
from kedge.links.ssh_config import SshTarget
from kedge.model import LinkError, Unknown
from kedge.prompter import REFUSED, Prompter, Question, RefusingPrompter, Reply


class Person:
    """Answers questions in turn and remembers them; refuses when out of answers."""

    def __init__(self, *answers: str | bool) -> None:
        self._answers = list(answers)
        self.asked: list[Question] = []
        self.before_answer: Callable[[], Any] = lambda: None

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        self.before_answer()
        if not self._answers:
            return REFUSED
        answer = self._answers.pop(0)
        return Reply(answer) if isinstance(answer, bool) else Reply(True, answer)


class Reachable(Protocol):
    """A server, or a whole site, with the ssh_config that leads to it."""

    @property
    def ssh_config(self) -> Path: ...


@contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[Path]:
    """An ssh-agent of its own that holds ``keys``."""
    sock = folder / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(sock)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()  # it listens before it says so
            env = os.environ | {"SSH_AUTH_SOCK": str(sock)}
            for key in keys:
                subprocess.run(["ssh-add", "-q", key], check=True, env=env, stdin=subprocess.DEVNULL)
            yield sock
        finally:
            process.terminate()


@asynccontextmanager
async def link_to(server: Reachable, prompter: Prompter | None = None, **settings: Any) -> AsyncIterator[SshLink]:
    """A link with executors of its own; everything is closed at the end of the block."""
    pools = Pools()
    settings = {"name": "edge1", "ssh_config": server.ssh_config, "site": "plant"} | settings
    link = SshLink(SshTarget(**settings), pools, prompter or RefusingPrompter())
    try:
        yield link
    finally:
        await link.close()
        pools.close()


async def failure(link: SshLink, *, deadline: float = 10) -> Unknown:
    """What a batch is refused with."""
    try:
        answers = await link.batch([Command("a", "true")], deadline=deadline)
    except LinkError as error:
        return error.unknown
    raise AssertionError(f"it answered: {answers}")


async def until(happened: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that tells nobody when it happens."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)
