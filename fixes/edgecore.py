"""Fixes on an edge's EdgeCore: its edgeStream settings and its service."""

from __future__ import annotations

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudExposure
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService, EdgeStream
from kedge.facts.network import Established, Reach, TunnelReach
from kedge.facts.pods import NodePods
from kedge.i18n import Text, _, ngettext
from kedge.model import Risk, Unknown
from kedge.plugins import Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import EditYaml, ServiceAction, Value

UNIT = "edgecore"
ENABLE, SERVER = "modules.edgeStream.enable", "modules.edgeStream.server"


@fix(
    "enable-edgestream",
    _("Enable EdgeStream and restart edgecore"),
    answers=["KE206", "KE207"],
    risk=Risk.MEDIUM,
    verify=["KE206", "KE306"],
    expect=["KE501"],
)
def enable_edgestream(
    target: str,
    config: EdgeCoreConfig,
    core: Maybe[CloudCore],
    exposure: Maybe[CloudExposure],
    cloudcore: Maybe[CloudCoreConfig],
    sockets: Maybe[Established],
    reach: Maybe[TunnelReach],
    pods: Maybe[NodePods],
) -> Draft | NotApplicable:
    """Switch EdgeStream on and point it at CloudCore's tunnel port.

    ``keadm join`` leaves EdgeStream off and always writes port 10004, even when CloudCore is reached by
    NodePort (facts 0.5). EdgeCore reads the file only at its start, so it is restarted (facts 3).
    """
    stream = config.edge_stream
    changes: list[tuple[str, Value]] = []
    was: list[tuple[str, Value | None]] = []
    if not stream.enable:
        changes.append((ENABLE, True))
        was.append((ENABLE, False if stream.enable_line else None))
    server = _Cloud(config, core, exposure, cloudcore, sockets, reach).better_server()
    if server is not None and server != stream.server:
        changes.append((SERVER, server))
        was.append((SERVER, stream.server if stream.server_line else None))
    if not changes:
        return NotApplicable(_("EdgeStream is enabled on {node} and its server is right").format(node=target))
    return draft(
        EditYaml(target, config.path, tuple(changes), tuple(was)),
        ServiceAction(target, UNIT, "restart"),
        impact=_restart_impact(target, pods),
    )


@fix(
    "restart-edgecore",
    _("Restart edgecore"),
    answers=["KE201", "KE204", "KE208", "KE209", "KE210", "KE216", "KE301", "KE306", "KE307"],
    risk=Risk.MEDIUM,
    verify=["KE204", "KE306"],
    expect=["KE307", "KE501"],
)
def restart_edgecore(target: str, service: EdgeCoreService, pods: Maybe[NodePods]) -> Draft | NotApplicable:
    """Start EdgeCore where it is stopped, restart it where it runs; make it start at boot where it would not.

    A restart also replaces a half-open tunnel and a client certificate that EdgeStream still holds in memory
    after its rotation (facts 0.6, 11).
    """
    if service.load == "not-found":
        return NotApplicable(_("{node} has no systemd unit {unit}").format(node=target, unit=UNIT))
    if service.load == "masked":
        return NotApplicable(
            _("The unit {unit} is masked on {node}: somebody forbade its start").format(unit=UNIT, node=target)
        )
    running = service.active == "active"
    steps = [ServiceAction(target, UNIT, "restart" if running else "start")]
    if service.unit_file == "disabled":
        steps.append(ServiceAction(target, UNIT, "enable"))
    if running:
        return draft(*steps, impact=_restart_impact(target, pods))
    return draft(
        *steps,
        title=_("Start edgecore"),
        impact=_("edgecore starts on {node}; nothing else is touched").format(node=target),
        risk=Risk.LOW,
    )


class _Cloud:
    """What is known of the way from one edge to CloudCore's tunnel port."""

    def __init__(
        self,
        config: EdgeCoreConfig,
        core: CloudCore | Unknown,
        exposure: CloudExposure | Unknown,
        cloudcore: CloudCoreConfig | Unknown,
        sockets: Established | Unknown,
        reach: TunnelReach | Unknown,
    ) -> None:
        self.stream = config.edge_stream
        self.hub_host, self.hub_port = _split(config.hub_server)
        self.sockets = () if isinstance(sockets, Unknown) else sockets.sockets
        self.answers = None if isinstance(reach, Unknown) else reach.outcome is Reach.OPEN
        self.cloud = CloudCoreConfig("") if isinstance(cloudcore, Unknown) else cloudcore
        self.node_ports = {} if isinstance(exposure, Unknown) else dict(exposure.node_ports)
        known = frozenset[str]() if isinstance(exposure, Unknown) else exposure.addresses
        known |= frozenset[str]() if isinstance(core, Unknown) else core.addresses
        self.hosts = known | {self.hub_host} if self._holds(self.hub_host, self.hub_port) else known

    def better_server(self) -> str | None:
        """What ``edgeStream.server`` should be; None when what is there is right, or nothing better is known.

        The host is the one this edge's EdgeHub uses where it can be, because that one is known to lead to
        CloudCore from there.
        """
        stream, ports = self.stream, self._ports()
        if self._holds(stream.host, stream.port) or (stream.host in self.hosts and stream.port in ports):
            return None
        if not self.hosts:  # nothing is known but what the edge itself says: only a leftover default is surely wrong
            leftover = stream.server == EdgeStream().server and self.hub_host not in ("", stream.host)
            return _join(self.hub_host, ports[0]) if leftover else None
        if self.answers and stream.port not in self._other_ports():
            return None  # an address that is not known to be CloudCore's, a load balancer for instance
        return _join(self.hub_host if self.hub_host in self.hosts else min(self.hosts), ports[0])

    def _ports(self) -> tuple[int, ...]:
        """Ports that lead to the tunnel server, the best first; a NodePort where EdgeHub uses one too (facts 0.5)."""
        plain = self.cloud.cloud_stream.tunnel_port
        if plain not in self.node_ports:
            return (plain,)
        if self.hub_port in self.node_ports.values():
            return (self.node_ports[plain],) if self.answers is False else (self.node_ports[plain], plain)
        return (plain, self.node_ports[plain])

    def _other_ports(self) -> set[int]:
        """Ports of CloudCore that answer, and are not the tunnel."""
        cloud = self.cloud
        own = {cloud.cloud_stream.stream_port, cloud.hub_websocket_port, cloud.hub_quic_port, cloud.hub_https_port}
        own -= {cloud.cloud_stream.tunnel_port}
        return own | {outside for inside, outside in self.node_ports.items() if inside in own}

    def _holds(self, host: str, port: int) -> bool:
        """Whether EdgeCore is connected there: that proves an address."""
        return any(s.peer_ip == host and s.peer_port == port and s.process in ("edgecore", "") for s in self.sockets)


def _restart_impact(target: str, pods: NodePods | Unknown) -> Text:
    pause = _("logs, exec and top of this node pause for about 20 s")
    if isinstance(pods, Unknown):
        return _("edgecore restarts on {node}; its pods keep running; {pause}").format(node=target, pause=pause)
    running = sum(pod.phase == "Running" for pod in pods.pods)
    return ngettext(
        "edgecore restarts on {node}; its {count} pod keeps running; {pause}",
        "edgecore restarts on {node}; its {count} pods keep running; {pause}",
        "count",
    ).format(node=target, count=running, pause=pause)


def _split(server: str) -> tuple[str, int]:
    host, _colon, port = server.rpartition(":")
    return host.strip("[]"), int(port) if port.isascii() and port.isdigit() else 0


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
