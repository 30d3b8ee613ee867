"""A healthy site that has been running for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.objects import (
    API_SERVICES,
    CONFIGMAPS,
    DAEMONSETS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Object,
)
from lab.objects_nodes import image_list, lease, node
from lab.objects_workloads import (
    cloudcore_deployment,
    cloudcore_service,
    kubernetes_slice,
    metrics_api_service,
    metrics_deployment,
    metrics_service,
    metrics_slice,
    tunnelport_configmap,
    workload_daemonset,
)
from lab.world_cloudcore import Tunnel
from lab.world_configs import cloudcore_text, edgecore_text, first_edge_config
from lab.world_host import EDGECORE_CONFIG, Host, Image, Role, Service
from lab.world_settings import (
    CLOUD,
    CLOUD_ADDRESS,
    CLOUDCORE_IMAGE,
    METRICS_IMAGE,
    PAUSE_IMAGE,
    TUNNEL_PORT,
    WORKLOAD_IMAGE,
    WORKLOADS,
    edge_address,
    edge_name,
)

if TYPE_CHECKING:
    from lab.world import World

AGE = 1200.0
"""Seconds that the site has been running when it starts."""

_IMAGES = {
    CLOUDCORE_IMAGE: Image(
        CLOUDCORE_IMAGE, 105063076, "38e51e7246d5645a5b8039a7d532d52b7619fcee4467f6dc8c4f947eb1f171b6"
    ),
    METRICS_IMAGE: Image(METRICS_IMAGE, 102042267, "abf4599133bfd5f0234cf155500e07083649f1794fc6e92c52972e839f696aca"),
    WORKLOAD_IMAGE: Image(WORKLOAD_IMAGE, 2007922, "5a430d59a672e3425e4406547116030db811b2858aef24cd6877e180e635ef32"),
    PAUSE_IMAGE: Image(PAUSE_IMAGE, 2007777, "e2c9164820865a9cf280721aed10e1f07c553635c3c0d701701e3668d23cfa80"),
}
METRICS_IMAGE_ENTRY = _IMAGES[METRICS_IMAGE]


def tunnel_rule(world: World, port: int = TUNNEL_PORT) -> str:
    """The DNAT rule a site needs on its API server's host (facts 1.4, manual form)."""
    return f"-p tcp -m tcp --dport {port} -j DNAT --to-destination {CLOUD_ADDRESS}:{world.ports.stream}"


def build(world: World) -> None:
    """Fill an empty world."""
    world.look_back(AGE)
    _hosts(world)
    _cluster(world)
    world.look_back(AGE - 90)
    _edges(world)
    world.look_back(AGE - 120)
    world.workloads.step()
    _start_cloud_pods(world)
    world.workloads.step()
    world.look_back(AGE - 125)
    _connect(world)
    world.look_back(0)
    for name, number in zip([CLOUD, *world.edges], range(len(world.hosts)), strict=True):
        world.nodes.begin(name, number)
    world.tick()


def _hosts(world: World) -> None:
    cloud = Host(CLOUD, Role.CLOUD, CLOUD_ADDRESS, world.clock)
    for unit, text in (
        ("containerd", "containerd container runtime"),
        ("kubelet", "kubelet: The Kubernetes Node Agent"),
    ):
        _service(cloud, unit, text)
    for image in _IMAGES.values():
        cloud.images[image.name] = image
    rules = cloud.firewall["nft"]
    api = f"-d 10.43.0.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination {CLOUD_ADDRESS}:{world.ports.api}"
    rules.append("nat", "PREROUTING", api)
    rules.append("nat", "OUTPUT", api)
    rules.append("nat", "OUTPUT", tunnel_rule(world))
    world.add_host(cloud)
    for number in range(1, world.settings.edges + 1):
        edge = Host(edge_name(number), Role.EDGE, edge_address(number), world.clock)
        _service(edge, "containerd", "containerd container runtime")
        _service(edge, "edgecore", "edgecore.service")
        for name in (WORKLOAD_IMAGE, PAUSE_IMAGE):
            edge.images[name] = _IMAGES[name]
        world.add_host(edge)
    world.network.know(world.hosts)


def _service(host: Host, unit: str, description: str) -> None:
    config = f" --config {EDGECORE_CONFIG}" if unit == "edgecore" else ""
    folder = "/etc/systemd/system" if unit == "edgecore" else "/lib/systemd/system"
    service = Service(unit, description, f"/usr/local/bin/{unit}{config}", f"{folder}/{unit}.service")
    service.active_state, service.sub_state = "active", "running"
    service.main_pid, service.active_enter = host.new_pid(), host.clock() + 60
    host.services[unit] = service


def _cluster(world: World) -> None:
    store, keadm = world.store, "keadm"
    for name in ("default", "kube-system", "kube-public", "kube-node-lease", "kubeedge", "factory"):
        meta: Object = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
        store.create(
            NAMESPACES,
            {"metadata": meta, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}},
            "kubectl",
        )
        store.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": name}}, "kube-controller-manager")
    store.create(ENDPOINT_SLICES, kubernetes_slice(CLOUD_ADDRESS, world.ports.api), "kube-apiserver")
    configmap = {
        "data": {"cloudcore.yaml": cloudcore_text(world.ports)},
        "metadata": {
            "name": "cloudcore", "namespace": "kubeedge",
            "labels": {"app.kubernetes.io/managed-by": "Helm", "k8s-app": "kubeedge", "kubeedge": "cloudcore"},
            "annotations": {"meta.helm.sh/release-name": "cloudcore", "meta.helm.sh/release-namespace": "kubeedge"},
        },
    }  # fmt: skip
    store.create(CONFIGMAPS, configmap, keadm)
    store.create(CONFIGMAPS, tunnelport_configmap({CLOUD_ADDRESS: TUNNEL_PORT}), "cloudcore")
    store.create(SERVICES, cloudcore_service(world.ports), keadm)
    service = store.create(SERVICES, metrics_service(), "kubectl")
    store.create(ENDPOINT_SLICES, metrics_slice(service["metadata"]["uid"]), "kube-controller-manager")
    store.create(API_SERVICES, metrics_api_service(world.clock()), "kubectl")
    store.create(DEPLOYMENTS, cloudcore_deployment(world.ports), keadm)
    store.create(DEPLOYMENTS, metrics_deployment(world.ports.metrics), "kubectl")
    _node(world, CLOUD, CLOUD_ADDRESS, 10250, edge=False)
    names = [*WORKLOADS, *(f"line-app-{n}" for n in range(len(WORKLOADS) + 1, world.settings.pods_per_edge + 1))]
    for number, name in enumerate(names[: world.settings.pods_per_edge]):
        store.create(DAEMONSETS, workload_daemonset(name, containers=1 if number else 2), "kubectl")


def _edges(world: World) -> None:
    config = first_edge_config(world.ports)
    for edge in world.edges.values():
        name = edge.host.name
        world.files.write_text(name, EDGECORE_CONFIG, edgecore_text(name, world.ports), world.clock() - 60)
        edge.host.service("edgecore").active_enter = world.clock()
        edge.adopt(config)
        _node(world, name, edge.host.address, TUNNEL_PORT, edge=True)


def _node(world: World, name: str, address: str, port: int, *, edge: bool) -> None:
    made = node(name, address, port, world.clock(), edge=edge, machine=world.store.hexadecimal(32))
    if not edge:
        made["status"]["images"] = image_list(list(world.hosts[name].images.values()))
    stored = world.store.create(NODES, made, "cloudcore" if edge else "kubelet")
    world.store.create(LEASES, lease(name, stored["metadata"]["uid"], world.clock()), "kubelet")


def _start_cloud_pods(world: World) -> None:
    for pod in world.store.list(PODS):
        key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        if not pod["spec"].get("nodeName"):
            world.store.change(PODS, *key, lambda draft: draft["spec"].update(nodeName=CLOUD), "kube-scheduler")
        world.pods.begin(key)
    metrics = world.metrics
    if metrics is not None:
        metrics.rounds, metrics.scraped = 2, {name: world.clock() for name in world.hosts}
    world.pods.step()


def _connect(world: World) -> None:
    cloudcore = world.cloudcore
    if cloudcore is None:
        raise RuntimeError("CloudCore did not start")
    for number, edge in enumerate(world.edges.values()):
        edge.hub_connected = True
        edge.tunnel = Tunnel(edge.host.name, edge.host.address, 45000 + number % 10000, world.clock())
        cloudcore.accept(edge.tunnel)
        edge.log("I", "edgestream.go:121", "Start a new tunnel stream connection ...")
