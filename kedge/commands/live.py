"""A live site for commands that look once, act, and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kedge.commands.common import stop
from kedge.commands.terminal import prompter_for
from kedge.config import ConfigFileError
from kedge.executor import Executor
from kedge.links.kubeconfig import ConfigError
from kedge.live import LiveSite
from kedge.model import Cost, Role
from kedge.opening import open_site
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


@dataclass(frozen=True, slots=True)
class Session:
    """One open site and, unless it is a recording, the executor."""

    site: LiveSite
    executor: Executor | None
    prompter: PausingPrompter

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Give the block so many seconds, the time a person takes to answer not counted; raises TimeoutError."""
        async with asyncio.timeout(seconds) as self.prompter.limit:
            yield


@asynccontextmanager
async def opened(
    registry: Registry, options: Options, *, read_only: Callable[[], bool] | None = None
) -> AsyncIterator[Session]:
    """The chosen site, open until the block ends. Unusable files end the program: one sentence, exit code 2.

    Args:
        read_only: asked by the executor; as options and config file say when not given.
    """
    prompter = PausingPrompter(prompter_for(accept_new_host_keys=options.accept_new_host_keys))
    try:
        chosen = choose(options)
        refuse = options.read_only or chosen.settings.read_only
        site = await open_site(chosen, options, registry, prompter, read_only or (lambda: refuse), watching=False)
    except (ConfigFileError, ConfigError) as error:
        stop(error.text)
    try:
        yield Session(site.site, site.executor, prompter)
    finally:
        await site.site.close()


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found; ``complete`` is False when its time was up before everything had answered."""

    picture: Picture
    complete: bool = True


async def look_once(registry: Registry, timeout: float, options: Options, nodes: Collection[str] = ()) -> Look:
    """Ask the site once, everything but what is intrusive. What has not answered in time is unknown.

    Args:
        nodes: of the edges only these are asked, when any are named. Cloud hosts are asked always: what breaks
            an edge may stand there.
    """
    async with opened(registry, options, read_only=lambda: True) as session:
        engine = session.site.engine
        try:
            async with session.within(timeout):
                await engine.look_at_site()
                asked = [h.name for h in engine.hosts if not nodes or h.name in nodes or Role.EDGE not in h.roles]
                await engine.look_at_hosts(asked, SWEEP)
        except TimeoutError:
            return Look(session.site.picture(), complete=False)
        return Look(session.site.picture())
