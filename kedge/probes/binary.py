"""CloudCore outside the cluster: a systemd service of a host, with its file in /etc/kubeedge/config."""

from __future__ import annotations

from dataclasses import replace

from kedge.asks import File, FileStat, Service
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Role, Unknown
from kedge.plugins import Maybe, probe
from kedge.probes.answers import failure
from kedge.probes.cloudcore import parse_cloudcore_config
from kedge.probes.edgecore import read_mtime
from kedge.probes.services import read_service

UNIT = "cloudcore"


@probe(Role.CLOUDCORE, Role.APISERVER, reads_errors=True)
def cloudcore_on_host(host: Host, core: Maybe[CloudCore]) -> tuple[Service, File, FileStat] | None:
    """Not asked where the cluster runs CloudCore: a file that keadm left on a host means nothing then."""
    if isinstance(core, CloudCore) and (core.workload is not None or core.pods):
        return None
    return Service(UNIT), File(host.paths.cloudcore_config), FileStat(host.paths.cloudcore_config)


@cloudcore_on_host.parse
def read_cloudcore_on_host(service: Observation, file: Observation, stat: Observation) -> CloudCoreOnHost | Unknown:
    if service.error is not None:
        return service.error
    state = read_service(service, UNIT)
    if isinstance(state, Unknown):
        return state
    if state.load == "not-found":
        text = _("{host} has no systemd unit {unit}")
        return Unknown(Reason.MISSING, text.format(host=service.source, unit=UNIT))
    return CloudCoreOnHost(state, _config(file, stat))


def _config(file: Observation, stat: Observation) -> CloudCoreConfig | Unknown:
    path = file.ask.path if isinstance(file.ask, File) else ""
    if file.error is not None or file.exit_code != 0:
        return failure(file, path)
    config = parse_cloudcore_config(file.stdout, f"{path} on {file.source}")
    return config if isinstance(config, Unknown) else replace(config, changed=read_mtime(stat))
