"""Checks of the API server, CloudCore and the tunnel ports, each with plain facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.apiserver import api_server_is_reachable, user_may_read_what_checks_need
from checks.cloudcore import (
    cloudcore_is_running,
    config_map_exists_and_parses,
    config_was_loaded,
    exposure_fits_what_edges_dial,
    log_holds_no_failure,
)
from checks.cloudstream import cloudstream_is_enabled
from checks.tunnelport import node_port_belongs_to_a_running_cloudcore, record_fits_the_running_cloudcores
from kedge.facts.apiserver import ApiServer, Right, UserRights
from kedge.facts.cloudcore import (
    CloudCore,
    CloudCoreConfig,
    CloudCoreOnHost,
    CloudExposure,
    CloudStream,
    TunnelPorts,
)
from kedge.facts.edgecore import EdgeCoreConfig, EdgeStream
from kedge.facts.kubectl import KubectlLogs
from kedge.facts.logs import CloudCoreLog, LogHit
from kedge.facts.nodes import Node, NodeLease
from kedge.facts.pods import Container, Pod, Workload
from kedge.facts.services import ServiceState
from kedge.i18n import _
from kedge.model import Reason, Status, Unknown
from kedge.plugins import All, Check
from tests.unit import asked

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)


def verdict(check: Check, *facts: Any) -> Any:
    """Trailing facts that a test does not name: nobody knows any."""
    return asked.verdict(check, *facts)


def status(check: Check, *facts: Any) -> Status:
    found: Status = verdict(check, *facts).status
    return found


def unknown(reason: Reason = Reason.UNREACHABLE) -> Unknown:
    return Unknown(reason, _("because"))


def pod(name: str = "core-1", **changes: Any) -> Pod:
    own = Pod(
        "kubeedge",
        name,
        node="cloud1",
        phase="Running",
        ready=True,
        host_network=True,
        host_ip="10.0.0.1",
        pod_ip="10.0.0.1",
        revision="old",
        created=LONG_AGO,
        containers=(Container("cloudcore", ready=True, running=True, started=LONG_AGO),),
    )
    return replace(own, **changes)


def core(*pods: Pod, replicas: int = 1) -> CloudCore:
    return CloudCore(Workload("kubeedge", "cloudcore", replicas=replicas), pods, NOW)


NODES = All[Node]({"cloud1": Node("cloud1"), "edge1": Node("edge1", is_edge=True, ready=True)})
LEASES = All[NodeLease]({})
CONFIG = CloudCoreConfig("configmap/cloudcore", cloud_stream=CloudStream(enable=True, line=54), changed=LONG_AGO)


# ------------------------------------------------------------------------------------------------------ KE101


def test_ke101() -> None:
    assert status(api_server_is_reachable, ApiServer("v1.30.2", seconds=0.1)) is Status.PASS
    assert status(api_server_is_reachable, ApiServer("v1.30.2", seconds=3)) is Status.INFO
    assert status(api_server_is_reachable, unknown(Reason.DENIED)) is Status.INFO
    for reason in (Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.CREDENTIALS, Reason.SERVER_ERROR):
        assert status(api_server_is_reachable, unknown(reason)) is Status.FAIL
    assert status(api_server_is_reachable, unknown(Reason.NOT_RECORDED)) is Status.UNKNOWN


def test_ke102_names_what_is_refused_and_what_it_blinds() -> None:
    nothing: All[Any] = All({})
    fine = (unknown(), All[Node]({"n": Node("n")}), nothing, core(), CONFIG, unknown(), unknown(), nothing, nothing)
    assert status(user_may_read_what_checks_need, *fine) is Status.PASS
    log = Unknown(Reason.DENIED, _("no pods/log"))
    denied = (*fine[:4], unknown(Reason.DENIED), *fine[5:8], All({"e": log}))
    found = verdict(user_may_read_what_checks_need, *denied)
    assert found.status is Status.WARN
    assert "lacks 2 rights" in str(found.text)
    assert [line.partition(":")[0] for line in str(found.seen).splitlines()] == ["configmaps", "pods/log"]
    together = (unknown(), All({"-": log}), All({"-": log}), *fine[3:])
    assert "lacks 1 right that" in str(verdict(user_may_read_what_checks_need, *together).text)
    empty = (unknown(Reason.NOT_ASKED), nothing, nothing, *[unknown(Reason.NOT_ASKED)] * 4, nothing, nothing)
    assert status(user_may_read_what_checks_need, *empty) is Status.UNKNOWN


def test_ke102_believes_the_server_but_what_was_read_was_allowed() -> None:
    nothing: All[Any] = All({})
    logs, leases = Right("get", "pods/log"), Right("list", "leases", "coordination.k8s.io", "kube-node-lease")
    patch = Right("patch", "deployments", "apps")
    seen = (All[Node]({"n": Node("n")}), nothing, core(), CONFIG, unknown(), unknown(), nothing)

    def judged(*denied: Right, tried: All[Any] = nothing) -> Any:
        rights = UserRights(frozenset({Right("list", "nodes")}), frozenset(denied))
        return verdict(user_may_read_what_checks_need, rights, *seen, tried)

    assert judged().status is Status.PASS
    blind = judged(logs, leases)
    assert blind.status is Status.WARN
    assert "get pods/log" in str(blind.seen)
    assert "leases.coordination.k8s.io: late heartbeats" in str(blind.seen)
    assert judged(logs, tried=All({"e": KubectlLogs()})).status is Status.PASS
    reader = judged(patch)
    assert reader.status is Status.INFO
    assert "patch deployments.apps" in str(reader.text)


# ------------------------------------------------------------------------------------------------------ KE110


def test_ke110_passes_for_one_serving_pod() -> None:
    assert status(cloudcore_is_running, core(pod()), NODES, LEASES) is Status.PASS


def test_ke110_names_restarts_and_the_last_exit() -> None:
    restarted = Container("cloudcore", ready=True, running=True, restarts=3, last_exit=2, last_reason="Error")
    found = verdict(cloudcore_is_running, core(pod(containers=(restarted,))), NODES, LEASES)
    assert found.status is Status.INFO
    assert "restarted 3 times: last exit code 2 (Error)" in str(found.text)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (core(replicas=0), "scaled to 0"),
        (core(), "has no pod"),
        (
            core(pod(phase="Pending", ready=False, unschedulable="0/1 nodes", node="")),
            "cannot be placed on a node: 0/1",
        ),
        (core(pod(deleting=NOW)), "is being deleted"),
        (core(pod(node="edge1")), "runs on the edge node edge1"),
    ],
)
def test_ke110_fails_with_the_reason(found: CloudCore, words: str) -> None:
    said = verdict(cloudcore_is_running, found, NODES, LEASES)
    assert said.status is Status.FAIL
    assert words in str(said.text)


PORTS = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."


def test_ke110_sees_a_rollout_that_never_ends() -> None:
    new = pod("core-2", phase="Pending", ready=False, node="", revision="new", created=NOW, unschedulable=PORTS)
    said = verdict(cloudcore_is_running, core(pod(), new), NODES, LEASES)
    assert said.status is Status.FAIL
    assert "waits for the host ports that the old pod core-1 holds" in str(said.text)


def test_ke110_gives_a_new_pod_its_time_but_no_crash() -> None:
    new = pod("core-2", ready=False, revision="new", created=NOW - timedelta(seconds=20))
    assert status(cloudcore_is_running, core(pod(), new), NODES, LEASES) is Status.PASS
    late = replace(new, created=NOW - timedelta(seconds=90))
    assert status(cloudcore_is_running, core(pod(), late), NODES, LEASES) is Status.FAIL
    moved_on = All[NodeLease]({"cloud1": NodeLease(at=NOW + timedelta(minutes=2))})
    assert status(cloudcore_is_running, core(pod(), new), NODES, moved_on) is Status.FAIL
    crashing = replace(new, containers=(Container("cloudcore", waiting="CrashLoopBackOff", last_exit=255),))
    said = verdict(cloudcore_is_running, core(pod(), crashing), NODES, LEASES)
    assert said.status is Status.FAIL
    assert "CrashLoopBackOff" in str(said.text)


def test_ke110_warns_of_a_missing_replica() -> None:
    late = pod("core-2", ready=False, revision="old")
    assert status(cloudcore_is_running, core(pod(), late, replicas=2), NODES, LEASES) is Status.WARN


def test_ke110_knows_that_cloudcore_may_live_outside() -> None:
    assert status(cloudcore_is_running, CloudCore(), NODES, LEASES) is Status.INFO
    dead = All[Node]({"edge1": Node("edge1", is_edge=True)})
    assert status(cloudcore_is_running, CloudCore(), dead, LEASES) is Status.FAIL


# ----------------------------------------------------------------------------------------- KE111, KE112, KE113


def test_cloudcore_may_be_a_service_of_a_host() -> None:
    def host(active: str, config: Any = CONFIG) -> All[CloudCoreOnHost]:
        return All({"cloud1": CloudCoreOnHost(ServiceState("cloudcore", "loaded", active, ""), config)})

    missing = unknown(Reason.MISSING)
    assert status(cloudcore_is_running, CloudCore(), NODES, LEASES, host("active")) is Status.PASS
    down = verdict(cloudcore_is_running, CloudCore(), NODES, LEASES, host("failed"))
    assert down.status is Status.FAIL
    assert "cloud1" in str(down.text)
    assert status(config_map_exists_and_parses, missing, CloudCore(), host("active")) is Status.PASS
    broken = Unknown(Reason.UNPARSABLE, _("line 3"), 3, 1)
    assert status(config_map_exists_and_parses, missing, CloudCore(), host("active", broken)) is Status.FAIL
    assert status(config_map_exists_and_parses, missing, CloudCore()) is Status.UNKNOWN
    assert status(cloudstream_is_enabled, missing, host("active")) is Status.PASS
    off = CloudCoreConfig("cloudcore.yaml on cloud1")
    assert status(cloudstream_is_enabled, missing, host("active", off)) is Status.FAIL


def test_ke111() -> None:
    assert status(config_map_exists_and_parses, CONFIG, core(pod())) is Status.PASS
    assert status(config_map_exists_and_parses, unknown(Reason.MISSING), core(pod())) is Status.FAIL
    assert status(config_map_exists_and_parses, unknown(Reason.MISSING), CloudCore()) is Status.UNKNOWN
    assert status(config_map_exists_and_parses, unknown(Reason.DENIED), core(pod())) is Status.UNKNOWN
    broken = verdict(config_map_exists_and_parses, Unknown(Reason.UNPARSABLE, _("x"), line=7), core(pod()))
    assert (broken.status, broken.line) == (Status.FAIL, 7)


def test_ke112() -> None:
    assert status(cloudstream_is_enabled, CONFIG) is Status.PASS
    off = verdict(cloudstream_is_enabled, replace(CONFIG, cloud_stream=CloudStream(line=54)))
    assert (off.status, off.line, off.seen) == (Status.FAIL, 54, "modules.cloudStream.enable: false")
    absent = verdict(cloudstream_is_enabled, replace(CONFIG, cloud_stream=CloudStream()))
    assert str(absent.seen) == "modules.cloudStream.enable is not set"
    other = replace(CONFIG, cloud_stream=CloudStream(enable=True, stream_port=11003))
    assert status(cloudstream_is_enabled, other) is Status.PASS


NO_HOST: tuple[All[Any], All[Any]] = (All({}), All({}))


def test_ke113() -> None:
    later = replace(CONFIG, changed=NOW, changed_by="kubectl-edit")
    assert status(config_was_loaded, core(pod()), CONFIG, *NO_HOST) is Status.PASS
    assert (
        status(config_was_loaded, core(pod()), replace(CONFIG, changed=LONG_AGO, changed_by="x"), *NO_HOST)
        is Status.PASS
    )
    said = verdict(config_was_loaded, core(pod()), later, *NO_HOST)
    assert said.status is Status.FAIL
    assert "before kubectl-edit changed " in str(said.text)
    assert status(config_was_loaded, core(pod()), replace(later, changed_by="cloudcore"), *NO_HOST) is Status.PASS
    assert status(config_was_loaded, core(pod()), replace(CONFIG, changed=None), *NO_HOST) is Status.UNKNOWN
    assert status(config_was_loaded, core(), later, *NO_HOST) is Status.SKIP


# ----------------------------------------------------------------------------------------------- KE115, KE116


def test_ke115() -> None:
    assert status(log_holds_no_failure, CloudCoreLog(lines=200), core(pod())) is Status.PASS
    hits = (LogHit("a", _("old"), "l1", 1, "e1"), LogHit("b", _("new"), "l2", 9, "e2"))
    said = verdict(log_holds_no_failure, CloudCoreLog(hits, 200), core(pod()))
    assert (said.status, str(said.text), said.line) == (Status.WARN, "CloudCore reports: new; also for e1", 9)
    assert status(log_holds_no_failure, unknown(), core(pod())) is Status.UNKNOWN
    assert status(log_holds_no_failure, unknown(), core()) is Status.SKIP


def test_ke116() -> None:
    dials = All[EdgeCoreConfig]({"e1": EdgeCoreConfig("f", edge_stream=EdgeStream(True, "10.0.0.1:10004"))})
    assert status(exposure_fits_what_edges_dial, core(pod()), CONFIG, CloudExposure(), dials) is Status.PASS
    inside = core(pod(host_network=False))
    nothing = exposure_fits_what_edges_dial, inside, CONFIG, CloudExposure("ClusterIP"), dials
    assert status(*nothing) is Status.FAIL
    node_port = CloudExposure("NodePort", node_ports=((10004, 30004),))
    said = verdict(exposure_fits_what_edges_dial, inside, CONFIG, node_port, dials)
    assert (said.status, said.seen) == (Status.WARN, "e1: 10004")
    assert status(exposure_fits_what_edges_dial, CloudCore(), CONFIG, CloudExposure(), dials) is Status.SKIP
    balancer = CloudExposure("LoadBalancer")
    assert status(exposure_fits_what_edges_dial, inside, CONFIG, balancer, dials) is Status.PASS


# ----------------------------------------------------------------------------------------------- KE118, KE301

ONE = TunnelPorts((("10.0.0.1", 10351),))


def test_ke118() -> None:
    assert status(record_fits_the_running_cloudcores, ONE, core(pod()), *NO_HOST) is Status.PASS
    two = TunnelPorts((("10.0.0.1", 10351), ("10.0.0.9", 10352)))
    said = verdict(record_fits_the_running_cloudcores, two, core(pod()), *NO_HOST)
    assert said.status is Status.WARN
    assert "10.0.0.9" in str(said.text)
    assert (
        status(record_fits_the_running_cloudcores, TunnelPorts((("9.9.9.9", 1),)), core(pod()), *NO_HOST) is Status.WARN
    )
    assert status(record_fits_the_running_cloudcores, TunnelPorts(), core(pod()), *NO_HOST) is Status.FAIL
    assert status(record_fits_the_running_cloudcores, unknown(Reason.MISSING), core(pod()), *NO_HOST) is Status.FAIL
    assert status(record_fits_the_running_cloudcores, unknown(Reason.DENIED), core(pod()), *NO_HOST) is Status.UNKNOWN
    assert status(record_fits_the_running_cloudcores, ONE, core(), *NO_HOST) is Status.SKIP


def edge(port: int) -> Node:
    return Node("edge1", port=port, is_edge=True)


def test_ke301_passes_for_the_port_of_a_running_cloudcore() -> None:
    assert status(node_port_belongs_to_a_running_cloudcore, edge(10351), ONE, core(pod())) is Status.PASS
    assert status(node_port_belongs_to_a_running_cloudcore, edge(10351), ONE, unknown()) is Status.PASS
    old = TunnelPorts((("10.0.0.1", 10350),))  # up to v1.7 the first port was 10350 (facts 1.2)
    assert status(node_port_belongs_to_a_running_cloudcore, edge(10350), old, core(pod())) is Status.PASS


@pytest.mark.parametrize(
    ("port", "words"),
    [(10350, "never had a tunnel"), (0, "no kubelet port"), (10250, "v1.12.0"), (10399, "does not know")],
)
def test_ke301_fails_for_a_foreign_port(port: int, words: str) -> None:
    said = verdict(node_port_belongs_to_a_running_cloudcore, edge(port), ONE, core(pod()))
    assert (said.status, said.seen) == (Status.FAIL, str(port))
    assert words in str(said.text)


def test_ke301_tells_a_replica_that_is_gone_from_another_interface() -> None:
    two = TunnelPorts((("10.0.0.1", 10351), ("10.0.0.9", 10352)))
    assert status(node_port_belongs_to_a_running_cloudcore, edge(10352), two, core(pod())) is Status.FAIL
    docker = TunnelPorts((("172.17.0.1", 10351),))
    assert status(node_port_belongs_to_a_running_cloudcore, edge(10351), docker, core(pod())) is Status.WARN


def test_ke301_without_a_record() -> None:
    lost, denied = unknown(Reason.MISSING), unknown(Reason.DENIED)
    assert status(node_port_belongs_to_a_running_cloudcore, edge(10350), lost, core(pod())) is Status.FAIL
    assert status(node_port_belongs_to_a_running_cloudcore, edge(10351), lost, core(pod())) is Status.WARN
    assert status(node_port_belongs_to_a_running_cloudcore, edge(10351), denied, core(pod())) is Status.UNKNOWN
