"""The engine: sources in, pictures out. The same for a live site, a recording, a bundle and one local host."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from kedge.config import SiteSettings
from kedge.diagnosis import causes, diagnose, draw_paths
from kedge.facts.cloudcore import CloudCore
from kedge.facts.inventory import ApiEndpoints
from kedge.facts.metrics import MetricsServer
from kedge.facts.nodes import Node
from kedge.i18n import Text, _
from kedge.inventory import derive_hosts, targets_of
from kedge.judge import Judge
from kedge.links.pools import DaemonExecutor, run
from kedge.model import Cost, Each, Finding, Host, Observation, Reason, Role, Status, Unknown
from kedge.picture import Picture
from kedge.plugins import Probe, Registry
from kedge.sources.base import Source
from kedge.store import FactStore
from kedge.sweep import Sweeper
from kedge.tree import build_tree
from kedge.tree_pods import PodRows

SWEEP_COSTS = (Cost.PASSIVE, Cost.ACTIVE)
HOSTS_AT_ONCE = 32
DRAW_SECONDS = 120.0

_NO_NODE = _(
    "{host} is an edge, but no node of this name is in the cluster: it was deleted, never joined, or registered under "
    "another name (hostnameOverride)"
)


@dataclass(frozen=True, slots=True)
class SiteName:
    """How a site is called on the screen and in reports."""

    name: str
    context: str = ""
    server: str = ""


@dataclass(slots=True)
class Since:
    """Remembers since when each failure has been seen, by the clock passed in, and how often it came."""

    first: dict[tuple[str, str], datetime] = field(default_factory=dict)
    came: Counter[tuple[str, str]] = field(default_factory=Counter)

    def stamp(self, findings: Sequence[Finding], now: datetime) -> tuple[Finding, ...]:
        """The findings with ``since`` and ``flaps`` filled in for those that were seen to turn bad while we watched."""
        bad = {(f.code, f.target) for f in findings if f.is_cause or f.because}
        self.came.update(bad - self.first.keys())
        self.first = {key: self.first.get(key, now) for key in bad}
        return tuple([self._stamped(finding) for finding in findings])

    def _stamped(self, finding: Finding) -> Finding:
        key = (finding.code, finding.target)
        if key not in self.came:
            return finding
        return replace(finding, since=self.first.get(key), flaps=self.came[key])


class Engine:
    """Asks sources, keeps facts, judges them.

    Args:
        site: name, context and server.
        registry: the plugins.
        settings: the site's part of the config file.
        kubernetes: answers API asks.
        host: the source of a host by name.
        also: hosts that are known besides nodes and inventory.
        watching: False for a single look (``since`` is then null).
        taken: when a recording was made; None for a live site.
    """

    def __init__(
        self,
        site: SiteName,
        registry: Registry,
        settings: SiteSettings,
        kubernetes: Source,
        host: Callable[[str], Source],
        *,
        also: Iterable[str] = (),
        watching: bool = False,
        deadline: float = 30.0,
        taken: datetime | None = None,
    ) -> None:
        self.site = site
        self.registry = registry
        self.settings = settings
        self.kubernetes = kubernetes
        self.store = FactStore()
        self.hosts: tuple[Host, ...] = ()
        self.problems: tuple[Text, ...] = registry.problems
        self.taken = taken
        self._also = tuple(also)
        self._judge = Judge(registry)
        self._judging = threading.Lock()
        self._drawing = DaemonExecutor("judge", 1)
        self._sweeper = Sweeper(registry, self.store, kubernetes, host, deadline)
        self._since = Since() if watching else None
        self._serial = itertools.count(1)
        self._pods = PodRows()
        self._slots = asyncio.Semaphore(HOSTS_AT_ONCE)

    @property
    def deadline(self) -> float:
        """Seconds that one wave of asks may take on one source."""
        return self._sweeper.deadline

    @deadline.setter
    def deadline(self, seconds: float) -> None:
        self._sweeper.deadline = seconds

    def tell(self, witness: Callable[[Sequence[Observation]], None]) -> None:
        """Tell somebody of every answer from now on."""
        self._sweeper.witness = witness

    # ------------------------------------------------------------------------------------------------ asking

    async def look(self, costs: Iterable[Cost] = SWEEP_COSTS) -> None:
        """Ask the whole site once."""
        await self.look_at_site()
        await self.look_at_hosts([host.name for host in self.hosts], costs)

    def forget_pace(self) -> None:
        """Something was changed: the next sweep asks everything, however lately it was answered."""
        self._sweeper.forget_pace()

    async def look_at_site(self, only: Callable[[Probe], bool] = lambda probe: True, *, paced: bool = False) -> None:
        """Ask what is asked of the site as a whole, then find out which hosts it has.

        ``paced``: leave out what was answered lately enough for its probe; nobody asked for it now.
        """
        await self._sweeper.site(only=only, paced=paced)
        self.find_hosts()

    async def look_at_hosts(
        self, names: Sequence[str], costs: Iterable[Cost] = SWEEP_COSTS, *, paced: bool = False
    ) -> None:
        """Ask some hosts everything their roles allow."""
        wanted = [host for host in self.hosts if host.name in set(names) and host.roles]
        allowed = tuple(costs)
        await asyncio.gather(*(self._look_at(host, allowed, paced) for host in wanted))

    async def _look_at(self, host: Host, costs: Sequence[Cost], paced: bool) -> None:
        async with self._slots:
            await self._sweeper.host(host, costs, paced=paced)

    async def look_again(
        self, codes: Iterable[str], target: str, costs: Iterable[Cost] = SWEEP_COSTS
    ) -> tuple[Finding, ...]:
        """Ask again only what these checks read, and give their findings.

        A fact that is this target's own is asked of the target only; any other of every host that can tell
        it (repairing a NAT rule on the cloud host is verified by the logs of all edges).
        """
        wanted = set(codes)
        asked = wanted | self._suspects(wanted)
        types = self._with_sources({n.type for c in self.registry.checks if c.code in asked for n in c.needs_facts})
        await self.look_at_site(lambda probe: probe.fact in types)
        allowed = tuple(costs)

        async def ask(host: Host) -> None:
            def wants(probe: Probe) -> bool:
                return probe.fact in types and (host.name == target or target not in self._asked_of(probe))

            async with self._slots:
                await self._sweeper.host(host, allowed, only=wants)

        await asyncio.gather(*(ask(host) for host in self.hosts if host.roles))
        found = [f for f in self.findings() if f.code in wanted]
        own = {f.code for f in found if f.target == target}
        return tuple(f for f in found if f.code not in own or f.target == target)

    def _suspects(self, codes: set[str]) -> set[str]:
        """Failures that could explain these checks. Judged by facts from before a repair they would explain it wrongly:
        EdgeCore was not restarted since its file changed, when only the file was read again."""
        explaining = {other for c in self.registry.checks if c.code in codes for other in (*c.explained_by, *c.needs)}
        return explaining & {finding.code for finding in self.findings() if finding.status is Status.FAIL}

    def _asked_of(self, probe: Probe) -> frozenset[str]:
        return frozenset(host.name for host in self.hosts if probe.on and probe.on & host.roles)

    def _with_sources(self, types: set[type]) -> set[type]:
        """The fact types and those that their probes need first."""
        found = set(types)
        while more := {n.type for p in self.registry.probes if p.fact in found for n in p.needs} - found:
            found |= more
        return found

    def find_hosts(self) -> None:
        """Derive the machines of the site from what is known now."""
        metrics: MetricsServer | None = self.store.known(MetricsServer)
        nodes = {k: v for k, v in self.store.all(Node).items() if isinstance(v, Node)}
        hosts = derive_hosts(
            self.settings,
            nodes,
            self.store.known(ApiEndpoints),
            self.store.known(CloudCore),
            metrics.pods if metrics else (),
            self._also,
        )
        gone = {host.name for host in self.hosts} - {host.name for host in hosts}
        self.hosts = hosts
        for name in gone:
            self.store.forget_target(name)
        self.store.put_all(Host, {host.name: host for host in hosts})
        for host in hosts:
            if nodes and Role.EDGE in host.roles and host.name not in nodes:
                self.store.put(Node, host.name, Unknown(Reason.MISSING, _NO_NODE.format(host=host.name)))

    # ----------------------------------------------------------------------------------------------- judging

    @property
    def edges(self) -> tuple[str, ...]:
        """Names of the edge nodes."""
        return targets_of(self.hosts)[Each.EDGE]

    def findings(self) -> tuple[Finding, ...]:
        """What the checks say now, related to their causes."""
        return self._found(self.store.snapshot(), targets_of(self.hosts))

    def _found(self, facts: FactStore, targets: Mapping[Each, Sequence[str]]) -> tuple[Finding, ...]:
        with self._judging:
            raw = self._judge.evaluate(facts, targets)
        return diagnose(self.registry, raw)

    def picture(self, now: datetime | None = None) -> Picture:
        """Everything a front end shows, as of now."""
        return self._draw(self.store.snapshot(), targets_of(self.hosts), now)

    async def picture_soon(self) -> Picture:
        """The same, judged and drawn on a thread: a thousand edges take longer than a screen may stand still."""
        facts, targets = self.store.snapshot(), targets_of(self.hosts)
        return await run(self._drawing, lambda: self._draw(facts, targets, None), DRAW_SECONDS, lambda: None)

    def _draw(self, facts: FactStore, targets: Mapping[Each, Sequence[str]], now: datetime | None) -> Picture:
        taken = now or self.taken or datetime.now(UTC)
        found = self._found(facts, targets)
        if self._since is not None:
            found = self._since.stamp(found, taken)
        edges = targets[Each.EDGE]
        return Picture(
            site=self.site.name,
            context=self.site.context,
            server=self.site.server,
            taken=taken,
            serial=next(self._serial),
            components=self._pods.with_pods(build_tree(self.site.name, found, edges, facts), facts),
            findings=found,
            causes=causes(found),
            paths=draw_paths(found, edges),
            problems=self.problems,
        )
