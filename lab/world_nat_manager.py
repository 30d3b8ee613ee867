"""KubeEdge's own manager of NAT rules: the DaemonSet `cloud-iptables-manager` (facts 1.4).

A site has it only once :meth:`NatManager.install` was called. Its pod writes the chain TUNNEL-PORT when it starts; one
that hangs afterwards never writes it again, which is what it does here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.objects import DAEMONSETS, PODS, Object, WatchEvent
from lab.objects_pods import is_ready
from lab.objects_workloads import nat_manager_daemonset
from lab.world_nat import Chain
from lab.world_settings import CLOUD, NAT_MANAGER_IMAGE

if TYPE_CHECKING:
    from lab.world import World

CHAIN = "TUNNEL-PORT"
_LABEL, _VALUE = "kubeedge", "iptables-manager"
_DIGEST = "8d0b1a9c1e6f3c5b7a2d4e6f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3"


class NatManager:
    """Writes the rules of the host on which one of its pods has just become ready."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._started: set[str] = set()
        world.store.subscribe(self._seen)

    def install(self) -> None:
        """What the chart renders for external mode, running since a while."""
        world = self._world
        if world.store.find(DAEMONSETS, "kubeedge", "cloud-iptables-manager") is not None:
            return
        world.host(CLOUD).add_image(NAT_MANAGER_IMAGE, 50_000_000, _DIGEST)
        world.store.create(DAEMONSETS, nat_manager_daemonset(), "keadm")
        world.workloads.step()
        for pod in world.store.list(PODS, "kubeedge"):
            if _is_managers(pod):
                world.pods.begin(("kubeedge", pod["metadata"]["name"]))

    def write(self, node: str) -> None:
        """The chain anew, with a rule for every CloudCore, and the jumps that lead to it."""
        host = self._world.hosts[node]
        backend = host.firewall["nft"]
        chain = backend.tables["nat"].setdefault(CHAIN, Chain(CHAIN, "-"))
        chain.rules.clear()
        for address, port in self._world.tunnel_ports().items():
            to = f"{address}:{self._world.ports.stream}"
            backend.append("nat", CHAIN, f"-p tcp -m tcp --dport {port} -j DNAT --to-destination {to}")
        jump = f'-m comment --comment "kubeedge tunnel port" -j {CHAIN}'
        for hook in ("OUTPUT", "PREROUTING"):
            if not backend.has("nat", hook, jump):
                backend.append("nat", hook, jump)
        host.changed(host)

    def flush(self, node: str) -> None:
        """iptables -t nat -F TUNNEL-PORT, by somebody else."""
        host = self._world.hosts[node]
        host.firewall["nft"].chain("nat", CHAIN).rules.clear()
        host.changed(host)

    def _seen(self, event: WatchEvent) -> None:
        if event.kind is not PODS or event.type == "DELETED" or not _is_managers(event.object):
            return
        uid, node = event.object["metadata"]["uid"], event.object["spec"].get("nodeName", "")
        if is_ready(event.object) and uid not in self._started:
            self._started.add(uid)
            self.write(node)


def _is_managers(pod: Object) -> bool:
    return bool(pod["metadata"].get("labels", {}).get(_LABEL) == _VALUE)
