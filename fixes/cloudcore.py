"""Fixes of CloudCore: CloudStream's switch, and a restart that really ends."""

from __future__ import annotations

from kedge.facts.cloudcore import NAMESPACE, CloudCore, CloudCoreConfig
from kedge.facts.pods import Workload
from kedge.i18n import _
from kedge.model import Risk, Unknown
from kedge.plugins import Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, EditConfigMap, PatchObject, RolloutRestart

NAME, KEY = "cloudcore", "cloudcore.yaml"
ENABLE = "modules.cloudStream.enable"
_IMPACT = _("every edge loses CloudCore for some seconds and connects again; pods keep running, nodes stay Ready")


@fix(
    "enable-cloudstream",
    _("Enable CloudStream and restart CloudCore"),
    answers=["KE112"],
    risk=Risk.MEDIUM,
    verify=["KE112", "KE304"],
    expect=["KE501"],
    verify_seconds=120.0,
)
def enable_cloudstream(config: CloudCoreConfig, core: Maybe[CloudCore]) -> Draft | NotApplicable:
    """Switch CloudStream on in CloudCore's ConfigMap; CloudCore reads it only at its start (facts 2)."""
    stream = config.cloud_stream
    if stream.enable:
        return NotApplicable(_("CloudStream is enabled"))
    workload = None if isinstance(core, Unknown) else core.workload
    if workload is None or not config.source.startswith("configmap/"):
        return NotApplicable(
            _("CloudCore seems to run as a service of a host: edit {source} there by hand").format(source=config.source)
        )
    was = False if _key(config, stream.line) == "enable" else None
    return draft(
        EditConfigMap(KUBERNETES, workload.namespace or NAMESPACE, NAME, KEY, ((ENABLE, True),), ((ENABLE, was),)),
        _restart(workload),
        impact=_IMPACT,
    )


@fix(
    "restart-cloudcore",
    _("Restart CloudCore"),
    answers=["KE110", "KE113"],
    risk=Risk.MEDIUM,
    verify=["KE110"],
    expect=["KE113", "KE304", "KE501"],
    verify_seconds=120.0,
)
def restart_cloudcore(core: CloudCore, config: Maybe[CloudCoreConfig]) -> Draft | NotApplicable:
    """A restart that ends: where host ports make the new pod wait for the old one for ever, that one is deleted.

    On a one-node cloud ``kubectl rollout restart deployment/cloudcore`` never finishes by itself (facts 11).
    """
    if core.workload is None:
        return NotApplicable(_("There is no Deployment of CloudCore in this cluster that could be restarted"))
    if core.workload.replicas == 0:
        path = f"/apis/apps/v1/namespaces/{core.workload.namespace}/deployments/{core.workload.name}"
        return draft(
            PatchObject(KUBERNETES, path, '{"spec":{"replicas":1}}', was='{"spec":{"replicas":0}}'),
            title=_("Scale CloudCore up from 0"),
            impact=_("one CloudCore starts and the edges connect to it; somebody may have stopped it on purpose"),
        )
    if isinstance(config, Unknown) or config.cloud_stream.enable:
        return draft(_restart(core.workload), impact=_IMPACT)
    warning = _("{impact}. CloudStream is off in its ConfigMap: once that is loaded, no logs, exec or top work at all")
    return draft(_restart(core.workload), impact=warning.format(impact=_IMPACT), risk=Risk.HIGH)


def _restart(workload: Workload) -> RolloutRestart:
    return RolloutRestart(KUBERNETES, workload.namespace or NAMESPACE, "deployment", workload.name)


def _key(config: CloudCoreConfig, number: int) -> str:
    """The key on a line of the file (1-based): ``enable``, or its parent when it is absent; "" for line 0."""
    lines = config.text.splitlines()
    return lines[number - 1].partition(":")[0].strip() if 0 < number <= len(lines) else ""
