"""Fixes of CloudCore: CloudStream's switch, and a restart that really ends."""

from __future__ import annotations

from fixes.cloudcore_service import ENABLE, enable_on_hosts, restart_on_hosts, switch_of
from kedge.facts.cloudcore import NAMESPACE, CloudCore, CloudCoreConfig, CloudCoreOnHost
from kedge.facts.in_use import config_in_use
from kedge.facts.nodes import Node
from kedge.facts.pods import Workload
from kedge.i18n import Text, _, ngettext
from kedge.model import Host, Reason, Risk, Unknown
from kedge.plugins import All, Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import KUBERNETES, EditConfigMap, PatchObject, RolloutRestart

NAME, KEY = "cloudcore", "cloudcore.yaml"


@fix(
    "enable-cloudstream",
    _("Enable CloudStream and restart CloudCore"),
    answers=["KE112"],
    risk=Risk.MEDIUM,
    verify=["KE112", "KE304"],
    expect=["KE501"],
    verify_seconds=120.0,
)
def enable_cloudstream(
    mapped: Maybe[CloudCoreConfig],
    core: Maybe[CloudCore],
    nodes: All[Node],
    on_hosts: All[CloudCoreOnHost],
    hosts: All[Host],
) -> Draft | NotApplicable:
    """Switch CloudStream on where CloudCore reads it, which it does only at its start (facts 2).

    That is its ConfigMap; where CloudCore is a service of a host, that host's file.
    """
    config = config_in_use(mapped, on_hosts)
    if isinstance(config, Unknown):
        return NotApplicable(config.text)
    if config.cloud_stream.enable:
        return NotApplicable(_("CloudStream is enabled"))
    workload = None if isinstance(core, Unknown) else core.workload
    if isinstance(mapped, Unknown):
        return enable_on_hosts(on_hosts, hosts, _impact(nodes))
    if workload is None:
        return NotApplicable(_("There is no Deployment of CloudCore in this cluster that could be restarted"))
    was = ((ENABLE, switch_of(config)),)
    return draft(
        EditConfigMap(KUBERNETES, workload.namespace or NAMESPACE, NAME, KEY, ((ENABLE, True),), was),
        _restart(workload),
        impact=_impact(nodes),
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
def restart_cloudcore(
    core: CloudCore, mapped: Maybe[CloudCoreConfig], nodes: All[Node], on_hosts: All[CloudCoreOnHost]
) -> Draft | NotApplicable:
    """A restart that ends: where host ports make the new pod wait for the old one for ever, that one is deleted.

    On a one-node cloud ``kubectl rollout restart deployment/cloudcore`` never finishes by itself (facts 11). With a
    configuration that does not parse no new one would start, so the old one is left running.
    """
    config = config_in_use(mapped, on_hosts)
    if isinstance(config, Unknown) and config.reason is Reason.UNPARSABLE:
        return NotApplicable(_("CloudCore would not start: {why}. Mend that first").format(why=config.text))
    warning = not isinstance(config, Unknown) and not config.cloud_stream.enable
    if core.workload is None and on_hosts.known():
        return restart_on_hosts(on_hosts, _impact(nodes, warning), Risk.HIGH if warning else None)
    if core.workload is None:
        return NotApplicable(_("There is no Deployment of CloudCore in this cluster that could be restarted"))
    if core.workload.replicas == 0:
        path = f"/apis/apps/v1/namespaces/{core.workload.namespace}/deployments/{core.workload.name}"
        return draft(
            PatchObject(KUBERNETES, path, '{"spec":{"replicas":1}}', was='{"spec":{"replicas":0}}'),
            title=_("Scale CloudCore up from 0"),
            impact=_(
                "one CloudCore starts; edges connect to it: {count} here; somebody may have stopped it on purpose"
            ).format(count=_edges(nodes)),
        )
    return draft(_restart(core.workload), impact=_impact(nodes, warning), risk=Risk.HIGH if warning else None)


def _restart(workload: Workload) -> RolloutRestart:
    return RolloutRestart(KUBERNETES, workload.namespace or NAMESPACE, "deployment", workload.name)


def _impact(nodes: All[Node], warning: bool = False) -> Text:
    impact = ngettext(
        "{count} edge loses CloudCore for some seconds and connects again; pods keep running, nodes stay Ready",
        "{count} edges lose CloudCore for some seconds and connect again; pods keep running, nodes stay Ready",
        "count",
    ).format(count=_edges(nodes))
    if not warning:
        return impact
    sentence = _("{impact}. CloudStream is off in its configuration: once that is loaded, no logs, exec or top work")
    return sentence.format(impact=impact)


def _edges(nodes: All[Node]) -> int:
    return sum(node.is_edge for node in nodes.known().values())
