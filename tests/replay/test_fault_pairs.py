"""Two independent faults are two causes; where one hides the other, the one that can be seen is named."""

from __future__ import annotations

import itertools
import os
import random

import pytest

from tests.replay import faults_cloud as cloud
from tests.replay import faults_edge as edge
from tests.replay import faults_metrics as metrics
from tests.replay.recorded import CLOUD, EDGES, Change, Recorded, failing, roots, shown

Fault = tuple[Change, str]
EVERY = bool(os.environ.get("KEDGE_EVERY_PAIR"))
"""Judge all 300 pairs rather than a seeded part of them."""

SHOWN = 48


def edge_faults(node: str) -> dict[str, Fault]:
    """One fault each of an edge, and its code."""
    return {
        "stream-port": (edge.dials(node, "10.99.0.10:10003", "websocket: bad handshake"), "KE207"),
        "other-host": (edge.dials(node, "10.99.0.99:10004", "dial tcp 10.99.0.99:10004: i/o timeout"), "KE207"),
        "disabled": (edge.edgestream_off(node), "KE206"),
        "stopped": (edge.edgecore_stopped(node), "KE204"),
        "no-credentials": (edge.crash_loop(node), "KE215"),
        "runtime": (edge.runtime_stopped(node), "KE212"),
        "foreign-ca": (edge.certificate_of_a_foreign_ca(node), "KE210"),
        "expired": (edge.certificate_expired(node), "KE210"),
        "other-ca": (edge.other_root_ca(node), "KE211"),
        "half-open": (edge.half_open(node), "KE306"),
        "edged": (edge.edged_dead(node), "KE209"),
        "debugging-off": (edge.debug_handlers_off(node), "KE209"),
        "off": (edge.off(node), "KE201"),
        "cut-off": (edge.cut_off(node), "KE303"),
    }


def nat(rules: str) -> Change:
    """These rules, and what comes of them."""
    return lambda rec: rec.apply(cloud.nat(rules), cloud.all_refused) and None


def without_port_flag(rec: Recorded) -> None:
    """Metrics Server dials the kubelet's own port."""
    rec.apply(metrics.args(without=("--kubelet-use-node-status-port",)), metrics.nobody_scraped)


NAT_FAULTS: dict[str, Fault] = {
    "rule-missing": (nat(""), "KE302"),
    "rule-of-the-guide": (nat(cloud.RULE.replace("10351", "10350")), "KE302"),
    "rule-to-nowhere": (nat(cloud.RULE.replace("0.10:", "0.99:")), "KE302"),
}
METRICS_FAULTS: dict[str, Fault] = {
    "metrics-scaled-to-0": (metrics.scaled_to_zero, "KE401"),
    "metrics-flag": (without_port_flag, "KE403"),
    "api-down": (metrics.unavailable("FailedDiscoveryCheck", "timeout"), "KE404"),
}

Case = tuple[str, Fault, str, str, Fault, str]


def cases() -> list[Case]:
    """(name, fault, target) twice, every pair of independent ones."""
    first, second = edge_faults("edge1"), edge_faults("edge2")
    found: list[Case] = []
    for a, b in itertools.product(first, second):
        found.append((a, first[a], "edge1", b, second[b], "edge2"))
    for a, b in itertools.product(first, NAT_FAULTS):
        found.append((a, first[a], "edge1", b, NAT_FAULTS[b], CLOUD))
    for a, b in itertools.product(first, METRICS_FAULTS):
        found.append((a, first[a], "edge1", b, METRICS_FAULTS[b], "-"))
    for a, b in itertools.product(NAT_FAULTS, METRICS_FAULTS):
        found.append((a, NAT_FAULTS[a], CLOUD, b, METRICS_FAULTS[b], "-"))
    return found if EVERY else random.Random(4).sample(found, SHOWN)  # noqa: S311 - the same ones every time


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case[0]}-{case[2]}+{case[3]}-{case[5]}")
def test_two_faults_are_two_causes(case: Case) -> None:
    _a, (change, code), target, _b, (other, other_code), elsewhere = case
    picture = Recorded().apply(change, other).picture()
    assert roots(picture) == {(code, target), (other_code, elsewhere)}, shown(picture.findings)


# ---------------------------------------------------------------------------------------- one hides the other


@pytest.mark.parametrize("name", ["disabled", "stream-port", "half-open", "edged"])
def test_a_cloudcore_that_is_down_hides_no_fault_of_configuration(name: str) -> None:
    change, code = edge_faults("edge1")[name]
    picture = Recorded().apply(change, cloud.scaled_to_zero).picture()
    expected = {("KE110", "-")} | ({(code, "edge1")} if name in ("disabled", "stream-port", "edged") else set())
    assert roots(picture) == expected, shown(picture.findings)


def test_behind_a_machine_that_is_off_nothing_is_guessed() -> None:
    picture = Recorded().apply(edge.edgestream_off("edge1"), edge.off("edge1")).picture()
    assert roots(picture) == {("KE201", "edge1")}


def test_a_stopped_edgecore_and_a_stopped_runtime_must_both_be_started() -> None:
    picture = Recorded().apply(edge.runtime_stopped("edge1"), edge.edgecore_stopped("edge1")).picture()
    assert roots(picture) == {("KE212", "edge1"), ("KE204", "edge1")}, shown(picture.findings)


def test_an_edgecore_that_ends_for_want_of_its_runtime_is_one_fault() -> None:
    def loop(rec: Recorded) -> None:
        edge.edgecore_stopped("edge1")(rec)
        rec.replace(
            "edge1", edge.SHOW, "ActiveState=inactive\nSubState=dead", "ActiveState=activating\nSubState=auto-restart"
        )

    picture = Recorded().apply(edge.runtime_stopped("edge1"), loop).picture()
    assert roots(picture) == {("KE212", "edge1")}, shown(picture.findings)


def test_a_rule_that_is_missing_keeps_metrics_server_from_becoming_ready() -> None:
    def unready(rec: Recorded) -> None:
        for one in rec.item("pods", "metrics-server")["status"]["conditions"]:
            one["status"] = "False" if one["type"] in ("Ready", "ContainersReady") else one["status"]
        rec.item("pods", "metrics-server")["status"]["containerStatuses"][0]["ready"] = False
        metrics.no_endpoints(rec)

    picture = Recorded().apply(nat(""), unready).picture()
    assert roots(picture) == {("KE302", CLOUD)}, shown(picture.findings)
    assert {("KE401", "-"), ("KE404", "-"), ("KE405", "-"), *(("KE503", one) for one in EDGES)} <= failing(picture)
