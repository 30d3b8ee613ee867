"""``kubectl top``'s numbers: the same as kubectl printed on every recorded site."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge import k8s
from kedge.top.history import SLOTS, History, sparkline
from kedge.top.pressure import Pressure, pressure
from kedge.top.quantities import NANO, mebibytes, millicores, nanos, percent
from kedge.top.usage import Amount, NodeRow, Table, pressure_of, table

RECORDINGS = Path(__file__).parents[1] / "recordings"
SITES = sorted(path.name for path in RECORDINGS.iterdir() if path.is_dir())


def listed(site: str, name: str, of: Any) -> tuple[Any, ...]:
    body = (RECORDINGS / site / "api" / name).read_text()
    return k8s.decode_list(body, of)[0] if '"items"' in body else ()


def recorded(site: str) -> Table:
    return table(
        listed(site, "nodes.json", k8s.Node),
        listed(site, "pods.json", k8s.Pod),
        listed(site, "metrics-nodes.json", k8s.NodeMetrics),
        listed(site, "metrics-pods.json", k8s.PodMetrics),
    )


def printed(site: str, command: str) -> str:
    ran = json.loads((RECORDINGS / site / "kubectl.json").read_text())
    return next((one["out"] for one in ran if one["cmd"].endswith(command)), "")


def node_line(row: NodeRow) -> list[str]:
    if row.usage is None:
        return [row.name, *["<unknown>"] * 4]
    cpu, memory = row.usage.cpu or 0, row.usage.memory or 0
    return [
        row.name,
        f"{millicores(cpu)}m",
        f"{percent(cpu, row.allocatable.cpu or 0)}%",
        f"{mebibytes(memory)}Mi",
        f"{percent(memory, row.allocatable.memory or 0)}%",
    ]


SAME_SCRAPE = ("healthy", "dnat-missing", "dnat-guide-port")
"""Where the API and kubectl were asked between two scrapes, so that both saw the very same numbers."""


def printed_rows(site: str, command: str) -> list[list[str]]:
    return sorted(line.split() for line in printed(site, command).splitlines()[1:])


@pytest.mark.parametrize("site", SAME_SCRAPE)
def test_nodes_are_what_kubectl_top_printed(site: str) -> None:
    expected = printed_rows(site, "kubectl top node")
    assert len(expected) == 3
    assert [node_line(row) for row in recorded(site).nodes] == expected


@pytest.mark.parametrize("site", SAME_SCRAPE)
def test_pods_are_what_kubectl_top_printed(site: str) -> None:
    rows = [(row, row.usage) for row in recorded(site).pods]
    ours = [
        [row.namespace, row.name, f"{millicores(usage.cpu or 0)}m", f"{mebibytes(usage.memory or 0)}Mi"]
        for row, usage in rows
        if usage is not None
    ]
    assert ours == printed_rows(site, "kubectl top pod -A")
    assert ours


@pytest.mark.parametrize("site", SITES)
def test_the_same_rows_lack_numbers_as_kubectl_printed(site: str) -> None:
    found = recorded(site)
    unknown = {line[0] for line in printed_rows(site, "kubectl top node") if "<unknown>" in line}
    known = {line[0] for line in printed_rows(site, "kubectl top node")} - unknown
    assert {row.name for row in found.nodes if row.usage is not None} == known
    measured = {(line[0], line[1]) for line in printed_rows(site, "kubectl top pod -A")}
    assert {(row.namespace, row.name) for row in found.pods if row.usage is not None} == measured


def test_a_pod_without_numbers_keeps_its_row() -> None:
    rows = {row.name: row for row in recorded("tunnel-port-blocked").pods}
    gap = next(row for name, row in rows.items() if name.startswith("line-gateway"))
    assert gap.usage is None
    assert gap.edge
    assert [one.name for one in gap.containers] == ["gateway", "sidecar"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", 2 * NANO), ("250m", 250_000_000), ("72153582n", 72_153_582), ("3u", 3000), ("0", 0), ("0.1n", 1),
        ("483996Ki", 483_996 * 1024 * NANO), ("1.5Gi", 3 * (1 << 29) * NANO), ("129M", 129_000_000 * NANO),
        ("1e3", 1000 * NANO), ("1E", 10**18 * NANO), (".5", NANO // 2),
        ("", None), ("n", None), ("Ki", None), ("12Q", None), ("1.2.3", None), ("١٢n", None), ("²Ki", None),
    ],
)  # fmt: skip
def test_quantities(text: str, expected: int | None) -> None:
    assert nanos(text) == expected


@given(st.integers(0, 10**15), st.sampled_from(["n", "u", "m", "", "k", "Ki", "Mi", "Gi"]))
def test_the_short_way_and_the_long_way_agree(number: int, suffix: str) -> None:
    units = {"n": Fraction(1, NANO), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": 1, "k": 1000}
    units |= {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}
    assert nanos(f"{number}{suffix}") == number * units[suffix] * NANO
    assert nanos(f"{number}.0{suffix}") == number * units[suffix] * NANO


@given(st.text(max_size=40))
def test_no_text_is_too_strange_for_a_quantity(text: str) -> None:
    found = nanos(text)
    assert found is None or isinstance(found, int)


def test_pressure_has_three_steps_and_knows_when_it_does_not_know() -> None:
    assert [pressure(part) for part in (None, 0.1, 0.75, 0.9, 1.3)] == [
        Pressure.UNKNOWN, Pressure.CALM, Pressure.BUSY, Pressure.HOT, Pressure.HOT,
    ]  # fmt: skip
    assert pressure_of(Amount(1, 95), Amount(100, 100)) is Pressure.HOT
    assert pressure_of(None, Amount(100, 100)) is Pressure.UNKNOWN
    assert pressure_of(Amount(1, 1), Amount()) is Pressure.UNKNOWN


def test_history_keeps_a_quarter_of_an_hour_with_its_gaps() -> None:
    history = History()
    for minute in range(20):
        history.add("edge1", minute, minute * 60.0)
    history.add("edge1", 50, 19 * 60.0 + 1)
    values = history.of("edge1", 19 * 60.0 + 1)
    assert len(values) == SLOTS
    assert values[-1] == 50, "the largest of a slot"
    assert values[-2] is None
    assert values[0] is None
    assert min(value for value in values if value is not None) >= 5, "nothing older than 15 minutes"
    history.keep(["edge2"])
    assert len(history) == 0


def test_sparkline_marks_gaps_and_stays_in_its_range() -> None:
    assert sparkline([0, 50, 100, None, 400], 100) == "▁▅█ █"
    assert sparkline([0, 50, 100, None, 400], 100, ascii_only=True) == "_=# #"
    assert sparkline([1, 2], 0) == "▁▁"
