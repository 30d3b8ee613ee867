"""kubectl top, measured for every edge: are there numbers, and are they fresh?"""

from __future__ import annotations

from datetime import datetime, timedelta

from checks._causes import TOP_CAUSES
from checks._outcomes import meaning
from checks._pods import broken_container, cluster_time, is_young
from checks.metrics_server import STARTING
from kedge.facts.edgecore import EdgeCoreService
from kedge.facts.kubectl import NodeProxy, Outcome
from kedge.facts.metrics import MetricsServer, NodeUsage, PodUsage, Usage
from kedge.facts.nodes import Node, NodeLease
from kedge.facts.pods import NodePods, Pod
from kedge.i18n import Text, _, ngettext
from kedge.model import Kind, Reason, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, not_known, passed, skipped, warned

STALE = timedelta(seconds=180)
"""Metrics Server scrapes every 15 s in its manifest and every 60 s by default; three misses are no hiccup."""
_NEW = timedelta(seconds=60)
_API_DOWN = frozenset({Reason.MISSING, Reason.SERVER_ERROR, Reason.TIMED_OUT})
_NAMED = 3
_NOT_YET = _("There are no numbers of {node} yet: EdgeCore was restarted only just now")


@check(
    "KE503", _("kubectl top node"), on=Kind.KUBECTL, needs=["KE101"], explained_by=TOP_CAUSES, fixes=["functional-test"]
)
def node_has_fresh_numbers(
    node: Node,
    usage: Maybe[NodeUsage],
    proxy: Maybe[NodeProxy],
    server: Maybe[MetricsServer],
    service: Maybe[EdgeCoreService],
    leases: All[NodeLease],
) -> Verdict:
    """The metrics API has a recent row for the node; a row that is missing is ``<unknown>`` in kubectl."""
    if node.ready is not True:
        return skipped(_("{node} is not Ready, so nobody expects numbers of it").format(node=node.name))
    if isinstance(usage, Unknown):
        return _without_api(node.name, usage, proxy, _has_just_started(server, proxy, leases))
    row = usage.of(node.name)
    expected = _("numbers of {node} from the last {seconds} s").format(node=node.name, seconds=STALE.seconds)
    if row is None:
        if usage.at is not None and node.ready_since is not None and usage.at - node.ready_since < _NEW:
            text = _("There are no numbers of {node} yet: it became Ready only just now")
            return warned(text.format(node=node.name), expected=expected)
        if _has_just_come_back(service, proxy):
            return warned(_NOT_YET.format(node=node.name), expected=expected)
        text = _("kubectl top shows <unknown> for {node}: {why}")
        why = text.format(node=node.name, why=_why(node.name, proxy))
        return failed(why, expected=expected, seen=_("no row"), fixes=_helpful(proxy))
    age = _age(row, usage.at)
    if age > STALE:
        text = _("The numbers of {node} are {seconds} s old: Metrics Server does not reach it any more")
        old = text.format(node=node.name, seconds=int(age.total_seconds()))
        return failed(old, expected=expected, fixes=_helpful(proxy))
    seen = _("{cpu}m CPU, {memory} MiB, {seconds} s old").format(
        cpu=round(row.cpu), memory=round(row.memory / 2**20), seconds=int(age.total_seconds())
    )
    return passed(_("kubectl top node has fresh numbers of {node}").format(node=node.name), seen=seen)


@check(
    "KE504",
    _("kubectl top pod"),
    on=Kind.KUBECTL,
    needs=["KE101"],
    explained_by=[*TOP_CAUSES, "KE503"],
    fixes=["functional-test"],
)
def pods_have_fresh_numbers(
    node: Node,
    pods: NodePods,
    usage: Maybe[PodUsage],
    proxy: Maybe[NodeProxy],
    server: Maybe[MetricsServer],
    service: Maybe[EdgeCoreService],
    leases: All[NodeLease],
) -> Verdict:
    """The metrics API has recent rows for the running pods of the node."""
    running = [pod for pod in pods.pods if pod.phase == "Running" and pod.deleting is None]
    if node.ready is not True:
        return skipped(_("{node} is not Ready, so nobody expects numbers of it").format(node=node.name))
    if not running:
        return skipped(_("No running pod on {node}").format(node=node.name))
    if isinstance(usage, Unknown):
        return _without_api(node.name, usage, proxy, _has_just_started(server, proxy, leases))
    rows = usage.by_pod()
    settled = [pod for pod in running if not _is_new(pod, usage.at)]
    if not settled:
        return skipped(_("The pods of {node} have only just started").format(node=node.name))
    missing = [pod for pod in settled if not _is_fresh(rows.get((pod.namespace, pod.name)), usage.at)]
    if not missing:
        text = ngettext(
            "kubectl top pod has fresh numbers of {count} pod on {node}",
            "kubectl top pod has fresh numbers of {count} pods on {node}",
            "count",
        )
        return passed(text.format(count=len(settled), node=node.name))
    names = ", ".join(f"{pod.namespace}/{pod.name}" for pod in missing[:_NAMED])
    seen = _("{missing} of {all} without fresh numbers: {names}")
    seen = seen.format(missing=len(missing), all=len(settled), names=names)
    if len(missing) < len(settled):
        text = _("kubectl top pod lacks some pods of {node}: {names}")
        return warned(text.format(node=node.name, names=names), seen=seen)
    if _has_just_come_back(service, proxy):
        return warned(_NOT_YET.format(node=node.name), seen=seen)
    text = _("kubectl top pod has no fresh numbers of any pod on {node}: {why}")
    return failed(
        text.format(node=node.name, why=_why(node.name, proxy)), expected=_("a recent row for every pod"), seen=seen
    )


def _helpful(proxy: NodeProxy | Unknown) -> tuple[str, ...]:
    """A restart of Metrics Server helps where others reach the node and it alone does not."""
    reached = isinstance(proxy, NodeProxy) and proxy.outcome is Outcome.ANSWERED
    return ("restart-metrics-server", "functional-test") if reached else ("functional-test",)


def _without_api(node: str, why: Unknown, proxy: NodeProxy | Unknown, starting: bool) -> Verdict:
    """The metrics API gave nothing at all: down, or denied to this user."""
    if why.reason not in _API_DOWN:
        return not_known(why)
    expected = _("numbers of {node}").format(node=node)
    reachable = isinstance(proxy, NodeProxy) and proxy.outcome is Outcome.ANSWERED
    if why.reason is not Reason.MISSING and reachable and starting:
        text = _("There are no numbers of {node} yet: Metrics Server has only just started")
        return warned(text.format(node=node), expected=expected, seen=why.text)
    if isinstance(proxy, NodeProxy) and not reachable:
        text = _("kubectl top says that the metrics API is not available; nor can {node} be scraped: {why}")
        return failed(
            text.format(node=node, why=meaning(proxy.outcome, node, proxy.text)), expected=expected, seen=why.text
        )
    text = _("There are no numbers of {node}: the metrics API is not available")
    return failed(text.format(node=node), expected=expected, seen=why.text)


def _has_just_started(server: MetricsServer | Unknown, proxy: NodeProxy | Unknown, leases: All[NodeLease]) -> bool:
    newest = server.newest if isinstance(server, MetricsServer) else None
    if newest is None or isinstance(server, Unknown) or broken_container(newest) is not None:
        return False
    moments = [cluster_time(server.at, leases), proxy.at if isinstance(proxy, NodeProxy) else None]
    now = max((moment for moment in moments if moment is not None), default=None)
    return is_young(newest, now, STARTING)


def _has_just_come_back(service: EdgeCoreService | Unknown, proxy: NodeProxy | Unknown) -> bool:
    """EdgeCore was restarted a moment ago and its metrics can be had again: the next scrape brings the numbers."""
    if not isinstance(proxy, NodeProxy) or proxy.outcome is not Outcome.ANSWERED:
        return False
    if isinstance(service, Unknown) or service.since is None or service.at is None:
        return False
    return timedelta() <= service.at - service.since < _NEW


def _why(node: str, proxy: NodeProxy | Unknown) -> Text:
    if isinstance(proxy, Unknown):
        return _("Metrics Server did not scrape it")
    if proxy.outcome is Outcome.ANSWERED:
        return _("Metrics Server did not scrape it, although the API server gets its metrics")
    return meaning(proxy.outcome, node, proxy.text)


def _age(row: Usage, now: datetime | None) -> timedelta:
    return max(now - row.at, timedelta()) if now is not None and row.at is not None else timedelta()


def _is_fresh(row: Usage | None, now: datetime | None) -> bool:
    return row is not None and _age(row, now) <= STALE


def _is_new(pod: Pod, now: datetime | None) -> bool:
    starts = [one.started for one in pod.containers if one.started is not None]
    return now is not None and bool(starts) and timedelta() <= now - max(starts) < _NEW
