"""A live site: watches the API, sweeps the hosts, and hands out a picture at most every 100 ms.

Quiet by default: hosts in view are asked every 10 s, the
rest round-robin over five minutes; active probes run less often; intrusive ones never by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kedge.asks import Api, Ask
from kedge.engine import SWEEP_COSTS, Engine
from kedge.facts.apiserver import ApiServer
from kedge.i18n import Text, _
from kedge.model import Cost, Finding, Unknown
from kedge.picture import LinkInfo, LinkState, Picture
from kedge.plugins import Probe
from kedge.sleep import SleepWatch
from kedge.sources.base import KUBERNETES
from kedge.sources.kube import KubeSource

log = logging.getLogger(__name__)

IN_VIEW_MOST = 32


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are asked, in seconds; settings, so that tests and slow links can change them."""

    picture: float = 0.1
    in_view: float = 10.0
    all_hosts: float = 300.0
    active: float = 60.0
    api: float = 15.0
    api_down: float = 3.0
    nap: float = 2.0

    @classmethod
    def low(cls) -> Pace:
        """For links where every byte is felt: what is in view once a minute, the rest in twenty."""
        return cls(picture=1.0, in_view=60.0, all_hosts=1200.0, active=300.0, api=60.0, api_down=10.0)


class Hosts(Protocol):
    """The hosts' sources as the live site sees them."""

    def states(self) -> Sequence[LinkInfo]:
        """How each link to a host stands."""
        ...

    def retry(self) -> None:
        """A person wants hosts tried again now."""
        ...

    def woke(self) -> None:
        """This machine has slept: connections are dead, whatever they say."""
        ...

    async def close(self) -> None:
        """Close every link."""
        ...


class LiveSite:
    """Keeps one engine up to date and tells a listener about every new picture.

    Args:
        engine: built over ``kubernetes`` and the hosts' sources.
        kubernetes: None for a site without an API (one local host).
        on_picture: called on the event loop.
    """

    def __init__(
        self,
        engine: Engine,
        kubernetes: KubeSource | None,
        hosts: Hosts,
        *,
        read_only: Callable[[], bool] = lambda: False,
        pace: Pace | None = None,
    ) -> None:
        self.engine = engine
        self.kubernetes = kubernetes
        self.hosts = hosts
        self.pace = pace or Pace()
        self.on_picture: Callable[[Picture], None] = lambda picture: None
        self.in_view: frozenset[str] = frozenset()
        self._read_only = read_only
        self._busy: list[Text] = []
        self._dirty = asyncio.Event()
        self._watch_changed = asyncio.Event()
        self._api_changed = asyncio.Event()
        self._due: dict[str, float] = {}
        self._active_due: dict[str, float] = {}
        self._sweeping: set[str] = set()
        self._watched = frozenset(p.name for p in engine.registry.probes if _is_watched(p))
        self._was_lost = False
        self._last: Picture | None = None

    # ---------------------------------------------------------------------------------------------- pictures

    def picture(self) -> Picture:
        """The site as it is known now, drawn at once; for small sites and single looks."""
        return self._framed(self.engine.picture())

    @property
    def last(self) -> Picture | None:
        """The picture that was handed out last."""
        return self._last

    def _framed(self, picture: Picture) -> Picture:
        busy = self._busy[-1] if self._busy else None
        self._last = replace(picture, links=self.links(), read_only=self._read_only(), busy=busy)
        return self._last

    def links(self) -> tuple[LinkInfo, ...]:
        """Kubernetes first, then the hosts."""
        return (self._kubernetes_link(), *self.hosts.states())

    def _kubernetes_link(self) -> LinkInfo:
        api = self.kubernetes
        if api is None:
            return LinkInfo(KUBERNETES, LinkState.NONE)
        problem = api.problem or self._api_problem()
        if problem is not None:
            return LinkInfo(KUBERNETES, LinkState.DOWN, api.last_seen, problem, detail=self.engine.site.server)
        state = LinkState.UP if api.last_seen else LinkState.CONNECTING
        return LinkInfo(KUBERNETES, state, api.last_seen, detail=self.engine.site.server)

    def _api_problem(self) -> Unknown | None:
        fact = self.engine.store.get(ApiServer)
        return fact if isinstance(fact, Unknown) else None

    def changed(self) -> None:
        """Something worth a new picture happened."""
        self._dirty.set()

    def watch_changed(self, path: str) -> None:
        """A watched list changed or was lost; called by the Kubernetes source."""
        self._watch_changed.set()
        lost = self.kubernetes is not None and self.kubernetes.problem is not None
        if lost != self._was_lost:
            self._was_lost = lost
            self._api_changed.set()

    # ------------------------------------------------------------------------------------------------ running

    async def run(self) -> None:
        """Watch, sweep and picture until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._picture_loop())
            tasks.create_task(self._watch_loop())
            tasks.create_task(self._api_loop())
            tasks.create_task(self._host_loop(tasks))
            tasks.create_task(self._sleep_loop())

    async def _picture_loop(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            picture = self._framed(await self.engine.picture_soon())
            try:
                self.on_picture(picture)
            except Exception:  # of whoever listens: the site goes on and hands out the next picture
                log.exception("a front end failed on a picture")
            await asyncio.sleep(self.pace.picture)

    async def _watch_loop(self) -> None:
        """Re-read what is watched, at most every 100 ms."""
        while True:
            await self._watch_changed.wait()
            await asyncio.sleep(self.pace.picture)
            self._watch_changed.clear()
            await self.engine.look_at_site(lambda probe: probe.name in self._watched)
            self.changed()

    async def _api_loop(self) -> None:
        """Ask what is not watched: at once, then at a pace; sooner while the API is down or has just come back."""
        while True:
            await self.engine.look_at_site(paced=True)
            self.changed()
            down = self._kubernetes_link().state is LinkState.DOWN
            self._api_changed.clear()
            try:
                async with asyncio.timeout(self.pace.api_down if down else self.pace.api):
                    await self._api_changed.wait()
            except TimeoutError:
                continue

    async def _host_loop(self, tasks: asyncio.TaskGroup) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            for name in self._hosts_due(clock()):
                self._sweeping.add(name)
                tasks.create_task(self._sweep(name))
            await asyncio.sleep(0.25)

    def _hosts_due(self, now: float) -> list[str]:
        names = [host.name for host in self.engine.hosts if host.roles]
        few = len(names) <= IN_VIEW_MOST
        due = []
        for name in names:
            if name not in self._due:
                spread = 0.0 if few or name in self.in_view else random.uniform(0, self.pace.all_hosts)  # noqa: S311
                self._due[name] = now + spread
            if self._due[name] <= now and name not in self._sweeping:
                often = few or name in self.in_view
                self._due[name] = now + (self.pace.in_view if often else self.pace.all_hosts)
                due.append(name)
        return due

    async def _sweep(self, name: str) -> None:
        now = asyncio.get_running_loop().time()
        costs = SWEEP_COSTS if self._active_due.get(name, 0.0) <= now else (Cost.PASSIVE,)
        if Cost.ACTIVE in costs:
            self._active_due[name] = now + self.pace.active
        try:
            await self.engine.look_at_hosts([name], costs, paced=True)
        finally:
            self._sweeping.discard(name)
            self.changed()

    async def _sleep_loop(self) -> None:
        """After a nap of this machine, connect anew and ask at once instead of waiting until silence is noticed."""
        watch = SleepWatch()
        while True:
            await asyncio.sleep(self.pace.nap)
            if slept := watch.nap():
                log.info("this machine slept for %.0f s; connecting anew", slept)
                self.hosts.woke()
                if self.kubernetes is not None:
                    self.kubernetes.woke()
                self._due.clear()
                self._api_changed.set()

    # ------------------------------------------------------------------------------------------------ on demand

    def look_at(self, names: Iterable[str]) -> None:
        """Hosts whose components are on the screen; they are asked more often, and soon."""
        fresh = frozenset(names)
        for name in fresh - self.in_view:
            self._due.pop(name, None)
        self.in_view = fresh

    async def rerun(self, targets: Iterable[str] | None = None, costs: Sequence[Cost] = SWEEP_COSTS) -> None:
        """Ask again now: the site and these hosts, or everything."""
        names = [h.name for h in self.engine.hosts] if targets is None else list(targets)
        self.hosts.retry()
        with self.doing(_("asking again")):
            await self.engine.look_at_site()
            await self.engine.look_at_hosts(names, costs)

    def forget_pace(self) -> None:
        """Something was changed: the next look at the site and at what is in view asks everything."""
        self.engine.forget_pace()
        self._active_due.clear()

    async def recheck(self, codes: Sequence[str], target: str) -> tuple[Finding, ...]:
        """Ask again what these checks read and give their findings; what ``verify`` uses."""
        found = await self.engine.look_again(codes, target)
        self.changed()
        return found

    def doing(self, text: Text) -> _Doing:
        """Shows what is being done for as long as the block lasts."""
        return _Doing(self, text)

    async def close(self) -> None:
        """Close every link."""
        await self.hosts.close()
        if self.kubernetes is not None:
            await self.kubernetes.close()


class _Doing:
    def __init__(self, site: LiveSite, text: Text) -> None:
        self._site, self._text = site, text

    def __enter__(self) -> None:
        self._site._busy.append(self._text)
        self._site.changed()

    def __exit__(self, *exc: object) -> None:
        self._site._busy.remove(self._text)
        self._site.changed()


def _is_watched(probe: Probe) -> bool:
    """True for a site probe all of whose asks are watched lists, so that re-reading it costs nothing."""
    if probe.on is not None or probe.needs:
        return False
    wanted = probe.ask()
    asks = (wanted,) if isinstance(wanted, Ask) else tuple(wanted or ())
    return bool(asks) and all(isinstance(ask, Api) and ask.watched for ask in asks)
