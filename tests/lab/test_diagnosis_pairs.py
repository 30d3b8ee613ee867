"""Every fault and every pair of faults leads to its true causes, and to nothing else.

The faults change a world; what its machines and its API would answer is computed in process (tests.lab.world_source);
what must be found is the world's own account of what is wrong (lab.truth), which knows neither faults nor checks.
"""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Sequence

import pytest

from kedge.model import Cost, Status
from kedge.plugins import Registry
from kedge.registry import discover
from lab import faults
from lab.api import proxy
from lab.faults import FAULTS
from tests.lab.diagnosed import Cause, found_causes, mistakes, true_causes
from tests.lab.world_source import WorldSite

SETTLED = 70.0
"""Seconds until everything has followed: a lost node is NotReady after 40 s, metrics are scraped every 2 s."""

Placed = tuple[str, str]
"""A fault and the edge it happens to."""


def pairs() -> list[tuple[Placed, Placed]]:
    """All pairs; two faults of edges happen to one edge, and to two."""
    found: list[tuple[Placed, Placed]] = []
    for one, other in itertools.combinations(FAULTS, 2):
        found.append(((one, "edge1"), (other, "edge1")))
        if FAULTS[one].per_edge and FAULTS[other].per_edge:
            found.append(((one, "edge1"), (other, "edge2")))
    return found


def label(placed: Sequence[Placed]) -> str:
    return "+".join(f"{name}:{edge}" if FAULTS[name].per_edge else name for name, edge in placed)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that hangs is given up at once: nothing else moves the clock."""
    monkeypatch.setattr(proxy, "_LOOK_AGAIN", 0.0)


def broken(registry: Registry, placed: Sequence[Placed], *, edges: int = 2, ssh: bool = True) -> WorldSite:
    """A site with these faults, applied in an order in which they can be."""
    for order in (placed, placed[::-1]):
        site = WorldSite(registry, edges=edges, seed=zlib.crc32(label(placed).encode()), ssh=ssh)
        try:
            for name, edge in order:
                faults.apply(site.world, name, edge)
        except KeyError:  # what another fault broke before cannot be edited any more
            continue
        site.run(SETTLED)
        return site
    pytest.fail(f"{label(placed)} cannot happen together")


async def check(registry: Registry, placed: Sequence[Placed], *, edges: int = 2) -> None:
    site = broken(registry, placed, edges=edges)
    engine = await site.look()
    assert mistakes(engine.findings(), true_causes(site.world)) == []


async def test_a_healthy_site_raises_no_alarm(registry: Registry) -> None:
    site = WorldSite(registry, edges=3)
    engine = await site.look()
    loud = [f for f in engine.findings() if f.status not in (Status.PASS, Status.INFO)]
    assert [(f.code, f.target, str(f.text)) for f in loud] == []
    assert true_causes(site.world) == set()


@pytest.mark.parametrize("name", FAULTS)
async def test_one_fault(registry: Registry, name: str) -> None:
    await check(registry, [(name, "edge2")])


NO_SESSION = {("KE307", "edge1")}
NOT_READY = {("KE201", "edge1")}
NO_TUNNEL = {("KE307", "edge1"), ("KE307", "edge2")}
NO_WAY = {("KE501", "edge1"), ("KE501", "edge2")}
FROM_OUTSIDE: dict[str, set[Cause]] = {
    "edgestream-disabled": NO_SESSION,
    "edgestream-wrong-server": NO_SESSION,
    "edgecore-not-restarted": NO_SESSION,
    "half-open-tunnel": NO_SESSION,
    "edgecore-stopped": NOT_READY,
    "edgecore-config-broken": NOT_READY,
    "runtime-stopped": NOT_READY,
    "never-tunnelled": {("KE301", "edge1")},
    "tunnel-port-blocked": NO_TUNNEL,
    "tunnel-port-refused": NO_TUNNEL,
    "dnat-missing": NO_WAY,
    "dnat-flushed": NO_WAY,
    "dnat-guide-port": NO_WAY,
    "dnat-stale-target": NO_WAY,
    "dnat-shadowed": NO_WAY,
}
"""What stands in for a cause that only a machine itself could tell; all others are found without SSH too."""


@pytest.mark.parametrize("name", FAULTS)
async def test_one_fault_without_ssh(registry: Registry, name: str) -> None:
    site = broken(registry, [(name, "edge1")], ssh=False)
    engine = await site.look((Cost.PASSIVE, Cost.ACTIVE))
    findings = engine.findings()
    assert found_causes(findings) == FROM_OUTSIDE.get(name, true_causes(site.world))
    if name in FROM_OUTSIDE:
        said = [str(f.text) for f in findings if f.is_cause and f.code in ("KE307", "KE501")]
        assert all("would tell" in text for text in said)


@pytest.mark.parametrize("placed", pairs(), ids=label)
async def test_a_pair_of_faults(registry: Registry, placed: Sequence[Placed]) -> None:
    await check(registry, placed)


@pytest.mark.parametrize("seed", range(10))
async def test_some_faults_on_some_edges(registry: Registry, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a seeded choice of faults
    edges = chance.randint(2, 5)
    names = chance.sample([name for name in FAULTS if name != "api-down"], chance.randint(2, 4))
    await check(registry, [(name, f"edge{chance.randint(1, edges)}") for name in names], edges=edges)


@pytest.mark.parametrize(
    "names",
    [
        ("edgestream-disabled", "dnat-guide-port", "metrics-image-missing"),
        ("edgecore-stopped", "cloudstream-disabled", "apiservice-missing"),
        ("half-open-tunnel", "dnat-shadowed", "metrics-flags-missing"),
    ],
)
async def test_three_faults_are_three_causes(registry: Registry, names: Sequence[str]) -> None:
    await check(registry, [(name, "edge1") for name in names])


async def test_exec_is_never_tried_in_a_sweep(registry: Registry) -> None:
    site = WorldSite(registry)
    engine = await site.look((Cost.PASSIVE, Cost.ACTIVE))
    exec_ = [f for f in engine.findings() if f.code == "KE502"]
    assert all(str(f.text).startswith("not run: intrusive") for f in exec_)
    assert {f.status for f in exec_} == {Status.SKIP}
