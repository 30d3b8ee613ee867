"""The API server itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kedge.facts.apiserver import ApiServer, Right, UserRights
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig
from kedge.facts.kubectl import KubectlLogs, NodeProxy
from kedge.facts.metrics import MetricsApi, NodeUsage
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods
from kedge.i18n import Text, _, ngettext
from kedge.model import Hop, Kind, Reason, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, info, not_known, passed, warned

_BROKEN = frozenset(
    {Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.CREDENTIALS, Reason.SERVER_ERROR, Reason.UNPARSABLE, Reason.MISSING}
)
_SLOW = 2.0
"""Seconds for ``/version``, which no server has to think about."""


@check("KE101", _("API server reachable"), on=Kind.API_SERVER, hops=[Hop.APISERVER])
def api_server_is_reachable(server: Maybe[ApiServer]) -> Verdict:
    """``/version`` is answered, and how fast. Without it nothing of the cluster can be judged."""
    if isinstance(server, ApiServer):
        seconds = _answered_by(server)
        if server.seconds > _SLOW:
            slow = _("The API server answers slowly, version {version}")
            return info(slow.format(version=server.version), seen=seconds)
        return passed(_("The API server answers, version {version}").format(version=server.version), seen=seconds)
    if server.reason is Reason.DENIED:
        return info(_("The API server answers, but this user may not read its version"))
    if server.reason in _BROKEN:
        return failed(server.text, expected=_("an answer to /version"))
    return not_known(server)


def _answered_by(server: ApiServer) -> Text | None:
    """Which endpoint, and how long it took; a recording tells neither."""
    if not server.address:
        return _("{seconds} s").format(seconds=f"{server.seconds:.2f}") if server.seconds else None
    return _("{address} in {seconds} s").format(address=server.address, seconds=f"{server.seconds:.2f}")


# ------------------------------------------------------------------------------------------------- KE102

_BLINDS: dict[str, Text] = {
    "nodes": _("nothing about any edge can be judged"),
    "pods": _("neither CloudCore nor the pods of edges can be seen"),
    "deployments.apps": _("whether CloudCore and Metrics Server run cannot be judged"),
    "configmaps": _("CloudCore's configuration and tunnel ports stay unknown"),
    "services": _("how CloudCore can be reached from outside stays unknown"),
    "endpointslices.discovery.k8s.io": _("hosts of the API server and endpoints of the metrics API stay unknown"),
    "leases.coordination.k8s.io": _("late heartbeats of nodes cannot be told"),
    "apiservices.apiregistration.k8s.io": _("why kubectl top fails cannot be told"),
    "nodes.metrics.k8s.io": _("the numbers of kubectl top node stay unknown"),
    "pods.metrics.k8s.io": _("the numbers of kubectl top pod stay unknown"),
    "nodes/proxy": _("an empty log has no second witness, and CloudStream's sessions cannot be told"),
    "pods/log": _("kubectl logs cannot be tried, nor the logs of CloudCore and Metrics Server be read"),
    "pods/exec": _("kubectl exec cannot be tried"),
}
"""What is not seen without the right to read a resource."""

_CHANGING = frozenset({"patch", "delete", "update"})


@check("KE102", _("Rights of this user"), on=Kind.API_SERVER, needs=["KE101"])
def user_may_read_what_checks_need(
    rights: Maybe[UserRights],
    nodes: All[Node],
    pods: All[NodePods],
    core: Maybe[CloudCore],
    config: Maybe[CloudCoreConfig],
    api: Maybe[MetricsApi],
    usage: Maybe[NodeUsage],
    proxies: All[NodeProxy],
    logs: All[KubectlLogs],
) -> Verdict:
    """This user may do what checks and fixes need, by SelfSubjectAccessReview; what is denied blinds some of them.

    What was read all the same counts as allowed: a role may grant less than the whole cluster and still be enough. A
    missing right is a warning, not a cause: it breaks nothing but the view. A user who may only look is normal.
    """
    measured: dict[str, list[object]] = {
        "nodes": [*nodes.values()],
        "pods": [*pods.values()],
        "deployments.apps": [core],
        "configmaps": [config],
        "apiservices.apiregistration.k8s.io": [api],
        "nodes.metrics.k8s.io": [usage],
        "nodes/proxy": [*proxies.values()],
        "pods/log": [*logs.values()],
    }
    refused = _refused(measured)
    asked = rights if isinstance(rights, UserRights) else UserRights()
    for right in sorted(asked.denied, key=lambda right: (right.name, right.namespace)):
        resource = right.name.partition(" ")[2]
        if _reads(right) and not _was_read(measured.get(resource, ())):
            refused.setdefault(resource, right.name)
    if refused:
        return _blinded(refused)
    fixes = [right.name for right in sorted(asked.denied, key=lambda right: right.name) if not _reads(right)]
    if fixes:
        text = _("This user may look at everything, but not repair everything: {rights} are denied")
        return info(text.format(rights=", ".join(fixes)), expected=_ROLE, seen=", ".join(fixes))
    if not asked.granted and not any(_was_read(seen) for seen in measured.values()):
        return not_known(rights if isinstance(rights, Unknown) else _("Nothing was asked of the API server yet"))
    return passed(_("This user may do all that checks and fixes ask of the API server"))


_ROLE = _("the role that `kedge-tui rbac` prints")


def _reads(right: Right) -> bool:
    """A right that looking needs; exec is asked for by ``create``."""
    return right.verb not in _CHANGING and (right.verb != "create" or right.resource == "pods/exec")


def _refused(measured: Mapping[str, Iterable[object]]) -> dict[str, Text | str]:
    """Resources whose reading was refused with 403; one refusal may blind several facts that are read together."""
    found: dict[str, Text | str] = {}
    for resource, seen in measured.items():
        why = next((one.text for one in seen if isinstance(one, Unknown) and one.reason is Reason.DENIED), None)
        if why is not None and str(why) not in map(str, found.values()):
            found[resource] = why
    return found


def _was_read(seen: Iterable[object]) -> bool:
    return any(not isinstance(one, Unknown) for one in seen)


def _blinded(refused: Mapping[str, Text | str]) -> Verdict:
    text = ngettext(
        "This user lacks {count} right that checks need; without {resource}, {blinds}",
        "This user lacks {count} rights that checks need; without {resource}, {blinds}",
        "count",
    )
    order = [resource for resource in _BLINDS if resource in refused]
    seen = "\n".join(f"{resource}: {_BLINDS[resource]} ({refused[resource]})" for resource in order)
    said = text.format(count=len(order), resource=order[0], blinds=_BLINDS[order[0]])
    return warned(said, expected=_ROLE, seen=seen)
