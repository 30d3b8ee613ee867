"""Rows of the site-wide top: the API's numbers, a machine's own where those are missing, and why they are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kedge.model import Finding
from kedge.top.host import HostSample
from kedge.top.hosts import HostNow
from kedge.top.metrics import Look
from kedge.top.pressure import Pressure, pressure
from kedge.top.quantities import NANO
from kedge.top.usage import Amount, ContainerRow, NodeRow, PodRow, share, total
from kedge.top.why import Found, why_no_numbers
from tui.top.sifting import Sieve

Key = tuple[str, ...]
"""(node,), (namespace, pod) or (namespace, pod, container)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        usage: None where nobody knows. own: it was read from the machine, not from the API.
        of: what percentages and pressure are of: allocatable for nodes, limits for pods.
        gap: the API has no numbers for it.
    """

    key: Key
    node: str
    usage: Amount | None
    of: Amount
    requests: Amount
    limits: Amount
    own: bool
    gap: bool
    edge: bool
    source: NodeRow | PodRow
    container: str = ""

    @property
    def pressures(self) -> tuple[Pressure, Pressure]:
        """Of CPU and memory."""
        usage = self.usage or Amount()
        return pressure(share(usage.cpu, self.of.cpu)), pressure(share(usage.memory, self.of.memory))

    @property
    def namespace(self) -> str:
        """ "" for a node."""
        return self.key[0] if len(self.key) > 1 else ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that rows are made of."""

    look: Look = field(default_factory=Look)
    findings: Found = field(default_factory=dict)
    host: Callable[[str], HostNow | None] = lambda name: None

    def why(self, row: Row) -> Finding | None:
        """Why the API has no numbers of a row."""
        return why_no_numbers(self.findings, row.node, pods=len(row.key) > 1) if row.gap else None


def node_rows(scene: Scene) -> list[Row]:
    """Every node."""
    rows = []
    for node in scene.look.table.nodes:
        usage = node.usage if node.usage is not None else _of_machine(_sample(scene, node.name))
        gap = node.usage is None
        rows.append(
            Row((node.name,), node.name, usage, node.allocatable, node.requests, node.limits,
                own=gap and usage is not None, gap=gap, edge=node.edge, source=node)
        )  # fmt: skip
    return rows


def pod_rows(scene: Scene) -> list[Row]:
    """Every pod that should run."""
    return [_pod_row(scene, pod) for pod in scene.look.table.pods]


def _pod_row(scene: Scene, pod: PodRow) -> Row:
    usage, own = pod.usage, False
    if usage is None and pod.uid:
        parts = [amount for _name, amount in _containers_of(scene, pod).items()]
        usage, own = (total(parts), True) if parts else (None, False)
    gap = pod.usage is None and pod.phase == "Running"
    return Row((pod.namespace, pod.name), pod.node, usage, pod.limits, pod.requests, pod.limits,
               own=own, gap=gap, edge=pod.edge, source=pod)  # fmt: skip


def container_rows(scene: Scene) -> list[Row]:
    """Every container of every pod that should run."""
    return [_container_row(scene, pod, container) for pod in scene.look.table.pods for container in pod.containers]


def _container_row(scene: Scene, pod: PodRow, container: ContainerRow) -> Row:
    usage, own = container.usage, False
    if usage is None and pod.uid:
        usage = _containers_of(scene, pod).get(container.name)
        own = usage is not None
    gap = container.usage is None and pod.phase == "Running"
    return Row((pod.namespace, pod.name, container.name), pod.node, usage, container.limits, container.requests,
               container.limits, own=own, gap=gap, edge=pod.edge, source=pod, container=container.name)  # fmt: skip


def _sample(scene: Scene, node: str) -> HostSample | None:
    now = scene.host(node)
    return now.sample if now is not None and now.problem is None else None


def _of_machine(sample: HostSample | None) -> Amount | None:
    """What a machine uses by its own account: not idle, and not available."""
    if sample is None or sample.cpu is None:
        return None
    return Amount(round(sample.cpu.busy * sample.core_count * NANO), sample.memory.used * NANO)


def _containers_of(scene: Scene, pod: PodRow) -> Mapping[str, Amount]:
    """By the names of containers, or by their ids where a name is not known."""
    sample = _sample(scene, pod.node)
    found: dict[str, Amount] = {}
    for use in sample.containers if sample is not None else ():
        if sample is not None and use.owner.uid == pod.uid:
            name = sample.names.of(use.owner).container or use.owner.container
            cpu = round(use.cpu * NANO) if use.cpu is not None else None
            found[name] = Amount(cpu, use.memory * NANO if use.memory is not None else None)
    return found


# ------------------------------------------------------------------------------------------ choosing, sorting


def sift(rows: Sequence[Row], by: Sieve, *, faults_only: bool = False) -> list[Row]:
    """The rows that are shown."""
    return [
        row
        for row in rows
        if by.keeps(" ".join((*row.key, row.node)), namespace=row.namespace, node=row.node, edge=row.edge,
                    labels=row.source.labels)
        and (not faults_only or row.gap or max(row.pressures) >= Pressure.BUSY)
    ]  # fmt: skip


def sort(rows: list[Row], by: str) -> list[Row]:
    """By ``cpu`` or ``memory``, most first and what is not known last; else by name."""
    if by == "name":
        return sorted(rows, key=lambda row: row.key)

    def value(row: Row) -> int:
        usage = row.usage or Amount()
        used = usage.cpu if by == "cpu" else usage.memory
        return -1 if used is None else used

    return sorted(rows, key=lambda row: (-value(row), row.key))
