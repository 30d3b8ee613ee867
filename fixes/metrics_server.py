"""Fixes of metrics-server."""

from __future__ import annotations

from kedge.i18n import _
from kedge.model import Risk
from kedge.plugins import Draft, draft, fix
from kedge.steps import KUBERNETES, RolloutRestart

NAMESPACE, NAME = "kube-system", "metrics-server"


@fix(
    "restart-metrics-server",
    _("Restart metrics-server and wait until it is ready"),
    answers=["KE401", "KE404", "KE406", "KE503"],
    risk=Risk.LOW,
    verify=["KE404"],
    expect=["KE503", "KE504"],
    verify_seconds=120.0,  # it serves after its first scrape, at most a minute later (facts 8)
)
def restart_metrics_server() -> Draft:
    """Replace its pod: it forgets stale connections and reads certificates and addresses anew."""
    return draft(
        RolloutRestart(KUBERNETES, NAMESPACE, "deployment", NAME),
        impact=_("kubectl top and autoscaling have no numbers for about a minute; nothing else notices"),
    )
