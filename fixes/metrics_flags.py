"""The fix of metrics-server's flags and place: what it needs to scrape edges at all (facts 8)."""

from __future__ import annotations

import re

from kedge.facts.cloudcore import CloudCoreConfig
from kedge.facts.flags import is_set, value_of
from kedge.facts.inventory import ApiEndpoints
from kedge.facts.metrics import MetricsServer
from kedge.facts.network import NatTables
from kedge.facts.nodes import Node
from kedge.facts.pods import Container, Workload
from kedge.i18n import Text, _, ngettext
from kedge.model import Risk, Unknown
from kedge.plugins import All, Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, EditDeployment

PORT_FLAG = "--kubelet-use-node-status-port"
TLS_FLAG = "--kubelet-insecure-tls"
ADDRESS_FLAG = "--kubelet-preferred-address-types"
SECURE_PORT_FLAG = "--secure-port"
ADDRESS_TYPES = "InternalIP,ExternalIP,Hostname"
EDGE_LABEL = "node-role.kubernetes.io/edge"
SECURE_PORT = 4443
_CLASHING = frozenset({"10250", "443", None})
"""The kubelet's own port, a privileged one, and the default, which is one of the two (facts 8)."""
_VERSION = re.compile(r":v?(\d+)\.(\d+)\.(\d+)")
_FIRST_USABLE = (0, 4, 0)


@fix(
    "patch-metrics-server",
    _("Give metrics-server the flags and the place that edges need"),
    answers=["KE403"],
    risk=Risk.MEDIUM,
    verify=["KE403", "KE401"],
    expect=["KE404", "KE503", "KE504"],
    verify_seconds=120.0,
)
def patch_metrics_server(
    server: MetricsServer,
    nodes: All[Node],
    endpoints: Maybe[ApiEndpoints],
    tables: All[NatTables],
    config: Maybe[CloudCoreConfig],
) -> Draft | NotApplicable:
    """Add what is missing: the node's own port, CloudStream's certificate, InternalIP first, a place with NAT rules.

    On the host network it moves from the kubelet's port 10250 to 4443. What the Deployment says otherwise stays.
    """
    workload = server.workload
    if workload is None or not workload.containers:
        return NotApplicable(_("There is no metrics-server Deployment that could be changed; deploy it first"))
    container = workload.containers[0]
    if _is_too_old(container.image):
        text = _("{image} is older than 0.4.0 and does not know the flags that edges need; deploy a newer one")
        return NotApplicable(text.format(image=container.image))
    stream_port = (CloudCoreConfig("") if isinstance(config, Unknown) else config).cloud_stream.stream_port
    network = not workload.host_network and _needs_host_network(tables, stream_port)
    moved = (network or workload.host_network) and _clashes(container, network)
    edges = {name for name, node in nodes.known().items() if node.is_edge}
    hosts = _hosts(server, nodes, endpoints)
    step = EditDeployment(
        KUBERNETES,
        workload.namespace,
        workload.name,
        container.name,
        flags=_flags(container, moved),
        port=SECURE_PORT if moved else 0,
        host_network=network,
        avoid=EDGE_LABEL if edges & {pod.node for pod in server.pods} else "",
        nodes=hosts,
    )
    if step == EditDeployment(KUBERNETES, workload.namespace, workload.name, container.name):
        return NotApplicable(_("metrics-server has every flag that edges need, and stands where it should"))
    return draft(step, impact=_impact(workload, nodes))


def _is_too_old(image: str) -> bool:
    found = _VERSION.search(image)
    return found is not None and tuple(int(part) for part in found.groups()) < _FIRST_USABLE


def _flags(container: Container, moved: bool) -> tuple[tuple[str, str], ...]:
    flags = [(flag, "") for flag in (PORT_FLAG, TLS_FLAG) if not is_set(container.args, flag)]
    types = value_of(container.args, ADDRESS_FLAG) or ""
    if types.split(",")[0].strip() != "InternalIP":
        others = [kind.strip() for kind in types.split(",") if kind.strip() not in ("", "InternalIP")]
        flags.append((ADDRESS_FLAG, ",".join(["InternalIP", *others]) if others else ADDRESS_TYPES))
    if moved:
        flags.append((SECURE_PORT_FLAG, str(SECURE_PORT)))
    return tuple(flags)


def _clashes(container: Container, joins: bool) -> bool:
    """Whether its port is taken on a host; a default that works on the host network now is left alone."""
    port = value_of(container.args, SECURE_PORT_FLAG)
    return port in _CLASHING if joins else port == "10250"


def _needs_host_network(tables: All[NatTables], stream_port: int) -> bool:
    """A pod of its own network passes PREROUTING, where hand-made rules seldom are (facts 1.4)."""
    known = tables.known().values()
    return bool(known) and not any(table.managed or _leads_pods(table, stream_port) for table in known)


def _leads_pods(table: NatTables, stream_port: int) -> bool:
    return any(
        rule.chain == "PREROUTING" and rule.target == "DNAT" and rule.to is not None and rule.to[1] == stream_port
        for rule in table.rules
    )


def _hosts(server: MetricsServer, nodes: All[Node], endpoints: ApiEndpoints | Unknown) -> tuple[str, ...]:
    """The API server's nodes, when it serves from another one, where no NAT rules stand; none when all is well."""
    if isinstance(endpoints, Unknown):
        return ()
    behind = set(endpoints.addresses)
    hosts = {name for name, node in nodes.known().items() if behind & {node.internal_ip, *node.addresses}}
    placed = {pod.node for pod in server.serving}
    return tuple(sorted(hosts)) if hosts and not placed <= hosts else ()


def _impact(workload: Workload, nodes: All[Node]) -> Text:
    edges = sum(node.is_edge for node in nodes.known().values())
    sentence = ngettext(
        "{count} pod of {name} is replaced; kubectl top and autoscaling have no numbers for about a minute, "
        "then those of edges too ({edges} here)",
        "{count} pods of {name} are replaced; kubectl top and autoscaling have no numbers for about a minute, "
        "then those of edges too ({edges} here)",
        "count",
    )
    return sentence.format(count=workload.replicas, name=workload.name, edges=edges)
