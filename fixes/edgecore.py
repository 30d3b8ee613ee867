"""Fixes on an edge's EdgeCore: its edgeStream settings and its service."""

from __future__ import annotations

from fixes.tunnel_way import TunnelWay
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService
from kedge.facts.pods import NodePods
from kedge.i18n import Text, _, ngettext
from kedge.model import Reason, Risk, Unknown
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
def enable_edgestream(target: str, way: TunnelWay, pods: Maybe[NodePods]) -> Draft | NotApplicable:
    """Switch EdgeStream on and point it at CloudCore's tunnel port.

    ``keadm join`` leaves EdgeStream off and always writes port 10004, even when CloudCore is reached by
    NodePort (facts 0.5). EdgeCore reads the file only at its start, so it is restarted (facts 3).
    """
    stream = way.config.edge_stream
    changes: list[tuple[str, Value]] = []
    was: list[tuple[str, Value | None]] = []
    if not stream.enable:
        changes.append((ENABLE, True))
        was.append((ENABLE, False if stream.enable_line else None))
    server = way.better_server()
    if server is not None and server != stream.server:
        changes.append((SERVER, server))
        was.append((SERVER, stream.server if stream.server_line else None))
    if not changes:
        return NotApplicable(_("EdgeStream is enabled on {node} and its server is right").format(node=target))
    return draft(
        EditYaml(target, way.config.path, tuple(changes), tuple(was)),
        ServiceAction(target, UNIT, "restart"),
        impact=restart_impact(target, pods),
    )


@fix(
    "restart-edgecore",
    _("Restart edgecore"),
    answers=["KE201", "KE204", "KE208", "KE209", "KE210", "KE216", "KE301", "KE306", "KE307"],
    risk=Risk.MEDIUM,
    verify=["KE204", "KE306"],
    expect=["KE307", "KE501"],
)
def restart_edgecore(
    target: str, service: EdgeCoreService, pods: Maybe[NodePods], config: Maybe[EdgeCoreConfig]
) -> Draft | NotApplicable:
    """Start EdgeCore where it is stopped, restart it where it runs; make it start at boot where it would not.
    With a file that does not parse it would not come up again, so one that runs is left running.

    A restart also replaces a half-open tunnel and a client certificate that EdgeStream still holds in memory
    after its rotation (facts 0.6, 11).
    """
    if service.load == "not-found":
        return NotApplicable(_("{node} has no systemd unit {unit}").format(node=target, unit=UNIT))
    if service.load == "masked":
        return NotApplicable(
            _("The unit {unit} is masked on {node}: somebody forbade its start").format(unit=UNIT, node=target)
        )
    if isinstance(config, Unknown) and config.reason is Reason.UNPARSABLE:
        return NotApplicable(_("EdgeCore would not start: {why}. Mend that first").format(why=config.text))
    running = service.active == "active"
    steps = [ServiceAction(target, UNIT, "restart" if running else "start")]
    if service.unit_file == "disabled":
        steps.append(ServiceAction(target, UNIT, "enable"))
    if running:
        return draft(*steps, impact=restart_impact(target, pods))
    return draft(
        *steps,
        title=_("Start edgecore"),
        impact=_("edgecore starts on {node}; nothing else is touched").format(node=target),
        risk=Risk.LOW,
    )


def restart_impact(target: str, pods: NodePods | Unknown) -> Text:
    """Who notices that EdgeCore restarts."""
    pause = _("logs, exec and top of this node pause for about 20 s")
    if isinstance(pods, Unknown):
        return _("edgecore restarts on {node}; its pods keep running; {pause}").format(node=target, pause=pause)
    running = sum(pod.phase == "Running" for pod in pods.pods)
    return ngettext(
        "edgecore restarts on {node}; its {count} pod keeps running; {pause}",
        "edgecore restarts on {node}; its {count} pods keep running; {pause}",
        "count",
    ).format(node=target, count=running, pause=pause)
