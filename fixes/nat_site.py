"""What the fixes of one API-server host's NAT rules reason about (facts 1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost, CloudExposure, TunnelPorts
from kedge.facts.in_use import config_in_use, core_in_use
from kedge.facts.metrics import MetricsServer
from kedge.facts.nat import Kernel
from kedge.facts.network import NatRule as Rule
from kedge.facts.network import NatTables
from kedge.facts.nodes import Node
from kedge.facts.routes import Route, Way, destination, ports_in_use, route, stream_rules
from kedge.model import Host, Unknown
from kedge.plugins import All, Maybe, together
from kedge.steps import Backend, NatRule

OUTPUT, PREROUTING = "OUTPUT", "PREROUTING"
MANAGED_CHAIN = "TUNNEL-PORT"
"""Written anew every 10 s by KubeEdge's iptables manager (facts 1.4); never edited here."""
_GOOD = frozenset({Way.RIGHT, Way.CONDITIONAL})


@dataclass(frozen=True, slots=True)
class Led:
    """Where a port in use is led in one hook, and where it must go."""

    hook: str
    port: int
    to: tuple[str, int]
    route: Route
    users: tuple[str, ...] = ()
    """Nodes that are reached by this port."""


@together
@dataclass(frozen=True)
class NatSite:
    """One API-server host, its rules, and what they must lead to."""

    target: str
    tables: NatTables
    cluster: CloudCore
    nodes: All[Node]
    tunnel_ports: Maybe[TunnelPorts]
    mapped: Maybe[CloudCoreConfig]
    exposure: Maybe[CloudExposure]
    metrics: Maybe[MetricsServer]
    on_hosts: All[CloudCoreOnHost]
    hosts: All[Host]

    @cached_property
    def cloudcore(self) -> CloudCore:
        """The CloudCore that rules must lead to, be it a service of a host."""
        return core_in_use(self.cluster, self.on_hosts, self.hosts)

    @cached_property
    def tunnel(self) -> TunnelPorts | None:
        """Which CloudCore owns which port, None when that is not known."""
        return None if isinstance(self.tunnel_ports, Unknown) else self.tunnel_ports

    @cached_property
    def stream_port(self) -> int:
        """CloudStream's port."""
        config = config_in_use(self.mapped, self.on_hosts)
        return (CloudCoreConfig("") if isinstance(config, Unknown) else config).cloud_stream.stream_port

    @cached_property
    def kernel(self) -> Kernel:
        """The host's tables as its kernel goes through them."""
        own = self.nodes.known().get(self.target)
        return Kernel(self.tables, (own.internal_ip, *own.addresses) if own else ())

    @cached_property
    def _others(self) -> frozenset[str]:
        return frozenset() if isinstance(self.exposure, Unknown) else self.exposure.addresses

    @cached_property
    def _hooks(self) -> list[str]:
        """metrics-server in the pod network of this host passes PREROUTING instead of OUTPUT (facts 1.4)."""
        pods = () if isinstance(self.metrics, Unknown) else self.metrics.serving
        beside = any(not pod.host_network and pod.node == self.target for pod in pods)
        return [OUTPUT, PREROUTING] if beside else [OUTPUT]

    def faults(self) -> Iterator[Led]:
        """Every port in use that is not led to its CloudCore."""
        return (one for one in self._routes() if one.route.way not in _GOOD)

    def right(self) -> Iterator[NatRule]:
        """A rule for each port that is led right by one that somebody typed."""
        for one in self._routes():
            rule = one.route.rule
            if one.route.way is Way.RIGHT and rule is not None and rule.chain != MANAGED_CHAIN:
                yield NatRule(self.target, self.tool(rule.backend), one.hook, spec_of(one.port, one.to))

    def _routes(self) -> Iterator[Led]:
        """The way of every port in use; IPv6 is beyond iptables and left out."""
        nodes = self.nodes.known()
        for port, users in ports_in_use(nodes.values(), self.tunnel).items():
            to = destination(port, self.stream_port, self.target, self.cloudcore, self.tunnel, nodes, self._others)
            if to is None or ":" in to.best[0]:
                continue
            for hook in self._hooks:
                found = route(self.kernel, hook, port, users, to.all)
                yield Led(hook, port, to.best, found, tuple(node.name for node in users))

    def additions(self, faults: Iterable[Led]) -> list[NatRule]:
        """A rule for each; the highest position first, so that no insertion moves the place of a later one."""
        steps = [self._addition(fault) for fault in faults]
        return sorted(steps, key=lambda step: (step.before == 0, -step.before))

    def _addition(self, fault: Led) -> NatRule:
        spec = spec_of(fault.port, fault.to)
        culprit = fault.route.culprit
        if culprit is None:
            return NatRule(self.target, "default", fault.hook, spec)
        backend = culprit.rule.backend
        hanging = self.tables.chain(fault.hook, backend)[culprit.hook_position - 1]
        return NatRule(self.target, self.tool(backend), fault.hook, spec, "add", hanging.position, hanging.spec)

    def idle(self) -> list[Rule]:
        """Rules made for CloudStream whose port neither a node nor the tunnelport ConfigMap uses."""
        used = set(ports_in_use(self.nodes.known().values(), self.tunnel))
        used |= {port for _ip, port in self.tunnel.by_ip} | set(self.tunnel.ports) if self.tunnel else set()
        return [rule for rule in self._own_rules() if not any(rule.matches_port(port) for port in used)]

    def own_culprits(self, faults: Iterable[Led]) -> list[Rule]:
        """Rules in the way that were made for CloudStream, each once."""
        own = self._own_rules()
        found = [f.route.culprit.rule for f in faults if f.route.culprit]
        return [rule for rule in own if rule in found]

    def without(self, doomed: Iterable[Rule]) -> NatSite:
        """The same host once these rules are gone."""
        gone = list(doomed)
        left = tuple(rule for rule in self.tables.rules if rule not in gone)
        return replace(self, tables=replace(self.tables, rules=left))

    def tool(self, backend: str) -> Backend:
        """How to name a backend on that host: plain ``iptables`` where that is it."""
        if backend == self.tables.default_backend:
            return "default"
        return "legacy" if backend == "legacy" else "nft"

    def _own_rules(self) -> list[Rule]:
        known = self.cloudcore.addresses | self._others
        return [r for r in stream_rules(self.tables, self.stream_port, known) if r.chain != MANAGED_CHAIN]


def spec_of(port: int, to: tuple[str, int]) -> tuple[str, ...]:
    """The rule that leads a port there, as iptables takes it."""
    return ("-p", "tcp", "--dport", str(port), "-j", "DNAT", "--to-destination", f"{to[0]}:{to[1]}")
