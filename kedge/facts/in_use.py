"""The CloudCore in use, whether the cluster runs it or a host does as a service (binary mode, facts 2)."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost
from kedge.facts.pods import Container, Pod
from kedge.model import Host, Unknown


def services(on_hosts: Mapping[str, CloudCoreOnHost | Unknown]) -> list[tuple[str, CloudCoreOnHost]]:
    """CloudCore's units by host: those that run first, then by name."""
    known = [(host, one) for host, one in on_hosts.items() if not isinstance(one, Unknown)]
    return sorted(known, key=lambda entry: (not entry[1].service.is_running, entry[0]))


def core_in_use(
    core: CloudCore, on_hosts: Mapping[str, CloudCoreOnHost | Unknown], hosts: Mapping[str, Host | Unknown]
) -> CloudCore:
    """The cluster's CloudCore; a service of a host in its stead looks like a pod on the host network."""
    if core.workload is not None or core.pods:
        return core
    addresses = {name: host.address for name, host in hosts.items() if not isinstance(host, Unknown)}
    pods = [_as_pod(name, one, addresses.get(name, "")) for name, one in services(on_hosts)]
    return CloudCore(None, tuple(sorted(pods, key=lambda pod: pod.node)), core.at)


def _as_pod(host: str, found: CloudCoreOnHost, address: str) -> Pod:
    runs = found.service.is_running
    return Pod(
        namespace="",
        name=f"{found.service.unit} on {host}",
        uid=host,
        node=host,
        phase="Running" if runs else "Failed",
        ready=runs,
        host_network=True,
        host_ip=address,
        pod_ip=address,
        containers=(Container(found.service.unit, ready=runs, running=runs, started=found.service.since),),
    )


def config_in_use(
    config: CloudCoreConfig | Unknown, on_hosts: Mapping[str, CloudCoreOnHost | Unknown]
) -> CloudCoreConfig | Unknown:
    """The ConfigMap; where a host runs CloudCore, that host's file."""
    if isinstance(config, CloudCoreConfig):
        return config
    files = [one.config for _host, one in services(on_hosts)]
    return next((one for one in files if not isinstance(one, Unknown)), files[0] if files else config)
