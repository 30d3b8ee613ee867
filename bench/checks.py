"""How long judging takes: 1,000 edges from a cold start, one changed fact, one whole picture.

The facts are those of a recorded healthy site, its edge copied N times. The baseline in the same run is
judging everything anew for one changed fact.

    python -m bench.checks [edges]
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from kedge.diagnosis import causes, diagnose, draw_paths
from kedge.facts.edgecore import EdgeCoreConfig
from kedge.facts.nodes import Node
from kedge.judge import Judge
from kedge.model import Each, Host
from kedge.opening import recorded_engine
from kedge.registry import discover
from kedge.store import FactStore
from kedge.tree import build_tree

RECORDING = Path(__file__).parents[1] / "tests" / "recordings" / "healthy"


def renamed(fact: Any, old: str, new: str) -> Any:
    """A fact of one edge as another edge's."""
    if not is_dataclass(fact) or isinstance(fact, type):
        return fact
    changes = {f.name: new for f in fields(fact) if getattr(fact, f.name) == old}
    return replace(fact, **changes)


def site_of(edges: int) -> tuple[Any, FactStore, dict[Each, tuple[str, ...]]]:
    """Registry, facts and targets of a site with so many edges."""
    registry = discover()
    engine = recorded_engine(RECORDING, registry)
    asyncio.run(engine.look())
    names = tuple(f"edge{n:04}" for n in range(edges))
    store = FactStore()
    for (kind, target), fact in engine.store.items():
        for name in names if target == "edge1" else () if target == "edge2" else (target,):
            own = renamed(fact, "edge1", name) if target == "edge1" else fact
            if isinstance(own, Node) and target == "edge1":
                own = replace(own, internal_ip=f"10.99.{names.index(name) // 250}.{names.index(name) % 250}")
            store.put(kind, name, own, engine.store.seen((kind, target)))
    cloud = tuple(h.name for h in engine.hosts if h.name not in ("edge1", "edge2"))
    store.put_all(Host, {name: Host(name, frozenset()) for name in (*names, *cloud)})
    return registry, store, {Each.EDGE: names, Each.APISERVER_HOST: cloud, Each.CLOUDCORE_HOST: cloud}


def timed(what: str, run: Callable[[], Any]) -> Any:
    """Run once and print CPU and wall time. What an earlier run left to the garbage collector is not counted here."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    print(f"{what:<58} {time.process_time() - cpu:8.3f} s CPU {time.perf_counter() - wall:8.3f} s")
    return result


def main(edges: int) -> None:
    """Measure and print."""
    registry, store, targets = site_of(edges)
    judge = Judge(registry)
    print(f"{edges} edges, {len(registry.checks)} checks")
    timed("cold: every check", lambda: judge.evaluate(store, targets))
    print(f"{'':<58} {judge.ran:8} checks run")
    before = judge.ran
    first = targets[Each.EDGE][0]
    config: EdgeCoreConfig = store.known(EdgeCoreConfig, first)
    store.put(EdgeCoreConfig, first, replace(config, edge_stream=replace(config.edge_stream, enable=False)))
    raw = timed("one fact of one edge changed", lambda: judge.evaluate(store, targets))
    print(f"{'':<58} {judge.ran - before:8} checks run")
    timed("baseline: all judged anew for it", lambda: Judge(registry).evaluate(store, targets))
    found = timed("relations and causes", lambda: diagnose(registry, raw))
    timed("paths", lambda: draw_paths(found, targets[Each.EDGE]))
    timed("tree", lambda: build_tree("plant", found, targets[Each.EDGE], store))
    print("first causes:", [(c.code, c.target) for c in causes(found)[:3]])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
