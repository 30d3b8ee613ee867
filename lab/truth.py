"""What is really wrong with the site, computed from its state alone: the yardstick for any diagnosis of it."""

from __future__ import annotations

from typing import NamedTuple

from lab.metrics import Flags
from lab.objects import API_SERVICES, CONFIGMAPS, DEPLOYMENTS, NODES, PODS, Object
from lab.objects_pods import is_ready
from lab.world import World
from lab.world_configs import CloudConfig, ConfigError, EdgeConfig, split_server
from lab.world_edgecore import EdgeCore
from lab.world_host import Host
from lab.world_network import Reach
from lab.world_path import DataPath
from lab.world_services import METRICS_API
from lab.world_settings import CLOUD, CLOUD_ADDRESS, METRICS_IMAGE, TUNNEL_PORT

SITE = "-"


class Cause(NamedTuple):
    """A root cause: the code of the check that must fail, and its target (a node, a host, or `-` for the site)."""

    code: str
    target: str


def causes(world: World) -> frozenset[Cause]:
    """Every root cause that holds now; consequences of another one are left out.

    What only blinds an observer is not among them: a host without SSH, a user without rights, a slow
    link.
    """
    found = [*_api(world), *_cloudcore(world), *_nat(world), *_metrics(world)]
    cloud_serves = world.cloudcore is not None and world.cloudcore.config.stream_enabled
    for edge in world.edges.values():
        found += _edge(world, edge, cloud_serves=cloud_serves)
    return frozenset(found)


def _api(world: World) -> list[Cause]:
    return [] if world.api_up else [Cause("KE101", SITE)]


# -- CloudCore


def _cloudcore(world: World) -> list[Cause]:
    found: list[Cause] = []
    configured = _configured(world)
    if configured is not None and not configured.stream_enabled:
        found.append(Cause("KE112", SITE))
    if configured is None:
        found.append(Cause("KE111", SITE))
    deployment = world.store.find(DEPLOYMENTS, "kubeedge", "cloudcore")
    pods = [
        pod for pod in world.store.list(PODS, "kubeedge") if pod["metadata"]["labels"].get("kubeedge") == "cloudcore"
    ]
    if world.cloudcore is None or deployment is None or _rollout_stuck(world, deployment, pods):
        found.append(Cause("KE110", SITE))
    elif configured is not None and configured != world.cloudcore.config:
        found.append(Cause("KE113", SITE))
    return found


def _configured(world: World) -> CloudConfig | None:
    configmap = world.store.find(CONFIGMAPS, "kubeedge", "cloudcore")
    try:
        return CloudConfig.parse((configmap or {}).get("data", {}).get("cloudcore.yaml", ""))
    except ConfigError:
        return None


def _rollout_stuck(world: World, deployment: Object, pods: list[Object]) -> bool:
    updated = deployment["status"].get("updatedReplicas", 0)
    return any(not is_ready(pod) for pod in pods) and len(pods) > 1 and updated > 0


# -- NAT


def _nat(world: World) -> list[Cause]:
    """On the API server's host every kubelet port in use must lead to a running CloudCore's stream port."""
    if world.cloudcore is None:
        return []
    cloud = world.hosts[CLOUD]
    configured = _configured(world) or world.cloudcore.config
    wanted = f"{CLOUD_ADDRESS}:{configured.stream_port}"
    ports = {DataPath.port_of(node) for node in world.store.list(NODES) if node["metadata"]["name"] in world.edges}
    used = {port for port in ports if port in world.tunnel_ports().values()} or {TUNNEL_PORT}
    address = next(iter(world.edges.values())).host.address if world.edges else CLOUD_ADDRESS
    if all(cloud.translate("OUTPUT", address, port) == wanted for port in used):
        return []
    return [Cause("KE302", CLOUD)]


# -- metrics


def _metrics(world: World) -> list[Cause]:
    found: list[Cause] = []
    if world.store.find(API_SERVICES, "", METRICS_API) is None:
        found.append(Cause("KE404", SITE))
    deployment = world.store.find(DEPLOYMENTS, "kube-system", "metrics-server")
    pods = world.services.metrics_pods()
    if pods and METRICS_IMAGE not in world.hosts[CLOUD].images and not any(is_ready(pod) for pod in pods):
        found.append(Cause("KE402", SITE))
    elif deployment is None or not any(is_ready(pod) for pod in pods):
        found.append(Cause("KE401", SITE))
    if deployment is not None and world.edges:
        containers = deployment["spec"]["template"]["spec"]["containers"]
        flags = Flags.parse([arg for item in containers for arg in item.get("args", ())])
        if not (flags.use_node_status_port and flags.insecure_tls):
            found.append(Cause("KE403", SITE))
    return found


# -- edges


def _edge(world: World, edge: EdgeCore, *, cloud_serves: bool) -> list[Cause]:
    host, name = edge.host, edge.host.name
    if not host.network_up:
        return [Cause("KE201", name)]
    codes = [] if host.is_active("containerd") else ["KE212"]
    try:
        wanted = EdgeConfig.parse(world.read_config(host))
    except (ConfigError, FileNotFoundError):
        return [Cause(code, name) for code in [*codes, "KE205"]]
    codes += [] if edge.running else ["KE204"]
    codes += _stream_problems(world, edge, wanted, cloud_serves=cloud_serves)
    return [Cause(code, name) for code in codes]


def _stream_problems(world: World, edge: EdgeCore, wanted: EdgeConfig, *, cloud_serves: bool) -> list[str]:
    """The codes of what is wrong with an edge's side of the tunnel: what its file says, and what is on the way.

    Each must be repaired by itself: an edge that is switched off and behind a closed port has both faults.
    """
    found = [] if wanted.stream_enabled else ["KE206"]
    if edge.running and wanted.stream_enabled and wanted != edge.config:
        found.append("KE208")
    configured = _configured(world)
    if configured is not None and not _names_cloudcore(wanted.stream_server, configured):
        return [*found, "KE207"]
    if not cloud_serves:
        return found
    if _reach(world, edge.host, wanted.stream_server) is not Reach.OPEN:
        return [*found, "KE303"]
    if not found and edge.tunnel is not None and not world.passing(edge.tunnel):
        found.append("KE306")
    return found


def _names_cloudcore(server: str, configured: CloudConfig) -> bool:
    try:
        address, port = split_server(server)
    except ValueError:
        return False
    return address in (CLOUD_ADDRESS, "localhost") and port == configured.tunnel_port


def _reach(world: World, host: Host, server: str) -> Reach:
    address, port = split_server(server)
    return world.reach(host, address, port)
