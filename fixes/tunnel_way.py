"""What is known of the way from one edge to CloudCore's tunnel port."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost, CloudExposure
from kedge.facts.edgecore import EdgeCoreConfig, EdgeStream
from kedge.facts.in_use import config_in_use, core_in_use
from kedge.facts.network import Established, Reach, TunnelReach
from kedge.model import Host, Unknown
from kedge.plugins import All, Maybe, together


@together
@dataclass(frozen=True)
class TunnelWay:
    """The edge's own settings, and everything that tells which server they should name."""

    target: str
    config: EdgeCoreConfig
    core: Maybe[CloudCore]
    exposure: Maybe[CloudExposure]
    mapped: Maybe[CloudCoreConfig]
    sockets: Maybe[Established]
    reach: Maybe[TunnelReach]
    on_hosts: All[CloudCoreOnHost]
    hosts: All[Host]

    @cached_property
    def cloudcore(self) -> CloudCoreConfig:
        """CloudCore's ports; its defaults where they are not known."""
        config = config_in_use(self.mapped, self.on_hosts)
        return CloudCoreConfig("") if isinstance(config, Unknown) else config

    @cached_property
    def hub_host(self) -> str:
        """Where this edge's EdgeHub connects to."""
        return _split(self.config.hub_server)[0]

    @cached_property
    def hub_port(self) -> int:
        """At which port it does; 0 when that cannot be read."""
        return _split(self.config.hub_server)[1]

    @cached_property
    def answers(self) -> bool | None:
        """Whether the server of now takes connections; None when that was not tried."""
        return None if isinstance(self.reach, Unknown) else self.reach.outcome is Reach.OPEN

    @cached_property
    def node_ports(self) -> dict[int, int]:
        """NodePorts by the port they lead to."""
        return {} if isinstance(self.exposure, Unknown) else dict(self.exposure.node_ports)

    @cached_property
    def known_hosts(self) -> frozenset[str]:
        """Every address that is known to be CloudCore's."""
        known = frozenset[str]() if isinstance(self.exposure, Unknown) else self.exposure.addresses
        if not isinstance(self.core, Unknown):
            known |= core_in_use(self.core, self.on_hosts, self.hosts).addresses
        return known | {self.hub_host} if self._holds(self.hub_host, self.hub_port) else known

    def better_server(self) -> str | None:
        """What ``edgeStream.server`` should be; None when what is there is right, or nothing better is known.

        The host is the one this edge's EdgeHub uses where it can be, because that one is known to lead to
        CloudCore from there.
        """
        stream, ports = self.config.edge_stream, self._ports()
        if self._holds(stream.host, stream.port) or (stream.host in self.known_hosts and stream.port in ports):
            return None
        if (
            not self.known_hosts
        ):  # nothing is known but what the edge itself says: only a leftover default is surely wrong
            leftover = stream.server == EdgeStream().server and self.hub_host not in ("", stream.host)
            return _join(self.hub_host, ports[0]) if leftover else None
        if self.answers and stream.port not in self._other_ports():
            return None  # an address that is not known to be CloudCore's, a load balancer for instance
        return _join(self.hub_host if self.hub_host in self.known_hosts else min(self.known_hosts), ports[0])

    def _ports(self) -> tuple[int, ...]:
        """Ports that lead to the tunnel server, the best first; a NodePort where EdgeHub uses one too (facts 0.5)."""
        plain = self.cloudcore.cloud_stream.tunnel_port
        if plain not in self.node_ports:
            return (plain,)
        if self.hub_port in self.node_ports.values():
            return (self.node_ports[plain],) if self.answers is False else (self.node_ports[plain], plain)
        return (plain, self.node_ports[plain])

    def _other_ports(self) -> set[int]:
        """Ports of CloudCore that answer, and are not the tunnel."""
        cloud = self.cloudcore
        own = {cloud.cloud_stream.stream_port, cloud.hub_websocket_port, cloud.hub_quic_port, cloud.hub_https_port}
        own -= {cloud.cloud_stream.tunnel_port}
        return own | {outside for inside, outside in self.node_ports.items() if inside in own}

    def _holds(self, host: str, port: int) -> bool:
        """Whether EdgeCore is connected there: that proves an address."""
        sockets = () if isinstance(self.sockets, Unknown) else self.sockets.sockets
        return any(s.peer_ip == host and s.peer_port == port and s.process in ("edgecore", "") for s in sockets)


def _split(server: str) -> tuple[str, int]:
    host, _colon, port = server.rpartition(":")
    return host.strip("[]"), int(port) if port.isascii() and port.isdigit() else 0


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
