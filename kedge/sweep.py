"""Asks what probes want to know, in waves, and reads the answers into facts.

A probe may need facts before it knows what to ask, so the engine asks in waves: whatever is known goes into
the first script. A first sweep costs a host at most two scripts; later ones cost one, because the facts of
the sweep before are still there, and a second one only when an ask has changed since.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.asks import Ask, is_api
from kedge.i18n import _
from kedge.model import SITE, Cost, Host, Observation, Reason, Unknown
from kedge.plugins import Probe, Registry
from kedge.sources.base import KUBERNETES, Source
from kedge.store import FactStore

log = logging.getLogger(__name__)

HOST_WAVES = 2
SITE_WAVES = 4

_LOST = frozenset({Reason.UNREACHABLE, Reason.TIMED_OUT})

NOTHING_TO_ASK = Unknown(Reason.NOT_ASKED, _("There is nothing to ask here"))


@dataclass(slots=True)
class _Job:
    """One probe for one target with the asks it wants answered now."""

    probe: Probe
    target: str
    asks: tuple[Ask, ...]
    seen: dict[int, Observation] = field(default_factory=dict)

    def is_answered(self) -> bool:
        return len(self.seen) == len(self.asks)


class Sweeper:
    """Runs probes against sources and keeps the fact store up to date.

    Args:
        registry: which probes there are.
        store: where facts go.
        kubernetes: answers API asks.
        host: gives the source of a host by name.
        deadline: seconds for one wave on one source; may be changed between sweeps.
        clock: seconds that only go forward; tells when a probe that need not be asked every time is due again.
    """

    def __init__(
        self,
        registry: Registry,
        store: FactStore,
        kubernetes: Source,
        host: Callable[[str], Source],
        deadline: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._store = store
        self._kubernetes = kubernetes
        self._host = host
        self.deadline = deadline
        self._clock = clock
        self._last: dict[tuple[str, str], tuple[tuple[Ask, ...], float]] = {}
        self.witness: Callable[[Sequence[Observation]], None] = lambda answers: None
        """Told of everything that was answered, before it is read; what goes into a bundle."""

    def forget_pace(self) -> None:
        """What was answered lately is old news: something was changed."""
        self._last.clear()

    async def site(self, *, only: Callable[[Probe], bool] = lambda probe: True, paced: bool = False) -> None:
        """Ask everything that is asked of the site as a whole.

        Args:
            paced: leave out what was answered less than its probe's ``every`` seconds ago.
        """
        probes = [probe for probe in self._registry.probes if probe.on is None and only(probe)]
        await self._waves(probes, SITE, None, SITE_WAVES, paced)

    async def host(
        self, host: Host, costs: Iterable[Cost], *, only: Callable[[Probe], bool] = lambda p: True, paced: bool = False
    ) -> None:
        """Ask one host, and the API about it, everything its roles allow at these costs."""
        allowed = set(costs)
        probes = [
            probe
            for probe in self._registry.probes
            if probe.on is not None and probe.on & host.roles and probe.cost in allowed and only(probe)
        ]
        await self._waves(probes, host.name, host, HOST_WAVES, paced)

    async def _waves(self, probes: Sequence[Probe], target: str, host: Host | None, waves: int, paced: bool) -> None:
        asked: dict[str, tuple[Ask, ...]] = {}
        for _wave in range(waves):
            jobs = [job for probe in probes if (job := self._job(probe, target, host, asked))]
            jobs = [job for job in jobs if not (paced and self._is_fresh(job))]
            if not jobs:
                return
            asked |= {job.probe.name: job.asks for job in jobs}
            await self._ask(jobs, target)

    def _job(self, probe: Probe, target: str, host: Host | None, asked: dict[str, tuple[Ask, ...]]) -> _Job | None:
        """What a probe wants asked now; None when that was asked already or cannot be known yet."""
        arguments: list[Any] = []
        for need in probe.needs:
            value = host if need.type is Host else self._store.argument(need, target)
            if isinstance(value, Unknown) and need.mode == "plain":
                self._read_unknown(probe, target, value)
                return None
            arguments.append(value)
        try:
            wanted = probe.ask(*arguments)
        except Exception as error:  # a plugin's bug must not stop the sweep
            log.exception("probe %s failed for %s", probe.name, target)
            self._put(probe, target, _broken(probe, error), ())
            return None
        if wanted is None:
            self._put(probe, target, NOTHING_TO_ASK, ())
            return None
        asks = (wanted,) if isinstance(wanted, Ask) else tuple(wanted)
        return None if asked.get(probe.name) == asks else _Job(probe, target, asks)

    def _is_fresh(self, job: _Job) -> bool:
        """Whether the very same was answered so lately that its probe need not ask again."""
        asks, at = self._last.get((job.probe.name, job.target), ((), 0.0))
        return asks == job.asks and self._clock() - at < job.probe.every

    def _read_unknown(self, probe: Probe, target: str, why: Unknown) -> None:
        if self._store.get(probe.fact, target) is None or why.reason is not Reason.NOT_ASKED:
            self._put(probe, target, why, ())

    async def _ask(self, jobs: Sequence[_Job], target: str) -> None:
        """Group by source so that each source is asked once, and read a job as soon as it is complete."""
        api = [(job, i) for job in jobs for i, ask in enumerate(job.asks) if is_api(ask)]
        shell = [(job, i) for job in jobs for i, ask in enumerate(job.asks) if not is_api(ask)]
        calls = [self._observe(self._kubernetes, [slot]) for slot in api]
        if shell:
            calls.append(self._observe(self._host(target), shell))
        for job in jobs:
            if not job.asks:
                self._read(job)
        await asyncio.gather(*calls)

    async def _observe(self, source: Source, slots: Sequence[tuple[_Job, int]]) -> None:
        unique: dict[Ask, list[tuple[_Job, int]]] = {}
        for job, position in slots:
            unique.setdefault(job.asks[position], []).append((job, position))
        answers = await source.observe(list(unique), deadline=self.deadline)
        self.witness(answers)
        for (_asked, waiting), seen in zip(unique.items(), answers, strict=True):
            for job, position in waiting:
                job.seen[position] = seen
                if job.is_answered():
                    self._read(job)

    def _read(self, job: _Job) -> None:
        seen = tuple(job.seen[i] for i in range(len(job.asks)))
        errors = [o.error for o in seen if o.error is not None]
        if errors and not job.probe.reads_errors:
            self._put(job.probe, job.target, errors[0], seen)
            return
        if not errors:
            self._last[job.probe.name, job.target] = (job.asks, self._clock())
        read = job.probe.read
        if read is None:
            return
        try:
            value = read(*seen)
        except Exception as error:  # hostile input must not stop the sweep; a parser's bug is named
            log.exception("probe %s cannot read the answer of %s", job.probe.name, job.target)
            value = _broken(job.probe, error)
        self._put(job.probe, job.target, value, seen)

    def _put(self, probe: Probe, target: str, value: Any, seen: Sequence[Observation]) -> None:
        if self._stays(probe, target, value, seen):
            return
        if not probe.many:
            self._store.put(probe.fact, target, value, seen)
        elif isinstance(value, Unknown):
            # The last list stays, marked stale by its link; only a list that never came is unknown.
            if not self._store.all(probe.fact):
                self._store.put(probe.fact, SITE, value, seen)
        else:
            self._store.put_all(probe.fact, value, seen)

    def _stays(self, probe: Probe, target: str, value: Any, seen: Sequence[Observation]) -> bool:
        """A lost API takes no picture away: what it told last stays, and its link says how old it is."""
        lost = isinstance(value, Unknown) and value.reason in _LOST and any(o.source == KUBERNETES for o in seen)
        if not lost or probe.volatile or probe.reads_errors:
            return False
        return self._store.known(probe.fact, target) is not None


def _broken(probe: Probe, error: Exception) -> Unknown:
    text = _("The probe {probe} could not read the answer: {error}. The log file has the details")
    return Unknown(Reason.UNPARSABLE, text.format(probe=probe.name, error=error))
