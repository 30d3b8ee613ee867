"""A desk in memory: the recorded healthy site's numbers with gaps as wanted, and machines made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from kedge import k8s
from kedge.i18n import Text
from kedge.model import Reason, Unknown
from kedge.sources.base import no_ssh
from kedge.top.history import History
from kedge.top.host import ContainerUse, CpuUse, HostSample, NetUse, ProcessUse
from kedge.top.hosts import HostNow
from kedge.top.metrics import Look
from kedge.top.owners import Names, Owner
from kedge.top.proc import Disk, Heat, Memory, Stall
from kedge.top.usage import table
from tests.tui.sites import NOW
from tests.unit.test_top_usage import listed

GIB = 1 << 30
GONE = Unknown(Reason.SERVER_ERROR, Text("the server is currently unable to handle the request"))
LOST = Unknown(Reason.UNREACHABLE, Text("10.99.0.10:6443 refuses connections: nothing listens there"))


def look(*, gaps: tuple[str, ...] = (), **more: Any) -> Look:
    """The healthy recording; the API says nothing about the nodes ``gaps`` and their pods."""
    pods = listed("healthy", "pods.json", k8s.Pod)
    gone = {pod.metadata.name for pod in pods if pod.spec.node_name in gaps}
    made = table(
        listed("healthy", "nodes.json", k8s.Node),
        pods,
        [row for row in listed("healthy", "metrics-nodes.json", k8s.NodeMetrics) if row.metadata.name not in gaps],
        [row for row in listed("healthy", "metrics-pods.json", k8s.PodMetrics) if row.metadata.name not in gone],
    )
    fresh = NOW - timedelta(seconds=8)
    made = replace(
        made,
        nodes=tuple(replace(row, at=fresh if row.usage else None) for row in made.nodes),
        pods=tuple(replace(row, at=fresh if row.usage else None) for row in made.pods),
    )
    history = History()
    for minute in range(15):
        history.add("cloud1", 0.1 + 0.05 * minute, NOW.timestamp() - 60 * (14 - minute))
    return replace(Look(made, None, None, NOW - timedelta(seconds=2), history), **more)


def sample(pod_uid: str = "", *, busy: float = 0.93) -> HostSample:
    """A machine of two cores under pressure."""
    gateway, hostile = Owner(pod_uid, "ab" * 32), Owner("", "cd" * 32)
    processes = (
        ProcessUse(1, "systemd", "S", 0.0, 12 << 20, 1),
        ProcessUse(812, "edgecore", "S", 0.31, 140 << 20, 22),
        ProcessUse(2041, "gateway", "R", 0.97, 40 << 20, 9, gateway),
        ProcessUse(2300, "[b]x[/b]\x1b[31m生产线", "R", None, 3 << 20, 1, hostile),
    )
    return HostSample(
        uptime=93_600.0,
        kernel="Linux 5.10.0 armv7l",
        cpu=CpuUse(None, busy, 0.02, 0.0),
        cores=(CpuUse(0, busy, 0.02, 0.0), CpuUse(1, 0.4, 0.0, 0.0)),
        core_count=2,
        load=(1.92, 1.4, 0.8),
        memory=Memory(2 * GIB, GIB // 2, GIB, GIB // 2),
        disks=(Disk("/", 16 * GIB, 12 * GIB, 4 * GIB), Disk("/data", 32 * GIB, 31 * GIB, GIB)),
        inodes=(Disk("/", 1000, 120, 880),),
        nets=(NetUse("eth0", 12_345.0, 2_048.0, 3),),
        stalls=(Stall("cpu", 0.12, 0.0), Stall("memory", 0.0, 0.0), Stall("io", 0.04, 0.01)),
        heat=(Heat("cpu-thermal", 71.5),),
        processes=processes,
        containers=(ContainerUse(gateway, 0.97, 40 << 20),),
        names=Names({}, {"ab" * 32: ("factory", "line-gateway-zxgrr", "gateway")}),
    )


class FakeMetrics:
    def __init__(self, first: Look) -> None:
        self.look = first
        self.listeners: list[Callable[[Look], None]] = []

    def subscribe(self, listener: Callable[[Look], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def say(self, look: Look) -> None:
        self.look = look
        for listener in tuple(self.listeners):
            listener(look)


class FakeHosts:
    """Machines by name; one that is not there has no SSH."""

    def __init__(self, known: dict[str, HostSample]) -> None:
        self.known = known
        self.watching: list[tuple[str, int]] = []
        self.most = 0

    def now(self, name: str) -> HostNow:
        if name not in self.known:
            return HostNow(name, problem=no_ssh(name))
        return HostNow(name, self.known[name], NOW - timedelta(seconds=1))

    def watch(self, name: str, interval: int, listener: Callable[[HostNow], None]) -> Callable[[], None]:
        entry = (name, interval)
        self.watching.append(entry)
        self.most = max(self.most, len(self.watching))
        listener(self.now(name))
        return lambda: self.watching.remove(entry)


def desk(first: Look | None = None, hosts: dict[str, HostSample] | None = None) -> Any:
    """What a pane is given instead of kedge.top.desk.TopDesk."""
    if hosts is None:
        pod = next(pod for pod in listed("healthy", "pods.json", k8s.Pod) if pod.spec.node_name == "edge1")
        hosts = {"edge1": sample(pod.metadata.uid)}
    return SimpleNamespace(metrics=FakeMetrics(first or look(gaps=("edge1",))), hosts=FakeHosts(hosts))
