"""Metrics Server, the APIService in front of it, its endpoints, and the numbers it serves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from kedge import k8s
from kedge.asks import Api
from kedge.facts.metrics import (
    METRICS_API,
    MetricsApi,
    MetricsEndpoints,
    MetricsServer,
    NodeUsage,
    PodUsage,
    Usage,
)
from kedge.facts.pods import Workload
from kedge.links.base import Access
from kedge.model import Observation
from kedge.plugins import Maybe, probe
from kedge.probes._objects import fetched, listed, newest, objects, one, polled, segment
from kedge.probes.pods import DEPLOYMENTS, PODS, pods_with, workload_of

NAME = "metrics-server"
_LABELS = ("k8s-app", "app.kubernetes.io/name", "app")
_FRESH = 15.0
"""metrics-server's usual resolution: asking more often brings nothing new."""


# ------------------------------------------------------------------------------------- the server itself


@probe()
def metrics_server() -> tuple[Api, Api]:
    """The Deployment called or labelled metrics-server, and the pods its selector chooses."""
    return PODS, DEPLOYMENTS


@metrics_server.parse
def read_metrics_server(pods: Observation, deployments: Observation) -> MetricsServer:
    found: list[k8s.Deployment] = [d for d in objects(deployments, k8s.Deployment) if _is_metrics_server(d)]
    all_pods: tuple[k8s.Pod, ...] = objects(pods, k8s.Pod)
    if not found:
        return MetricsServer(at=pods.at)
    own = found[0]
    mine = [pod for pod in all_pods if pod.metadata.namespace == own.metadata.namespace]
    selected = pods_with(mine, own.spec.selector.match_labels or {"k8s-app": NAME})
    workload: Workload = workload_of(own)
    return MetricsServer(workload, selected, pods.at)


def _is_metrics_server(found: k8s.Deployment) -> bool:
    labels = found.spec.template.metadata.labels or {}
    return found.metadata.name == NAME or any(labels.get(key) == NAME for key in _LABELS)


# -------------------------------------------------------------------------------- APIService, endpoints


@probe()
def metrics_api() -> Api:
    """APIService v1beta1.metrics.k8s.io."""
    path = f"/apis/apiregistration.k8s.io/v1/apiservices/{METRICS_API}"
    return fetched(path, k8s.APIService, Access("get", "apiregistration.k8s.io", "apiservices"), seconds=10.0)


@metrics_api.parse
def read_metrics_api(seen: Observation) -> MetricsApi:
    found: k8s.APIService = one(seen, k8s.APIService)
    state = k8s.condition(found.status.conditions, "Available") or k8s.Condition()
    service = found.spec.service or k8s.ServiceReference()
    return MetricsApi(
        available={"True": True, "False": False}.get(state.status),
        reason=state.reason,
        message=state.message,
        namespace=service.namespace,
        service=service.name,
        port=service.port,
        since=state.last_transition_time,
    )


@probe()
def metrics_endpoints(api: Maybe[MetricsApi]) -> Api:
    """EndpointSlices in the namespace that the APIService names; kube-system where it does not exist."""
    namespace = (api.namespace if isinstance(api, MetricsApi) else "") or "kube-system"
    path = f"/apis/discovery.k8s.io/v1/namespaces/{segment(namespace)}/endpointslices"
    return listed(path, k8s.EndpointSlice, "discovery.k8s.io", "endpointslices", namespace)


@metrics_endpoints.parse
def read_metrics_endpoints(seen: Observation) -> MetricsEndpoints:
    slices: tuple[k8s.EndpointSlice, ...] = objects(seen, k8s.EndpointSlice)
    own = [s for s in slices if (s.metadata.labels or {}).get("kubernetes.io/service-name") == NAME]
    endpoints = [endpoint for piece in own for endpoint in piece.endpoints or ()]
    # Ready is "unless told otherwise": null means ready (EndpointConditions of the discovery API).
    ready = [e for e in endpoints if e.conditions.ready is not False]
    late = [e for e in endpoints if e.conditions.ready is False]
    return MetricsEndpoints(
        namespace=own[0].metadata.namespace if own else "",
        service=NAME,
        ready=tuple(a for e in ready for a in e.addresses or ()),
        not_ready=tuple(a for e in late for a in e.addresses or ()),
        slices=len(own),
    )


# ------------------------------------------------------------------------------------------- the numbers


@probe()
def node_usage() -> Api:
    """What ``kubectl top node`` prints. The metrics API cannot be watched."""
    return polled("/apis/metrics.k8s.io/v1beta1/nodes", k8s.NodeMetrics, "metrics.k8s.io", "nodes", seconds=_FRESH)


@node_usage.parse
def read_node_usage(seen: Observation) -> NodeUsage:
    found: tuple[k8s.NodeMetrics, ...] = objects(seen, k8s.NodeMetrics)
    rows = tuple((row.metadata.name, _usage(row.usage or {}, row)) for row in found)
    return NodeUsage(rows, _asked(seen, found))


@probe()
def pod_usage() -> Api:
    """What ``kubectl top pod -A`` prints."""
    return polled("/apis/metrics.k8s.io/v1beta1/pods", k8s.PodMetrics, "metrics.k8s.io", "pods", seconds=_FRESH)


@pod_usage.parse
def read_pod_usage(seen: Observation) -> PodUsage:
    found: tuple[k8s.PodMetrics, ...] = objects(seen, k8s.PodMetrics)
    return PodUsage(tuple(_pod_row(row) for row in found), _asked(seen, found))


def _asked(seen: Observation, rows: Sequence[k8s.NodeMetrics | k8s.PodMetrics]) -> datetime | None:
    """When the answer was made: metrics-server stamps every row it hands out with its own clock."""
    return newest([*(row.metadata.creation_timestamp for row in rows), *(row.timestamp for row in rows)]) or seen.at


def _pod_row(row: k8s.PodMetrics) -> tuple[tuple[str, str], Usage]:
    parts = [_usage(container.usage or {}, row) for container in row.containers or ()]
    total = Usage(
        cpu=sum(part.cpu for part in parts),
        memory=sum(part.memory for part in parts),
        at=row.timestamp,
        window=duration(row.window),
    )
    return (row.metadata.namespace, row.metadata.name), total


def _usage(values: dict[str, str], row: k8s.NodeMetrics | k8s.PodMetrics) -> Usage:
    return Usage(
        cpu=quantity(values.get("cpu", "")) * 1000,
        memory=quantity(values.get("memory", "")),
        at=row.timestamp,
        window=duration(row.window),
    )


_QUANTITY = re.compile(r"([+-]?\d{1,40}(?:\.\d{0,40})?|[+-]?\.\d{1,40})(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)")
_SUFFIX = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_BINARY = {f"{letter}i": 1024.0 ** (power + 1) for power, letter in enumerate("KMGTPE")}


def quantity(text: str) -> float:
    """A Kubernetes quantity (``72153582n``, ``483996Ki``, ``1e3``) as a number; 0 for what is none."""
    found = _QUANTITY.fullmatch(text)
    if not found:
        return 0.0
    number, exponent, suffix = found.groups()
    if exponent:
        return float(number) * 10.0 ** int(exponent)
    return float(number) * (_SUFFIX | _BINARY).get(suffix or "", 1.0)


_DURATION = re.compile(r"(\d{1,40}(?:\.\d{1,40})?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def duration(text: str) -> float:
    """A Go duration (``1m20.026s``) in seconds; 0 for what is none."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))
