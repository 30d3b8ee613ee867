"""Fixes on an edge's EdgeCore: its edgeStream settings and its service."""

from __future__ import annotations

from kedge.facts.cloudcore import CloudCoreConfig, CloudExposure
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService, EdgeStream
from kedge.facts.pods import NodePods
from kedge.i18n import Text, _, ngettext
from kedge.model import Risk, Unknown
from kedge.plugins import Draft, Maybe, NotApplicable, draft, fix
from kedge.steps import EditYaml, ServiceAction, Value

UNIT = "edgecore"
DEFAULT_TUNNEL_PORT = 10004
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
    exposure: Maybe[CloudExposure],
    cloudcore: Maybe[CloudCoreConfig],
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
    server = tunnel_server(config, exposure, cloudcore)
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
    answers=["KE204", "KE208", "KE306"],
    risk=Risk.MEDIUM,
    verify=["KE204"],
    expect=["KE306", "KE501"],
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


def tunnel_server(
    config: EdgeCoreConfig, exposure: CloudExposure | Unknown, cloudcore: CloudCoreConfig | Unknown
) -> str | None:
    """What ``edgeStream.server`` should be; None when what is there is right, or nothing better is known.

    The host is the one this edge's EdgeHub uses, because that one is known to lead to CloudCore from there; the
    port is CloudStream's tunnel port, or its NodePort where the hub uses a NodePort too (facts 2).
    """
    tunnel_port = DEFAULT_TUNNEL_PORT if isinstance(cloudcore, Unknown) else cloudcore.cloud_stream.tunnel_port
    hub_host, hub_port = _split(config.hub_server)
    addresses = frozenset() if isinstance(exposure, Unknown) else exposure.addresses
    node_ports = {} if isinstance(exposure, Unknown) else dict(exposure.node_ports)
    ports = {tunnel_port, node_ports.get(tunnel_port, tunnel_port)}
    port = node_ports[tunnel_port] if hub_port in node_ports.values() and tunnel_port in node_ports else tunnel_port

    stream = config.edge_stream
    if not addresses:  # nothing is known but what the edge itself says: only a leftover default is surely wrong
        if stream.server == EdgeStream().server and hub_host and hub_host != stream.host:
            return _join(hub_host, port)
        return None
    if stream.host in addresses and stream.port in ports:
        return None
    if stream.host in addresses and stream.host != hub_host:
        return _join(stream.host, port)
    return _join(hub_host if hub_host in addresses else min(addresses), port)


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
    return host.strip("[]"), int(port) if port.isdigit() else 0


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
