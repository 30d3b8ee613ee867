"""Where requests for edge kubelets must be led on an API-server host, and where its NAT rules lead them.

Shared by the check that judges (KE302) and the fixes that repair. The right port is what the nodes' status and
the ``tunnelport`` ConfigMap say, never a constant (facts 0.1, 1.2, 1.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kedge.facts.cloudcore import CloudCore, TunnelPorts
from kedge.facts.nat import Kernel, Sure, Taken, by_backend
from kedge.facts.network import NatRule, NatTables
from kedge.facts.nodes import NEVER_TUNNELLED_PORT, Node
from kedge.facts.pods import Pod

KUBELET_PORT = 10250
FIRST_SEPARATE_PORT = (1, 8)
"""Up to v1.7 the first CloudCore's port was 10350 itself; 10351 and up since v1.8 (facts 1.2)."""

Endpoint = tuple[str, int]


def ports_in_use(nodes: Iterable[Node], tunnel: TunnelPorts | None) -> dict[int, tuple[Node, ...]]:
    """The kubelet ports that need a rule, with the edges that report them.

    10350, 10250 and 0 mean that no tunnel was ever accepted (facts 1.2): no rule would help them, unless the
    ConfigMap names the port or the node is older than v1.8.
    """
    named = {port for _ip, port in tunnel.by_ip} if tunnel else set()
    found: dict[int, list[Node]] = {}
    for node in sorted(nodes, key=lambda node: node.name):
        if not node.is_edge or not node.port:
            continue
        idle = node.port == KUBELET_PORT or (node.port == NEVER_TUNNELLED_PORT and not _is_old(node))
        if node.port in named or not idle:
            found.setdefault(node.port, []).append(node)
    return {port: tuple(users) for port, users in found.items()}


def _is_old(node: Node) -> bool:
    found = re.match(r"v?(\d+)\.(\d+)", node.kubeedge_version)
    return found is not None and (int(found[1]), int(found[2])) < FIRST_SEPARATE_PORT


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a port must lead.

    Attributes:
        best: what a new rule should say. all: every endpoint that is as good.
    """

    best: Endpoint
    all: frozenset[Endpoint]


def destination(
    port: int,
    stream_port: int,
    host: str,
    cloudcore: CloudCore,
    tunnel: TunnelPorts | None,
    nodes: Mapping[str, Node],
    other_addresses: Iterable[str] = (),
) -> Destination | None:
    """The CloudCore that holds the tunnels of this port; None when none is serving, or when that one is gone.

    With several replicas it must be the one whose entry the port is: another has no session for its nodes
    (facts 1.8). With one, every address that leads to it is as good.

    Args:
        host: the API-server host; a CloudCore on its own network there is also reached by loopback.
        other_addresses: further addresses known to lead to CloudCore (load balancer, advertised).
    """
    serving = cloudcore.serving
    if not serving:
        return None
    owner = tunnel.ip_of(port) if tunnel else None
    reach = {pod.uid or pod.name: _addresses(pod, host, nodes) for pod in serving}
    holders = [ips for ips in reach.values() if owner in ips]
    if not holders and owner is not None and tunnel is not None and _names_any(tunnel, reach.values()):
        return None  # no other CloudCore has a session of those nodes: a rule would lead nowhere
    if holders:
        good, best = set().union(*holders), owner
    else:
        good, best = set().union(*reach.values()), None
    if len(serving) == 1:
        good |= set(other_addresses)
    best = best or sorted(cloudcore.addresses)[0]
    return Destination((best, stream_port), frozenset((ip, stream_port) for ip in good))


def _names_any(tunnel: TunnelPorts, reach: Iterable[set[str]]) -> bool:
    """Whether the record speaks of addresses that running CloudCores have, rather than of another interface's."""
    return any(ip in ips for ip, _port in tunnel.by_ip for ips in reach)


def _addresses(pod: Pod, host: str, nodes: Mapping[str, Node]) -> set[str]:
    found = {pod.pod_ip}
    if pod.host_network:
        node = nodes.get(pod.node)
        found |= {pod.host_ip, *(node.addresses if node else ())}
        if pod.node == host:
            found.add("127.0.0.1")
    return found - {""}


# ---------------------------------------------------------------------------------------------- where it leads


class Way(StrEnum):
    """What the rules do with new connections to a port."""

    RIGHT = "right"
    CONDITIONAL = "conditional"
    """A right rule is there, with a further condition that cannot be judged from here."""
    MISSING = "missing"
    WRONG = "wrong"
    """A rule sends it elsewhere: a dead address, another port, another CloudCore."""
    SHADOWED = "shadowed"
    """A right rule is there and never reached, because an earlier one takes the connection."""
    UNHOOKED = "unhooked"
    """A right rule is there, in a chain that nothing jumps to."""
    CONTESTED = "contested"
    """One backend leads it right and the other wrong; the kernel consults both (facts 11)."""


@dataclass(frozen=True, slots=True)
class Route:
    """The judgement of one port.

    Attributes:
        nodes: the edges for which it holds.
        rule: the rule that decides, or the right one that is never reached.
        culprit: the rule that takes the connection away from the right one.
    """

    port: int
    way: Way
    nodes: tuple[Node, ...]
    rule: NatRule | None = None
    culprit: Taken | None = None


def route(kernel: Kernel, hook: str, port: int, users: Iterable[Node], good: frozenset[Endpoint]) -> Route:
    """Where the rules lead new connections to ``port`` of these edges; of several answers the worst."""
    nodes = tuple(users)
    if not kernel.depends_on_address(port):
        return replace(_route(kernel, hook, port, nodes[0], good), nodes=nodes)
    routes = [_route(kernel, hook, port, node, good) for node in nodes]
    bad = [one for one in routes if one.way not in (Way.RIGHT, Way.CONDITIONAL)]
    worst = (bad or [one for one in routes if one.way is Way.CONDITIONAL] or routes)[0]
    return replace(worst, nodes=tuple(node for one in routes if one.way is worst.way for node in one.nodes))


def _route(kernel: Kernel, hook: str, port: int, node: Node, good: frozenset[Endpoint]) -> Route:
    takers = by_backend(kernel, hook, node.internal_ip, port)
    right = [t for taken in takers.values() for t in taken if leads(t.rule, port, good)]
    sure = [t for t in right if t.sure]
    wrong = [taken[-1] for taken in takers.values() if taken[-1].sure and taken[-1].to and taken[-1] not in right]
    if sure:
        way = Way.CONTESTED if wrong else Way.RIGHT
        return Route(port, way, (node,), sure[0].rule, wrong[0] if wrong else None)
    hidden = _hidden(kernel, hook, node.internal_ip, port, good, [t.rule for t in right])
    if wrong:
        return Route(port, Way.SHADOWED if hidden else Way.WRONG, (node,), hidden or wrong[0].rule, wrong[0])
    if right:
        return Route(port, Way.CONDITIONAL, (node,), right[0].rule)
    blocker = next((taken[-1] for taken in takers.values() if taken[-1].sure), None)
    if hidden and blocker:
        return Route(port, Way.SHADOWED, (node,), hidden, blocker)
    return Route(port, Way.UNHOOKED if hidden else Way.MISSING, (node,), hidden)


def leads(rule: NatRule, port: int, good: frozenset[Endpoint]) -> bool:
    """Whether a rule sends this port where it should go."""
    return rule.target == "DNAT" and rule.to is not None and (rule.to[0], rule.to[1] or port) in good


def _hidden(
    kernel: Kernel, hook: str, ip: str, port: int, good: frozenset[Endpoint], met: Sequence[NatRule]
) -> NatRule | None:
    """A right rule that the packet never meets: further down in the hook, or in a chain of its own."""
    other = "PREROUTING" if hook == "OUTPUT" else "OUTPUT"
    for rule in kernel.tables.rules:
        if rule.chain == other or rule in met or not leads(rule, port, good):
            continue
        if kernel.match(rule, ip, port) is not Sure.NO:
            return rule
    return None


def stream_rules(tables: NatTables, stream_port: int, addresses: Iterable[str]) -> tuple[NatRule, ...]:
    """Rules that were made for CloudStream: DNAT of named ports to its stream port, or to a CloudCore."""
    known = set(addresses)
    return tuple(
        rule
        for rule in tables.rules
        if rule.target == "DNAT" and rule.to and rule.dports and not rule.not_dports and rule.chain != "PREROUTING"
        if rule.to[1] == stream_port or (rule.to[0] in known and rule.matches_port(NEVER_TUNNELLED_PORT))
    )
