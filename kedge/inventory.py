"""Derives the machines of a site from what Kubernetes tells and what the config file adds.

API-server hosts, where NAT matters, are found in this order: inventory roles; addresses of
EndpointSlice default/kubernetes that are node addresses; the control-plane label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kedge.config import SiteSettings
from kedge.facts.cloudcore import CloudCore
from kedge.facts.inventory import ApiEndpoints
from kedge.facts.nodes import Node
from kedge.facts.pods import Pod
from kedge.model import Each, Host, Role

_EACH = {Each.EDGE: Role.EDGE, Each.APISERVER_HOST: Role.APISERVER, Each.CLOUDCORE_HOST: Role.CLOUDCORE}


def derive_hosts(
    settings: SiteSettings,
    nodes: Mapping[str, Node],
    endpoints: ApiEndpoints | None,
    cloudcore: CloudCore | None,
    metrics: Iterable[Pod] = (),
    also: Iterable[str] = (),
) -> tuple[Host, ...]:
    """The hosts of a site, by name.

    Args:
        settings: roles, paths and runtimes from the config file; entries that name one machine add it.
        nodes: as Kubernetes lists them.
        endpoints: of the API server, None when not known.
        cloudcore: pods of CloudCore, None when not known.
        metrics: pods of metrics-server.
        also: further machines, e.g. those a recording speaks of.
    """
    named = {entry.node or entry.match for entry in settings.named_hosts()}
    names = sorted({*nodes, *named, *also})
    apiservers = _apiserver_hosts(settings, names, nodes, endpoints)
    cloud = {pod.node for pod in (cloudcore.pods if cloudcore else ()) if pod.node}
    measuring = {pod.node for pod in metrics if pod.node}
    hosts = []
    for name in names:
        entry = settings.host(name)
        node = nodes.get(name)
        roles = set(entry.roles)
        if node is not None and node.is_edge:
            roles.add(Role.EDGE)
        roles |= {Role.APISERVER} if name in apiservers else set()
        roles |= {Role.CLOUDCORE} if name in cloud else set()
        roles |= {Role.METRICS} if name in measuring else set()
        address = node.internal_ip if node else entry.address
        ssh = not entry.local and bool(entry.address or entry.port or entry.user or entry.jump)
        hosts.append(Host(name, frozenset(roles), address, settings.paths(name), entry.runtime, ssh))
    return tuple(hosts)


def _apiserver_hosts(
    settings: SiteSettings, names: Iterable[str], nodes: Mapping[str, Node], endpoints: ApiEndpoints | None
) -> set[str]:
    told = {name for name in names if Role.APISERVER in settings.host(name).roles}
    if told:
        return told
    ips = set(endpoints.addresses) if endpoints else set()
    behind = {node.name for node in nodes.values() if ips & {node.internal_ip, *node.addresses}}
    return behind or {node.name for node in nodes.values() if node.is_control_plane}


def targets_of(hosts: Iterable[Host]) -> dict[Each, tuple[str, ...]]:
    """For each scope the names of the hosts that a check over it runs on."""
    return {each: tuple(host.name for host in hosts if role in host.roles) for each, role in _EACH.items()}
