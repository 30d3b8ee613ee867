"""CloudCore: does it run, and with which configuration."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from checks._pods import ailment, broken_container, cluster_time, is_young, last_exit
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost, CloudExposure
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.in_use import config_in_use, core_in_use
from kedge.facts.logs import CloudCoreLog
from kedge.facts.nodes import Node, NodeLease
from kedge.facts.pods import Pod
from kedge.i18n import Text, _, ngettext
from kedge.model import Hop, Host, Kind, Reason, Unknown, Verdict
from kedge.plugins import All, Maybe, check, failed, info, not_known, passed, skipped, warned

_STARTING = timedelta(seconds=60)
"""How long a new CloudCore pod may take to become ready before its rollout counts as stuck."""


# ------------------------------------------------------------------------------------------------- KE110


@check(
    "KE110",
    _("CloudCore running"),
    on=Kind.CLOUDCORE,
    needs=["KE101"],
    fixes=["restart-cloudcore"],
    hops=[Hop.CLOUDSTREAM],
)
def cloudcore_is_running(
    core: CloudCore,
    nodes: All[Node],
    leases: All[NodeLease],
    on_hosts: All[CloudCoreOnHost],
    log: Maybe[CloudCoreLog],
) -> Verdict:
    """At least one pod serves, on a cloud node, and no rollout is stuck behind it (facts 11).

    In binary mode: the service ``cloudcore`` of some host runs (facts 2).
    """
    if core.workload is None and not core.pods:
        return _as_a_service(on_hosts) or _outside_the_cluster(nodes)
    expected = _("at least one pod labelled kubeedge=cloudcore Running and Ready")
    if not core.serving:
        return failed(_none_serves(core, log), expected=expected, seen=_states(core.pods))
    edges = {node.name for node in nodes.known().values() if node.is_edge}
    if all(pod.node in edges for pod in core.serving):
        text = _("CloudCore runs on the edge node {node}; it belongs on a cloud node")
        return failed(text.format(node=core.serving[0].node), expected=_("a node without the label of edges"))
    stuck = _stuck_rollout(core, cluster_time(core.at, leases))
    if stuck is not None:
        expected = _("every pod of the newest revision Running and Ready")
        return failed(stuck, expected=expected, seen=_states(core.pods))
    return _serving(core)


def _as_a_service(on_hosts: All[CloudCoreOnHost]) -> Verdict | None:
    """CloudCore as a service of hosts, None when no host has such a unit."""
    found = on_hosts.known()
    if not found:
        return None
    states = "; ".join(f"{host}: {one.service.active} ({one.service.sub})" for host, one in sorted(found.items()))
    running = sorted(host for host, one in found.items() if one.service.is_running)
    if running:
        text = _("CloudCore runs as a service of {hosts}, outside the cluster")
        return passed(text.format(hosts=", ".join(running)), seen=states)
    text = _("CloudCore does not run: the service cloudcore of {hosts} is down")
    return failed(text.format(hosts=", ".join(sorted(found))), expected=_("active (running)"), seen=states)


def _outside_the_cluster(nodes: All[Node]) -> Verdict:
    """No Deployment and no pod: CloudCore may run as a service of a host (facts 2)."""
    alive = sorted(node.name for node in nodes.known().values() if node.is_edge and node.ready)
    if alive:
        text = _("CloudCore is not in the cluster, but {node} is Ready through one: it seems to run as a host service")
        return info(text.format(node=alive[0]))
    return failed(
        _("There is no CloudCore: no Deployment, no pod labelled kubeedge=cloudcore, and no edge node is Ready"),
        expected=_("Deployment kubeedge/cloudcore, or CloudCore as a service of a host"),
    )


def _none_serves(core: CloudCore, log: CloudCoreLog | Unknown) -> Text:
    if core.workload is not None and core.workload.replicas == 0:
        return _("CloudCore is scaled to 0 replicas")
    if not core.pods:
        return _("The Deployment of CloudCore has no pod")
    newest = core.pods[-1]
    said = _("No CloudCore pod serves: {why}").format(why=ailment(newest))
    hits = () if isinstance(log, Unknown) else log.hits
    if not hits:
        return said
    newest_hit = max(hits, key=lambda hit: hit.number)
    return _("{said}; its log says: {meaning}").format(said=said, meaning=newest_hit.meaning)


def _stuck_rollout(core: CloudCore, now: datetime | None) -> Text | None:
    """Why the newest revision does not come up although an older one serves; None when it does or may still."""
    newest = _waiting_for_its_turn(core)
    if newest is None:
        return None
    old = core.serving[0]
    if "free ports" in newest.unschedulable:
        text = _(
            "The rollout of CloudCore never ends: the new pod {new} waits for the host ports that the old pod {old} "
            "holds, and the old one stays until the new one is ready"
        )
        return text.format(new=newest.name, old=old.name)
    waits = not newest.unschedulable and broken_container(newest) is None
    if waits and is_young(newest, now, _STARTING):
        return None
    text = _("The rollout of CloudCore is stuck and {old} still serves the old revision: {why}")
    return text.format(old=old.name, why=ailment(newest))


def _waiting_for_its_turn(core: CloudCore) -> Pod | None:
    """The newest pod of a revision that none serves, unless one that serves is newer; times have whole seconds."""
    serves = {pod.revision for pod in core.serving}
    since = max((pod.created for pod in core.serving if pod.created is not None), default=None)
    late = [
        pod
        for pod in core.pods
        if pod.deleting is None
        and pod.revision not in serves
        and (since is None or pod.created is None or pod.created >= since)
    ]
    return late[-1] if late else None


def _serving(core: CloudCore) -> Verdict:
    serving, restarts = core.serving, sum(c.restarts for pod in core.serving for c in pod.containers)
    wanted = core.workload.replicas if core.workload else len(serving)
    where = ", ".join(sorted({pod.node for pod in serving}))
    if len(serving) < wanted:
        text = _("Only {ready} of {wanted} CloudCore pods serve: {why}")
        late = [pod for pod in core.pods if not pod.is_serving]
        why = ailment(late[-1]) if late else _("the others do not exist yet")
        return warned(text.format(ready=len(serving), wanted=wanted, why=why), seen=_states(core.pods))
    if restarts:
        text = ngettext(
            "CloudCore runs on {nodes}; it was restarted {count} time: {exit}",
            "CloudCore runs on {nodes}; it was restarted {count} times: {exit}",
            "count",
        )
        ended = next((c for pod in serving for c in pod.containers if c.last_exit is not None), None)
        said = last_exit(ended) if ended else _("how it ended is not told")
        return info(text.format(nodes=where, count=restarts, exit=said), seen=_states(core.pods))
    return passed(_("CloudCore runs on {nodes}").format(nodes=where), seen=_states(core.pods))


def _states(pods: Iterable[Pod]) -> str:
    words = [f"{pod.name}: {pod.phase or 'Pending'}, {'ready' if pod.ready else 'not ready'}" for pod in pods]
    return "; ".join(words) or "no pod"


# ------------------------------------------------------------------------------------------ KE111, KE113


@check("KE111", _("CloudCore configuration"), on=Kind.CLOUDCORE, needs=["KE101"])
def config_map_exists_and_parses(
    mapped: Maybe[CloudCoreConfig], core: Maybe[CloudCore], on_hosts: All[CloudCoreOnHost]
) -> Verdict:
    """ConfigMap ``cloudcore`` in namespace ``kubeedge`` holds a readable cloudcore.yaml; or the host's file does."""
    config = config_in_use(mapped, on_hosts)
    if isinstance(config, CloudCoreConfig):
        text = _("{source} is readable, apiVersion {version}")
        return passed(text.format(source=config.source, version=config.api_version or "-"))
    if config.reason is Reason.UNPARSABLE:
        return failed(config.text, expected=_("valid YAML"), line=config.line)
    if config.reason is not Reason.MISSING:
        return not_known(config)
    if isinstance(core, CloudCore) and core.workload is None and not core.pods:
        if on_hosts.known():
            return failed(config.text, expected=_("/etc/kubeedge/config/cloudcore.yaml on the host of CloudCore"))
        text = _(
            "CloudCore is not in the cluster, and no host that was asked runs it as a service; name its host with "
            "roles: [cloudcore] in the config file"
        )
        return not_known(text)
    return failed(config.text, expected=_("ConfigMap kubeedge/cloudcore with cloudcore.yaml"))


@check(
    "KE113",
    _("CloudCore configuration loaded"),
    on=Kind.CLOUDCORE,
    needs=["KE111"],
    explained_by=["KE110"],
    fixes=["restart-cloudcore"],
)
def config_was_loaded(
    cluster: CloudCore, mapped: Maybe[CloudCoreConfig], on_hosts: All[CloudCoreOnHost], hosts: All[Host]
) -> Verdict:
    """CloudCore reads its configuration only at its start; what it writes there itself does not count (facts 1.3)."""
    core, config = core_in_use(cluster, on_hosts, hosts), config_in_use(mapped, on_hosts)
    if isinstance(config, Unknown):
        return not_known(config)
    if not core.serving:
        return skipped(_("No CloudCore runs that could have loaded it"))
    starts = [(c.started, pod) for pod in core.serving for c in pod.containers if c.started is not None]
    if config.changed is None or not starts:
        text = _("Nothing tells when {source} changed or when CloudCore started")
        return not_known(text.format(source=config.source))
    started, pod = min(starts, key=lambda start: start[0])
    if config.changed_by == "cloudcore" or started >= config.changed:
        return passed(_("CloudCore started after its configuration was changed last"), seen=f"{started:%FT%TZ}")
    text = _("CloudCore still runs with an older configuration: {pod} started before {who} changed {source}")
    return failed(
        text.format(pod=pod.name, who=config.changed_by or _("somebody"), source=config.source),
        expected=_("a start after {changed}").format(changed=f"{config.changed:%FT%TZ}"),
        seen=_("started {started}").format(started=f"{started:%FT%TZ}"),
    )


# ------------------------------------------------------------------------------------------ KE115, KE116


@check("KE115", _("Log of CloudCore"), on=Kind.CLOUDCORE, needs=["KE110"])
def log_holds_no_failure(log: Maybe[CloudCoreLog], core: CloudCore) -> Verdict:
    """No known stream or tunnel failure that nothing newer in the log contradicts (facts 4.2)."""
    if isinstance(log, Unknown):
        return (
            not_known(log)
            if core.serving
            else skipped(_no_pod(core, _("No CloudCore pod serves, so there is no log to read")))
        )
    if not log.hits:
        text = ngettext(
            "The log of CloudCore holds no stream or tunnel failure in its last {count} line",
            "The log of CloudCore holds no stream or tunnel failure in its last {count} lines",
            "count",
        )
        return passed(text.format(count=log.lines))
    newest = max(log.hits, key=lambda hit: hit.number)
    others = sorted({hit.node for hit in log.hits if hit.node} - {newest.node})
    text = _("CloudCore reports: {what}")
    if others:
        text = _("CloudCore reports: {what}; also for {others}")
    return warned(text.format(what=newest.meaning, others=", ".join(others)), seen=newest.line, line=newest.number)


def _no_pod(core: CloudCore, otherwise: Text) -> Text:
    """Why there is nothing to judge in the cluster: a CloudCore outside has its journal and ports on its host."""
    if core.pods or core.workload is not None:
        return otherwise
    return _("CloudCore is not in the cluster; where a host runs it as a service, its journal and ports are there")


@check("KE116", _("CloudCore reachable from outside"), on=Kind.CLOUDCORE, needs=["KE111", "KE110"])
def exposure_fits_what_edges_dial(
    core: CloudCore, config: Maybe[CloudCoreConfig], exposure: CloudExposure, edges: All[EdgeCoreConfig]
) -> Verdict:
    """Stream and tunnel port are open on the host network, a NodePort or a load balancer, and edges dial those."""
    if not core.serving:
        return skipped(_no_pod(core, _("No CloudCore pod serves that could be exposed")))
    if isinstance(config, Unknown):
        return not_known(config)
    own = config.cloud_stream.tunnel_port
    on_host = any(pod.host_network for pod in core.serving)
    node_port = dict(exposure.node_ports).get(own, 0)
    if on_host:
        offered = {own} | ({node_port} if node_port else set())
        how = _("on the host network, port {port}").format(port=own)
    elif node_port:
        offered, how = {node_port}, _("as NodePort {port}").format(port=node_port)
    elif exposure.service_type == "LoadBalancer":
        offered, how = {own}, _("behind a load balancer, port {port}").format(port=own)
    else:
        text = _("Nothing outside the cluster reaches the tunnel port {port}: neither host network nor NodePort")
        return failed(
            text.format(port=own),
            expected=_("hostNetwork: true, or a Service of type NodePort or LoadBalancer"),
            seen=_("Service of type {type}").format(type=exposure.service_type or "-"),
        )
    dialled = {node: one.edge_stream.port for node, one in edges.known().items() if one.edge_stream.enable}
    wrong = sorted(node for node, port in dialled.items() if port not in offered)
    if wrong:
        text = _("CloudCore offers its tunnel {how}, but these edges dial another port: {nodes}")
        seen = ", ".join(f"{node}: {dialled[node]}" for node in wrong)
        return warned(text.format(how=how, nodes=", ".join(wrong)), seen=seen)
    return passed(_("CloudCore offers its tunnel {how}").format(how=how))
