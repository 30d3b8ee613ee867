"""The API server itself."""

from __future__ import annotations

from collections.abc import Iterable

from kedge.facts.apiserver import ApiServer
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
        seconds = _("{seconds} s").format(seconds=f"{server.seconds:.2f}")
        if server.seconds > _SLOW:
            slow = _("The API server answers slowly, version {version}")
            return info(slow.format(version=server.version), seen=seconds)
        return passed(_("The API server answers, version {version}").format(version=server.version), seen=seconds)
    if server.reason is Reason.DENIED:
        return info(_("The API server answers, but this user may not read its version"))
    if server.reason in _BROKEN:
        return failed(server.text, expected=_("an answer to /version"))
    return not_known(server)


@check("KE102", _("Rights of this user"), on=Kind.API_SERVER, needs=["KE101"])
def user_may_read_what_checks_need(
    nodes: All[Node],
    pods: All[NodePods],
    core: Maybe[CloudCore],
    config: Maybe[CloudCoreConfig],
    api: Maybe[MetricsApi],
    usage: Maybe[NodeUsage],
    proxies: All[NodeProxy],
    logs: All[KubectlLogs],
) -> Verdict:
    """No read that was made was refused (403). What is refused blinds some checks; the others go on."""
    asked: tuple[tuple[str, Text, list[object]], ...] = (
        ("nodes", _("nothing about any edge can be judged"), [*nodes.values()]),
        ("pods", _("neither CloudCore nor the pods of edges can be seen"), [*pods.values()]),
        ("deployments", _("whether CloudCore runs cannot be judged"), [core]),
        ("configmaps", _("CloudCore's configuration and tunnel ports stay unknown"), [config]),
        ("apiservices", _("why kubectl top fails cannot be told"), [api]),
        ("nodes.metrics.k8s.io", _("the numbers of kubectl top stay unknown"), [usage]),
        ("nodes/proxy", _("an empty log has no second witness"), [*proxies.values()]),
        ("pods/log", _("kubectl logs cannot be tried"), [*logs.values()]),
    )
    refused = [(resource, blinds, why) for resource, blinds, seen in asked if (why := _denial(seen)) is not None]
    # One refusal may blind several facts that are read together; it is one right all the same.
    denied = list({str(one[2].text): one for one in reversed(refused)}.values())[::-1]
    if not denied:
        known = [one for _resource, _blinds, seen in asked for one in seen if not isinstance(one, Unknown)]
        if not known:
            return not_known(_("Nothing was asked of the API server yet"))
        return passed(_("Nothing that was asked of the API server was refused to this user"))
    text = ngettext(
        "This user lacks {count} right that checks need; without {resource}, {blinds}",
        "This user lacks {count} rights that checks need; without {resource}, {blinds}",
        "count",
    )
    resource, blinds, why = denied[0]
    return warned(
        text.format(count=len(denied), resource=resource, blinds=blinds),
        expected=_("the role that `kedge-tui rbac` prints"),
        seen=_("refused: {resources}. {why}").format(resources=", ".join(one[0] for one in denied), why=why.text),
    )


def _denial(seen: Iterable[object]) -> Unknown | None:
    return next((one for one in seen if isinstance(one, Unknown) and one.reason is Reason.DENIED), None)
