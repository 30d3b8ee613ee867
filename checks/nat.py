"""NAT rules of API-server hosts: how a request for an edge's kubelet port comes to CloudStream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost, CloudExposure, TunnelPorts
from kedge.facts.in_use import config_in_use, core_in_use
from kedge.facts.kubectl import KubectlLogs, NodeProxy, Outcome, core_of
from kedge.facts.metrics import MetricsServer
from kedge.facts.nat import Kernel
from kedge.facts.network import NatRule, NatTables, SavedRules
from kedge.facts.nodes import Node
from kedge.facts.routes import Destination, Route, Way, destination, ports_in_use, route, stream_rules
from kedge.i18n import Text, _
from kedge.model import Hop, Host, Kind, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, info, not_known, passed, skipped, warned

OUTPUT, PREROUTING = "OUTPUT", "PREROUTING"
_SHOWN = 3
"""Names of edges in a sentence; the rest is counted."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A port in use, who reports it, and where it must lead."""

    port: int
    nodes: tuple[Node, ...]
    to: Destination

    def rule(self, hook: str = OUTPUT) -> str:
        """The rule that does it, as iptables takes it."""
        ip, port = self.to.best
        shown = f"[{ip}]" if ":" in ip else ip
        return f"-A {hook} -p tcp --dport {self.port} -j DNAT --to-destination {shown}:{port}"


@check(
    "KE302",
    _("NAT rule to CloudStream"),
    on=Kind.NAT,
    needs=["KE110"],
    fixes=[
        "add-nat-rule",
        "add-nat-rule-for-good",
        "keep-nat-rules",
        "remove-nat-rule",
        "restart-nat-manager",
        "run-bundle-nat-script",
    ],
    hops=[Hop.NAT],
)
def ports_in_use_lead_to_cloudstream(  # noqa: PLR0913, PLR0917 - a parameter is a fact, and all of these decide
    target: str,
    tables: NatTables,
    cluster: CloudCore,
    nodes: All[Node],
    tunnel: Maybe[TunnelPorts],
    mapped: Maybe[CloudCoreConfig],
    exposure: Maybe[CloudExposure],
    metrics: Maybe[MetricsServer],
    on_hosts: All[CloudCoreOnHost],
    hosts: All[Host],
    proxies: All[NodeProxy],
    logs: All[KubectlLogs],
    saved: Maybe[SavedRules],
) -> Verdict:
    """On every API-server host each kubelet port in use needs a DNAT in nat OUTPUT to its CloudCore (facts 1.1, 1.4).

    The kernel consults the nft and the legacy tables alike (facts 11). A rule only meets new connections, so
    logs and top may still flow over old ones after it has gone.
    """
    known = nodes.known()
    if not known:
        return not_known(_no_nodes(nodes))
    core, config = core_in_use(cluster, on_hosts, hosts), config_in_use(mapped, on_hosts)
    if not core.serving:
        return skipped(_("No CloudCore is running that a rule could lead to"))
    record = None if isinstance(tunnel, Unknown) else tunnel
    stream_port = (CloudCoreConfig("") if isinstance(config, Unknown) else config).cloud_stream.stream_port
    others = frozenset() if isinstance(exposure, Unknown) else exposure.addresses
    wanted = []
    for port, users in ports_in_use(known.values(), record).items():
        to = destination(port, stream_port, target, core, record, known, others)
        if to is not None:
            wanted.append(_Wanted(port, users, to))
    idle = _idle(tables, wanted, record, stream_port, core.addresses)
    if not wanted:
        return _nothing_needed(target, idle)
    if passed_by := _egress(target, proxies, logs):
        return passed_by
    kernel = Kernel(tables, _addresses(known.get(target)))
    assumed = config.text if isinstance(config, Unknown) else None
    manager = tables.managed or (isinstance(config, CloudCoreConfig) and config.iptables_enable)
    verdict = _judge(target, kernel, OUTPUT, wanted, idle, assumed, manager)
    if verdict is None and _scrapes_from_the_pod_network(metrics, target):
        verdict = _judge(target, kernel, PREROUTING, wanted, (), assumed, manager)
    verdict = verdict or _useless(target, idle, _stale(tables, record, core.addresses))
    return verdict or _lost_at_reboot(target, kernel, wanted, saved) or _right(target, wanted)


def _no_nodes(nodes: All[Node]) -> Unknown | Text:
    """Why no node is known: what the API said, or that it has none."""
    return next(iter(nodes.unknown().values()), _("No node is known, so it cannot be told which ports need a rule"))


def _addresses(node: Node | None) -> tuple[str, ...]:
    return (node.internal_ip, *node.addresses) if node else ()


def _scrapes_from_the_pod_network(metrics: MetricsServer | Unknown, host: str) -> bool:
    """Metrics Server in the pod network of this host passes PREROUTING, not OUTPUT (facts 1.4).

    It need not be ready: where it can scrape nobody, it never becomes so.
    """
    if isinstance(metrics, Unknown):
        return False
    return any(not pod.host_network and pod.node == host and pod.deleting is None for pod in metrics.pods)


def _egress(host: str, proxies: All[NodeProxy], logs: All[KubectlLogs]) -> Verdict | None:
    """An API server that dials through its own proxy meets no rule at all, whatever the tables say (facts 1.1)."""
    said = [one.text for one in proxies.known().values() if one.outcome is Outcome.EGRESS_PROXY]
    said += [t.text for one in logs.known().values() for t in one.tries if t.outcome is Outcome.EGRESS_PROXY]
    if not said:
        return None
    text = _(
        "The API server of {host} goes through its own egress proxy, past every NAT rule; on k3s and RKE2 "
        "`egress-selector-mode: disabled` in the server's config.yaml ends that"
    )
    expected = _("the API server dials edges itself")
    return failed(text.format(host=host), expected=expected, seen=core_of(said[0]), fixes=(), explained_by=())


# ------------------------------------------------------------------------------------------------- judging


def _judge(
    host: str,
    kernel: Kernel,
    hook: str,
    wanted: Iterable[_Wanted],
    idle: tuple[NatRule, ...],
    assumed: Text | None,
    manager: bool,
) -> Verdict | None:
    """The worst of all ports; None when every one is led right.

    ``assumed``: why CloudCore's stream port is not known, so that another port of it proves nothing.
    ``manager``: KubeEdge itself should write the rules here.
    """
    bad: list[tuple[_Wanted, Route]] = []
    conditional: list[tuple[_Wanted, Route]] = []
    for one in wanted:
        found = route(kernel, hook, one.port, one.nodes, one.to.all)
        if found.way is Way.CONDITIONAL:
            conditional.append((one, found))
        elif found.way is not Way.RIGHT:
            bad.append((one, found))
    if not bad:
        return _condition(host, *conditional[0]) if conditional else None
    one, found = bad[0]
    if found.way in (Way.MISSING, Way.UNHOOKED) and kernel.tables.unlisted:
        text = _(
            "nftables on {host} holds nat rules that iptables cannot list; `nft list ruleset` shows whether one leads "
            "port {port} to CloudCore"
        )
        return not_known(text.format(host=host, port=one.port))
    to = (found.culprit.rule if found.culprit else found.rule or NatRule("", "", 0, "", "")).to
    if assumed is not None and to is not None and to[0] in {ip for ip, _port in one.to.all}:
        text = _("{host} leads port {port} to {to}, a CloudCore; whether that is its stream port is not known: {why}")
        return not_known(text.format(host=host, port=one.port, to=f"{to[0]}:{to[1] or one.port}", why=assumed))
    expected = "\n".join(w.rule(hook) for w, _route in bad)
    return failed(
        _fault(host, hook, one, found, idle),
        expected=expected,
        seen=_seen(found, idle),
        fixes=_fixes(found, manager),
        explained_by=(),  # a CloudCore serves, whatever else ails it
    )


def _fault(host: str, hook: str, one: _Wanted, found: Route, idle: tuple[NatRule, ...]) -> Text:
    words = {"host": host, "port": one.port, "nodes": _names(found.nodes), "chain": hook}
    culprit = found.culprit.rule if found.culprit else found.rule
    if culprit is not None:
        to = f"{culprit.to[0]}:{culprit.to[1] or one.port}" if culprit.to else culprit.target
        words |= {"to": to, "place": _place(culprit)}
    if found.rule is not None:
        words["right"] = _place(found.rule)
    if found.way is Way.MISSING and idle:
        said = _(
            "{host} has no NAT rule for port {port} that {nodes} use; its rule for port {unused} matches nothing, "
            "no node uses that port"
        )
        return said.format(unused=", ".join(_ports(idle)), **words)
    return _FAULTS[found.way].format(**words)


_FAULTS: Mapping[Way, Text] = {
    Way.MISSING: _("{host} has no NAT rule in {chain} that leads port {port} of {nodes} to CloudCore"),
    Way.WRONG: _("{host} leads port {port} of {nodes} to {to}, where no CloudStream answers for them (rule {place})"),
    Way.SHADOWED: _(
        "{host} has the right NAT rule for port {port} ({right}), but rule {place} comes first and leads to {to}"
    ),
    Way.UNHOOKED: _("{host} has a NAT rule for port {port} of {nodes} ({right}), but {chain} does not lead there"),
    Way.CONTESTED: _(
        "{host} leads port {port} of {nodes} right in one backend ({right}) and to {to} in the other ({place}); "
        "the kernel consults both, and which wins depends on which was loaded first"
    ),
}


def _names(nodes: tuple[Node, ...]) -> str:
    shown = ", ".join(node.name for node in nodes[:_SHOWN])
    return f"{shown} (+{len(nodes) - _SHOWN})" if len(nodes) > _SHOWN else shown


def _place(rule: NatRule) -> str:
    return f"{rule.backend}: {rule.chain} {rule.position}"


def _fixes(found: Route, manager: bool) -> tuple[str, ...]:
    """What helps: a wrong rule is best removed, a missing one added, one of KubeEdge's own written anew by itself."""
    if found.way in (Way.MISSING, Way.UNHOOKED):
        own = ("restart-nat-manager",) if manager else ()
        return (*own, "add-nat-rule", "add-nat-rule-for-good", "run-bundle-nat-script")
    own = ("restart-nat-manager",) if found.culprit and found.culprit.rule.chain == _MANAGED else ()
    if found.way is Way.CONTESTED:
        return (*own, "remove-nat-rule", "add-nat-rule", "add-nat-rule-for-good")
    return (*own, "add-nat-rule", "add-nat-rule-for-good", "remove-nat-rule")


def _seen(found: Route, idle: tuple[NatRule, ...]) -> Text | str:
    rules = [rule for rule in (found.culprit.rule if found.culprit else None, found.rule, *idle) if rule]
    lines = dict.fromkeys(f"{rule.backend}: -A {rule.chain} {rule.spec}" for rule in rules)
    return "\n".join(lines) or _("no such rule, in no backend")


def _condition(host: str, one: _Wanted, found: Route) -> Verdict:
    text = _(
        "{host} leads port {port} to CloudCore, but its rule carries a further condition that cannot be judged from "
        "here"
    )
    return warned(text.format(host=host, port=one.port), expected=one.rule(), seen=_seen(found, ()))


# -------------------------------------------------------------------------------------- nothing to complain


def _nothing_needed(host: str, idle: tuple[NatRule, ...]) -> Verdict:
    text = _("No edge has had a tunnel accepted yet, so no port needs a NAT rule on {host}")
    if not idle:
        return skipped(text.format(host=host))
    more = _("{text}; the rule for port {unused} matches nothing").format(text=text, unused=", ".join(_ports(idle)))
    return skipped(more.format(host=host))


def _right(host: str, wanted: list[_Wanted]) -> Verdict:
    lead = ", ".join(f"{one.port} → {one.to.best[0]}:{one.to.best[1]}" for one in wanted)
    return passed(_("{host} leads every port in use to CloudCore: {lead}").format(host=host, lead=lead))


def _useless(host: str, idle: tuple[NatRule, ...], stale: tuple[NatRule, ...]) -> Verdict | None:
    """Rules beside the right ones that lead nowhere."""
    if stale:
        text = _(
            "{host} leads every port in use to CloudCore; its rule for port {ports} leads to {to}, where no CloudCore "
            "runs any more"
        )
        to = ", ".join(sorted({rule.to[0] for rule in stale if rule.to}))
        said = text.format(host=host, ports=", ".join(_ports(stale)), to=to)
        return warned(said, seen=_listed(stale), fixes=())
    if idle:
        text = _("{host} leads every port in use to CloudCore; its rule for port {unused} matches nothing and can go")
        said = text.format(host=host, unused=", ".join(_ports(idle)))
        return warned(said, seen=_listed(idle), fixes=("remove-nat-rule",))
    return None


def _lost_at_reboot(
    host: str, kernel: Kernel, wanted: Iterable[_Wanted], saved: SavedRules | Unknown
) -> Verdict | None:
    """Rules that somebody typed are gone after the next boot; KubeEdge's manager writes its own anew (facts 1.4)."""
    if isinstance(saved, Unknown):
        return None
    typed = []
    for one in wanted:
        rule = route(kernel, OUTPUT, one.port, one.nodes, one.to.all).rule
        if rule is not None and rule.chain != _MANAGED and not saved.holds(one.port):
            typed.append(one)
    if not typed:
        return None
    ports = ", ".join(str(one.port) for one in typed)
    expected = "\n".join(one.rule() for one in typed)
    if saved.files:
        text = _(
            "{host} leads port {ports} to CloudCore until its next reboot: {files} restores NAT rules then, without "
            "this one"
        )
        said = text.format(host=host, ports=ports, files=", ".join(saved.files))
        return warned(said, expected=expected, fixes=("keep-nat-rules",))
    text = _(
        "{host} leads port {ports} to CloudCore; no file that restores NAT rules at boot was found, so a reboot may "
        "take the rule away"
    )
    return info(text.format(host=host, ports=ports), expected=expected, fixes=("keep-nat-rules",))


_MANAGED = "TUNNEL-PORT"


def _listed(rules: Iterable[NatRule]) -> str:
    return "\n".join(f"{rule.backend}: -A {rule.chain} {rule.spec}" for rule in rules)


def _stale(tables: NatTables, record: TunnelPorts | None, running: frozenset[str]) -> tuple[NatRule, ...]:
    """Rules to a CloudCore that is recorded and does not run, while another one that is recorded does."""
    recorded = {ip for ip, _port in record.by_ip} if record else set()
    gone = recorded - running if recorded & running else set()
    return tuple(rule for rule in tables.rules if rule.target == "DNAT" and rule.to and rule.to[0] in gone)


def _idle(
    tables: NatTables, wanted: Iterable[_Wanted], tunnel: TunnelPorts | None, stream_port: int, addresses: Iterable[str]
) -> tuple[NatRule, ...]:
    """Rules made for CloudStream whose port neither a node nor the tunnelport ConfigMap uses."""
    used = {one.port for one in wanted} | {port for _ip, port in (tunnel.by_ip if tunnel else ())}
    used |= set(tunnel.ports) if tunnel else set()
    return tuple(
        rule
        for rule in stream_rules(tables, stream_port, addresses)
        if not any(rule.matches_port(port) for port in used)
    )


def _ports(rules: Iterable[NatRule]) -> list[str]:
    spans = sorted({span for rule in rules for span in rule.dports})
    return [str(low) if low == high else f"{low}-{high}" for low, high in spans]
