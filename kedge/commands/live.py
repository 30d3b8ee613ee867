"""A live site for commands that look once, act, and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kedge.commands.common import stop
from kedge.commands.terminal import prompter_for
from kedge.config import ConfigFileError
from kedge.links.kubeconfig import ConfigError
from kedge.model import Cost
from kedge.opening import Opened, open_site
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.prompter import Prompter, Question, Reply
from kedge.workbench import Options, choose

SWEEP = (Cost.PASSIVE, Cost.ACTIVE)


class PausingPrompter:
    """Stops a deadline while a person is being asked (contracts.md "Threads")."""

    def __init__(self, front: Prompter) -> None:
        self._front = front
        self.limit: asyncio.Timeout | None = None

    async def ask(self, question: Question) -> Reply:
        """The answer; the time it took is not counted."""
        limit, now = self.limit, asyncio.get_running_loop().time
        ends = limit.when() if limit is not None else None
        if limit is None or ends is None:
            return await self._front.ask(question)
        left = ends - now()
        limit.reschedule(None)
        try:
            return await self._front.ask(question)
        finally:
            if not limit.expired():
                limit.reschedule(now() + left)


@asynccontextmanager
async def opened(
    registry: Registry, options: Options, timeout: float = 0.0, *, read_only: Callable[[], bool] | None = None
) -> AsyncIterator[Opened]:
    """The chosen site, open until the block ends. Unusable files end the program: one sentence, exit code 2.

    Args:
        timeout: seconds for the whole block, without the time a person takes to answer; 0 is none.
        read_only: asked by the executor; as options and config file say when not given.

    Raises:
        TimeoutError: the block took longer.
    """
    prompter = PausingPrompter(prompter_for(accept_new_host_keys=options.accept_new_host_keys))
    try:
        chosen = choose(options)
        refuse = options.read_only or chosen.settings.read_only
        site = await open_site(chosen, options, registry, prompter, read_only or (lambda: refuse), watching=False)
    except (ConfigFileError, ConfigError) as error:
        stop(error.text)
    try:
        async with asyncio.timeout(timeout or None) as prompter.limit:
            yield site
    finally:
        await site.site.close()


async def look_once(registry: Registry, timeout: float, options: Options) -> Picture:
    """Ask the site once, everything but what is intrusive; raises TimeoutError when it takes too long."""
    async with opened(registry, options, timeout, read_only=lambda: True) as site:
        await site.site.engine.look(SWEEP)
        return site.site.picture()
