"""Metrics Server: the pod that scrapes every node and answers ``kubectl top``."""

from __future__ import annotations

from datetime import datetime, timedelta

from checks._pods import ailment, broken_container, is_young, last_exit
from kedge.facts.metrics import MetricsServer
from kedge.facts.nodes import NodeLease
from kedge.i18n import _, ngettext
from kedge.model import Hop, Kind, Unknown, Verdict
from kedge.plugins import All, check, failed, info, passed, warned

STARTING = timedelta(seconds=120)
"""How long it may take to become ready: it must scrape twice, 60 s apart by its own default (facts 8)."""


def cluster_time(server: MetricsServer, leases: All[NodeLease]) -> datetime | None:
    """The newest moment the cluster's own objects tell; leases move every few seconds."""
    moments = [lease.at for lease in leases.known().values()] + [server.at]
    return max((moment for moment in moments if moment is not None), default=None)


def is_starting(server: MetricsServer | Unknown, leases: All[NodeLease]) -> bool:
    """Whether the newest pod is too young to be judged and nothing speaks against it."""
    newest = server.newest if isinstance(server, MetricsServer) else None
    if newest is None or isinstance(server, Unknown) or newest.is_serving or broken_container(newest) is not None:
        return False
    return is_young(newest, cluster_time(server, leases), STARTING)


@check(
    "KE401",
    _("Metrics Server running"),
    on=Kind.METRICS_SERVER,
    needs=["KE101"],
    explained_by=["KE402"],
    fixes=["restart-metrics-server", "deploy-metrics-server"],
    hops=[Hop.METRICS_SERVER],
)
def metrics_server_is_running(server: MetricsServer, leases: All[NodeLease]) -> Verdict:
    """Its Deployment exists and a pod is Running and Ready; it becomes ready after its first scrapes."""
    expected = _("a pod of Metrics Server Running and Ready")
    if server.workload is None:
        text = _("There is no Metrics Server: no Deployment is called or labelled metrics-server")
        return failed(text, expected=expected, seen=_("none"))
    if server.workload.replicas == 0:
        return failed(_("Metrics Server is scaled to 0 replicas"), expected=expected, seen="replicas: 0")
    if server.serving:
        return _serving(server)
    newest = server.newest
    if newest is None:
        return failed(_("The Deployment of Metrics Server has no pod"), expected=expected, seen=_("no pod"))
    seen = _("{phase}, not ready").format(phase=newest.phase or "Pending")
    if is_starting(server, leases):
        return warned(_("Metrics Server is starting: {why}").format(why=ailment(newest)), expected=expected, seen=seen)
    return failed(_("Metrics Server does not run: {why}").format(why=ailment(newest)), expected=expected, seen=seen)


def _serving(server: MetricsServer) -> Verdict:
    pod = server.serving[-1]
    ended = next((one for one in pod.containers if one.restarts), None)
    if ended is None:
        return passed(_("Metrics Server runs on {node}").format(node=pod.node), seen=pod.name)
    text = ngettext(
        "Metrics Server runs on {node}; it was restarted {count} time: {exit}",
        "Metrics Server runs on {node}; it was restarted {count} times: {exit}",
        "count",
    )
    return info(text.format(node=pod.node, count=ended.restarts, exit=last_exit(ended)), seen=pod.name)
