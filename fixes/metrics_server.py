"""Fixes of metrics-server."""

from __future__ import annotations

from kedge.facts.metrics import MetricsServer
from kedge.facts.pods import Workload
from kedge.i18n import _
from kedge.model import Risk, Unknown
from kedge.plugins import Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, PatchObject, RolloutRestart

NAMESPACE, NAME = "kube-system", "metrics-server"


@fix(
    "restart-metrics-server",
    _("Restart metrics-server and wait until it is ready"),
    answers=["KE401", "KE404", "KE405", "KE406", "KE503"],
    risk=Risk.LOW,
    verify=["KE401", "KE404"],
    expect=["KE503", "KE504"],
    verify_seconds=120.0,  # it serves after its first scrape, at most a minute later (facts 8)
)
def restart_metrics_server(server: Maybe[MetricsServer]) -> Draft | NotApplicable:
    """Replace its pod: it forgets stale connections and reads certificates and addresses anew."""
    if isinstance(server, Unknown):
        namespace, name = NAMESPACE, NAME
    elif server.workload is None:
        return NotApplicable(_("There is no metrics-server Deployment that could be restarted; deploy it first"))
    elif server.workload.replicas == 0:
        return _scale_up(server.workload)
    else:
        namespace, name = server.workload.namespace, server.workload.name
    return draft(
        RolloutRestart(KUBERNETES, namespace, "deployment", name),
        impact=_("kubectl top and autoscaling have no numbers for about a minute; nothing else notices"),
    )


def _scale_up(workload: Workload) -> Draft:
    path = f"/apis/apps/v1/namespaces/{workload.namespace}/deployments/{workload.name}"
    return draft(
        PatchObject(KUBERNETES, path, '{"spec":{"replicas":1}}', was='{"spec":{"replicas":0}}'),
        title=_("Scale metrics-server up from 0"),
        impact=_("one metrics-server pod starts; somebody may have stopped it on purpose"),
    )
