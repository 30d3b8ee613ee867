"""Metrics Server: the pod that scrapes every node and answers ``kubectl top``."""

from __future__ import annotations

from datetime import timedelta

from checks._pods import IMAGE_REASONS, ailment, broken_container, cluster_time, is_young, last_exit
from kedge.facts.images import ImageList
from kedge.facts.logs import LogHit, MetricsServerLog
from kedge.facts.metrics import MetricsServer, NodeUsage
from kedge.facts.nodes import Node, NodeLease
from kedge.facts.pods import Pod
from kedge.i18n import Text, _, ngettext
from kedge.model import Hop, Kind, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, info, not_known, passed, skipped, warned

STARTING = timedelta(seconds=120)
"""How long it may take to become ready: it must scrape twice, 60 s apart by its own default (facts 8)."""

_LOG_SHOWN = 200


def is_starting(server: MetricsServer | Unknown, leases: All[NodeLease]) -> bool:
    """Whether the newest pod is too young to be judged and nothing speaks against it, or the old one just leaves."""
    if isinstance(server, Unknown):
        return False
    newest = server.newest
    if newest is None:
        return bool(server.pods)
    if newest.is_serving or broken_container(newest) is not None:
        return False
    return is_young(newest, cluster_time(server.at, leases), STARTING)


@check(
    "KE401",
    _("Metrics Server running"),
    on=Kind.METRICS_SERVER,
    needs=["KE101"],
    explained_by=["KE402"],
    fixes=["restart-metrics-server", "deploy-metrics-server"],
    hops=[Hop.METRICS_SERVER],
)
def metrics_server_is_running(server: MetricsServer, leases: All[NodeLease], log: Maybe[MetricsServerLog]) -> Verdict:
    """Its Deployment exists and a pod is Running and Ready; it becomes ready after its first scrapes."""
    expected = _("a pod of Metrics Server Running and Ready")
    if server.workload is None:
        text = _("There is no Metrics Server: no Deployment is called or labelled metrics-server")
        return failed(text, expected=expected, seen=_("none"))
    if server.workload.replicas == 0:
        return failed(_("Metrics Server is scaled to 0 replicas"), expected=expected, seen="replicas: 0")
    if server.serving:
        return _serving(server)
    newest = server.newest or next(iter(server.pods), None)
    if newest is None:
        return failed(_("The Deployment of Metrics Server has no pod"), expected=expected, seen=_("no pod"))
    seen = _("{phase}, not ready").format(phase=newest.phase or "Pending")
    if is_starting(server, leases):
        return warned(_("Metrics Server is starting: {why}").format(why=ailment(newest)), expected=expected, seen=seen)
    if isinstance(log, MetricsServerLog) and log.last:
        seen = _("{state}; its log ends with: {line}").format(state=seen, line=log.last[-1].strip()[:_LOG_SHOWN])
    # One that runs becomes ready with its first scrape: what keeps it from every edge keeps it from that too.
    unready = any(one.running and not one.ready for one in newest.containers)
    text = _("Metrics Server does not become ready: {why}") if unready else _("Metrics Server does not run: {why}")
    return failed(
        text.format(why=ailment(newest)),
        expected=expected,
        seen=seen,
        explained_by=("KE402", *_UNSCRAPED) if unready else None,
    )


_UNSCRAPED = ("KE403", "KE110", "KE112", "KE113", "KE302", "KE304")
"""Why nobody at all can be scraped."""


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


# ------------------------------------------------------------------------------------------------- KE402


@check(
    "KE402",
    _("Image of Metrics Server"),
    on=Kind.METRICS_SERVER,
    needs=["KE101"],
    fixes=["load-metrics-image"],
    hops=[Hop.METRICS_SERVER],
)
def image_is_on_the_node(server: MetricsServer, images: All[ImageList]) -> Verdict:
    """The image that the Deployment names is on the node where the pod was placed; offline sites cannot pull it."""
    pod = server.newest
    if server.workload is None or pod is None or not server.workload.containers:
        return skipped(_("There is no pod of Metrics Server that would need an image"))
    if not pod.node:
        return skipped(_("{pod} has not been placed on a node yet").format(pod=pod.name))
    image = server.workload.containers[0].image
    held = images.get(pod.node)
    refused = next((one for one in pod.containers if one.waiting in IMAGE_REASONS), None)
    expected = _("{image} on {node}").format(image=image, node=pod.node)
    if isinstance(held, ImageList) and held.has(image):
        if refused is None:
            return passed(_("The image {image} is on {node}").format(image=image, node=pod.node), seen=held.tool)
        text = _("The image {image} is on {node}, but the pod still waits for it ({reason}): imagePullPolicy Always?")
        return warned(text.format(image=image, node=pod.node, reason=refused.waiting), seen=refused.waiting_message)
    if isinstance(held, ImageList) and not pod.is_serving:
        text = _("The image {image} is not on {node}, where Metrics Server was placed")
        return failed(text.format(image=image, node=pod.node), expected=expected, seen=_others(held, image))
    if refused is not None:
        text = _("{node} cannot get the image {image}: {reason}")
        said = text.format(node=pod.node, image=image, reason=refused.waiting)
        return failed(said, expected=expected, seen=refused.waiting_message)
    return _without_list(pod, image, held)


def _without_list(pod: Pod, image: str, held: ImageList | Unknown | None) -> Verdict:
    if isinstance(held, ImageList):
        text = _("The image {image} is not on {node} any more; the pod runs from what it unpacked, and cannot restart")
        return warned(text.format(image=image, node=pod.node), seen=_others(held, image))
    if pod.is_serving:
        text = _("Metrics Server runs on {node}, so its image {image} is there")
        return passed(text.format(node=pod.node, image=image))
    text = _("The images of {node} are not known")
    return not_known(held if isinstance(held, Unknown) else text.format(node=pod.node))


def _others(held: ImageList, image: str) -> Text:
    others = ", ".join(held.named_like(image))
    if others:
        return _("{tool} lists instead: {others}").format(tool=held.tool, others=others)
    return _("{tool} lists {count} images, none of that name").format(tool=held.tool, count=len(held.images))


# ------------------------------------------------------------------------------------------------- KE406


@check(
    "KE406",
    _("Log of Metrics Server"),
    on=Kind.METRICS_SERVER,
    needs=["KE101"],
    fixes=["restart-metrics-server"],
)
def log_holds_no_failure(
    log: Maybe[MetricsServerLog], usage: Maybe[NodeUsage], server: Maybe[MetricsServer], nodes: All[Node]
) -> Verdict:
    """No scrape failure that is newer than the node's last numbers; success is never logged (facts 8)."""
    if isinstance(log, Unknown):
        if isinstance(server, MetricsServer) and not any(c.running for pod in server.pods for c in pod.containers):
            return skipped(_("Metrics Server does not run, so it has no log"))
        return not_known(log)
    gone = {node.name for node in nodes.known().values() if node.ready is not True}
    hits = [hit for hit in log.hits if hit.node not in gone and not _is_answered(hit, usage)]
    newest = {hit.node: hit for hit in sorted(hits, key=lambda hit: hit.number)}
    if not newest:
        text = ngettext(
            "The log of Metrics Server holds no failure in its last {count} line",
            "The log of Metrics Server holds no failure in its last {count} lines",
            "count",
        )
        return passed(text.format(count=log.lines))
    named = ", ".join(sorted(filter(None, newest)))
    worst = max((hit for hit in newest.values() if bool(hit.node) is bool(named)), key=lambda hit: hit.number)
    text = _("Metrics Server cannot scrape {nodes}: {what}") if named else _("Metrics Server reports: {what}")
    return warned(text.format(nodes=named, what=worst.meaning), seen=worst.line, line=worst.number)


def _is_answered(hit: LogHit, usage: NodeUsage | Unknown) -> bool:
    """Whether the node has numbers that are newer than the failure."""
    row = usage.of(hit.node) if isinstance(usage, NodeUsage) and hit.node else None
    return row is not None and row.at is not None and (hit.at is None or row.at > hit.at)
