"""TCP sockets of a machine, as `ss` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.world_host import Host, Role, Socket
from lab.world_settings import CLOUD_ADDRESS

if TYPE_CHECKING:
    from lab.world import World

_ANY = "*"


def sockets_of(world: World, host: Host) -> list[Socket]:
    """Listeners first, then connections."""
    return _cloud(world, host) if host.role is Role.CLOUD else _edge(world, host)


def _cloud(world: World, host: Host) -> list[Socket]:
    rows = [("sshd", 92, 22), ("kubelet", 185, 10250)]
    if world.api_up:
        rows.append(("kube-apiserver", 54, world.ports.api))
    if world.metrics is not None:
        rows.append(("metrics-server", 885, world.ports.metrics))
    cloudcore = world.cloudcore
    if cloudcore is not None:
        config = cloudcore.config
        ports = [config.hub_port, config.https_port]
        if config.stream_enabled:
            ports += [config.stream_port, config.tunnel_port]
        rows += [("cloudcore", cloudcore.pid, port) for port in ports]
    listed = [Socket("LISTEN", (_ANY, port), None, name, pid, 3 + n) for n, (name, pid, port) in enumerate(rows)]
    if cloudcore is not None:
        for number, tunnel in enumerate(cloudcore.sessions.values()):
            if tunnel.cloud_open:
                peer = (tunnel.address, tunnel.local_port)
                local = (CLOUD_ADDRESS, cloudcore.config.tunnel_port)
                opened = tunnel.opened
                listed.append(Socket("ESTAB", local, peer, "cloudcore", cloudcore.pid, 20 + number, since=opened))
    return listed


def _edge(world: World, host: Host) -> list[Socket]:
    listed = [Socket("LISTEN", ("0.0.0.0", 22), None, "sshd", 61, 3)]
    if host.is_active("containerd"):
        pid = host.service("containerd").main_pid
        listed.append(Socket("LISTEN", ("127.0.0.1", 43847), None, "containerd", pid, 11))
    edge = world.edges[host.name]
    if not edge.running:
        return listed
    pid = host.service("edgecore").main_pid
    if edge.config is not None and edge.config.edged_enabled:
        listed.append(Socket("LISTEN", ("127.0.0.1", 10350), None, "edgecore", pid, 17))
    listed.append(Socket("LISTEN", ("127.0.0.1", 10550), None, "edgecore", pid, 10))
    if edge.tunnel is not None and edge.tunnel.edge_open:
        tunnel, config = edge.tunnel, edge.config
        port = int(config.stream_server.rpartition(":")[2]) if config is not None else world.ports.tunnel
        queue = tunnel.send_queue(world.clock())
        local, peer = (host.address, tunnel.local_port), (CLOUD_ADDRESS, port)
        listed.append(Socket("ESTAB", local, peer, "edgecore", pid, 23, send_q=queue, since=tunnel.opened))
    if edge.hub_connected:
        local, peer = (host.address, 38552), (CLOUD_ADDRESS, world.ports.hub)
        listed.append(Socket("ESTAB", local, peer, "edgecore", pid, 6))
    return listed
