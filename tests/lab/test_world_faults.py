"""Every fault has exactly its causes while it lasts, and none is left when it is taken back."""

from __future__ import annotations

import pytest

from lab import faults, truth
from tests.lab.practice import Practice

CAUSES = {
    "edgestream-disabled": {("KE206", "edge1")},
    "edgestream-wrong-server": {("KE207", "edge1")},
    "edgecore-stopped": {("KE204", "edge1")},
    "edgecore-not-restarted": {("KE208", "edge1")},
    "edgecore-config-broken": {("KE205", "edge1")},
    "never-tunnelled": {("KE206", "edge1")},
    "runtime-stopped": {("KE212", "edge1")},
    "host-unreachable": set(),
    "edge-offline": {("KE201", "edge1")},
    "half-open-tunnel": {("KE306", "edge1")},
    "cloudstream-disabled": {("KE112", "-")},
    "cloudstream-disabled-restart-stuck": {("KE112", "-"), ("KE110", "-")},
    "cloudcore-not-restarted": {("KE113", "-")},
    "cloudcore-down": {("KE110", "-")},
    "tunnel-port-blocked": {("KE303", "edge1"), ("KE303", "edge2")},
    "tunnel-port-refused": {("KE303", "edge1"), ("KE303", "edge2")},
    "dnat-missing": {("KE302", "cloud1")},
    "dnat-flushed": {("KE302", "cloud1")},
    "dnat-guide-port": {("KE302", "cloud1")},
    "dnat-stale-target": {("KE302", "cloud1")},
    "dnat-shadowed": {("KE302", "cloud1")},
    "metrics-server-down": {("KE401", "-")},
    "metrics-image-missing": {("KE402", "-")},
    "metrics-flags-missing": {("KE403", "-")},
    "apiservice-missing": {("KE404", "-")},
    "rbac-limited": set(),
    "api-down": {("KE101", "-")},
    "slow-link": set(),
    "nat-manager-stuck": {("KE302", "cloud1")},
}


def test_the_table_covers_the_catalogue() -> None:
    assert set(CAUSES) == set(faults.FAULTS | faults.MANAGED)
    assert all(fault.summary.endswith(".") for fault in faults.KNOWN.values())


@pytest.mark.parametrize("name", sorted(faults.FAULTS | faults.MANAGED))
def test_a_fault_has_its_causes_and_leaves_nothing_behind(name: str) -> None:
    site = Practice()
    site.run(3)
    assert truth.causes(site.world) == set()
    faults.apply(site.world, name)
    site.run(60)
    assert truth.causes(site.world) == CAUSES[name]
    faults.clear(site.world, name)
    site.run(30)
    assert truth.causes(site.world) == set()
    assert site.scraped() == {"cloud1", "edge1", "edge2"}
    assert set(site.ready().values()) == {"True"}
    for edge in ("edge1", "edge2"):
        assert getattr(site.exec(edge), "stdout", None) == f"{edge}\n"


def test_a_fault_on_another_edge_leaves_the_first_alone() -> None:
    site = Practice(edges=3)
    faults.apply(site.world, "edgestream-disabled", "edge3")
    site.run(5)
    assert truth.causes(site.world) == {("KE206", "edge3")}
    assert getattr(site.exec("edge1"), "stdout", None) == "edge1\n"


def test_two_faults_have_the_causes_of_both() -> None:
    site = Practice()
    faults.apply(site.world, "edgestream-disabled", "edge2")
    faults.apply(site.world, "dnat-guide-port")
    site.run(5)
    assert truth.causes(site.world) == {("KE206", "edge2"), ("KE302", "cloud1")}


def test_a_repair_by_hand_is_a_repair() -> None:
    site = Practice()
    faults.apply(site.world, "edgestream-disabled")
    edge = site.world.host("edge1")
    text = site.world.read_config(edge).replace("enable: false # switched", "enable: true # switched")
    site.world.write_config(edge, text)
    site.run(2)
    assert truth.causes(site.world) == {("KE208", "edge1")}
    edge.restart_service("edgecore")
    site.run(3)
    assert truth.causes(site.world) == set()


def test_names_that_do_not_exist_are_refused() -> None:
    site = Practice()
    with pytest.raises(faults.UnknownFault):
        faults.apply(site.world, "no-such-fault")
    with pytest.raises(KeyError):
        faults.apply(site.world, "edgecore-stopped", "edge9")
