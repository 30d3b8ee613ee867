"""Deploying metrics-server: from the site's offline bundle, or from the manifest that is shipped here."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from kedge.facts.bundle import MANIFEST, OfflineBundle
from kedge.facts.metrics import METRICS_API, MetricsApi, MetricsServer
from kedge.facts.nodes import Node
from kedge.i18n import Text, _, ngettext
from kedge.model import Reason, Risk, Unknown
from kedge.plugins import All, Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, ApplyManifest

NAMESPACE, NAME = "kube-system", "metrics-server"
_MASK = "***"


@fix(
    "deploy-metrics-server",
    _("Deploy metrics-server"),
    answers=["KE401", "KE404", "KE405"],
    risk=Risk.MEDIUM,
    verify=["KE401", "KE404"],
    expect=["KE405", "KE503", "KE504"],
    verify_seconds=120.0,  # it serves after its first scrapes, at most a minute later (facts 8)
)
def deploy_metrics_server(
    server: MetricsServer, api: Maybe[MetricsApi], bundles: All[OfflineBundle], nodes: All[Node]
) -> Draft | NotApplicable:
    """Create what is missing of metrics-server; where nothing is missing, delete its Deployment and apply it anew."""
    workload = server.workload
    if workload is not None and (workload.namespace, workload.name) != (NAMESPACE, NAME):
        text = _("metrics-server is installed here as {namespace}/{name}; a second one is not put beside it")
        return NotApplicable(text.format(namespace=workload.namespace, name=workload.name))
    if isinstance(api, MetricsApi) and not api.service:
        text = _("APIService {name} is served by the API server itself; there is nothing to deploy")
        return NotApplicable(text.format(name=METRICS_API))
    manifest, source = _manifest(bundles)
    absent = isinstance(api, Unknown) and api.reason is Reason.MISSING
    edges = sum(node.is_edge for node in nodes.known().values())
    if workload is None or absent:
        return draft(ApplyManifest(KUBERNETES, manifest, source), impact=_impact(workload is None, edges))
    return draft(
        ApplyManifest(KUBERNETES, manifest, source, replace=("Deployment",)),
        title=_("Deploy metrics-server anew: delete it, then apply its manifest"),
        impact=ngettext(
            "its Deployment is deleted with {count} pod and what was changed in it by hand; kubectl top and "
            "autoscaling have no numbers for about a minute",
            "its Deployment is deleted with {count} pods and what was changed in it by hand; kubectl top and "
            "autoscaling have no numbers for about a minute",
            "count",
        ).format(count=len(server.pods)),
    )


def _impact(whole: bool, edges: int) -> Text:
    if whole:
        return ngettext(
            "one pod of metrics-server starts on a cloud node and scrapes {edges} edge; nothing that runs changes",
            "one pod of metrics-server starts on a cloud node and scrapes {edges} edges; nothing that runs changes",
            "edges",
        ).format(edges=edges)
    return _("only what is missing is created; the metrics-server that runs is not touched")


def _manifest(bundles: All[OfflineBundle]) -> tuple[str, str]:
    """The bundle's manifest and where it lies; the one shipped here where no bundle has one that was read whole."""
    for host, bundle in sorted(bundles.known().items()):
        if bundle.manifest and _MASK not in bundle.manifest:
            return bundle.manifest, str(_("{path} of {host}").format(path=bundle.path(MANIFEST), host=host))
    return _shipped(), str(_("the manifest shipped with this program"))


@cache
def _shipped() -> str:
    return files("fixes").joinpath("manifests", "metrics-server.yaml").read_text(encoding="utf-8")
