"""EdgeCore on an edge: its service and its configuration file."""

from __future__ import annotations

from datetime import timedelta

from kedge.facts.edgecore import KNOWN_API_VERSIONS, EdgeCoreConfig, EdgeCoreService
from kedge.facts.services import ServiceState
from kedge.i18n import Text, _
from kedge.model import Hop, Kind, Reason, Unknown, Verdict
from kedge.plugins import Maybe, check, failed, not_known, passed, warned

_SETTLED = timedelta(seconds=60)
"""EdgeCore that fails at its start does so within seconds; systemd waits 10 s in between (facts 3)."""

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
def service_is_running(target: str, service: EdgeCoreService) -> Verdict:
    """Active, enabled and not in a restart loop. A high restart counter alone is history, not a fault."""
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
    return failed(_down(target, service), expected="active (running)", seen=_state(service))


def _running(node: str, service: ServiceState) -> Verdict:
    if service.unit_file == "disabled":
        text = _("EdgeCore runs on {node}, but is not enabled: it will not start after a reboot")
        return warned(text.format(node=node), expected="enabled", seen="disabled")
    young = service.since is not None and service.at is not None and service.at - service.since < _SETTLED
    if young and service.restarts:
        text = _(
            "EdgeCore on {node} runs for less than a minute, after {count} restarts by systemd: it may be in a loop"
        )
        return warned(text.format(node=node, count=service.restarts), seen=_state(service))
    return passed(_("EdgeCore runs on {node}").format(node=node), seen=_state(service))


def _down(node: str, service: ServiceState) -> Text:
    if service.sub == "auto-restart":
        text = _("EdgeCore on {node} ends right after every start: {exit}; systemd has restarted it {count} times")
        return text.format(node=node, exit=last_exit(service), count=service.restarts)
    if service.active == "failed":
        return _("EdgeCore on {node} has failed: {exit}").format(node=node, exit=last_exit(service))
    if service.exit_code == _EXITED and service.exit_status == 0:
        return _("EdgeCore on {node} is stopped; it had ended without an error").format(node=node)
    return _("EdgeCore on {node} is stopped ({exit})").format(node=node, exit=last_exit(service))


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
