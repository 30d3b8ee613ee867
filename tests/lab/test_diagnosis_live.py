"""Faults of the running practice site, over real TLS, SSH and shells, lead to their true causes and to nothing else."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

import kedge.sources.kube as kube_source
from kedge.asks import Tcp, TlsPeer
from kedge.model import Finding, Status
from kedge.opening import open_site
from kedge.plugins import Registry
from kedge.prompter import RefusingPrompter
from kedge.registry import discover
from kedge.workbench import Options, choose
from lab import world_cloudcore
from lab.background import BackgroundSite, run_in_thread
from lab.faults import FAULTS
from lab.objects import NODES
from lab.world import World
from lab.world_settings import Settings
from tests.lab.diagnosed import mistakes, true_causes
from tests.lab.test_diagnosis_pairs import Placed, label, pairs

QUICK = Settings(
    edges=2,
    node_grace=2.0,
    lease_interval=0.4,
    scrape_interval=0.4,
    pod_start=0.1,
    pod_stop=0.1,
    retry=0.3,
    crash_backoff=1.0,
    seed=20261122,  # not that of another site of this process: pods are remembered by uid and resourceVersion
)
PATIENCE = 40.0
"""Seconds in which a change of the site must have come to rest and be told rightly."""

LOOK = 8.0
"""Deadline of one look at one host or at the API."""

PAIRS = random.Random(20261122).sample(pairs(), 15)  # noqa: S311 - a seeded choice


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover()


@pytest.fixture(scope="module")
def lab() -> Iterator[BackgroundSite]:
    with run_in_thread(settings=QUICK) as site:
        yield site


@pytest.fixture(autouse=True)
def _deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs is given up sooner than on a real site."""
    monkeypatch.setattr(Tcp, "timeout", 1.0)
    monkeypatch.setattr(TlsPeer, "timeout", 1.5)
    monkeypatch.setattr(kube_source, "LOG_SECONDS", 1.5)
    monkeypatch.setattr(kube_source, "CALL_SECONDS", 3.0)
    monkeypatch.setattr(world_cloudcore, "BYTES_PER_SECOND_UNSENT", 1000)


async def look(lab: BackgroundSite, registry: Registry) -> tuple[Finding, ...]:
    """One look with everything that a sweep may ask."""
    options = Options(config=str(lab.config_file), site="lab")
    opened = await open_site(choose(options), options, registry, RefusingPrompter(), lambda: True, watching=False)
    opened.site.engine.deadline = LOOK
    try:
        await opened.site.engine.look()
        return opened.site.engine.findings()
    finally:
        await opened.site.close()


def at_rest(world: World) -> bool:
    """Every node's Ready tells what has become of its edge."""
    for node in world.store.list(NODES):
        edge = world.edges.get(node["metadata"]["name"])
        if edge is None:
            continue
        ready = next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")
        well = edge.running and edge.hub_connected and edge.host.is_active("containerd")
        if (ready == "True") is not well:
            return False
    return True


async def until(lab: BackgroundSite, rest: bool) -> None:
    """Wait until the site has come to rest, and with ``rest`` until nothing is wrong any more."""
    changed, ends = threading.Event(), time.monotonic() + PATIENCE
    lab.call(lambda world: world.on_change.append(lambda _topic: changed.set()))
    while not lab.call(at_rest) or (rest and lab.call(true_causes)):
        assert time.monotonic() < ends, (lab.call(at_rest), lab.call(true_causes))
        await asyncio.to_thread(changed.wait, 0.2)
        changed.clear()
    lab.call(lambda world: world.on_change.pop())


def switch(lab: BackgroundSite, placed: Sequence[Placed], on: bool) -> None:
    for name, edge in placed:
        lab.set_fault(name, on, edge=edge if FAULTS[name].per_edge else None)


async def check(lab: BackgroundSite, registry: Registry, placed: Sequence[Placed]) -> None:
    """Break, look until what is said is right, repair."""
    switch(lab, placed, True)
    try:
        await until(lab, rest=False)
        ends = time.monotonic() + PATIENCE
        while said := mistakes(await look(lab, registry), lab.call(true_causes)):
            assert time.monotonic() < ends, said  # a metric, a lease or a log line may still be on its way
    finally:
        switch(lab, placed[::-1], False)
        await until(lab, rest=True)


async def test_a_healthy_site_raises_no_alarm(lab: BackgroundSite, registry: Registry) -> None:
    findings = await look(lab, registry)
    loud = [f for f in findings if f.status in (Status.FAIL, Status.WARN, Status.UNKNOWN)]
    assert [(f.code, f.target, str(f.text)) for f in loud] == []


@pytest.mark.parametrize("name", FAULTS)
async def test_one_fault(lab: BackgroundSite, registry: Registry, name: str) -> None:
    await check(lab, registry, [(name, "edge1")])


@pytest.mark.parametrize("placed", PAIRS, ids=label)
async def test_a_pair_of_faults(lab: BackgroundSite, registry: Registry, placed: Sequence[Placed]) -> None:
    await check(lab, registry, placed)
