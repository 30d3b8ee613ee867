"""Logs of an open site: what there is to read of a component, and the readers that follow it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kedge.asks import PodLog
from kedge.facts.inventory import HomeNamespace
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods, Pod
from kedge.i18n import Text, _
from kedge.links.base import HostStream
from kedge.logs.choices import Choice, choices
from kedge.logs.follow import START_SECONDS, Follower
from kedge.logs.lines import LogLine
from kedge.logs.merge import merged
from kedge.logs.sources import ContainerLog, Source, pod_sources, sources_of
from kedge.logs.ways import Broken, FollowState
from kedge.model import Finding, HostPaths, LinkError, Status
from kedge.sources.base import no_api

if TYPE_CHECKING:
    from kedge.hosts import HostSources
    from kedge.live import LiveSite

FLUSH_SECONDS = 0.05
"""Lines are handed on in batches; a screen is not drawn more often anyway."""

FIRST_SECONDS = 2.5
"""Several sources have so long to begin: their first lines are shown in one order, however fast each of them is."""

ASK_SECONDS = 20.0
"""How long logs of a node are tried again before what was known of them counts."""

LOGS_CODE = "KE501"


@dataclass(slots=True)
class _Asked:
    """Logs of a node that are being tried, and for how many; nobody waits for one that is given up."""

    task: asyncio.Task[tuple[Finding, ...]]
    waiting: int = 0


class LogDesk:
    """The ways to logs of one open site (:class:`kedge.logs.ways.Ways`)."""

    def __init__(self, site: LiveSite, hosts: HostSources) -> None:
        self._site = site
        self._hosts = hosts
        self._asked: dict[str, _Asked] = {}

    def sources(self, component: str, target: str, *, previous: bool = False) -> tuple[Source, ...]:
        """The logs that tell most about a component."""
        return sources_of(component, target, self._site.engine.store, previous=previous)

    def pod_sources(self, wanted: str, *, previous: bool = False) -> tuple[Source, ...]:
        """The containers that ``NAMESPACE/POD[/CONTAINER]`` means."""
        home = self._site.engine.store.known(HomeNamespace)
        return pod_sources(self._pods(), wanted, home=home, previous=previous)

    def choices(self) -> tuple[Choice, ...]:
        """Every log there is to choose from."""
        facts = self._site.engine.store
        nodes = facts.all(Node)
        return choices(facts, [name for name, node in nodes.items() if isinstance(node, Node) and node.is_edge])

    def pod_names(self) -> tuple[str, ...]:
        """Every pod that is known, as ``NAMESPACE/POD``."""
        return tuple(sorted(f"{pod.namespace}/{pod.name}" for pod in self._pods()))

    def _pods(self) -> list[Pod]:
        found = self._site.engine.store.all(NodePods).values()
        return [pod for one in found if isinstance(one, NodePods) for pod in one.pods]

    # --------------------------------------------------------------------------------------------------- ways

    def pod_log(self, log: ContainerLog, query: dict[str, str]) -> AsyncIterator[bytes]:
        """Chunks of the log through the API; raises LinkError from the iterator."""
        if self._site.kubernetes is None:
            raise LinkError(no_api())
        access = PodLog(log.namespace, log.pod, log.container).access
        return self._site.kubernetes.stream_log(log.path, access, query)

    async def host_stream(self, host: str, command: str) -> HostStream:
        """A long command on a host, as root; raises LinkError."""
        return await self._hosts.streams(host).stream(command, root=True, deadline=START_SECONDS)

    def pod_logs_folder(self, host: str) -> str:
        """Where the host keeps its pods' log files."""
        found = next((one.paths for one in self._site.engine.hosts if one.name == host), HostPaths())
        return found.pod_logs

    def broken(self, node: str) -> Broken | None:
        """The failed check of this node's logs, told by its cause."""
        return _broken(self._site.last.findings if self._site.last is not None else (), node)

    async def ask_anew(self, node: str) -> Broken | None:
        """The same, once logs of the node were tried again; what was known, where that takes too long. Whoever asks for
        the same node meanwhile waits for the same answer.
        """
        asked = self._asked.get(node)
        if asked is None or asked.task.done():
            asked = self._asked[node] = _Asked(asyncio.create_task(self._site.recheck([LOGS_CODE], node)))
        asked.waiting += 1
        try:
            await asyncio.wait({asked.task}, timeout=ASK_SECONDS)
        finally:
            asked.waiting -= 1
            if not asked.waiting:
                asked.task.cancel()
        return _broken(asked.task.result(), node) if asked.task.done() else self.broken(node)

    def is_running(self, log: ContainerLog) -> bool | None:
        """Whether the container runs; None when the pod is gone."""
        pod = self._pod(log)
        return None if pod is None else any(one.name == log.container and one.running for one in pod.containers)

    def restarts(self, log: ContainerLog) -> int | None:
        """How often the container was started again; None when the pod is gone."""
        pod = self._pod(log)
        return None if pod is None else sum(one.restarts for one in pod.containers if one.name == log.container)

    def _pod(self, log: ContainerLog) -> Pod | None:
        node = self._site.engine.store.known(NodePods, log.node)
        here = next((pod for pod in node.pods if pod.uid == log.uid), None) if node is not None else None
        return here or next((pod for pod in self._pods() if pod.uid == log.uid), None)


def _broken(findings: Sequence[Finding], node: str) -> Broken | None:
    failed = next((f for f in findings if (f.code, f.target, f.status) == (LOGS_CODE, node, Status.FAIL)), None)
    if failed is None:
        return None
    cause = _cause(failed, findings)
    return Broken(cause.code, cause.text)


def _cause(failed: Finding, findings: Sequence[Finding]) -> Finding:
    if failed.because is None:
        return failed
    targets = (failed.because_target, failed.target, None)
    same = [f for f in findings if f.code == failed.because]
    ranked = sorted(same, key=lambda f: targets.index(f.target) if f.target in targets else len(targets))
    return ranked[0] if ranked else failed


class LogReader:
    """Follows some sources at once.

    Args:
        on_lines: gets lines in batches, on the event loop.
    """

    def __init__(
        self, desk: LogDesk, on_lines: Callable[[Sequence[LogLine]], None], *, tail: int, since: int | None = None
    ) -> None:
        self.sources: list[Source] = []
        self._followers: list[Follower] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._desk = desk
        self._on_lines = on_lines
        self._tail, self._since = tail, since
        self._waiting: list[LogLine] = []
        self._flush: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._began = time.monotonic()
        self._is_settled = False

    def add(self, source: Source) -> None:
        """Follow one more; one that is followed already is left alone."""
        if source in self.sources or self._is_closed:
            return
        number = len(self.sources)
        follower = Follower(source, number, self._desk, self._came, tail=self._tail, since=self._since)
        self.sources.append(source)
        self._followers.append(follower)
        self._tasks.append(asyncio.create_task(follower.run(), name=f"log {source.name}"))

    @property
    def states(self) -> tuple[FollowState, ...]:
        """How each source stands."""
        return tuple(follower.state for follower in self._followers)

    def go_on(self) -> bool:
        """Read on where a budget is used up; True when that was so anywhere."""
        waiting = [follower for follower in self._followers if follower.state.waits]
        for follower in waiting:
            follower.go_on()
        return bool(waiting)

    def _came(self, lines: Sequence[LogLine]) -> None:
        self._waiting += lines
        if self._is_closed or (self._flush is not None and self._is_settled):
            return
        patience = FLUSH_SECONDS
        if not self._is_settled:
            patience = max(FLUSH_SECONDS, self._began + FIRST_SECONDS - time.monotonic())
            if patience == FLUSH_SECONDS or len(self.sources) == 1 or all(s.received or s.ended for s in self.states):
                self._is_settled, patience = True, FLUSH_SECONDS
        if self._flush is not None:
            self._flush.cancel()
        self._flush = asyncio.get_running_loop().call_later(patience, self._hand_on)

    def _hand_on(self) -> None:
        self._flush, self._is_settled = None, True
        lines, self._waiting = self._waiting, []
        self._on_lines(merged(lines) if len(self.sources) > 1 else lines)

    async def close(self) -> None:
        """Stop reading; safe to call twice."""
        self._is_closed = True
        if self._flush is not None:
            self._flush.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def nothing_of(component: str) -> Text:
    """Why there is no log to show for a component."""
    if component.startswith("cloud"):
        return _("No pod is known whose log would tell about this; `:logs NAMESPACE/POD` shows any")
    return _("There is no log here; select a node or one of its parts, or type `:logs NAMESPACE/POD`")
