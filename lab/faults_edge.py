"""What can go wrong on one edge."""

from __future__ import annotations

from lab.objects import NODES
from lab.world import World
from lab.world_configs import edgecore_text, set_option
from lab.world_settings import CLOUD_ADDRESS, UNTUNNELLED_PORT

_FORGOTTEN_FOR = 30.0
"""Seconds that lie between EdgeCore's start and the change it has not loaded."""


def _edit(world: World, edge: str, key: str, value: str) -> None:
    host = world.host(edge)
    world.write_config(host, set_option(world.read_config(host), "edgeStream", key, value))


def _restart(world: World, edge: str) -> None:
    world.host(edge).restart_service("edgecore")


def disable_stream(world: World, edge: str) -> None:
    """What `keadm join` leaves behind (facts 0.5)."""
    _edit(world, edge, "enable", "false")
    _restart(world, edge)


def wrong_server(world: World, edge: str) -> None:
    """The port is one off."""
    _edit(world, edge, "server", f"{CLOUD_ADDRESS}:{_unused_port(world)}")
    _restart(world, edge)


def _unused_port(world: World) -> int:
    taken = {
        world.ports.api,
        world.ports.hub,
        world.ports.https,
        world.ports.stream,
        world.ports.tunnel,
        world.ports.quic,
    }
    return next(port for port in range(world.ports.tunnel + 1, 65536) if port not in taken)


def forget_restart(world: World, edge: str) -> None:
    """Loaded while it was off, then switched on in the file and left at that."""
    world.look_back(_FORGOTTEN_FOR)
    disable_stream(world, edge)
    world.look_back(0)
    _edit(world, edge, "enable", "true")


def break_config(world: World, edge: str) -> None:
    """A tab and a lost colon."""
    host = world.host(edge)
    world.write_config(host, world.read_config(host).replace("  edgeStream:", "\tedgeStream", 1))
    _restart(world, edge)


def restore_config(world: World, edge: str) -> None:
    """The healthy file, loaded."""
    world.write_config(world.host(edge), edgecore_text(edge, world.ports))
    _restart(world, edge)


def never_tunnelled(world: World, edge: str) -> None:
    """CloudStream has never seen this node: nobody has written its port (facts 0.2)."""
    disable_stream(world, edge)
    if world.cloudcore is not None:
        world.cloudcore.forget(edge)
    endpoint = {"kubeletEndpoint": {"Port": UNTUNNELLED_PORT}}
    world.store.change(NODES, "", edge, lambda draft: draft["status"].update(daemonEndpoints=endpoint), "cloudcore")


def stop_edgecore(world: World, edge: str) -> None:
    """systemctl stop edgecore."""
    world.host(edge).stop_service("edgecore")


def start_edgecore(world: World, edge: str) -> None:
    """systemctl start edgecore."""
    world.host(edge).start_service("edgecore")


def stop_runtime(world: World, edge: str) -> None:
    """systemctl stop containerd."""
    world.host(edge).stop_service("containerd")


def start_runtime(world: World, edge: str) -> None:
    """systemctl start containerd."""
    world.host(edge).start_service("containerd")


def hide_host(world: World, edge: str) -> None:
    """sshd is gone."""
    host = world.host(edge)
    host.reachable = False
    host.changed(host)


def show_host(world: World, edge: str) -> None:
    """sshd is back."""
    host = world.host(edge)
    host.reachable = True
    host.changed(host)


def unplug(world: World, edge: str) -> None:
    """The cable is out."""
    host = world.host(edge)
    host.network_up = False
    host.changed(host)


def plug_in(world: World, edge: str) -> None:
    """The cable is in."""
    host = world.host(edge)
    host.network_up = True
    host.changed(host)


def stall_tunnel(world: World, edge: str) -> None:
    """A middlebox forgot the connection (facts 6.3, #4082)."""
    tunnel = world.edges[edge].tunnel
    if tunnel is not None:
        tunnel.stalled = True
    host = world.host(edge)
    host.changed(host)


def renew_tunnel(world: World, edge: str) -> None:
    """What cures it: a restart of EdgeCore."""
    _restart(world, edge)
