"""What the practice site's API tells of a node is what a shell on it shows."""

from __future__ import annotations

from lab.machine_usage import memory_kib
from lab.objects_nodes import node
from lab.world_host import Host, Role
from lab.world_usage import node_usage


def test_a_nodes_numbers_are_those_of_the_machine_below_it() -> None:
    told = node("edge1", "10.0.0.2", 10351, 0.0, edge=True, machine="0" * 32)["status"]["capacity"]
    before = memory_kib()
    usage = node_usage(Host("edge1", Role.EDGE, "10.0.0.2", lambda: 0.0), 0.0)
    assert told["memory"] == f"{before['MemTotal']}Ki"
    assert abs(usage.memory // 1024 - (before["MemTotal"] - before["MemAvailable"])) < before["MemTotal"] // 20
    assert 0 <= usage.cpu <= int(told["cpu"])
