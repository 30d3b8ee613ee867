"""systemd's view of EdgeCore and of the container runtime."""

from __future__ import annotations

from dataclasses import asdict

from kedge.asks import Service
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService
from kedge.facts.services import RuntimeService, ServiceState
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.plugins import Maybe, probe
from kedge.probes.answers import failure, systemd_time

UNIT = "edgecore"

_NO_SYSTEMD = ("not been booted with systemd", "connect to bus", "connect to system bus")


@probe(Role.EDGE)
def edgecore_service(host: Host) -> Service:
    """The unit that keadm writes (facts 3)."""
    return Service(UNIT)


@edgecore_service.parse
def read_edgecore_service(seen: Observation) -> EdgeCoreService | Unknown:
    state = read_service(seen, UNIT)
    return state if isinstance(state, Unknown) else EdgeCoreService(**asdict(state))


RUNTIME_UNITS = ("containerd", "docker", "crio", "isulad")

_UNIT_OF_SOCKET = (
    ("dockershim", "docker"),
    ("cri-dockerd", "docker"),
    ("crio", "crio"),
    ("isulad", "isulad"),
    ("k3s", "k3s-agent"),
)


@probe(Role.EDGE)
def runtime_service(host: Host, config: Maybe[EdgeCoreConfig]) -> Service:
    """The unit behind the socket that edgecore.yaml names, unless the inventory says which runtime it is."""
    return Service(runtime_unit(host, "" if isinstance(config, Unknown) else config.runtime_endpoint))


@runtime_service.parse
def read_runtime_service(seen: Observation) -> RuntimeService | Unknown:
    unit = seen.ask.unit if isinstance(seen.ask, Service) else ""
    state = read_service(seen, unit)
    return state if isinstance(state, Unknown) else RuntimeService(**asdict(state))


def runtime_unit(host: Host, endpoint: str) -> str:
    """Name of the runtime's unit: the inventory's word, else what the socket's name tells, else containerd."""
    if host.runtime in RUNTIME_UNITS:
        return host.runtime
    if host.runtime == "k3s":
        return "k3s-agent"
    return next((unit for part, unit in _UNIT_OF_SOCKET if part in endpoint), "containerd")


def read_service(seen: Observation, unit: str) -> ServiceState | Unknown:
    """``systemctl show`` as a state; ``systemctl is-active`` is read too, and tells less."""
    said = seen.stdout.strip()
    if "=" not in said:
        return _from_is_active(seen, unit, said)
    values = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    return ServiceState(
        unit=unit,
        load=values.get("LoadState", ""),
        active=values.get("ActiveState", ""),
        sub=values.get("SubState", ""),
        unit_file=values.get("UnitFileState", ""),
        result=values.get("Result", ""),
        restarts=_number(values.get("NRestarts", "")),
        exit_status=_number(values.get("ExecMainStatus", "")),
        exit_code=_number(values.get("ExecMainCode", "")),
        main_pid=_number(values.get("MainPID", "")),
        since=systemd_time(values.get("ActiveEnterTimestamp", "")),
        at=seen.at,
    )


_STATES = {"active", "inactive", "failed", "activating", "deactivating", "reloading", "unknown", "maintenance"}


def _from_is_active(seen: Observation, unit: str, word: str) -> ServiceState | Unknown:
    if word in _STATES:
        load = "not-found" if word == "unknown" else "loaded"
        return ServiceState(unit=unit, load=load, active=word, at=seen.at)
    if any(part in seen.stderr for part in _NO_SYSTEMD):
        text = _("{host} does not run systemd, so the state of {unit} cannot be told")
        return Unknown(Reason.NO_TOOL, text.format(host=seen.source, unit=unit))
    return failure(seen, f"systemctl show {unit}")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
