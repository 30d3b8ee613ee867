"""Faults: each changes the world as an accident or a careless person would, and can be taken back while the site runs.

A fault only edits state (a file, a rule, an object, a service); what it does to logs, exec and metrics follows from
the world. `lab.truth.causes` knows nothing of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab import faults_edge, faults_site
from lab.world import World
from lab.world_settings import ApiTrouble

Change = Callable[[World, str], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the catalogue.

    Attributes:
        summary: one sentence for the list of faults.
        apply, clear: do it and take it back; the second argument is an edge's name.
        per_edge: whether the edge's name matters.
    """

    name: str
    summary: str
    apply: Change
    clear: Change
    per_edge: bool = False


class UnknownFault(KeyError):
    """A name that the catalogue does not have."""


def _site(name: str, summary: str, apply: Callable[[World], None], clear: Callable[[World], None]) -> Fault:
    return Fault(name, summary, lambda world, edge: apply(world), lambda world, edge: clear(world))


def _edge(name: str, summary: str, apply: Change, clear: Change) -> Fault:
    return Fault(name, summary, apply, clear, per_edge=True)


_CATALOGUE = (
    _edge(
        "edgestream-disabled", "edgecore.yaml says modules.edgeStream.enable: false and EdgeCore has loaded it.",
        faults_edge.disable_stream, faults_edge.restore_config,
    ),
    _edge(
        "edgestream-wrong-server", "edgeStream.server names a port where no tunnel server listens.",
        faults_edge.wrong_server, faults_edge.restore_config,
    ),
    _edge(
        "edgecore-stopped", "The edgecore service was stopped: the tunnel dies and the node goes NotReady.",
        faults_edge.stop_edgecore, faults_edge.start_edgecore,
    ),
    _edge(
        "edgecore-not-restarted", "EdgeStream was switched on in edgecore.yaml, but EdgeCore still runs without it.",
        faults_edge.forget_restart, faults_edge.restore_config,
    ),
    _edge(
        "edgecore-config-broken", "edgecore.yaml is no longer valid YAML: EdgeCore fails to start again and again.",
        faults_edge.break_config, faults_edge.restore_config,
    ),
    _edge(
        "never-tunnelled", "A freshly joined edge: EdgeStream is still off and the node's kubelet port still 10350.",
        faults_edge.never_tunnelled, faults_edge.restore_config,
    ),
    _edge(
        "runtime-stopped", "containerd on the edge was stopped.", faults_edge.stop_runtime, faults_edge.start_runtime,
    ),
    _edge(
        "host-unreachable", "The edge's SSH server does not answer; all else is well.",
        faults_edge.hide_host, faults_edge.show_host,
    ),
    _edge(
        "edge-offline", "The edge has lost its network: no hub, no tunnel, no SSH.",
        faults_edge.unplug, faults_edge.plug_in,
    ),
    _edge(
        "half-open-tunnel", "Something on the way swallows the packets of an established tunnel: Send-Q grows.",
        faults_edge.stall_tunnel, faults_edge.renew_tunnel,
    ),
    _site(
        "cloudstream-disabled", "ConfigMap cloudcore says modules.cloudStream.enable: false; CloudCore has loaded it.",
        faults_site.disable_cloudstream, faults_site.enable_cloudstream,
    ),
    _site(
        "cloudstream-disabled-restart-stuck",
        "The same, but the rollout restart is stuck on host ports and the old CloudCore still serves.",
        faults_site.disable_cloudstream_stuck, faults_site.free_stuck_rollout,
    ),
    _site(
        "cloudcore-not-restarted",
        "CloudStream was switched on in the ConfigMap, but CloudCore still runs without it.",
        faults_site.forget_cloudcore_restart,
        faults_site.enable_cloudstream,
    ),
    _site(
        "cloudcore-down", "Deployment cloudcore is scaled to 0.",
        faults_site.stop_cloudcore, faults_site.start_cloudcore,
    ),
    _site(
        "tunnel-port-blocked", "A firewall rule on cloud1 drops TCP to the tunnel port.",
        faults_site.drop_tunnel_port, faults_site.open_tunnel_port,
    ),
    _site(
        "tunnel-port-refused", "A firewall rule on cloud1 rejects TCP to the tunnel port.",
        faults_site.reject_tunnel_port, faults_site.open_tunnel_port,
    ),
    _site(
        "dnat-missing", "The DNAT rule for the tunnel port is gone, as after a reboot of cloud1.",
        faults_site.remove_rule, faults_site.restore_rules,
    ),
    _site(
        "dnat-flushed", "The rule was just deleted: connections kept alive from before still work for a while.",
        faults_site.flush_rule, faults_site.restore_rules,
    ),
    _site(
        "dnat-guide-port", "The rule is for port 10350 as in old guides; the nodes use 10351.",
        faults_site.guide_port_rule, faults_site.restore_rules,
    ),
    _site(
        "dnat-stale-target", "The rule leads to an address where no CloudCore is any more.",
        faults_site.stale_rule, faults_site.restore_rules,
    ),
    _site(
        "dnat-shadowed", "An older rule for the same port stands first and leads nowhere.",
        faults_site.shadow_rule, faults_site.restore_rules,
    ),
    _site(
        "metrics-server-down", "Deployment metrics-server is scaled to 0.",
        faults_site.stop_metrics, faults_site.start_metrics,
    ),
    _site(
        "metrics-image-missing", "The image of metrics-server is not on cloud1, and no registry can be reached.",
        faults_site.lose_metrics_image, faults_site.load_metrics_image,
    ),
    _site(
        "metrics-flags-missing", "metrics-server lacks --kubelet-use-node-status-port and --kubelet-insecure-tls.",
        faults_site.strip_metrics_flags, faults_site.restore_metrics_flags,
    ),
    _site(
        "apiservice-missing", "APIService v1beta1.metrics.k8s.io was deleted.",
        faults_site.delete_api_service, faults_site.create_api_service,
    ),
    _site(
        "rbac-limited", "The user may not read pod logs, exec, ConfigMaps of kubeedge, nor change anything.",
        faults_site.limit_rights, faults_site.restore_rights,
    ),
    _site("api-down", "The API server does not listen.", faults_site.stop_api, faults_site.start_api),
    _site(
        "slow-link", "Every link is slow and lossy: 300 ms and 5 %.", faults_site.slow_links, faults_site.fast_links,
    ),
)  # fmt: skip

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _CATALOGUE}
"""The catalogue by name."""

_MANAGED = (
    _site(
        "nat-manager-stuck", "KubeEdge itself writes the NAT rules; its chain was flushed and its manager hangs.",
        faults_site.empty_managed_chain, faults_site.write_managed_chain,
    ),
)  # fmt: skip

MANAGED: dict[str, Fault] = {fault.name: fault for fault in _MANAGED}
"""Faults of sites that are run otherwise than this one begins; each installs what it needs, and that stays."""

_TROUBLES = (
    _site(
        "api-busy", "The API server answers 429 and Retry-After to everything.",
        faults_site.api_is(ApiTrouble.BUSY), faults_site.api_is(ApiTrouble.NONE),
    ),
    _site(
        "api-slow", "The API server takes three seconds before it answers anything.",
        faults_site.api_is(ApiTrouble.SLOW), faults_site.api_is(ApiTrouble.NONE),
    ),
    _site(
        "api-half-open", "Connections to the API server stay open and nothing passes; new ones are silent.",
        faults_site.api_is(ApiTrouble.HALF_OPEN), faults_site.api_is(ApiTrouble.NONE),
    ),
    _site(
        "api-killed", "The API server was killed and has started again: every connection broke.",
        faults_site.kill_api, faults_site.leave_api,
    ),
)  # fmt: skip

TROUBLES: dict[str, Fault] = {fault.name: fault for fault in _TROUBLES}
"""What ails the API server while the site is well: links must live through it, and no check has anything to name."""


KNOWN = FAULTS | MANAGED | TROUBLES
"""Everything that has a name."""


def find(name: str) -> Fault:
    """A fault by name. Raises UnknownFault."""
    try:
        return KNOWN[name]
    except KeyError:
        raise UnknownFault(name) from None


def apply(world: World, name: str, edge: str = "edge1") -> None:
    """Make a fault happen now. Raises UnknownFault, or KeyError for an edge that does not exist."""
    fault = find(name)
    if fault.per_edge:
        world.host(edge)
    fault.apply(world, edge)
    world.tick()


def clear(world: World, name: str, edge: str = "edge1") -> None:
    """Take a fault back, as the right repair would. Raises UnknownFault, or KeyError for an unknown edge."""
    fault = find(name)
    if fault.per_edge:
        world.host(edge)
    fault.clear(world, edge)
    world.tick()
