"""The fix of KubeEdge's own NAT rules: their manager is restarted, its chain is never edited (facts 1.4)."""

from __future__ import annotations

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig
from kedge.facts.network import NatTables
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods, Pod
from kedge.i18n import _, ngettext
from kedge.model import Risk, Unknown
from kedge.plugins import All, Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, RolloutRestart

LABEL, VALUE = "kubeedge", "iptables-manager"


@fix(
    "restart-nat-manager",
    _("Restart KubeEdge's manager of NAT rules"),
    answers=["KE302"],
    risk=Risk.MEDIUM,
    verify=["KE302"],
    expect=["KE501"],
    verify_seconds=120.0,
)
def restart_nat_manager(
    target: str,
    cloudcore: CloudCore,
    nodes: All[Node],
    pods: All[NodePods],
    tables: Maybe[NatTables],
    config: Maybe[CloudCoreConfig],
) -> Draft | NotApplicable:
    """Restart what writes the chain TUNNEL-PORT: it empties it and writes every rule anew.

    That is the DaemonSet ``cloud-iptables-manager`` (external mode) or CloudCore itself (internal mode). Up to v1.8
    it never writes again what somebody else flushed.
    """
    managers = [pod for one in pods.known().values() for pod in one.pods if dict(pod.labels).get(LABEL) == VALUE]
    if managers:
        return _external(target, managers)
    managed = not isinstance(tables, Unknown) and tables.managed
    internal = not isinstance(config, Unknown) and config.iptables_enable and config.iptables_mode == "internal"
    if not managed or not internal:
        return NotApplicable(_("KubeEdge itself manages no NAT rules on {host}").format(host=target))
    core = cloudcore.workload
    if core is None or not any(pod.host_network and pod.node == target for pod in cloudcore.serving):
        return NotApplicable(
            _("CloudCore writes NAT rules only where it runs, on the host network; none does on {host}").format(
                host=target
            )
        )
    edges = sum(node.is_edge for node in nodes.known().values())
    impact = ngettext(
        "CloudCore, which writes the rules, restarts: {count} edge loses it for some seconds and connects again; "
        "pods keep running",
        "CloudCore, which writes the rules, restarts: {count} edges lose it for some seconds and connect again; "
        "pods keep running",
        "count",
    ).format(count=edges)
    return draft(RolloutRestart(KUBERNETES, core.namespace, "deployment", core.name), impact=impact)


def _external(target: str, managers: list[Pod]) -> Draft | NotApplicable:
    if not any(pod.node == target for pod in managers):
        sentence = _("The NAT manager of KubeEdge runs on {nodes} and not on {host}: a taint or selector keeps it away")
        return NotApplicable(
            sentence.format(nodes=", ".join(sorted({pod.node or "-" for pod in managers})), host=target)
        )
    own = next(pod for pod in managers if pod.node == target)
    kind, _slash, name = own.owner.partition("/")
    if kind != "DaemonSet":
        return NotApplicable(
            _("The NAT manager on {host} belongs to no DaemonSet that could be restarted").format(host=target)
        )
    impact = ngettext(
        "{count} pod of {name} restarts, and its host has none of KubeEdge's NAT rules for a moment; "
        "open connections are not touched",
        "{count} pods of {name} restart one by one, and their hosts have none of KubeEdge's NAT rules for a moment; "
        "open connections are not touched",
        "count",
    ).format(count=len(managers), name=name)
    step = RolloutRestart(KUBERNETES, own.namespace, "daemonset", name, replace=False)
    return draft(step, impact=impact)
