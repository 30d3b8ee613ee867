"""CloudCore: its pods, its configuration, its tunnel ports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kedge.facts.pods import Pod, Workload
from kedge.facts.services import ServiceState
from kedge.model import Unknown

NAMESPACE = "kubeedge"


@dataclass(frozen=True, slots=True)
class CloudCore:
    """The running CloudCore (site fact): its Deployment and pods, or a host service in binary mode.

    Attributes:
        workload: the Deployment, None when there is none.
        pods: every pod labelled ``kubeedge=cloudcore``.
        at: when the list was read.
    """

    workload: Workload | None = None
    pods: tuple[Pod, ...] = ()
    at: datetime | None = None

    @property
    def serving(self) -> tuple[Pod, ...]:
        """Pods that are Running and Ready."""
        return tuple(pod for pod in self.pods if pod.is_serving)

    @property
    def addresses(self) -> frozenset[str]:
        """IPs at which a serving CloudCore pod answers."""
        own = {pod.pod_ip for pod in self.serving} | {pod.host_ip for pod in self.serving if pod.host_network}
        return frozenset(ip for ip in own if ip)


@dataclass(frozen=True, slots=True)
class CloudStream:
    """``modules.cloudStream`` of cloudcore.yaml (facts 2). Defaults are the code's, not the chart's."""

    enable: bool = False
    stream_port: int = 10003
    tunnel_port: int = 10004
    line: int = 0
    """Line of ``enable`` in the file; of ``cloudStream`` when enable is absent; 0 when both are."""


@dataclass(frozen=True, slots=True)
class CloudCoreConfig:
    """ConfigMap ``cloudcore`` or /etc/kubeedge/config/cloudcore.yaml (site fact).

    Attributes:
        source: ``configmap/cloudcore`` or the host's file.
        changed: newest managedFields time of the data, None when not told.
        changed_by: manager of that write. tunnel_port: ``commonConfig.tunnelPort``, 0 when absent.
    """

    source: str
    api_version: str = ""
    cloud_stream: CloudStream = CloudStream()
    hub_websocket_port: int = 10000
    hub_quic_port: int = 10001
    hub_https_port: int = 10002
    advertise: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    iptables_enable: bool = True
    iptables_mode: str = "internal"
    tunnel_port: int = 0
    resource_version: str = ""
    changed: datetime | None = None
    changed_by: str = ""
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TunnelPorts:
    """The ``tunnelport`` ConfigMap's annotation ``tunnelportrecord.kubeedge.io`` (facts 1.3), a site fact."""

    by_ip: tuple[tuple[str, int], ...] = ()
    ports: frozenset[int] = frozenset()

    def ip_of(self, port: int) -> str | None:
        """The CloudCore IP that owns a port."""
        return next((ip for ip, own in self.by_ip if own == port), None)


@dataclass(frozen=True, slots=True)
class CloudExposure:
    """How CloudCore can be reached from outside (site fact): the Service's type and ports, if any.

    Attributes:
        addresses: every address that is known to lead to CloudCore: pod/host IPs, advertiseAddress, dnsNames,
            load-balancer IPs, and node addresses when a NodePort is open.
        node_ports: (service port, node port) pairs.
    """

    service_type: str = ""
    cluster_ip: str = ""
    node_ports: tuple[tuple[int, int], ...] = ()
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CloudCoreOnHost:
    """CloudCore as a systemd service of a host (binary mode, facts 2; target: the host).

    Only where the cluster holds no CloudCore; :class:`~kedge.model.Unknown` where the host has no such unit.
    """

    service: ServiceState
    config: CloudCoreConfig | Unknown
