"""Edge nodes as Kubernetes sees them, and their pods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from checks._pods import ailment, broken_container
from kedge.facts.edgecore import EdgeCoreService
from kedge.facts.nodes import Node, NodeLease
from kedge.facts.pods import NodePods, Pod
from kedge.i18n import Text, _, ngettext
from kedge.model import Each, Kind, Verdict
from kedge.plugins import All, Maybe, check, failed, info, not_known, passed, skipped, warned

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
def edge_is_ready(node: Node, lease: Maybe[NodeLease], service: Maybe[EdgeCoreService]) -> Verdict:
    """Ready travels over the hub on port 10000: it says nothing about the tunnel, and its absence much (facts 9)."""
    since = f"{node.ready_since:%FT%TZ}" if node.ready_since else "-"
    if node.ready is None and not node.ready_reason:
        return not_known(_("{node} reports no condition Ready").format(node=node.name))
    if node.ready is not True:
        text = _("{node} is not Ready since {since}: {why}")
        seen = _("{reason}: {message}").format(reason=node.ready_reason or "-", message=node.ready_message)
        said = text.format(node=node.name, since=since, why=_why_not_ready(node, service))
        return failed(said, expected=_("condition Ready True"), seen=seen)
    if isinstance(lease, NodeLease) and lease.renewed and lease.at and lease.at - lease.renewed > _LATE:
        text = _("{node} is Ready; its lease is {seconds} s behind the newest one, which happens after a reconnect")
        return info(text.format(node=node.name, seconds=int((lease.at - lease.renewed).total_seconds())))
    return passed(_("{node} is Ready").format(node=node.name), seen=node.ready_reason)


def _why_not_ready(node: Node, service: EdgeCoreService | object) -> Text:
    if not isinstance(service, EdgeCoreService):
        if node.ready is None:
            return _("it stopped reporting: the machine is off, its link is down, or EdgeCore does not run")
        return _("{message}").format(message=node.ready_message or node.ready_reason)
    if not service.is_running:
        return _("the machine is up, but EdgeCore does not run there")
    if node.ready is None:
        return _("the machine is up and EdgeCore runs, but its reports do not arrive: its link to CloudCore is down")
    return _("EdgeCore runs and reports: {message}").format(message=node.ready_message or node.ready_reason)


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
