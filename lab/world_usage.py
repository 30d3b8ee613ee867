"""Numbers: what nodes and containers use, and how a kubelet tells."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.machine_usage import CPU, memory_kib
from lab.objects import Object, timestamp
from lab.world_host import Host


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU in cores, memory in bytes."""

    cpu: float
    memory: int

    def quantities(self) -> dict[str, str]:
        """As metrics.k8s.io writes them."""
        return {"cpu": f"{int(self.cpu * 1e9)}n", "memory": f"{self.memory // 1024}Ki"}


def noise(key: str, now: float) -> float:
    """A slow wave between 0 and 1, another one for each key."""
    phase = sum(map(ord, key)) % 97
    return 0.5 + 0.5 * math.sin(now / 11 + phase)


def container_usage(pod: str, container: str, now: float) -> Usage:
    """What one container uses; the system's own pods use more than a workload."""
    if container == "cloudcore":
        return Usage(0.0025 + 0.002 * noise(pod, now), int((34 + 3 * noise(pod, now)) * 2**20))
    if container == "metrics-server":
        return Usage(0.0030 + 0.001 * noise(pod, now), int((16 + 2 * noise(pod, now)) * 2**20))
    return Usage(0.0018 + 0.0006 * noise(pod + container, now), int((480 + 500 * noise(pod + container, now)) * 1024))


def node_usage(host: Host, now: float) -> Usage:
    """What one machine uses: what the machine below it does, for that is what its shells show; else something alike."""
    cores, memory = CPU.cores(), memory_kib()
    if cores is not None and len(memory) == 2:
        return Usage(cores, (memory["MemTotal"] - memory["MemAvailable"]) * 1024)
    base, made_up = (0.07, 480) if host.name.startswith("cloud") else (0.024, 110)
    wave = noise(host.name, now)
    return Usage(base * (0.9 + 0.4 * wave), int((made_up + 30 * wave) * 2**20))


def resource_metrics(pods: Sequence[Object], host: Host, now: float) -> str:
    """The kubelet's /metrics/resource."""
    millis = int(now * 1000)
    rows: dict[str, list[str]] = {name: [] for name, *_ in _METRICS}
    for pod in pods:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        total_cpu, total_memory = 0.0, 0
        for state in pod["status"].get("containerStatuses", ()):
            if "running" not in state["state"]:
                continue
            usage = container_usage(name, state["name"], now)
            age = max(1.0, now - host.booted) * 0.4
            labels = f'container="{state["name"]}",namespace="{namespace}",pod="{name}"'
            rows["container_cpu_usage_seconds_total"].append(f"{{{labels}}} {usage.cpu * age:.9f} {millis}")
            rows["container_memory_working_set_bytes"].append(f"{{{labels}}} {usage.memory} {millis}")
            rows["container_start_time_seconds"].append(f"{{{labels}}} {host.booted + age:.10e}")
            total_cpu, total_memory = total_cpu + usage.cpu * age, total_memory + usage.memory
        labels = f'namespace="{namespace}",pod="{name}"'
        rows["pod_cpu_usage_seconds_total"].append(f"{{{labels}}} {total_cpu:.9f} {millis}")
        rows["pod_memory_working_set_bytes"].append(f"{{{labels}}} {total_memory} {millis}")
    own = node_usage(host, now)
    rows["node_cpu_usage_seconds_total"].append(f" {own.cpu * (now - host.booted):.9f} {millis}")
    rows["node_memory_working_set_bytes"].append(f" {own.memory} {millis}")
    rows["resource_scrape_error"].append(" 0")
    rows["scrape_error"].append(" 0")
    text = []
    for name, kind, level, help_text in _METRICS:
        text += [f"# HELP {name} [{level}] {help_text}", f"# TYPE {name} {kind}"]
        text += [name + row for row in rows[name]]
    return "".join(line + "\n" for line in text)


_ERROR_HELP = "1 if there was an error while getting container metrics, 0 otherwise"
_METRICS = (
    (
        "container_cpu_usage_seconds_total",
        "counter",
        "STABLE",
        "Cumulative cpu time consumed by the container in core-seconds",
    ),
    ("container_memory_working_set_bytes", "gauge", "STABLE", "Current working set of the container in bytes"),
    ("container_start_time_seconds", "gauge", "STABLE", "Start time of the container since unix epoch in seconds"),
    ("node_cpu_usage_seconds_total", "counter", "STABLE", "Cumulative cpu time consumed by the node in core-seconds"),
    ("node_memory_working_set_bytes", "gauge", "STABLE", "Current working set of the node in bytes"),
    ("pod_cpu_usage_seconds_total", "counter", "STABLE", "Cumulative cpu time consumed by the pod in core-seconds"),
    ("pod_memory_working_set_bytes", "gauge", "STABLE", "Current working set of the pod in bytes"),
    ("resource_scrape_error", "gauge", "STABLE", _ERROR_HELP),
    ("scrape_error", "gauge", "ALPHA", _ERROR_HELP),
)


def stats_summary(pods: Sequence[Object], host: Host, now: float) -> str:
    """The kubelet's /stats/summary, the part that people look at."""
    own = node_usage(host, now)
    stamp = timestamp(now)

    def usage(of: Usage) -> Object:
        return {
            "cpu": {"time": stamp, "usageNanoCores": int(of.cpu * 1e9)},
            "memory": {"time": stamp, "workingSetBytes": of.memory},
        }

    listed = [
        {
            "podRef": {key: pod["metadata"][key] for key in ("name", "namespace", "uid")},
            "startTime": pod["status"].get("startTime"),
            "containers": [
                {"name": state["name"], **usage(container_usage(pod["metadata"]["name"], state["name"], now))}
                for state in pod["status"].get("containerStatuses", ())
            ],
        }
        for pod in pods
    ]
    node = {"nodeName": host.name, "startTime": timestamp(host.booted), **usage(own)}
    return json.dumps({"node": node, "pods": listed})
