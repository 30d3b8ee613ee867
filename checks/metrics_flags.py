"""Metrics Server's version, flags and place: what it needs to scrape edges at all (facts 8)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kedge.facts.inventory import ApiEndpoints
from kedge.facts.kubectl import NodeProxy, Outcome
from kedge.facts.metrics import MetricsServer, NodeUsage
from kedge.facts.nodes import Node
from kedge.i18n import Text, _
from kedge.model import Kind, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, passed, skipped, warned

_VERSION = re.compile(r":v?(\d+)\.(\d+)\.(\d+)")
_FIRST_USABLE = (0, 4, 0)
_PORT_FLAG = "--kubelet-use-node-status-port"
_TLS_FLAG = "--kubelet-insecure-tls"
_ADDRESS_FLAG = "--kubelet-preferred-address-types"
_KUBELET_PORT = "10250"


@check(
    "KE403",
    _("Version, flags and place of Metrics Server"),
    on=Kind.METRICS_SERVER,
    needs=["KE101"],
    fixes=["patch-metrics-server"],
)
def flags_allow_scraping_edges(
    server: MetricsServer,
    nodes: All[Node],
    endpoints: Maybe[ApiEndpoints],
    usage: Maybe[NodeUsage],
    proxies: All[NodeProxy],
) -> Verdict:
    """It must dial the port in the node's status, accept CloudStream's certificate and sit where the NAT rules are.

    What it does counts more than how it is called: edges that have numbers are scraped, whatever the flags are, and
    oddities are a fault where no edge has any although the API server gets them.
    """
    workload = server.workload
    if workload is None or not workload.containers:
        return skipped(_("There is no Deployment of Metrics Server"))
    container = workload.containers[0]
    wrong = [*_version(container.image), *_flags(container.args), *_edge(server, nodes)]
    seen = " ".join(container.args) or _("no flags")
    odd = [*_addresses(container.args), *_clash(workload.host_network, container.args)]
    odd += _place(server, nodes, endpoints)
    scrapes = _scrapes_edges(nodes, usage, proxies)
    if wrong and scrapes:
        text = _("Metrics Server scrapes edges, for now, although {what}")
        return warned(text.format(what=_joined(wrong)), expected=f"{_PORT_FLAG} {_TLS_FLAG}", seen=seen)
    if wrong or (odd and scrapes is False):
        text = _("Metrics Server cannot scrape edges: {what}")
        return failed(text.format(what=_joined([*wrong, *odd])), expected=_EXPECTED, seen=seen)
    if odd:
        return warned(_("Metrics Server may miss edges: {what}").format(what=_joined(odd)), seen=seen)
    text = _("Metrics Server has what it needs to scrape edges: {image}")
    return passed(text.format(image=container.image), seen=seen)


_EXPECTED = f"{_PORT_FLAG} {_TLS_FLAG} {_ADDRESS_FLAG}=InternalIP,…"


def _scrapes_edges(nodes: All[Node], usage: NodeUsage | Unknown, proxies: All[NodeProxy]) -> bool | None:
    """Whether every edge has numbers (True), or none of those whose metrics the API server gets (False)."""
    edges = [node.name for node in nodes.known().values() if node.is_edge and node.ready]
    if isinstance(usage, Unknown) or not edges:
        return None
    answered = proxies.known()
    rows = {name for name, _row in usage.rows}
    if rows.issuperset(edges):
        return True
    open_to_all = {name for name in edges if name in answered and answered[name].outcome is Outcome.ANSWERED}
    return False if open_to_all and not rows & set(edges) else None


def _version(image: str) -> Sequence[Text]:
    found = _VERSION.search(image)
    if found is None or tuple(int(part) for part in found.groups()) >= _FIRST_USABLE:
        return ()
    return (_("{image} is older than 0.4.0 and cannot use the node's own port").format(image=image),)


def _flags(args: Sequence[str]) -> list[Text]:
    return [_("{flag} is missing").format(flag=flag) for flag in (_PORT_FLAG, _TLS_FLAG) if not is_set(args, flag)]


def _edge(server: MetricsServer, nodes: All[Node]) -> list[Text]:
    edges = {node.name for node in nodes.known().values() if node.is_edge}
    placed = sorted({pod.node for pod in server.pods if pod.node in edges})
    return [_("it was placed on the edge node {node}").format(node=node) for node in placed]


def _addresses(args: Sequence[str]) -> Sequence[Text]:
    types = value_of(args, _ADDRESS_FLAG)
    if types is not None and types.split(",")[0].strip() == "InternalIP":
        return ()
    return (_("{flag} should begin with InternalIP: CloudStream knows nodes by it").format(flag=_ADDRESS_FLAG),)


def _clash(host_network: bool, args: Sequence[str]) -> Sequence[Text]:
    port = value_of(args, "--secure-port")
    if host_network and port == _KUBELET_PORT:
        return (_("on the host network its port 10250 clashes with the kubelet of the same node"),)
    return ()


def _place(server: MetricsServer, nodes: All[Node], endpoints: ApiEndpoints | object) -> Sequence[Text]:
    """NAT rules stand on API-server hosts only; a scrape from elsewhere meets none (facts 1.4)."""
    behind = set(endpoints.addresses) if isinstance(endpoints, ApiEndpoints) else set()
    known = nodes.known()
    hosts = {node.name for node in known.values() if behind & {node.internal_ip, *node.addresses}}
    placed = {pod.node for pod in server.serving}
    if not hosts or placed <= hosts:
        return ()
    text = _("it runs on {node}, and the NAT rules stand on the API server's hosts: {hosts}")
    return (text.format(node=", ".join(sorted(placed - hosts)), hosts=", ".join(sorted(hosts))),)


def is_set(args: Sequence[str], flag: str) -> bool:
    """Whether a boolean flag is given and not switched off."""
    return any(arg == flag or (arg.startswith(f"{flag}=") and arg.partition("=")[2] != "false") for arg in args)


def value_of(args: Sequence[str], flag: str) -> str | None:
    """The value of a flag, joined by ``=`` or standing behind it; None when it is not given."""
    for position, arg in enumerate(args):
        if arg.startswith(f"{flag}="):
            return arg.partition("=")[2]
        if arg == flag and position + 1 < len(args):
            return args[position + 1]
    return None


def _joined(parts: Sequence[Text]) -> Text:
    """Several sentences as one, each still translatable."""
    template = "; ".join(f"{{p{position}}}" for position in range(len(parts)))
    return Text(template).format(**{f"p{position}": part for position, part in enumerate(parts)})
