"""APIService v1beta1.metrics.k8s.io and the endpoints behind it."""

from __future__ import annotations

from checks._pods import ailment
from checks.metrics_server import is_starting
from kedge.facts.metrics import METRICS_API, MetricsApi, MetricsEndpoints, MetricsServer
from kedge.facts.nodes import NodeLease
from kedge.i18n import Text, _
from kedge.model import Hop, Kind, Reason, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, not_known, passed, warned

_SERVER = ("KE402", "KE401")


@check(
    "KE404",
    _("Metrics API available"),
    on=Kind.APISERVICE,
    needs=["KE101"],
    explained_by=[*_SERVER, "KE405"],
    fixes=["deploy-metrics-server", "restart-metrics-server"],
    hops=[Hop.APISERVICE],
)
def metrics_api_is_available(
    api: Maybe[MetricsApi],
    server: Maybe[MetricsServer],
    leases: All[NodeLease],
    endpoints: Maybe[MetricsEndpoints],
) -> Verdict:
    """``kubectl top`` asks v1beta1.metrics.k8s.io; its condition Available says whether that can work."""
    expected = _("{name} with condition Available True").format(name=METRICS_API)
    if not isinstance(api, MetricsApi):
        if api.reason is not Reason.MISSING:
            return not_known(api)
        text = _("APIService {name} does not exist, so kubectl top has nobody to ask")
        never = isinstance(server, MetricsServer) and server.workload is None and _has_no_service(endpoints)
        own = None if never else ()  # all of it is missing: nobody ever installed it
        return failed(text.format(name=METRICS_API), expected=expected, seen=_("not found"), explained_by=own)
    if api.available:
        return passed(_("APIService {name} is available").format(name=METRICS_API))
    seen = _("{reason}: {message}").format(reason=api.reason or "-", message=api.message)
    if api.available is None:
        return not_known(_("APIService {name} does not say whether it is available").format(name=METRICS_API))
    if api.reason == "MissingEndpoints" and is_starting(server, leases):
        text = _("APIService {name} is not available yet: Metrics Server has only just started")
        return warned(text.format(name=METRICS_API), expected=expected, seen=seen)
    text = _("APIService {name} is not available: {reason}")
    return failed(text.format(name=METRICS_API, reason=api.reason or "-"), expected=expected, seen=seen)


@check(
    "KE405",
    _("Endpoints of the metrics API"),
    on=Kind.APISERVICE,
    needs=["KE101"],
    explained_by=_SERVER,
    fixes=["restart-metrics-server", "deploy-metrics-server"],
)
def metrics_service_has_endpoints(
    endpoints: MetricsEndpoints, server: Maybe[MetricsServer], leases: All[NodeLease]
) -> Verdict:
    """The Service behind the metrics API has at least one ready address."""
    expected = _("a ready address behind Service {name}").format(name=endpoints.service)
    if endpoints.ready:
        addresses = ", ".join(endpoints.ready)
        text = _("Service {name} has ready endpoints: {addresses}")
        return passed(text.format(name=endpoints.service, addresses=addresses), seen=addresses)
    seen = _("not ready: {addresses}").format(addresses=", ".join(endpoints.not_ready) or "-")
    if is_starting(server, leases):
        text = _("Service {name} has no ready endpoint yet: Metrics Server has only just started")
        return warned(text.format(name=endpoints.service), expected=expected, seen=seen)
    text = _("Service {name} has no ready endpoint: {why}")
    why = _why_no_endpoint(endpoints, server)
    return failed(text.format(name=endpoints.service, why=why), expected=expected, seen=seen)


def _why_no_endpoint(endpoints: MetricsEndpoints, server: MetricsServer | Unknown) -> Text:
    newest = server.newest if isinstance(server, MetricsServer) else None
    if isinstance(server, Unknown):
        return _("the pods of Metrics Server are not known")
    if newest is None:
        return _("there is no pod of Metrics Server")
    if not newest.is_serving:
        return ailment(newest)
    if not endpoints.slices:
        return _("{pod} is ready, but there is no Service of that name, or it has no selector").format(pod=newest.name)
    return _("{pod} is ready, but the selector or the port of the Service does not match it").format(pod=newest.name)


def _has_no_service(endpoints: MetricsEndpoints | Unknown) -> bool:
    return isinstance(endpoints, MetricsEndpoints) and not endpoints.slices
