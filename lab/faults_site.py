"""What can go wrong in the cloud and between cloud and edges."""

from __future__ import annotations

from collections.abc import Callable

from lab.objects import API_SERVICES, CONFIGMAPS, DEPLOYMENTS, PODS, Object
from lab.objects_workloads import metrics_api_service, metrics_args
from lab.world import World
from lab.world_access import Rule
from lab.world_bootstrap import METRICS_IMAGE_ENTRY, tunnel_rule
from lab.world_configs import set_option
from lab.world_services import METRICS_API
from lab.world_settings import CLOUD, METRICS_IMAGE, TUNNEL_PORT, UNTUNNELLED_PORT, ApiTrouble

LIMITED_USER = "oncall"
"""The user whose rights `rbac-limited` cuts: the one in the site's kubeconfig."""

_DEAD_ADDRESS = "10.99.0.9"
_FORGOTTEN_FOR = 30.0
"""Seconds that lie between CloudCore's start and the change it has not loaded."""

_RESTARTED = "kubectl.kubernetes.io/restartedAt"


# -- CloudCore


def _set_cloudstream(world: World, enabled: bool) -> None:
    def edit(draft: Object) -> None:
        text = draft["data"]["cloudcore.yaml"]
        draft["data"]["cloudcore.yaml"] = set_option(text, "cloudStream", "enable", "true" if enabled else "false")

    world.store.change(CONFIGMAPS, "kubeedge", "cloudcore", edit, "kubectl-edit")


def _restart_cloudcore(world: World) -> None:
    """Delete the pods that hold the host ports; their successors read the ConfigMap again."""
    for pod in world.store.list(PODS, "kubeedge"):
        if pod["metadata"].get("labels", {}).get("kubeedge") == "cloudcore":
            world.delete_pod("kubeedge", pod["metadata"]["name"], grace=0)


def disable_cloudstream(world: World) -> None:
    """Off, and loaded."""
    _set_cloudstream(world, False)
    _restart_cloudcore(world)


def enable_cloudstream(world: World) -> None:
    """On, and loaded."""
    _set_cloudstream(world, True)
    _restart_cloudcore(world)


def forget_cloudcore_restart(world: World) -> None:
    """Loaded while it was off, then switched on in the ConfigMap and left at that."""
    world.look_back(_FORGOTTEN_FOR)
    disable_cloudstream(world)
    world.tick()
    for pod in world.store.list(PODS, "kubeedge"):
        if pod["spec"].get("nodeName"):
            world.pods.begin(("kubeedge", pod["metadata"]["name"]))
    world.look_back(0)
    _set_cloudstream(world, True)


def disable_cloudstream_stuck(world: World) -> None:
    """Off, then `kubectl rollout restart`, which never ends on a one-node cloud (facts 11)."""
    _set_cloudstream(world, False)
    stamp = world.store.suffix()

    def restart(draft: Object) -> None:
        draft["spec"]["template"]["metadata"].setdefault("annotations", {})[_RESTARTED] = stamp

    world.store.change(DEPLOYMENTS, "kubeedge", "cloudcore", restart, "kubectl-rollout")


def free_stuck_rollout(world: World) -> None:
    """On, and the pod that holds the host ports deleted: the one that waits for them then starts, and reads it."""
    _set_cloudstream(world, True)
    for pod in world.store.list(PODS, "kubeedge"):
        if pod["metadata"].get("labels", {}).get("kubeedge") == "cloudcore" and pod["spec"].get("nodeName"):
            world.delete_pod("kubeedge", pod["metadata"]["name"], grace=0)


def _scale(world: World, namespace: str, name: str, replicas: int) -> None:
    world.store.change(
        DEPLOYMENTS, namespace, name, lambda draft: draft["spec"].update(replicas=replicas), "kubectl-scale"
    )


def stop_cloudcore(world: World) -> None:
    """kubectl scale --replicas=0."""
    _scale(world, "kubeedge", "cloudcore", 0)


def start_cloudcore(world: World) -> None:
    """kubectl scale --replicas=1."""
    _scale(world, "kubeedge", "cloudcore", 1)


# -- packets


def _tunnel_port_rule(world: World, target: str) -> str:
    return f"-p tcp -m tcp --dport {world.ports.tunnel} -j {target}"


def _rules_changed(world: World) -> None:
    cloud = world.host(CLOUD)
    cloud.changed(cloud)


def drop_tunnel_port(world: World) -> None:
    """iptables -A INPUT … -j DROP."""
    world.host(CLOUD).firewall["nft"].append("filter", "INPUT", _tunnel_port_rule(world, "DROP"))
    _rules_changed(world)


def reject_tunnel_port(world: World) -> None:
    """iptables -A INPUT … -j REJECT."""
    rule = _tunnel_port_rule(world, "REJECT --reject-with tcp-reset")
    world.host(CLOUD).firewall["nft"].append("filter", "INPUT", rule)
    _rules_changed(world)


def open_tunnel_port(world: World) -> None:
    """iptables -F INPUT."""
    for backend in world.host(CLOUD).firewall.values():
        backend.tables["filter"]["INPUT"].rules.clear()
    _rules_changed(world)


def _drop_tunnel_rules(world: World) -> None:
    """Take every DNAT for a kubelet port of an edge out of OUTPUT, in both backends."""
    ports = set(range(UNTUNNELLED_PORT, UNTUNNELLED_PORT + 100))
    for backend in world.host(CLOUD).firewall.values():
        output = backend.tables["nat"]["OUTPUT"]
        output.rules[:] = [rule for rule in output.rules if not any(low in ports for low, _ in rule.ports)]


def flush_rule(world: World) -> None:
    """The rule goes; what was connected stays connected (facts 11)."""
    _drop_tunnel_rules(world)
    _rules_changed(world)


def remove_rule(world: World) -> None:
    """The rule goes and every old connection with it."""
    _drop_tunnel_rules(world)
    world.path.forget_connections()
    _rules_changed(world)


def restore_rules(world: World) -> None:
    """The right rule, once, in the backend in use."""
    _drop_tunnel_rules(world)
    world.host(CLOUD).firewall["nft"].append("nat", "OUTPUT", tunnel_rule(world))
    _rules_changed(world)


def guide_port_rule(world: World) -> None:
    """The guide's port (facts 0.1)."""
    _drop_tunnel_rules(world)
    world.host(CLOUD).firewall["nft"].append("nat", "OUTPUT", tunnel_rule(world, UNTUNNELLED_PORT))
    world.path.forget_connections()
    _rules_changed(world)


def _dead_rule(world: World) -> str:
    return f"-p tcp -m tcp --dport {TUNNEL_PORT} -j DNAT --to-destination {_DEAD_ADDRESS}:{world.ports.stream}"


def stale_rule(world: World) -> None:
    """CloudCore has moved, the rule has not."""
    _drop_tunnel_rules(world)
    world.host(CLOUD).firewall["nft"].append("nat", "OUTPUT", _dead_rule(world))
    world.path.forget_connections()
    _rules_changed(world)


def shadow_rule(world: World) -> None:
    """First match wins."""
    world.host(CLOUD).firewall["nft"].insert("nat", "OUTPUT", _dead_rule(world))
    world.path.forget_connections()
    _rules_changed(world)


def empty_managed_chain(world: World) -> None:
    """KubeEdge writes the rules itself here, somebody flushed its chain, and its manager does not notice."""
    _drop_tunnel_rules(world)
    world.nat_manager.install()
    world.nat_manager.flush(CLOUD)
    world.path.forget_connections()


def write_managed_chain(world: World) -> None:
    """The manager is restarted."""
    world.nat_manager.write(CLOUD)


# -- metrics


def _delete_metrics_pods(world: World) -> None:
    for pod in world.services.metrics_pods():
        world.delete_pod("kube-system", pod["metadata"]["name"], grace=0)


def stop_metrics(world: World) -> None:
    """kubectl scale --replicas=0."""
    _scale(world, "kube-system", "metrics-server", 0)


def start_metrics(world: World) -> None:
    """kubectl scale --replicas=1."""
    _scale(world, "kube-system", "metrics-server", 1)


def _set_metrics_args(world: World, args: list[str]) -> None:
    def edit(draft: Object) -> None:
        draft["spec"]["template"]["spec"]["containers"][0]["args"] = args

    world.store.change(DEPLOYMENTS, "kube-system", "metrics-server", edit, "kubectl-edit")


def strip_metrics_flags(world: World) -> None:
    """The manifest of any other cluster: it dials 10250 and verifies certificates (facts 8)."""
    dropped = ("--kubelet-use-node-status-port", "--kubelet-insecure-tls")
    _set_metrics_args(world, [arg for arg in metrics_args(world.ports.metrics) if arg not in dropped])


def restore_metrics_flags(world: World) -> None:
    """The flags that an edge site needs."""
    _set_metrics_args(world, metrics_args(world.ports.metrics))


def lose_metrics_image(world: World) -> None:
    """The image is removed and the pod made anew."""
    world.host(CLOUD).remove_image(METRICS_IMAGE)
    _delete_metrics_pods(world)


def load_metrics_image(world: World) -> None:
    """ctr images import."""
    image = METRICS_IMAGE_ENTRY
    world.host(CLOUD).add_image(image.name, image.size, image.digest)


def delete_api_service(world: World) -> None:
    """kubectl delete apiservice."""
    if world.store.find(API_SERVICES, "", METRICS_API) is not None:
        world.store.delete(API_SERVICES, "", METRICS_API)


def create_api_service(world: World) -> None:
    """kubectl apply."""
    if world.store.find(API_SERVICES, "", METRICS_API) is None:
        world.store.create(API_SERVICES, metrics_api_service(world.clock()), "kubectl")


# -- rights, API server, links


def limit_rights(world: World) -> None:
    """A user who may look, but not everywhere."""
    writes = ("create", "update", "patch", "delete", "deletecollection")
    world.access.withhold(
        LIMITED_USER,
        Rule(("*",), ("",), ("pods/log", "pods/exec")),
        Rule(("*",), ("",), ("configmaps",), namespaces=("kubeedge",)),
        Rule(writes, ("", "apps", "apiregistration.k8s.io"), ("*",)),
    )


def restore_rights(world: World) -> None:
    """All rights back."""
    world.access.restore(LIMITED_USER)


def stop_api(world: World) -> None:
    """The process is gone."""
    world.api_up = False


def start_api(world: World) -> None:
    """The process is back."""
    world.api_up = True


def api_is(trouble: ApiTrouble) -> Callable[[World], None]:
    """A fault of an API server that is up."""

    def set_trouble(world: World) -> None:
        world.api_trouble = trouble

    return set_trouble


def kill_api(world: World) -> None:
    """kill -9, and systemd starts it again."""
    world.restart_api()


def leave_api(world: World) -> None:
    """It is there again already."""


def slow_links(world: World) -> None:
    """A satellite link."""
    world.latency, world.loss = 0.3, 0.05
    world.changed("links")


def fast_links(world: World) -> None:
    """A cable."""
    world.latency, world.loss = 0.0, 0.0
    world.changed("links")
