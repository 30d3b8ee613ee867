"""How long one picture of top takes on a large site: what happens on the screen's thread when numbers arrive, and when
it is drawn again with the same ones (a key, a second that passed).

The baseline in the same run makes the cells of every row, as a table does that holds all of them.

    python -m bench.top [PODS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from kedge.top.metrics import Look
from kedge.top.usage import Amount, ContainerRow, NodeRow, PodRow, Table
from tui.glyphs import Glyphs
from tui.top.cells import cells_of
from tui.top.rows import Row, Scene, container_rows, node_rows, pod_rows, sift, sort
from tui.top.sifting import sieve

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
IN_VIEW = 40
MILLI, MEBI = 10**6, 1 << 20


def site(pods: int) -> Scene:
    """Ten pods a node, two containers a pod, every 20th node without numbers."""
    nodes, rows = [], []
    for number in range(pods // 10):
        name, silent = f"edge{number:05}", number % 20 == 0
        room = Amount(4000 * MILLI, 4096 * MEBI * 10**9)
        usage = None if silent else Amount((number * 37 % 4000) * MILLI, (number * 91 % 4096) * MEBI * 10**9)
        nodes.append(NodeRow(name, usage, room, room, room, edge=True, labels={}, at=NOW, pods=10))
        for pod in range(10):
            used = None if silent else Amount((pod * 53 % 400) * MILLI, (pod * 17 % 512) * MEBI * 10**9)
            parts = tuple(ContainerRow(one, used, room, room) for one in ("web", "sidecar"))
            rows.append(
                PodRow("factory", f"gateway-{number:05}-{pod}", f"u{number}-{pod}", name, used, room, room, parts,
                       phase="Running", edge=True, labels={"app": "gateway"}, at=NOW)
            )  # fmt: skip
    return Scene(Look(Table(tuple(nodes), tuple(rows)), at=NOW))


def timed(work: Callable[[], object], times: int = 5) -> float:
    """The fastest of some runs, in milliseconds."""
    best = float("inf")
    for _run in range(times):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best * 1e3


def main(arguments: Sequence[str]) -> None:
    scene = site(int(arguments[0]) if arguments else 10_000)
    glyphs = Glyphs()
    for view, make_rows in (("nodes", node_rows), ("pods", pod_rows), ("containers", container_rows)):
        cells = cells_of(view, scene, glyphs, NOW)
        wanted = sieve("gateway") if view != "nodes" else sieve("edge")

        def kept(make_rows: Callable[[Scene], list[Row]] = make_rows) -> list[Row]:
            return sort(sift(make_rows(scene), wanted), "cpu")  # noqa: B023 - called at once

        rows = kept()
        same = timed(lambda: [cells(row) for row in rows[:IN_VIEW]])  # noqa: B023
        fresh = timed(kept) + same
        whole = timed(kept, 1) + timed(lambda: [cells(row) for row in rows], 1)  # noqa: B023
        print(
            f"{view:<11}{len(rows):>7,} rows   same numbers {same:5.1f} ms   new ones {fresh:6.1f} ms   "
            f"every row's cells {whole:8.1f} ms"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
