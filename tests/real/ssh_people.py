"""People at a prompt, and links to a real sshd, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from kedge.links.base import Command
from kedge.links.pools import Pools
from kedge.links.ssh import SshLink
from kedge.links.ssh_config import SshTarget
from kedge.model import LinkError, Unknown
from kedge.prompter import REFUSED, Prompter, Question, RefusingPrompter, Reply
from tests.real.sshd import Sshd


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


@asynccontextmanager
async def link_to(server: Sshd, prompter: Prompter | None = None, **settings: Any) -> AsyncIterator[SshLink]:
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
