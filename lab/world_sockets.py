"""TCP sockets of a machine, as `ss` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.world_host import Host, Role, Socket
from lab.world_settings import CLOUD_ADDRESS

if TYPE_CHECKING:
    from lab.world import World

_ANY = "*"


def listeners_of(world: World, host: Host) -> list[Socket]:
    """Listening TCP sockets."""
    return _cloud_listeners(world) if host.role is Role.CLOUD else _edge_listeners(world, host)


def connections_of(world: World, host: Host) -> list[Socket]:
    """Established TCP connections, dead ones that this end does not know of included."""
    return _cloud_connections(world) if host.role is Role.CLOUD else _edge_connections(world, host)


def _cloud_listeners(world: World) -> list[Socket]:
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
    return [Socket("LISTEN", (_ANY, port), None, name, pid, 3 + n) for n, (name, pid, port) in enumerate(rows)]


def _cloud_connections(world: World) -> list[Socket]:
    cloudcore = world.cloudcore
    if cloudcore is None:
        return []
    local = (CLOUD_ADDRESS, cloudcore.config.tunnel_port)
    return [
        Socket("ESTAB", local, (t.address, t.local_port), "cloudcore", cloudcore.pid, 20 + number, since=t.opened)
        for number, t in enumerate(cloudcore.sessions.values())
        if t.cloud_open
    ]


def _edge_listeners(world: World, host: Host) -> list[Socket]:
    listed = [Socket("LISTEN", ("0.0.0.0", 22), None, "sshd", 61, 3)]
    if host.is_active("containerd"):
        pid = host.service("containerd").main_pid
        listed.append(Socket("LISTEN", ("127.0.0.1", 43847), None, "containerd", pid, 11))
    edge = world.edges[host.name]
    if edge.config is not None:
        pid = host.service("edgecore").main_pid
        if edge.config.edged_enabled:
            listed.append(Socket("LISTEN", ("127.0.0.1", 10350), None, "edgecore", pid, 17))
        listed.append(Socket("LISTEN", ("127.0.0.1", 10550), None, "edgecore", pid, 10))
    return listed


def _edge_connections(world: World, host: Host) -> list[Socket]:
    listed: list[Socket] = []
    edge = world.edges[host.name]
    pid = host.service("edgecore").main_pid
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
