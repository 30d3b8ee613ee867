"""EdgeStream: the edge's half of the tunnel."""

from __future__ import annotations

import ipaddress

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudExposure
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.network import Established, Reach, TunnelReach
from kedge.i18n import _
from kedge.model import Hop, Kind, Unknown, Verdict
from kedge.plugins import Maybe, check, failed, not_known, passed, warned


@check(
    "KE206",
    _("EdgeStream enabled"),
    on=Kind.EDGESTREAM,
    needs=["KE205"],
    fixes=["enable-edgestream", "update-edges-by-job"],
    hops=[Hop.EDGESTREAM],
)
def edgestream_is_enabled(target: str, config: EdgeCoreConfig) -> Verdict:
    """`keadm join` leaves EdgeStream off, and so do EdgeCore's own defaults (facts 0.5, 3)."""
    stream = config.edge_stream
    if stream.enable:
        return passed(_("EdgeStream is enabled on {node}").format(node=target), line=stream.enable_line)
    return failed(
        _("EdgeStream is disabled on {node}, so it opens no tunnel to CloudStream").format(node=target),
        expected="modules.edgeStream.enable: true",
        seen="modules.edgeStream.enable: false" if stream.enable_line else _("not set; the default is false"),
        line=stream.enable_line,
    )


@check(
    "KE207",
    _("EdgeStream server"),
    on=Kind.EDGESTREAM,
    needs=["KE205"],
    fixes=["enable-edgestream", "update-edges-by-job"],
    hops=[Hop.EDGESTREAM],
)
def server_is_a_cloudcore(
    target: str,
    config: EdgeCoreConfig,
    cloud: Maybe[CloudCoreConfig],
    core: Maybe[CloudCore],
    exposure: Maybe[CloudExposure],
    sockets: Maybe[Established],
    reach: Maybe[TunnelReach],
) -> Verdict:
    """The server must be an address of CloudCore and its tunnel port, or the NodePort of that (facts 0.5, 6.1).

    EdgeCore does not validate it: a wrong one shows only when it is dialled (facts 3). A tunnel that stands
    proves any address; so does the host that EdgeHub is connected to.
    """
    stream = config.edge_stream
    line = stream.server_line
    if not stream.host or not stream.port:
        text = _("edgeStream.server of {node} is {server}, which is no host:port")
        return failed(text.format(node=target, server=stream.server or "-"), seen=stream.server, line=line)
    connections = None if isinstance(sockets, Unknown) else sockets
    if holds(connections, stream.host, stream.port) and stream.port not in _other_ports(cloud, exposure):
        text = _("EdgeStream of {node} is connected to {server}")
        return passed(text.format(node=target, server=stream.server), line=line)
    hosts = _known_hosts(config, core, exposure, connections)
    ports = _tunnel_ports(config, cloud, core, exposure, reach)
    if not hosts:
        return not_known(_("No address of CloudCore is known, so edgeStream.server cannot be compared with one"))
    answers = isinstance(reach, TunnelReach) and reach.outcome is Reach.OPEN
    expected = f"{_shown(_best(hosts, config))}:{ports[0]}"
    if stream.host in hosts and stream.port in ports:
        text = _("EdgeStream of {node} dials {server}, which is CloudCore's tunnel port")
        return passed(text.format(node=target, server=stream.server), line=line)
    if answers and stream.port not in _other_ports(cloud, exposure):
        text = _(
            "edgeStream.server of {node} is {server}; something answers there, but not known as CloudCore's address"
        )
        return warned(text.format(node=target, server=stream.server), expected=expected, seen=stream.server, line=line)
    if stream.host in hosts and isinstance(cloud, Unknown):
        text = _("edgeStream.server of {node} is {server}; whether that is CloudCore's tunnel port is not known: {why}")
        return not_known(text.format(node=target, server=stream.server, why=cloud.text))
    if stream.host in hosts:
        text = _("edgeStream.server of {node} names port {port}, but CloudCore's tunnel port is {wanted}")
        said = text.format(node=target, port=stream.port, wanted=ports[0])
    else:
        text = _("edgeStream.server of {node} is {server}, and CloudCore is not there")
        said = text.format(node=target, server=stream.server)
    return failed(said, expected=f"modules.edgeStream.server: {expected}", seen=stream.server, line=line)


def holds(sockets: Established | None, host: str, port: int) -> bool:
    """Whether EdgeCore has a connection to this server; a name is compared by port alone."""
    if sockets is None or not port:
        return False
    return any(
        socket.peer_port == port and socket.process in ("edgecore", "") and (socket.peer_ip == host or not is_ip(host))
        for socket in sockets.sockets
    )


def is_ip(host: str) -> bool:
    """Whether a host is an address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def split(server: str) -> tuple[str, int]:
    """``host:port`` in two; port 0 when there is none."""
    host, _colon, port = server.rpartition(":")
    return host.strip("[]"), int(port) if port.isascii() and port.isdigit() else 0


def _known_hosts(
    config: EdgeCoreConfig,
    core: CloudCore | Unknown,
    exposure: CloudExposure | Unknown,
    sockets: Established | None,
) -> frozenset[str]:
    known = frozenset[str]()
    if isinstance(core, CloudCore):
        known |= core.addresses
    if isinstance(exposure, CloudExposure):
        known |= exposure.addresses
    host, port = split(config.hub_server)
    return known | {host} if host and holds(sockets, host, port) else known


def _best(hosts: frozenset[str], config: EdgeCoreConfig) -> str:
    """The address to propose: the one EdgeHub uses, for that one is reached from the edge."""
    hub = split(config.hub_server)[0]
    return hub if hub in hosts else min(hosts)


def _tunnel_ports(
    config: EdgeCoreConfig,
    cloud: CloudCoreConfig | Unknown,
    core: CloudCore | Unknown,
    exposure: CloudExposure | Unknown,
    reach: TunnelReach | Unknown,
) -> tuple[int, ...]:
    """Ports that lead to CloudStream's tunnel server, the best first.

    Where every CloudCore is in the pod network, or EdgeHub itself comes in by NodePort and the plain port does not
    answer, only the NodePort is right: `keadm join` writes 10004 even then (facts 0.5).
    """
    plain = (CloudCoreConfig("") if isinstance(cloud, Unknown) else cloud).cloud_stream.tunnel_port
    mapped = {} if isinstance(exposure, Unknown) else dict(exposure.node_ports)
    if plain not in mapped:
        return (plain,)
    if _is_inside(core, exposure) and not (isinstance(reach, TunnelReach) and reach.outcome is Reach.OPEN):
        return (mapped[plain],)
    by_node_port = split(config.hub_server)[1] in mapped.values()
    closed = isinstance(reach, TunnelReach) and reach.outcome is not Reach.OPEN
    if by_node_port:
        return (mapped[plain],) if closed else (mapped[plain], plain)
    return (plain, mapped[plain])


def _is_inside(core: CloudCore | Unknown, exposure: CloudExposure | Unknown) -> bool:
    """Whether every CloudCore has only the pod network and its NodePorts."""
    pods = () if isinstance(core, Unknown) else core.serving
    by_node_port = not isinstance(exposure, Unknown) and exposure.service_type == "NodePort"
    return bool(pods) and by_node_port and not any(pod.host_network for pod in pods)


def _other_ports(cloud: CloudCoreConfig | Unknown, exposure: CloudExposure | Unknown) -> set[int]:
    """Ports of CloudCore that answer, and are not the tunnel."""
    config = CloudCoreConfig("") if isinstance(cloud, Unknown) else cloud
    own = {
        config.cloud_stream.stream_port,
        config.hub_websocket_port,
        config.hub_quic_port,
        config.hub_https_port,
    } - {config.cloud_stream.tunnel_port}
    mapped = {} if isinstance(exposure, Unknown) else dict(exposure.node_ports)
    return own | {node_port for port, node_port in mapped.items() if port in own}


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
