"""Fixes of the NAT rules that lead an API server's requests to CloudCore (facts 1.4)."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudExposure, TunnelPorts
from kedge.facts.keeper import RuleKeeper
from kedge.facts.metrics import MetricsServer
from kedge.facts.nat import Kernel
from kedge.facts.network import NatRule as Rule
from kedge.facts.network import NatTables, SavedRules
from kedge.facts.nodes import Node
from kedge.facts.routes import Route, Way, destination, ports_in_use, route, stream_rules
from kedge.i18n import _
from kedge.model import Risk, Unknown
from kedge.plugins import All, Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import IPTABLES, Backend, KeepRules, NatRule

OUTPUT, PREROUTING = "OUTPUT", "PREROUTING"
MANAGED_CHAIN = "TUNNEL-PORT"
"""Written anew every 10 s by KubeEdge's iptables manager (facts 1.4); never edited here."""
_GOOD = frozenset({Way.RIGHT, Way.CONDITIONAL})


@dataclass(frozen=True, slots=True)
class _Fault:
    """A port that is not led right: in which hook, to where it must go, and what stands in the way."""

    hook: str
    port: int
    to: tuple[str, int]
    route: Route


@fix(
    "add-nat-rule",
    _("Add the missing NAT rule to CloudCore"),
    answers=["KE302"],
    risk=Risk.MEDIUM,
    verify=["KE302"],
    expect=["KE501"],
)
def add_nat_rule(
    target: str,
    tables: NatTables,
    cloudcore: CloudCore,
    nodes: All[Node],
    tunnel_ports: Maybe[TunnelPorts],
    config: Maybe[CloudCoreConfig],
    exposure: Maybe[CloudExposure],
    metrics: Maybe[MetricsServer],
) -> Draft | NotApplicable:
    """Send each port in use to its CloudCore, in front of any rule that takes it elsewhere.

    Every backend is consulted by the kernel (facts 11): the rule goes where the one in the way is, else to
    whatever plain ``iptables`` is on that host.
    """
    if not cloudcore.serving:
        return NotApplicable(_("No CloudCore is running that a rule could lead to; repair CloudCore first"))
    site = _Site(target, tables, cloudcore, nodes, tunnel_ports, config, exposure, metrics)
    faults = list(site.faults())
    if not faults:
        return NotApplicable(_("Every port in use on {host} already leads to a running CloudCore").format(host=target))
    ports = ", ".join(str(fault.port) for fault in faults)
    return draft(
        *site.additions(faults),
        title=_("Lead port {ports} on {host} to CloudCore").format(ports=ports, host=target),
        impact=_("new connections to port {ports} from {host} go to CloudCore; open ones are not touched").format(
            ports=ports, host=target
        ),
    )


@fix(
    "add-nat-rule-for-good",
    _("Add the missing NAT rule to CloudCore and keep it over reboots"),
    answers=["KE302"],
    risk=Risk.MEDIUM,
    verify=["KE302"],
    expect=["KE501"],
)
def add_nat_rule_for_good(
    target: str,
    tables: NatTables,
    cloudcore: CloudCore,
    nodes: All[Node],
    tunnel_ports: Maybe[TunnelPorts],
    config: Maybe[CloudCoreConfig],
    exposure: Maybe[CloudExposure],
    metrics: Maybe[MetricsServer],
    keeper: RuleKeeper,
) -> Draft | NotApplicable:
    """The same rule, and a further step that writes it, and nothing else, into what this host reads at boot.

    What the host uses already is used: the file of netfilter-persistent or of iptables-services; else a systemd unit
    of our own. The running table is never saved as a whole: it holds rules of kube-proxy and others that must not
    come back at boot.
    """
    added = add_nat_rule.function(target, tables, cloudcore, nodes, tunnel_ports, config, exposure, metrics)
    if isinstance(added, NotApplicable):
        return added
    rules = [step for step in added.steps if isinstance(step, NatRule)]
    keep = _keep(target, keeper, rules)
    if isinstance(keep, NotApplicable):
        return keep
    title = _("{title}, and keep it over reboots ({kind})").format(title=added.title, kind=keeper.kind)
    return draft(*rules, keep, impact=added.impact, title=title)


@fix(
    "keep-nat-rules",
    _("Keep the NAT rules to CloudCore over reboots"),
    answers=["KE302"],
    risk=Risk.LOW,
    verify=["KE302"],
    on_demand=True,
)
def keep_nat_rules(
    target: str,
    tables: NatTables,
    cloudcore: CloudCore,
    nodes: All[Node],
    tunnel_ports: Maybe[TunnelPorts],
    config: Maybe[CloudCoreConfig],
    exposure: Maybe[CloudExposure],
    metrics: Maybe[MetricsServer],
    keeper: RuleKeeper,
    saved: Maybe[SavedRules],
) -> Draft | NotApplicable:
    """Write the rules that lead right now, and nothing else of the table, into what this host reads at boot.

    Rules in the chain of KubeEdge's own manager need it not: it writes them anew.
    """
    if not cloudcore.serving:
        return NotApplicable(_("No CloudCore is running, so it cannot be told which rules are needed"))
    site = _Site(target, tables, cloudcore, nodes, tunnel_ports, config, exposure, metrics)
    known = None if isinstance(saved, Unknown) else saved
    rules = [rule for rule in site.right() if known is None or not known.holds(int(rule.spec[3]))]
    if not rules:
        return NotApplicable(_("No rule on {host} that leads to CloudCore would be lost").format(host=target))
    keep = _keep(target, keeper, rules)
    if isinstance(keep, NotApplicable):
        return keep
    title = _("Keep the NAT rules to CloudCore over reboots ({kind})").format(kind=keeper.kind)
    return draft(keep, impact=_("nothing changes before the next boot"), title=title)


@fix(
    "remove-nat-rule",
    _("Delete NAT rules that lead nowhere"),
    answers=["KE302"],
    risk=Risk.MEDIUM,
    verify=["KE302"],
    expect=["KE501"],
)
def remove_nat_rule(
    target: str,
    tables: NatTables,
    cloudcore: CloudCore,
    nodes: All[Node],
    tunnel_ports: Maybe[TunnelPorts],
    config: Maybe[CloudCoreConfig],
    exposure: Maybe[CloudExposure],
    metrics: Maybe[MetricsServer],
) -> Draft | NotApplicable:
    """Delete rules made for CloudStream that no node uses, or that take connections to where none answers.

    Where the wrong rule was the only one, the right one is added first, so that no connection is refused in
    between. Rules that belong to somebody else are never deleted.
    """
    if not cloudcore.serving:
        return NotApplicable(_("No CloudCore is running, so it cannot be told which rules are needed"))
    site = _Site(target, tables, cloudcore, nodes, tunnel_ports, config, exposure, metrics)
    faults = list(site.faults())
    doomed = [*site.idle(), *site.own_culprits(faults)]
    if not doomed:
        return NotApplicable(
            _("No rule on {host} that was made for CloudCore is stale or in the way").format(host=target)
        )
    still = {(fault.hook, fault.port) for fault in site.without(doomed).faults()}
    replaced = [fault for fault in faults if (fault.hook, fault.port) in still]
    deletions = [
        NatRule(target, site.tool(rule.backend), rule.chain, tuple(shlex.split(rule.spec)), "delete") for rule in doomed
    ]
    impact = _("new connections no longer meet these rules; open ones are not touched")
    if not replaced:
        return draft(*deletions, impact=impact)
    title = _("Replace stale NAT rules on {host}").format(host=target)
    return draft(*site.additions(replaced), *deletions, title=title, impact=impact)


def _keep(host: str, keeper: RuleKeeper, rules: Sequence[NatRule]) -> KeepRules | NotApplicable:
    """The step that writes these rules into what the host reads at boot."""
    if keeper.kind != "systemd" and any(rule.backend != "default" for rule in rules):
        sentence = _("{kind} of {host} brings back rules of another backend of iptables than the one needed")
        return NotApplicable(sentence.format(kind=keeper.kind, host=host))
    kept = tuple((IPTABLES[rule.backend], rule.chain, rule.spec) for rule in rules)
    return KeepRules(host, keeper.kind, keeper.path, kept)


def _spec(port: int, to: tuple[str, int]) -> tuple[str, ...]:
    return ("-p", "tcp", "--dport", str(port), "-j", "DNAT", "--to-destination", f"{to[0]}:{to[1]}")


class _Site:
    """What the fixes of one API-server host reason about."""

    def __init__(
        self,
        host: str,
        tables: NatTables,
        cloudcore: CloudCore,
        nodes: All[Node],
        tunnel: TunnelPorts | Unknown,
        config: CloudCoreConfig | Unknown,
        exposure: CloudExposure | Unknown,
        metrics: MetricsServer | Unknown,
    ) -> None:
        self.host, self.tables, self.cloudcore, self.nodes = host, tables, cloudcore, nodes.known()
        self.tunnel = None if isinstance(tunnel, Unknown) else tunnel
        self.stream_port = (CloudCoreConfig("") if isinstance(config, Unknown) else config).cloud_stream.stream_port
        self.others = frozenset[str]() if isinstance(exposure, Unknown) else exposure.addresses
        own = self.nodes.get(host)
        self.local = (own.internal_ip, *own.addresses) if own else ()
        self.kernel = Kernel(tables, self.local)
        pods = () if isinstance(metrics, Unknown) else metrics.serving
        # metrics-server in the pod network of this host passes PREROUTING instead of OUTPUT (facts 1.4).
        self.hooks = [OUTPUT, *([PREROUTING] if any(not p.host_network and p.node == host for p in pods) else [])]

    def faults(self) -> Iterator[_Fault]:
        """Every port in use that is not led to its CloudCore; IPv6 is beyond iptables and left out."""
        for port, users in ports_in_use(self.nodes.values(), self.tunnel).items():
            to = destination(port, self.stream_port, self.host, self.cloudcore, self.tunnel, self.nodes, self.others)
            if to is None or ":" in to.best[0]:
                continue
            for hook in self.hooks:
                found = route(self.kernel, hook, port, users, to.all)
                if found.way not in _GOOD:
                    yield _Fault(hook, port, to.best, found)

    def right(self) -> Iterator[NatRule]:
        """A rule for each port that is led right by one that somebody typed."""
        for port, users in ports_in_use(self.nodes.values(), self.tunnel).items():
            to = destination(port, self.stream_port, self.host, self.cloudcore, self.tunnel, self.nodes, self.others)
            if to is None or ":" in to.best[0]:
                continue
            for hook in self.hooks:
                found = route(self.kernel, hook, port, users, to.all)
                if found.way is Way.RIGHT and found.rule is not None and found.rule.chain != MANAGED_CHAIN:
                    tool = self.tool(found.rule.backend)
                    yield NatRule(self.host, tool, hook, _spec(port, to.best))

    def additions(self, faults: Iterable[_Fault]) -> list[NatRule]:
        """A rule for each; the highest position first, so that no insertion moves the place of a later one."""
        steps = [self._addition(fault) for fault in faults]
        return sorted(steps, key=lambda step: (step.before == 0, -step.before))

    def _addition(self, fault: _Fault) -> NatRule:
        spec = _spec(fault.port, fault.to)
        culprit = fault.route.culprit
        if culprit is None:
            return NatRule(self.host, "default", fault.hook, spec)
        backend = culprit.rule.backend
        hanging = self.tables.chain(fault.hook, backend)[culprit.hook_position - 1]
        return NatRule(self.host, self.tool(backend), fault.hook, spec, "add", hanging.position, hanging.spec)

    def idle(self) -> list[Rule]:
        """Rules made for CloudStream whose port neither a node nor the tunnelport ConfigMap uses."""
        used = set(ports_in_use(self.nodes.values(), self.tunnel))
        used |= {port for _ip, port in self.tunnel.by_ip} | set(self.tunnel.ports) if self.tunnel else set()
        return [rule for rule in self._own_rules() if not any(rule.matches_port(port) for port in used)]

    def own_culprits(self, faults: Iterable[_Fault]) -> list[Rule]:
        """Rules in the way that were made for CloudStream, each once."""
        own = self._own_rules()
        found = [f.route.culprit.rule for f in faults if f.route.culprit]
        return [rule for rule in own if rule in found]

    def without(self, doomed: Iterable[Rule]) -> _Site:
        """The same host once these rules are gone."""
        gone = list(doomed)
        left = copy.copy(self)
        left.tables = replace(self.tables, rules=tuple(rule for rule in self.tables.rules if rule not in gone))
        left.kernel = Kernel(left.tables, self.local)
        return left

    def tool(self, backend: str) -> Backend:
        """How to name a backend on that host: plain ``iptables`` where that is it."""
        if backend == self.tables.default_backend:
            return "default"
        return "legacy" if backend == "legacy" else "nft"

    def _own_rules(self) -> list[Rule]:
        known = self.cloudcore.addresses | self.others
        return [r for r in stream_rules(self.tables, self.stream_port, known) if r.chain != MANAGED_CHAIN]
