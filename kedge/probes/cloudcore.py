"""CloudCore as Kubernetes sees it: pods, configuration, tunnel ports, and how it can be reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import msgspec

from kedge import k8s
from kedge.asks import Api
from kedge.facts.cloudcore import (
    NAMESPACE,
    CloudCore,
    CloudCoreConfig,
    CloudExposure,
    CloudStream,
    TunnelPorts,
)
from kedge.i18n import _
from kedge.model import Observation, Reason, Unknown
from kedge.plugins import probe
from kedge.probes._objects import listed, objects
from kedge.probes.nodes import NODES
from kedge.probes.pods import DEPLOYMENTS, PODS, pods_with, workload_of
from kedge.probes.yamlfile import YamlError, YamlFile

LABELS = {"kubeedge": "cloudcore"}
CONFIG_MAP = "cloudcore"
CONFIG_KEY = "cloudcore.yaml"
PORTS_MAP = "tunnelport"
PORTS_ANNOTATION = "tunnelportrecord.kubeedge.io"

CONFIG_MAPS = listed(f"/api/v1/namespaces/{NAMESPACE}/configmaps", k8s.ConfigMap, "", "configmaps", NAMESPACE)
SERVICES = listed(f"/api/v1/namespaces/{NAMESPACE}/services", k8s.Service, "", "services", NAMESPACE)


# -------------------------------------------------------------------------------------------------- pods


@probe()
def cloudcore() -> tuple[Api, Api]:
    """The pods labelled ``kubeedge=cloudcore`` and their Deployment (facts 2)."""
    return PODS, DEPLOYMENTS


@cloudcore.parse
def read_cloudcore(pods: Observation, deployments: Observation) -> CloudCore:
    found: tuple[k8s.Deployment, ...] = objects(deployments, k8s.Deployment)
    labelled = pods_with(objects(pods, k8s.Pod), LABELS)
    own = [d for d in found if LABELS.items() <= (d.spec.template.metadata.labels or {}).items()]
    return CloudCore(workload_of(own[0]) if own else None, labelled, pods.at)


# ----------------------------------------------------------------------------------------- configuration


@probe()
def cloudcore_config() -> Api:
    """ConfigMap ``cloudcore``; CloudCore reads it at its start only."""
    return CONFIG_MAPS


@cloudcore_config.parse
def read_cloudcore_config(seen: Observation) -> CloudCoreConfig | Unknown:
    found = _map(objects(seen, k8s.ConfigMap), CONFIG_MAP)
    if found is None:
        return _no_map(CONFIG_MAP)
    text = (found.data or {}).get(CONFIG_KEY)
    if text is None:
        return Unknown(Reason.MISSING, _("ConfigMap cloudcore has no key {key}").format(key=CONFIG_KEY))
    changed, by = written(found.metadata.managed_fields or (), CONFIG_KEY)
    config = parse_cloudcore_config(text, f"configmap/{CONFIG_MAP}")
    if isinstance(config, Unknown):
        return config
    return replace(config, resource_version=found.metadata.resource_version, changed=changed, changed_by=by)


def parse_cloudcore_config(text: str, source: str) -> CloudCoreConfig | Unknown:
    """cloudcore.yaml with the defaults of CloudCore's code, not of its chart (facts 2)."""
    try:
        return _config(YamlFile(text), text, source)
    except YamlError as error:
        problem = _("{source} cannot be read: {error} (line {line}, column {column})")
        said = problem.format(source=source, error=error, line=error.line, column=error.column)
        return Unknown(Reason.UNPARSABLE, said, error.line, error.column)


def _config(yaml: YamlFile, text: str, source: str) -> CloudCoreConfig:
    stream, hub = "modules.cloudStream", "modules.cloudHub"
    return CloudCoreConfig(
        source=source,
        api_version=yaml.text("apiVersion"),
        cloud_stream=CloudStream(
            enable=yaml.boolean(f"{stream}.enable", False),
            stream_port=yaml.number(f"{stream}.streamPort", 10003),
            tunnel_port=yaml.number(f"{stream}.tunnelPort", 10004),
            line=yaml.line(f"{stream}.enable") or yaml.line(stream),
        ),
        hub_websocket_port=yaml.number(f"{hub}.websocket.port", 10000),
        hub_quic_port=yaml.number(f"{hub}.quic.port", 10001),
        hub_https_port=yaml.number(f"{hub}.https.port", 10002),
        advertise=tuple(filter(None, yaml.texts(f"{hub}.advertiseAddress"))),
        dns_names=tuple(filter(None, yaml.texts(f"{hub}.dnsNames"))),
        iptables_enable=yaml.boolean("modules.iptablesManager.enable", True),
        iptables_mode=yaml.text("modules.iptablesManager.mode", "internal"),
        tunnel_port=yaml.number("commonConfig.tunnelPort", 0),
        text=text,
    )


def written(managed: Iterable[k8s.ManagedFields], key: str) -> tuple[datetime | None, str]:
    """When a key of a ConfigMap's data was written last, and by whom."""
    owners = [
        (entry.time, entry.manager)
        for entry in managed
        if entry.time is not None and entry.fields_v1 is not None and f"f:{key}" in (entry.fields_v1.data or {})
    ]
    return max(owners, default=(None, ""))


def _no_map(name: str) -> Unknown:
    text = _("Namespace {namespace} has no ConfigMap {name}").format(namespace=NAMESPACE, name=name)
    return Unknown(Reason.MISSING, text)


def _map(maps: Iterable[k8s.ConfigMap], name: str) -> k8s.ConfigMap | None:
    return next((one for one in maps if one.metadata.name == name), None)


# ------------------------------------------------------------------------------------------ tunnel ports


class _Record(msgspec.Struct):
    """Value of the annotation; written by Go from ``iptables.TunnelPortRecord`` (facts 1.3)."""

    ports_by_ip: dict[str, int] | None = msgspec.field(default=None, name="ipTunnelPort")
    ports: dict[str, bool] | None = msgspec.field(default=None, name="port")


@probe()
def tunnel_ports() -> Api:
    """ConfigMap ``tunnelport``: which kubelet port stands for which CloudCore."""
    return CONFIG_MAPS


@tunnel_ports.parse
def read_tunnel_ports(seen: Observation) -> TunnelPorts | Unknown:
    found = _map(objects(seen, k8s.ConfigMap), PORTS_MAP)
    if found is None:
        return _no_map(PORTS_MAP)
    text = (found.metadata.annotations or {}).get(PORTS_ANNOTATION)
    if text is None:
        said = _("ConfigMap tunnelport has lost its annotation {name}; CloudCore stops at its next start without it")
        return Unknown(Reason.UNPARSABLE, said.format(name=PORTS_ANNOTATION))
    try:
        record = msgspec.json.decode(text, type=_Record)
    except (msgspec.DecodeError, RecursionError) as error:
        said = _("The annotation {name} of ConfigMap tunnelport cannot be read: {error}")
        return Unknown(Reason.UNPARSABLE, said.format(name=PORTS_ANNOTATION, error=error))
    ports = frozenset(int(port) for port in record.ports or {} if port.isascii() and port.isdigit())
    return TunnelPorts(tuple(sorted((record.ports_by_ip or {}).items(), key=lambda entry: entry[1])), ports)


# -------------------------------------------------------------------------------------------- exposition


@probe()
def cloud_exposure() -> tuple[Api, Api, Api, Api]:
    """The Service of CloudCore, and every address that is known to lead to it."""
    return SERVICES, PODS, CONFIG_MAPS, NODES


@cloud_exposure.parse
def read_cloud_exposure(
    services: Observation, pods: Observation, maps: Observation, nodes: Observation
) -> CloudExposure:
    service = next((s for s in objects(services, k8s.Service) if s.metadata.name == CONFIG_MAP), None)
    core = CloudCore(pods=pods_with(objects(pods, k8s.Pod), LABELS))
    config = _map(objects(maps, k8s.ConfigMap), CONFIG_MAP) or k8s.ConfigMap()
    all_nodes: tuple[k8s.Node, ...] = objects(nodes, k8s.Node)
    addresses = set(core.addresses) | _advertised(config)
    if service is None:
        return CloudExposure(addresses=frozenset(addresses))
    node_ports = tuple((port.port, port.node_port) for port in service.spec.ports or () if port.node_port)
    addresses |= _outside(service)
    if node_ports:
        addresses |= {a.address for node in all_nodes for a in node.status.addresses or () if a.address}
    return CloudExposure(service.spec.type, service.spec.cluster_ip, node_ports, frozenset(addresses))


def _advertised(config: k8s.ConfigMap) -> set[str]:
    parsed = parse_cloudcore_config((config.data or {}).get(CONFIG_KEY, "{}"), CONFIG_MAP)
    return set() if isinstance(parsed, Unknown) else {*parsed.advertise, *parsed.dns_names}


def _outside(service: k8s.Service) -> set[str]:
    ingress = service.status.load_balancer.ingress or ()
    names = {name for point in ingress for name in (point.ip, point.hostname) if name}
    return names | set(service.spec.external_ips or ())
