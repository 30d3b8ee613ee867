"""Fixes of the NAT rules that lead an API server's requests to CloudCore (facts 1.4)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, TunnelPorts
from kedge.facts.network import NatRule as Rule
from kedge.facts.network import NatTables
from kedge.facts.nodes import NEVER_TUNNELLED_PORT, Node
from kedge.i18n import _
from kedge.model import Risk, Unknown
from kedge.plugins import All, Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import Backend, NatRule

OUTPUT = "OUTPUT"
MANAGED_CHAIN = "TUNNEL-PORT"
DEFAULT_STREAM_PORT = 10003
KUBELET_PORT = 10250
ENDING_TARGETS = frozenset({"ACCEPT", "DNAT", "REDIRECT", "RETURN"})
"""Targets after which no later rule of OUTPUT sees the packet."""


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
) -> Draft | NotApplicable:
    """Send each kubelet port in use to the CloudCore that holds those tunnels, before any rule that takes it away.

    The right port is what the nodes' status and the ``tunnelport`` ConfigMap say, never a constant (facts 0.1).
    KubeEdge's own chain TUNNEL-PORT is left to its manager, which would rewrite it (facts 1.4).
    """
    if not cloudcore.addresses:
        return NotApplicable(_("No CloudCore is running that a rule could lead to; repair CloudCore first"))
    stream_port = DEFAULT_STREAM_PORT if isinstance(config, Unknown) else config.cloud_stream.stream_port
    wanted = wanted_rules(nodes, tunnel_ports, cloudcore, stream_port)
    missing = {port: to for port, to in wanted.items() if reached(tables, port) not in _equal(to, cloudcore)}
    if not missing:
        return NotApplicable(_("Every port in use on {host} already leads to a running CloudCore").format(host=target))
    steps = [_step(target, tables, port, to) for port, to in missing.items()]
    return draft(
        # Highest position first, so that no insertion moves the place of a later one.
        *sorted(steps, key=lambda step: (step.before == 0, -step.before)),
        title=_("Lead port {ports} on {host} to CloudCore").format(ports=", ".join(map(str, missing)), host=target),
        impact=_("new connections to port {ports} from {host} go to CloudCore; open ones are not touched").format(
            ports=", ".join(map(str, missing)), host=target
        ),
    )


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
) -> Draft | NotApplicable:
    """Delete rules to CloudCore's stream port that no node uses or whose CloudCore is gone, each named exactly."""
    stream_port = DEFAULT_STREAM_PORT if isinstance(config, Unknown) else config.cloud_stream.stream_port
    wanted = wanted_rules(nodes, tunnel_ports, cloudcore, stream_port)
    if not cloudcore.addresses or not wanted:
        return NotApplicable(_("It is not known which rules are still needed"))
    useless = [
        rule
        for rule in tables.rules
        if rule.chain in (OUTPUT, "PREROUTING") and _is_stream_rule(rule, stream_port)
        if _is_useless(rule, wanted, cloudcore)
    ]
    if not useless:
        return NotApplicable(_("Every rule to CloudCore on {host} is in use").format(host=target))
    steps = [
        NatRule(target, tool(tables, rule.backend), rule.chain, tuple(shlex.split(rule.spec)), "delete")
        for rule in useless
    ]
    return draft(*steps, impact=_("these rules match nothing that works; open connections are not touched"))


def wanted_rules(
    nodes: All[Node], tunnel_ports: TunnelPorts | Unknown, cloudcore: CloudCore, stream_port: int
) -> dict[int, tuple[str, int]]:
    """Where each kubelet port in use must lead: port to (CloudCore IP, stream port).

    Ports come from the edges' node status; with no tunnel ever accepted, from the ``tunnelport`` ConfigMap. A
    port whose CloudCore cannot be told among several is left out: a rule to the wrong replica fails for every
    node of the other one (facts 1.8).
    """
    owners = {} if isinstance(tunnel_ports, Unknown) else {port: ip for ip, port in tunnel_ports.by_ip}
    used = {node.port for node in nodes.known().values() if node.is_edge}
    used -= {0, KUBELET_PORT, NEVER_TUNNELLED_PORT}
    if not used:
        used = {port for port, ip in owners.items() if ip in cloudcore.addresses}
    only = next(iter(cloudcore.addresses)) if len(cloudcore.addresses) == 1 else ""
    found = {}
    for port in sorted(used):
        owner = owners.get(port, "")
        ip = owner if owner in cloudcore.addresses else only
        if ip:
            found[port] = (ip, stream_port)
    return found


def deciding_rule(tables: NatTables, backend: str, port: int) -> tuple[int, Rule] | None:
    """The first rule of OUTPUT that surely takes a TCP packet to ``port``, and the position in OUTPUT it hangs on."""
    for rule in tables.chain(OUTPUT, backend):
        found = _followed(tables, rule, port, {OUTPUT})
        if found is not None:
            return rule.position, found
    return None


def reached(tables: NatTables, port: int) -> tuple[str, int] | None:
    """Where a packet to ``port`` goes, None when no rule translates it."""
    for backend in _backends(tables):
        decided = deciding_rule(tables, backend, port)
        if decided is not None and decided[1].target == "DNAT":
            ip, own = decided[1].to or ("", 0)
            return ip, own or port
    return None


def tool(tables: NatTables, backend: str) -> Backend:
    """How to name a backend of that host: plain ``iptables`` where that is it."""
    if backend == tables.default_backend:
        return "default"
    return "legacy" if backend == "legacy" else "nft"


def _followed(tables: NatTables, rule: Rule, port: int, seen: set[str]) -> Rule | None:
    if rule.limited or rule.negated or rule.destination or not rule.matches_port(port):
        return None
    if rule.target in ENDING_TARGETS:
        return rule
    if rule.target in seen:
        return None
    for inner in tables.chain(rule.target, rule.backend):
        found = _followed(tables, inner, port, seen | {rule.target})
        if found is not None:
            return None if found.target == "RETURN" else found
    return None


def _step(target: str, tables: NatTables, port: int, to: tuple[str, int]) -> NatRule:
    spec = ("-p", "tcp", "--dport", str(port), "-j", "DNAT", "--to-destination", f"{to[0]}:{to[1]}")
    for backend in _backends(tables):
        decided = deciding_rule(tables, backend, port)
        if decided is not None:
            position = decided[0]
            hanging = tables.chain(OUTPUT, backend)[position - 1]
            return NatRule(target, tool(tables, backend), OUTPUT, spec, "add", position, hanging.spec)
    return NatRule(target, "default", OUTPUT, spec)


def _backends(tables: NatTables) -> Iterator[str]:
    """The default one first: the kernel consults both, whichever was loaded first."""
    yield from sorted(tables.backends, key=lambda backend: backend != tables.default_backend)


def _equal(to: tuple[str, int], cloudcore: CloudCore) -> set[tuple[str, int]]:
    """Where a packet may arrive: at this address, or at another one of the same CloudCore pod."""
    pods = [{pod.pod_ip, pod.host_ip if pod.host_network else ""} for pod in cloudcore.serving]
    alike = {ip for addresses in pods if to[0] in addresses for ip in addresses if ip}
    return {(ip, to[1]) for ip in alike | {to[0]}}


def _is_stream_rule(rule: Rule, stream_port: int) -> bool:
    return rule.target == "DNAT" and rule.to is not None and rule.to[1] == stream_port and len(rule.dports) == 1


def _is_useless(rule: Rule, wanted: dict[int, tuple[str, int]], cloudcore: CloudCore) -> bool:
    used = any(rule.matches_port(port) for port in wanted)
    return not used or (rule.to is not None and rule.to[0] not in cloudcore.addresses)
