"""EdgeStream settings of edges that SSH does not reach, changed by KubeEdge itself."""

from __future__ import annotations

import re

from fixes.edgecore import restart_impact
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.hosts import HostAccess
from kedge.facts.kubectl import NodeProxy, Outcome
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods
from kedge.i18n import _
from kedge.model import Risk, Unknown
from kedge.plugins import Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, UpdateEdges

ENABLE = "modules.edgeStream.enable"
_SINCE = (1, 21)


@fix(
    "update-edges-by-job",
    _("Enable EdgeStream through KubeEdge's ConfigUpdateJob"),
    answers=["KE206", "KE207", "KE307"],
    risk=Risk.MEDIUM,
    verify=["KE307"],
    expect=["KE501"],
    verify_seconds=120.0,
    on_demand=True,
)
def update_edges_by_job(
    target: str,
    node: Node,
    config: Maybe[EdgeCoreConfig],
    access: Maybe[HostAccess],
    proxy: Maybe[NodeProxy],
    pods: Maybe[NodePods],
) -> Draft | NotApplicable:
    """Where nobody can log in to the edge, CloudHub's connection is still there, and the job travels over it.

    ``keadm join`` leaves EdgeStream off but writes its server (facts 0.5), so without sight of the file only the
    switch is set.
    """
    if isinstance(access, HostAccess):
        return NotApplicable(_("SSH reaches {node}, so its file is changed there directly").format(node=target))
    if isinstance(proxy, NodeProxy) and proxy.outcome is Outcome.ANSWERED:
        return NotApplicable(_("The tunnel of {node} works").format(node=target))
    if not isinstance(config, Unknown) and config.edge_stream.enable:
        return NotApplicable(_("EdgeStream is enabled on {node}").format(node=target))
    found = re.match(r"v?(\d+)\.(\d+)", node.kubeedge_version)
    if found is None or (int(found[1]), int(found[2])) < _SINCE:
        text = _("{node} runs KubeEdge {version}; jobs that change edgecore.yaml exist since v1.21")
        return NotApplicable(text.format(node=target, version=node.kubeedge_version or "?"))
    if node.ready is not True:
        return NotApplicable(_("{node} is not Ready, so no job reaches it").format(node=target))
    was = () if isinstance(config, Unknown) else ((ENABLE, "false"),)
    impact = _("KubeEdge does it: {impact}").format(impact=restart_impact(target, pods))
    return draft(UpdateEdges(KUBERNETES, (target,), ((ENABLE, "true"),), was), impact=impact)
