"""A live site for commands that look once, act, and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import click

from kedge.commands.common import stop
from kedge.commands.looks import Look
from kedge.commands.progress import Progress
from kedge.commands.terminal import prompter_for
from kedge.config import ConfigFileError
from kedge.executor import Executor
from kedge.i18n import translate
from kedge.intrusive import run_intrusive, warning
from kedge.links.kubeconfig import ConfigError, NoConfigError
from kedge.live import LiveSite
from kedge.model import Cost, Role
from kedge.opening import open_site
from kedge.picture import Picture
from kedge.plugins import Registry
from kedge.probe_script import Saved, SavedSource
from kedge.prompter import Prompter, Question, Reply
from kedge.this_machine import edge_node, with_local, with_saved
from kedge.workbench import Chosen, Options, choose

SWEEP = (Cost.PASSIVE, Cost.ACTIVE)

AGAIN = 3.0
"""Seconds between two looks of one that waits."""


class PausingPrompter:
    """Stops a deadline while a person is being asked."""

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
            if self.limit is limit and not limit.expired():
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
        try:
            async with asyncio.timeout(seconds) as self.prompter.limit:
                yield
        finally:  # a question after it, or one that outlives it, stops no clock
            self.prompter.limit = None


@asynccontextmanager
async def opened(
    registry: Registry,
    options: Options,
    *,
    read_only: Callable[[], bool] | None = None,
    saved: Mapping[str, Saved] | None = None,
) -> AsyncIterator[Session]:
    """The chosen site, open until the block ends. Unusable files end the program: one sentence, exit code 2.

    Args:
        read_only: asked by the executor; as options and config file say when not given.
        saved: by host, what it answered when it was asked by hand.
    """
    prompter = PausingPrompter(prompter_for(accept_new_host_keys=options.accept_new_host_keys))
    try:
        chosen = chosen_with_hosts(options, saved or {})
        refuse = read_only or (lambda: options.read_only or chosen.settings.read_only)
        sources = {host: SavedSource(one) for host, one in (saved or {}).items()}
        open_it = partial(open_site, watching=False, saved=sources)
        try:
            site = await open_it(chosen, options, registry, prompter, refuse)
        except NoConfigError:
            node = "" if options.kubeconfig or options.context else edge_node()
            if not node:
                raise
            chosen = replace(chosen, settings=with_local(chosen.settings, node))
            site = await open_it(chosen, options, registry, prompter, refuse)
    except (ConfigFileError, ConfigError) as error:
        stop(error.text)
    try:
        yield Session(site.site, site.executor, prompter)
    finally:
        await site.site.close()


def chosen_with_hosts(options: Options, saved: Mapping[str, Saved]) -> Chosen:
    """The chosen site, with this machine and the hosts that were asked by hand among its hosts."""
    chosen = choose(options)
    settings = chosen.settings
    if options.local:
        settings = with_local(settings, options.local)
    for host, one in saved.items():
        settings = with_saved(settings, host, one.roles)
    return replace(chosen, settings=settings)


async def look_once(
    registry: Registry,
    timeout: float,
    options: Options,
    nodes: Collection[str] = (),
    saved: Mapping[str, Saved] | None = None,
    on_demand: Sequence[str] = (),
    *,
    wait: float = 0.0,
    until: Callable[[Picture], bool] = lambda picture: True,
) -> Look:
    """Ask the site once, everything but what is intrusive and not asked for. What has not answered in time is unknown.

    Args:
        nodes: of the edges only these are asked, when any are named. Cloud hosts are asked always: what breaks
            an edge may stand there.
        saved: by host, what it answered when it was asked by hand.
        on_demand: codes of intrusive checks to run once on every edge that is asked.
        wait: seconds in which the site is looked at again ``until`` a picture will do.
    """
    loop = asyncio.get_running_loop()
    ends, left = loop.time() + wait, list(on_demand)
    async with opened(registry, options, read_only=lambda: True, saved=saved) as session:
        while True:
            try:
                async with session.within(timeout):
                    asked = await ask_once(session, nodes)
                    while left:  # intrusive: never again because something else is waited for
                        edges = [name for name in session.site.engine.edges if name in asked]
                        await _on_edges(session.site, left.pop(0), edges)
            except TimeoutError:
                look = Look(session.site.picture(), complete=False)
            else:
                look = Look(session.site.picture())
            if loop.time() + AGAIN > ends or (look.complete and until(look.picture)):
                return look
            await asyncio.sleep(AGAIN)


async def ask_once(session: Session, nodes: Collection[str]) -> list[str]:
    """Ask the site and its hosts, edges that were not named left out; the hosts that were asked."""
    engine = session.site.engine
    session.site.hosts.retry()
    with Progress() as progress:
        engine.tell(progress)
        await engine.look_at_site()
        asked = [h.name for h in engine.hosts if not nodes or h.name in nodes or Role.EDGE not in h.roles]
        progress.expect([host.name for host in engine.hosts if host.roles and host.name in asked])
        await engine.look_at_hosts(asked, SWEEP)
    return asked


async def _on_edges(site: LiveSite, code: str, edges: Sequence[str]) -> None:
    """Run an intrusive check on some edges, each told first what may come of it."""
    for edge in edges:
        click.echo(f"kedge-tui: {code}: {translate(warning(site.engine.store, edge))}", err=True)
    await asyncio.gather(*(run_intrusive(site, code, edge) for edge in edges))
