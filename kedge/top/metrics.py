"""The metrics API, asked for as long as somebody looks: one question at a time, never faster than it has answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kedge import k8s
from kedge.asks import Api
from kedge.links.pools import DaemonExecutor, run
from kedge.model import Observation, Unknown
from kedge.plugins import Probe
from kedge.probes._objects import objects
from kedge.probes.metrics import node_usage, pod_usage
from kedge.probes.nodes import NODES
from kedge.probes.pods import PODS
from kedge.sources.base import Source
from kedge.top.history import History
from kedge.top.usage import Amount, Table, share, table

log = logging.getLogger(__name__)

FEW_SECONDS, MANY_SECONDS = 5.0, 15.0
"""Between two questions; metrics-server itself measures every 15 s, so that on a large site more is waste."""

MANY = 1000
"""Pods from which a site counts as large."""

ASK_SECONDS = 10.0
READ_SECONDS = 30.0


def _ask(probe: Probe) -> Api:
    asked = probe.ask()
    assert isinstance(asked, Api)  # noqa: S101 - what these two probes ask is one list each
    return asked


@dataclass(frozen=True, slots=True)
class Look:
    """What the metrics API said last.

    Attributes:
        table: rows by name; of the last good answer while Kubernetes itself does not answer.
        problem: why there are no numbers at all, None while there are.
        lost: why Kubernetes itself does not answer; the table is old then.
        at: when Kubernetes answered last, by our clock; None before it ever did.
        history: CPU shares of nodes by name and CPU in nanocores of pods by (namespace, name), over time.
    """

    table: Table = field(default_factory=Table)
    problem: Unknown | None = None
    lost: Unknown | None = None
    at: datetime | None = None
    history: History = field(default_factory=History)


class MetricsFeed:
    """Polls while it has listeners; the table is put together on a thread of its own, which ends with the last one.

    Args:
        source: answers API asks, with the rights that the same probes declare.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._listeners: list[Callable[[Look], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._look = Look()

    @property
    def look(self) -> Look:
        """What is known now."""
        return self._look

    def subscribe(self, listener: Callable[[Look], None]) -> Callable[[], None]:
        """Tell ``listener`` about every answer, on the event loop; gives the function that ends it."""
        self._listeners.append(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._poll(), name="metrics")

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
            if not self._listeners:
                self._stop()

        return leave

    async def close(self) -> None:
        """Stop asking; safe to call twice."""
        self._listeners.clear()
        task = self._stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    def _stop(self) -> asyncio.Task[None] | None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        return task

    async def _poll(self) -> None:
        reader = DaemonExecutor("top", 1)
        try:
            while True:
                asks = (NODES, PODS, _ask(node_usage), _ask(pod_usage))
                seen = await self._source.observe(asks, deadline=ASK_SECONDS)
                self._look = await run(reader, partial(_next, self._look, seen), READ_SECONDS, lambda: None)
                for listener in tuple(self._listeners):
                    listener(self._look)
                await asyncio.sleep(MANY_SECONDS if len(self._look.table.pods) > MANY else FEW_SECONDS)
        except asyncio.CancelledError:
            raise
        except Exception:  # raised again: nobody awaits the task, so the log is where it is told
            log.exception("the metrics feed ended")
            raise
        finally:
            reader.shutdown()


def _next(before: Look, seen: Sequence[Observation]) -> Look:
    """The look after an answer; called on the feed's thread, one at a time."""
    nodes, pods, node_metrics, pod_metrics = seen
    lost = nodes.error or pods.error
    if lost is not None:
        return replace(before, lost=lost)
    listed = table(
        _objects(nodes, k8s.Node),
        _objects(pods, k8s.Pod),
        _objects(node_metrics, k8s.NodeMetrics),
        _objects(pod_metrics, k8s.PodMetrics),
    )
    now = datetime.now(UTC)
    _remember(before.history, listed, now.timestamp())
    return Look(listed, node_metrics.error or pod_metrics.error, None, now, before.history)


def _objects(seen: Observation, of: Any) -> Iterable[Any]:
    return objects(seen, of) if seen.error is None else ()


def _remember(history: History, listed: Table, now: float) -> None:
    none = Amount()
    for node in listed.nodes:
        part = share((node.usage or none).cpu, node.allocatable.cpu)
        if part is not None:
            history.add(node.name, part, now)
    for pod in listed.pods:
        cpu = (pod.usage or none).cpu
        if cpu is not None:
            history.add((pod.namespace, pod.name), cpu, now)
    names: set[str | tuple[str, str]] = {node.name for node in listed.nodes}
    names |= {(pod.namespace, pod.name) for pod in listed.pods}
    history.keep(names)
