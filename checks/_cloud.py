"""The CloudCore in use, whether the cluster runs it or a host does as a service (binary mode, facts 2)."""

from __future__ import annotations

from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost
from kedge.facts.pods import Container, Pod
from kedge.model import Host, Unknown
from kedge.plugins import All


def core_in_use(core: CloudCore, on_hosts: All[CloudCoreOnHost], hosts: All[Host]) -> CloudCore:
    """The cluster's CloudCore; a service of a host in its stead looks like a pod on the host network."""
    if core.workload is not None or core.pods:
        return core
    addresses = {name: host.address for name, host in hosts.known().items()}
    return CloudCore(
        None,
        tuple(_as_pod(name, one, addresses.get(name, "")) for name, one in sorted(on_hosts.known().items())),
        core.at,
    )


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


def config_in_use(config: CloudCoreConfig | Unknown, on_hosts: All[CloudCoreOnHost]) -> CloudCoreConfig | Unknown:
    """The ConfigMap; where a host runs CloudCore, that host's file."""
    if isinstance(config, CloudCoreConfig):
        return config
    files = [one.config for _host, one in sorted(on_hosts.known().items(), key=lambda e: not e[1].service.is_running)]
    return next((one for one in files if not isinstance(one, Unknown)), files[0] if files else config)
