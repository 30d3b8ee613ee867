"""Large sites start fast and stay cheap; logs are computed, not stored; usage follows the clock."""

from __future__ import annotations

import time

from lab import faults
from lab.objects import LEASES, NODES, PODS
from lab.world import Ports, Settings, World
from lab.world_exec import run_in_container
from lab.world_logs import LogOptions, Workload, render, select
from lab.world_settings import edge_address
from tests.lab.practice import Practice


def test_1000_edges_start_in_seconds_and_tick_in_milliseconds() -> None:
    begun = time.perf_counter()
    world = World(Ports(), Settings(edges=1000, pods_per_edge=2))
    built = time.perf_counter() - begun
    assert (world.store.count(NODES), world.store.count(PODS)) == (1001, 2002)
    begun = time.perf_counter()
    for _ in range(20):
        world.tick()
    assert built < 15
    assert (time.perf_counter() - begun) / 20 < 0.25
    answer = world.path.request("edge1000", "/metrics/resource")
    assert "node_cpu_usage_seconds_total" in answer.body


def test_addresses_of_a_thousand_edges_differ() -> None:
    addresses = {edge_address(number) for number in range(1, 1001)}
    assert len(addresses) == 1000
    assert edge_address(1) == "10.99.0.21"
    assert all(0 <= int(part) < 256 for address in addresses for part in address.split("."))


def test_a_cloudcore_restart_brings_all_edges_back() -> None:
    site = Practice(edges=60)
    site.world.delete_pod("kubeedge", site.pod("cloud1", "cloudcore"))
    site.run(8)
    assert all(edge.hub_connected and edge.tunnel is not None for edge in site.world.edges.values())
    assert set(site.ready().values()) == {"True"}


def test_leases_are_renewed_every_ten_seconds_by_connected_edges_only() -> None:
    site = Practice()
    faults.apply(site.world, "edgecore-stopped")

    def renewals(name: str) -> str:
        return str(site.world.store.get(LEASES, "kube-node-lease", name)["spec"]["renewTime"])

    site.run(1)
    before = {name: renewals(name) for name in ("cloud1", "edge1", "edge2")}
    site.run(11)
    assert renewals("edge1") == before["edge1"]
    assert renewals("edge2") > before["edge2"]
    assert renewals("cloud1") > before["cloud1"]


def test_computed_lines_agree_however_they_are_asked_for() -> None:
    source = Workload(started=1000.0, offset=7)
    everything = select(source, LogOptions(), 1100.0)
    assert len(everything) == 100
    assert select(source, LogOptions(tail=5), 1100.0) == everything[-5:]
    assert select(source, LogOptions(since=1090.0), 1100.0) == [line for line in everything if line[0] > 1090.0]
    assert select(source, LogOptions(since=1090.0, tail=2), 1100.0) == everything[-2:]
    assert select(source, LogOptions(tail=0), 1100.0) == []
    followed = [*source.lines(float("-inf"), 1050.0), *source.lines(1050.0, 1100.0)]
    assert followed == everything
    assert render(everything[:1], LogOptions(timestamps=True)).startswith(
        "1970-01-01T00:16:40.000000000Z 1970-01-01T00:16:40"
    )


def test_the_shell_of_a_container_knows_the_usual() -> None:
    def run(*argv: str) -> tuple[str, str, int]:
        result = run_in_container(list(argv), "edge1", 0.0)
        return result.stdout, result.stderr, result.code

    assert run("hostname") == ("edge1\n", "", 0)
    assert run("true") == ("", "", 0)
    assert run("echo", "-n", "a", "b") == ("a b", "", 0)
    assert run("sh", "-c", "false || echo b && echo c") == ("b\nc\n", "", 0)
    assert run("sh", "-c", "false && echo never; echo err >&2; exit 4") == ("", "err\n", 4)
    assert run("sh", "-c", "nope") == ("", "sh: nope: not found\n", 127)
    assert run("cat", "/etc/hostname", "/none") == (
        "edge1\n",
        "cat: can't open '/none': No such file or directory\n",
        1,
    )
    assert "executable file not found in $PATH" in run_in_container(["nope"], "edge1", 0.0).failure


def test_metrics_server_without_its_flags_misses_every_edge() -> None:
    site = Practice()
    faults.apply(site.world, "metrics-flags-missing")
    site.run(10)
    assert site.scraped() == {"cloud1"}
    metrics = site.world.metrics
    assert metrics is not None
    text = " ".join(line for _, line in metrics.log.last(20, site.now))
    assert "dial tcp 10.99.0.21:10250: connect: connection refused" in text
