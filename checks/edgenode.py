"""Edge nodes as Kubernetes sees them, and their pods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from checks._nodestate import Evidence, not_ready, ready_but, reasoning
from checks._pods import ailment, broken_container
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService
from kedge.facts.hosts import HostAccess
from kedge.facts.kubectl import NodeProxy
from kedge.facts.network import Established
from kedge.facts.nodes import Node, NodeLease
from kedge.facts.pods import NodePods, Pod
from kedge.facts.services import RuntimeService
from kedge.i18n import Text, _, ngettext
from kedge.model import Each, Host, Kind, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, info, not_known, passed, skipped, warned

T = TypeVar("T")

_LATE = timedelta(seconds=60)
_STUCK = timedelta(minutes=5)
_NAMED = 3
_FOREIGN = ("kube-proxy", "kube-flannel", "calico-node", "cilium", "weave-net", "canal", "antrea-agent")
"""DaemonSets of the cloud that tolerate everything; kube-proxy even stops EdgeCore up to v1.18 (facts 3)."""


# ------------------------------------------------------------------------------------------ KE201, KE202


@check(
    "KE201",
    _("Edge node Ready"),
    on=Kind.EDGE_NODE,
    needs=["KE101"],
    explained_by=["KE204", "KE205", "KE212", "KE216", "KE110"],
    fixes=["restart-edgecore"],
)
def edge_is_ready(
    node: Node,
    lease: Maybe[NodeLease],
    host: Maybe[Host],
    access: Maybe[HostAccess],
    service: Maybe[EdgeCoreService],
    runtime: Maybe[RuntimeService],
    config: Maybe[EdgeCoreConfig],
    sockets: Maybe[Established],
    proxy: Maybe[NodeProxy],
) -> Verdict:
    """Ready travels over the hub on port 10000: it says nothing about the tunnel, and its absence much (facts 9).

    The verdict names the state: node off or link down, EdgeCore down, autonomous (cut off, but working), or unknown.
    """
    if node.ready is None and not node.ready_reason:
        return not_known(_("{node} reports no condition Ready").format(node=node.name))
    seen = Evidence(
        node,
        _known(host),
        access,
        _known(service),
        _known(runtime),
        _known(config),
        _known(sockets),
        _known(proxy),
    )
    if node.ready is not True:
        return _not_ready(seen)
    if tunnel := ready_but(seen):
        text = _("{node} is Ready; {but}")
        return passed(text.format(node=node.name, but=tunnel), seen=_lines(node.ready_reason, seen))
    if isinstance(lease, NodeLease) and lease.renewed and lease.at and lease.at - lease.renewed > _LATE:
        text = _("{node} is Ready; its lease is {seconds} s behind the newest one, which happens after a reconnect")
        return info(text.format(node=node.name, seconds=int((lease.at - lease.renewed).total_seconds())))
    return passed(_("{node} is Ready").format(node=node.name), seen=node.ready_reason)


def _not_ready(seen: Evidence) -> Verdict:
    node = seen.node
    since = f"{node.ready_since:%FT%TZ}" if node.ready_since else "-"
    text = _("{node} is not Ready since {since}: {state}")
    return failed(
        text.format(node=node.name, since=since, state=not_ready(seen)),
        expected=_("condition Ready True"),
        seen=_lines(f"{node.ready_reason or '-'}: {node.ready_message}", seen),
        # A machine that does not even answer over SSH is not waiting for CloudCore.
        explained_by=() if seen.is_silent and not seen.tunnel_works else None,
    )


def _known(fact: T | Unknown) -> T | None:
    return None if isinstance(fact, Unknown) else fact


def _lines(first: str, seen: Evidence) -> str:
    return "\n".join([first, *map(str, reasoning(seen))])


@check("KE202", _("Edge node recognised"), on=Kind.EDGE_NODE, needs=["KE101"])
def edge_is_labelled(node: Node) -> Verdict:
    """CloudCore takes only nodes with an empty label ``node-role.kubernetes.io/edge`` for edges (facts 9)."""
    expected = _('label node-role.kubernetes.io/edge with the value ""')
    if node.edge_label is None:
        text = _("{node} lacks the label of edges, so CloudCore sends it neither pods nor ConfigMaps")
        return failed(text.format(node=node.name), expected=expected, seen=_("no such label"))
    if node.edge_label:
        text = _("The label of edges on {node} has a value; CloudCore wants it empty and ignores the node")
        return failed(text.format(node=node.name), expected=expected, seen=node.edge_label)
    if not node.kubeedge_version:
        text = _("{node} is labelled as an edge, but its version {version} names no KubeEdge")
        return warned(text.format(node=node.name, version=node.kubelet_version or "-"))
    text = _("{node} is an edge with KubeEdge {version}")
    return passed(text.format(node=node.name, version=node.kubeedge_version), seen=node.kubelet_version)


# ------------------------------------------------------------------------------------------------- KE217


@check("KE217", _("Pods on the edge"), on=Kind.PODS, needs=["KE201"])
def pods_are_well(node: Node, pods: NodePods, lease: Maybe[NodeLease]) -> Verdict:
    """No pod hangs in a state that cures itself never, and no cloud DaemonSet strays onto the edge."""
    if not pods.pods:
        return skipped(_("There is no pod on {node}").format(node=node.name))
    now = lease.at if isinstance(lease, NodeLease) else None
    troubles = [(pod, trouble) for pod in pods.pods if (trouble := _trouble(pod, now)) is not None]
    if troubles:
        text = ngettext(
            "{count} pod on {node} is not well: {why}", "{count} pods on {node} are not well: {why}", "count"
        )
        names = ", ".join(f"{pod.namespace}/{pod.name}" for pod, _why in troubles[:_NAMED])
        return warned(text.format(count=len(troubles), node=node.name, why=troubles[0][1]), seen=names)
    running = sum(pod.phase == "Running" for pod in pods.pods)
    text = ngettext("{count} pod runs on {node}", "{count} pods run on {node}", "count")
    return passed(text.format(count=running, node=node.name))


def _trouble(pod: Pod, now: datetime | None) -> Text | None:
    if pod.deleting is not None:
        stuck = now is not None and now - pod.deleting > _STUCK
        return _("{pod} has been terminating for too long").format(pod=pod.name) if stuck else None
    if broken_container(pod) is not None:
        return ailment(pod)
    owner = pod.owner.partition("/")[2]
    if pod.owner.startswith("DaemonSet/") and owner.startswith(_FOREIGN):
        return _("{pod} of DaemonSet {owner} does not belong on an edge").format(pod=pod.name, owner=owner)
    return None


# ------------------------------------------------------------------------------------------------- KE308


@check("KE308", _("Addresses of edge nodes unique"), on=Kind.PATH, each=Each.SITE, needs=["KE101"])
def addresses_are_unique(nodes: All[Node]) -> Verdict | Sequence[Verdict]:
    """Metrics are looked up by InternalIP, logs by name: a shared address breaks top and not logs (facts 0.10)."""
    edges = [node for node in nodes.known().values() if node.is_edge and node.internal_ip]
    sharing: dict[str, list[str]] = {}
    for node in edges:
        sharing.setdefault(node.internal_ip, []).append(node.name)
    text = _("{node} shares its address {ip} with {others}, so their metrics are mixed up")
    found = [
        failed(
            text.format(node=name, ip=ip, others=", ".join(sorted(set(names) - {name}))),
            expected=_("an InternalIP of its own"),
            seen=ip,
            target=name,
        )
        for ip, names in sharing.items()
        for name in sorted(names)
        if len(names) > 1
    ]
    if found:
        return found
    unknown = nodes.unknown()
    if unknown and not edges:
        return not_known(next(iter(unknown.values())))
    return passed(_("Every edge node has an address of its own"))
