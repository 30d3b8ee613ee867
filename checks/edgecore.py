"""EdgeCore on an edge: its service and its configuration file."""

from __future__ import annotations

from datetime import datetime, timedelta

from kedge.facts.edgecore import (
    EDGED_PORT,
    KNOWN_API_VERSIONS,
    EdgeCoreConfig,
    EdgeCoreLog,
    EdgeCoreService,
    EdgedHealth,
)
from kedge.facts.network import Established
from kedge.facts.services import ServiceState
from kedge.i18n import Text, _
from kedge.model import Cost, Hop, Kind, Reason, Unknown, Verdict
from kedge.plugins import Maybe, check, failed, not_known, passed, warned

_SETTLED = timedelta(seconds=60)
"""EdgeCore that fails at its start does so within seconds; systemd waits 10 s in between (facts 3)."""

_LOOPING = 3
"""Restarts by systemd after which a young process is suspected of ending soon."""

_OWN_REWRITE = timedelta(seconds=15)
"""Equal is not newer; and EdgeCore empties the token in its file within seconds of its first start (facts 11)."""

_OK = 200

_EXITED, _KILLED, _DUMPED = 1, 2, 3
"""ExecMainCode, as waitid(2) numbers it."""


@check(
    "KE204",
    _("EdgeCore service"),
    on=Kind.EDGECORE,
    explained_by=["KE215", "KE205"],
    fixes=["restart-edgecore"],
    hops=[Hop.EDGED],
)
def service_is_running(target: str, service: EdgeCoreService, journal: Maybe[EdgeCoreLog]) -> Verdict:
    """Active, enabled and not in a restart loop. A high restart counter alone is history, not a fault.

    What ends at every start may do so for want of its runtime or of a certificate in date; what somebody stopped
    does not.
    """
    if service.load == "not-found":
        text = _("{node} has no systemd unit edgecore: EdgeCore is not installed there, or runs some other way")
        return failed(text.format(node=target), expected="edgecore.service", seen="LoadState=not-found", fixes=())
    if service.load == "masked" or service.unit_file == "masked":
        text = _("The unit edgecore is masked on {node}, so systemd will never start it")
        return failed(text.format(node=target), seen="masked", fixes=())
    if service.is_running:
        return _running(target, service)
    if service.active in ("activating", "deactivating", "reloading") and service.sub != "auto-restart":
        text = _("EdgeCore on {node} is {state} right now; look again in a few seconds")
        return warned(text.format(node=target, state=service.active), seen=_state(service))
    loops = service.sub == "auto-restart" or service.active == "failed"
    return failed(
        _down(target, service, journal),
        expected="active (running)",
        seen=_state(service),
        explained_by=("KE215", "KE205", "KE212", "KE210") if loops else None,
    )


def _running(node: str, service: ServiceState) -> Verdict:
    if service.unit_file == "disabled":
        text = _("EdgeCore runs on {node}, but is not enabled: it will not start after a reboot")
        return warned(text.format(node=node), expected="enabled", seen="disabled")
    young = service.since is not None and service.at is not None and service.at - service.since < _SETTLED
    if young and service.restarts >= _LOOPING:
        text = _(
            "EdgeCore on {node} runs for less than a minute, after {count} restarts by systemd: it may be in a loop"
        )
        return warned(text.format(node=node, count=service.restarts), seen=_state(service))
    return passed(_("EdgeCore runs on {node}").format(node=node), seen=_state(service))


def _down(node: str, service: ServiceState, journal: EdgeCoreLog | Unknown) -> Text:
    words = {"node": node, "exit": _ended(service, journal)}
    if service.sub == "auto-restart":
        text = _("EdgeCore on {node} ends right after every start: {exit}; systemd has restarted it {count} times")
        return text.format(count=service.restarts, **words)
    if service.active == "failed":
        return _("EdgeCore on {node} has failed: {exit}").format(**words)
    if service.exit_code == _EXITED and service.exit_status == 0:
        return _("EdgeCore on {node} is stopped; it had ended without an error").format(node=node)
    return _("EdgeCore on {node} is stopped ({exit})").format(node=node, exit=last_exit(service))


def _ended(service: ServiceState, journal: EdgeCoreLog | Unknown) -> Text:
    """How it ended, and why as far as its journal tells."""
    fatal = [] if isinstance(journal, Unknown) else [hit for hit in journal.hits if hit.id in _FATAL]
    if not fatal:
        return last_exit(service)
    return _("{exit}, {why}").format(exit=last_exit(service), why=fatal[-1].meaning)


_FATAL = frozenset(
    {"no-credentials", "kubelet-present", "kube-proxy-present", "tunnel-certificate-missing", "exec-panic"}
)
"""Signatures of lines after which EdgeCore ends."""


def last_exit(service: ServiceState) -> Text:
    """How the main process ended the last time."""
    if service.exit_code == _EXITED:
        return _("last exit status {status}").format(status=service.exit_status)
    if service.exit_code in (_KILLED, _DUMPED):
        return _("killed by signal {status}").format(status=service.exit_status)
    return _("result: {result}").format(result=service.result or "-")


def _state(service: ServiceState) -> str:
    parts = [f"{service.active} ({service.sub})" if service.sub else service.active]
    if service.since:
        parts.append(f"since {service.since:%Y-%m-%d %H:%M:%S} UTC")
    if service.restarts:
        parts.append(f"restarts {service.restarts}")
    return ", ".join(parts)


@check("KE205", _("edgecore.yaml readable"), on=Kind.EDGECORE)
def configuration_is_readable(target: str, config: Maybe[EdgeCoreConfig]) -> Verdict:
    """EdgeCore parses it at its start only; a mistake made since shows at the next restart (facts 3)."""
    if isinstance(config, Unknown):
        if config.reason in (Reason.MISSING, Reason.UNPARSABLE):
            return failed(config.text, line=config.line)
        return not_known(config)
    if config.api_version not in KNOWN_API_VERSIONS:
        text = _("{path} on {node} has the apiVersion {version}, which this tool does not know")
        return warned(
            text.format(path=config.path, node=target, version=config.api_version or "-"),
            expected=", ".join(sorted(KNOWN_API_VERSIONS)),
            seen=config.api_version or _("none"),
        )
    return passed(_("{path} on {node} is readable").format(path=config.path, node=target), seen=config.api_version)


# ------------------------------------------------------------------------------------------ KE208, KE209, KE214


@check("KE208", _("EdgeCore has loaded its configuration"), on=Kind.EDGECORE, needs=["KE204", "KE205"],
       fixes=["restart-edgecore"])  # fmt: skip
def configuration_is_loaded(
    target: str,
    config: EdgeCoreConfig,
    service: EdgeCoreService,
    sockets: Maybe[Established],
    journal: Maybe[EdgeCoreLog],
) -> Verdict:
    """EdgeCore reads edgecore.yaml only at its start (facts 3).

    What was changed since cannot be told from the file's time. That the running process started without EdgeStream,
    or that there is no tunnel, although the file enables it, makes it a failure. Right after a first join EdgeCore
    itself rewrites the file (facts 11).
    """
    stream, words = config.edge_stream, {"node": target}
    loaded = None if isinstance(journal, Unknown) else journal.stream_loaded
    changed, started = _shown(config.mtime), _shown(service.since)
    seen = _("changed {file}, started {start}").format(file=changed, start=started)
    expected = _("a start after the change")
    if stream.enable and loaded is False:
        text = _("edgecore.yaml of {node} enables EdgeStream, but the running EdgeCore started without it")
        return failed(text.format(**words), expected=expected, seen=seen)
    if config.mtime is None or service.since is None:
        return not_known(_("The time of {path} or of the start of EdgeCore is not known").format(path=config.path))
    late = config.mtime - service.since > _OWN_REWRITE
    if not late and not (loaded and not stream.enable):
        return passed(_("EdgeCore on {node} started after edgecore.yaml last changed").format(**words))
    tunnel = isinstance(sockets, Unknown) or any(s.peer_port == stream.port for s in sockets.sockets)
    if stream.enable and not tunnel and not loaded:
        text = _("edgecore.yaml of {node} enables EdgeStream, but EdgeCore started before it changed and has no tunnel")
        return failed(text.format(**words), expected=expected, seen=seen)
    text = _("edgecore.yaml of {node} was changed after EdgeCore started; the change is not in force yet")
    return warned(text.format(**words), expected=expected, seen=seen)


def _shown(at: datetime | None) -> str:
    return f"{at:%F %T} UTC" if at else "-"


@check("KE209", _("edged answers"), on=Kind.EDGECORE, explained_by=["KE204", "KE205", "KE212"],
       fixes=["restart-edgecore"], hops=[Hop.EDGED], cost=Cost.ACTIVE)  # fmt: skip
def edged_answers(target: str, health: EdgedHealth, config: Maybe[EdgeCoreConfig]) -> Verdict:
    """EdgeStream sends every request to edged's read-only server; when that is silent, kubectl hangs (facts 0.8).

    It dials 127.0.0.1:10350 whatever edgecore.yaml says (facts 1.5), and without its debugging handlers edged refuses
    logs and exec (facts 3).
    """
    words = {"node": target, "url": health.url}
    if not isinstance(config, Unknown) and (wrong := _refuses(target, health, config)):
        return wrong
    if health.status == _OK:
        return passed(_("edged answers on {node}: {url}").format(**words), seen=health.body)
    if health.status:
        text = _("edged on {node} is not healthy: {url} answers {status}")
        return failed(text.format(status=health.status, **words), expected="200 ok", seen=health.body)
    text = _("edged on {node} does not answer at {url}, so logs and exec hang")
    return failed(text.format(**words), expected="200 ok", seen=health.problem)


def _refuses(node: str, health: EdgedHealth, config: EdgeCoreConfig) -> Verdict | None:
    """What edgecore.yaml tells edged that keeps EdgeStream's requests out; None when it tells nothing of the kind."""
    if not config.enable_debugging_handlers:
        text = _("edgecore.yaml of {node} switches edged's debugging handlers off, so it refuses logs and exec")
        key = "modules.edged.tailoredKubeletConfig.enableDebuggingHandlers"
        return failed(text.format(node=node), expected=f"{key}: true", seen=f"{key}: false", explained_by=(), fixes=())
    if config.read_only_port != EDGED_PORT and health.status != _OK:
        text = _(
            "edged on {node} does not answer on port {port}, where EdgeStream sends every request: edgecore.yaml moves "
            "it to port {other}"
        )
        key = "modules.edged.tailoredKubeletConfig.readOnlyPort"
        said = text.format(node=node, port=EDGED_PORT, other=config.read_only_port)
        seen = f"{key}: {config.read_only_port}"
        return failed(said, expected=f"{key}: {EDGED_PORT}", seen=seen, explained_by=("KE204",), fixes=())
    return None


@check("KE214", _("Journal of EdgeCore"), on=Kind.EDGECORE, needs=["KE204"])
def journal_holds_no_failure(
    target: str,
    journal: EdgeCoreLog,
    config: Maybe[EdgeCoreConfig],
    sockets: Maybe[Established],
    health: Maybe[EdgedHealth],
) -> Verdict:
    """No known failure of EdgeStream that still holds: newer than the start and than the last sign of health.

    Journals are full of faults long repaired; a tunnel, a hub connection or an edged that is seen to work contradicts
    whatever they say of it.
    """
    works = _working(config, sockets, health)
    hits = [hit for hit in journal.hits if hit.topic not in works]
    if not hits:
        return passed(_("The journal of EdgeCore on {node} holds no failure that still stands").format(node=target))
    newest = hits[-1]
    text = _("EdgeCore on {node} reports: {meaning}")
    return warned(text.format(node=target, meaning=newest.meaning), seen=newest.line, line=newest.number)


def _working(
    config: EdgeCoreConfig | Unknown, sockets: Established | Unknown, health: EdgedHealth | Unknown
) -> frozenset[str]:
    """The topics of a journal that what is seen now contradicts."""
    found = set[str]()
    if not isinstance(config, Unknown) and not isinstance(sockets, Unknown):
        alive = {socket.peer_port for socket in sockets.sockets if not socket.send_queue}
        hub = config.hub_server.rpartition(":")[2]
        found |= {"tunnel"} if config.edge_stream.port in alive else set()
        found |= {"hub"} if hub.isdigit() and int(hub) in alive else set()
    if not isinstance(health, Unknown) and health.status == _OK:
        found.add("edged")
    return frozenset(found)
