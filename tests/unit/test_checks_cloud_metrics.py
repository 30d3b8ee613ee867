"""Checks of Metrics Server, the APIService and edge nodes, each with plain facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.apiservice import metrics_api_is_available, metrics_service_has_endpoints
from checks.edgenode import addresses_are_unique, edge_is_labelled, edge_is_ready, pods_are_well
from checks.metrics_flags import flags_allow_scraping_edges, is_set, value_of
from checks.metrics_server import image_is_on_the_node, log_holds_no_failure, metrics_server_is_running
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService
from kedge.facts.hosts import HostAccess
from kedge.facts.images import ImageList
from kedge.facts.inventory import ApiEndpoints
from kedge.facts.kubectl import NodeProxy, Outcome
from kedge.facts.logs import LogHit, MetricsServerLog
from kedge.facts.metrics import MetricsApi, MetricsEndpoints, MetricsServer, NodeUsage, Usage
from kedge.facts.network import Established, Socket
from kedge.facts.nodes import Node, NodeLease
from kedge.facts.pods import Container, NodePods, Pod, Workload
from kedge.i18n import _
from kedge.model import Host, Reason, Status, Unknown, Verdict
from kedge.plugins import All, Check
from tests.unit import asked

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
IMAGE = "registry.k8s.io/metrics-server/metrics-server:v0.4.1"
FLAGS = (
    "--secure-port=4443",
    "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
    "--kubelet-use-node-status-port",
    "--kubelet-insecure-tls",
)
LEASES = All[NodeLease]({"cloud1": NodeLease(NOW, at=NOW)})
NO_LOG = Unknown(Reason.NOT_ASKED, _("not asked"))


def verdict(check: Check, *facts: Any) -> Any:
    return asked.verdict(check, *facts)


def status(check: Check, *facts: Any) -> Status:
    found: Status = verdict(check, *facts).status
    return found


def unknown(reason: Reason = Reason.UNREACHABLE) -> Unknown:
    return Unknown(reason, _("because"))


def pod(**changes: Any) -> Pod:
    own = Pod(
        "kube-system",
        "ms-1",
        node="cloud1",
        phase="Running",
        ready=True,
        created=LONG_AGO,
        containers=(Container("metrics-server", IMAGE, ready=True, running=True),),
    )
    return replace(own, **changes)


def server(*pods: Pod, args: tuple[str, ...] = FLAGS, image: str = IMAGE, **workload: Any) -> MetricsServer:
    container = Container("metrics-server", image, args)
    given = {"replicas": 1, "host_network": True, **workload}
    return MetricsServer(Workload("kube-system", "metrics-server", containers=(container,), **given), pods, LONG_AGO)


PULLING = Container("metrics-server", IMAGE, waiting="ImagePullBackOff", waiting_message="no such host")
STUCK = pod(phase="Pending", ready=False, containers=(PULLING,))
YOUNG = pod(
    phase="Pending", ready=False, created=NOW - timedelta(seconds=45), containers=(Container("metrics-server"),)
)
OLD = replace(YOUNG, created=NOW - timedelta(minutes=5))


# ------------------------------------------------------------------------------------------------------ KE401


def test_ke401() -> None:
    assert status(metrics_server_is_running, server(pod()), LEASES, NO_LOG) is Status.PASS
    assert status(metrics_server_is_running, MetricsServer(), LEASES, NO_LOG) is Status.FAIL
    assert status(metrics_server_is_running, server(replicas=0), LEASES, NO_LOG) is Status.FAIL
    assert status(metrics_server_is_running, server(), LEASES, NO_LOG) is Status.FAIL
    restarted = replace(pod().containers[0], restarts=2, last_exit=1)
    assert status(metrics_server_is_running, server(pod(containers=(restarted,))), LEASES, NO_LOG) is Status.INFO


def test_ke401_gives_a_new_pod_time_to_scrape() -> None:
    assert status(metrics_server_is_running, server(YOUNG), LEASES, NO_LOG) is Status.WARN
    assert status(metrics_server_is_running, server(pod(deleting=NOW)), LEASES, NO_LOG) is Status.WARN
    assert status(metrics_server_is_running, server(OLD), LEASES, NO_LOG) is Status.FAIL
    assert status(metrics_server_is_running, server(replace(STUCK, created=NOW)), LEASES, NO_LOG) is Status.FAIL


def test_ke401_shows_how_the_log_ends() -> None:
    crashing = pod(ready=False, containers=(Container("metrics-server", waiting="CrashLoopBackOff", last_exit=1),))
    said = verdict(metrics_server_is_running, server(crashing), LEASES, MetricsServerLog(last=("a", "panic: b")))
    assert "its log ends with: panic: b" in str(said.seen)
    assert "CrashLoopBackOff" in str(said.text)


# ------------------------------------------------------------------------------------------------------ KE402


def images(*names: str) -> All[ImageList]:
    return All({"cloud1": ImageList(frozenset(names), "ctr")})


def test_ke402_is_about_the_node_of_the_pod() -> None:
    assert status(image_is_on_the_node, server(pod()), images(IMAGE)) is Status.PASS
    said = verdict(image_is_on_the_node, server(STUCK), images("registry.k8s.io/metrics-server/metrics-server:v0.6.0"))
    assert said.status is Status.FAIL
    assert "v0.6.0" in str(said.seen)
    elsewhere = All[ImageList]({"cloud2": ImageList(frozenset({IMAGE}), "ctr")})
    assert status(image_is_on_the_node, server(OLD), elsewhere) is Status.UNKNOWN


def test_ke402_without_ssh_believes_kubernetes() -> None:
    blind = All[ImageList]({"cloud1": unknown(Reason.NO_SSH)})
    said = verdict(image_is_on_the_node, server(STUCK), blind)
    assert (said.status, said.seen) == (Status.FAIL, "no such host")
    assert status(image_is_on_the_node, server(pod()), blind) is Status.PASS
    assert status(image_is_on_the_node, server(OLD), blind) is Status.UNKNOWN


def test_ke402_knows_the_odd_cases() -> None:
    assert status(image_is_on_the_node, server(pod()), images()) is Status.WARN  # runs, but could not start again
    assert status(image_is_on_the_node, server(STUCK), images(IMAGE)) is Status.WARN  # there, and not used
    assert status(image_is_on_the_node, server(replace(STUCK, node="")), images()) is Status.SKIP
    assert status(image_is_on_the_node, server(), images()) is Status.SKIP
    assert status(image_is_on_the_node, MetricsServer(), images()) is Status.SKIP


# ------------------------------------------------------------------------------------------------------ KE403

NODES = All[Node]({"cloud1": Node("cloud1", "10.0.0.1"), "edge1": Node("edge1", is_edge=True)})
API = ApiEndpoints(("10.0.0.1",))


def test_ke403_passes_for_the_flags_of_the_guide() -> None:
    assert status(flags_allow_scraping_edges, server(pod()), NODES, API) is Status.PASS
    assert status(flags_allow_scraping_edges, MetricsServer(), NODES, API) is Status.SKIP


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (server(pod(), args=FLAGS[:2] + FLAGS[3:]), "--kubelet-use-node-status-port is missing"),
        (server(pod(), args=(*FLAGS[:3], "--kubelet-insecure-tls=false")), "--kubelet-insecure-tls is missing"),
        (server(pod(), image="k8s.gcr.io/metrics-server:v0.3.6"), "older than 0.4.0"),
        (server(pod(node="edge1")), "placed on the edge node edge1"),
    ],
)
def test_ke403_fails_for_what_keeps_it_from_edges(found: MetricsServer, words: str) -> None:
    said = verdict(flags_allow_scraping_edges, found, NODES, API)
    assert said.status is Status.FAIL
    assert words in str(said.text)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (server(pod(), args=FLAGS[2:]), "should begin with InternalIP"),
        (server(pod(), args=("--secure-port=10250", *FLAGS[1:])), "10250 clashes"),
        (server(pod(node="cloud2")), "it runs on cloud2"),
    ],
)
def test_ke403_warns_of_what_may(found: MetricsServer, words: str) -> None:
    said = verdict(flags_allow_scraping_edges, found, NODES, API)
    assert said.status is Status.WARN
    assert words in str(said.text)


def test_flags_are_read_in_every_form() -> None:
    assert is_set(["--a"], "--a")
    assert is_set(["--a=true"], "--a")
    assert not is_set(["--a=false", "--ab"], "--a")
    assert value_of(["--a=1=2"], "--a") == "1=2"
    assert value_of(["--a", "b"], "--a") == "b"
    assert value_of(["--a"], "--a") is None


# -------------------------------------------------------------------------------------------------- KE404-406


def test_ke404() -> None:
    down = MetricsApi(False, "MissingEndpoints", "no addresses")
    assert status(metrics_api_is_available, MetricsApi(True), server(pod()), LEASES) is Status.PASS
    assert status(metrics_api_is_available, unknown(Reason.MISSING), server(pod()), LEASES) is Status.FAIL
    assert status(metrics_api_is_available, unknown(Reason.DENIED), server(pod()), LEASES) is Status.UNKNOWN
    assert status(metrics_api_is_available, down, server(STUCK), LEASES) is Status.FAIL
    assert status(metrics_api_is_available, down, server(YOUNG), LEASES) is Status.WARN
    assert status(metrics_api_is_available, down, unknown(), LEASES) is Status.FAIL
    other = MetricsApi(False, "FailedDiscoveryCheck", "timeout")
    assert status(metrics_api_is_available, other, server(YOUNG), LEASES) is Status.FAIL
    assert status(metrics_api_is_available, MetricsApi(), server(pod()), LEASES) is Status.UNKNOWN


def test_ke405() -> None:
    good = MetricsEndpoints("kube-system", "metrics-server", ready=("10.0.0.1",), slices=1)
    none = MetricsEndpoints("kube-system", "metrics-server", not_ready=("10.0.0.1",), slices=1)
    assert status(metrics_service_has_endpoints, good, server(pod()), LEASES) is Status.PASS
    said = verdict(metrics_service_has_endpoints, none, server(STUCK), LEASES)
    assert said.status is Status.FAIL
    assert "ImagePullBackOff" in str(said.text)
    assert status(metrics_service_has_endpoints, none, server(YOUNG), LEASES) is Status.WARN
    assert status(metrics_service_has_endpoints, none, unknown(), LEASES) is Status.FAIL


def test_ke406_believes_fresh_numbers_more_than_old_lines() -> None:
    ready = All[Node]({"e1": Node("e1", ready=True)})
    hit = LogHit("scrape-timeout", _("scraping e1 timed out"), "line", 3, "e1", at=NOW)
    log = MetricsServerLog((hit,), 80)
    none = NodeUsage(at=NOW)
    assert status(log_holds_no_failure, MetricsServerLog(lines=80), none, server(pod()), ready) is Status.PASS
    said = verdict(log_holds_no_failure, log, none, server(pod()), ready)
    assert (said.status, said.line) == (Status.WARN, 3)
    other = LogHit("storage-not-ready", _("nothing was scraped"), "another line", 9, "", at=NOW)
    both = verdict(log_holds_no_failure, MetricsServerLog((hit, other), 80), none, server(pod()), ready)
    assert str(both.text) == "Metrics Server cannot scrape e1: scraping e1 timed out"
    later = NodeUsage((("e1", Usage(at=NOW + timedelta(seconds=30))),), NOW)
    assert status(log_holds_no_failure, log, later, server(pod()), ready) is Status.PASS
    earlier = NodeUsage((("e1", Usage(at=LONG_AGO)),), NOW)
    assert status(log_holds_no_failure, log, earlier, server(pod()), ready) is Status.WARN
    off = All[Node]({"e1": Node("e1", ready=None)})
    assert status(log_holds_no_failure, log, none, server(pod()), off) is Status.PASS
    assert status(log_holds_no_failure, unknown(), none, server(YOUNG), ready) is Status.SKIP
    assert status(log_holds_no_failure, unknown(), none, server(pod()), ready) is Status.UNKNOWN


# --------------------------------------------------------------------------------------------- KE201, KE202

EDGE = Node(
    "edge1", "10.0.0.21", ready=True, ready_reason="EdgeReady", kubeedge_version="v1.23.1", edge_label="", is_edge=True
)
GONE = replace(EDGE, ready=None, ready_reason="NodeStatusUnknown", ready_since=LONG_AGO)
RUNS = EdgeCoreService("edgecore", active="active", sub="running")
STOPPED = EdgeCoreService("edgecore", active="inactive", sub="dead")


CONFIG = EdgeCoreConfig("edgecore.yaml", hub_server="10.0.0.10:10000")
INSIDE = HostAccess("root", root=True)
SILENT = unknown(Reason.TIMED_OUT)
HUB = Established((Socket("10.0.0.21", 38552, "10.0.0.10", 10000, "edgecore"),))
REACHABLE = Host("edge1", frozenset(), ssh=True)


def edge_ready(node: Node, lease: Any = None, **seen: Any) -> Verdict:
    """KE201 with everything unknown that is not named."""
    nothing = unknown(Reason.NO_SSH)
    order = ("host", "access", "service", "runtime", "config", "sockets", "proxy")
    found: Verdict = verdict(edge_is_ready, node, lease or nothing, *(seen.get(name, nothing) for name in order))
    return found


def test_ke201_passes_and_a_late_lease_is_no_more_than_information() -> None:
    assert edge_ready(EDGE, NodeLease(NOW, at=NOW), service=RUNS).status is Status.PASS
    said = edge_ready(EDGE, NodeLease(NOW - timedelta(seconds=125), at=NOW), service=RUNS)
    assert said.status is Status.INFO
    assert "125 s behind" in str(said.text)


@pytest.mark.parametrize(
    ("node", "seen", "state"),
    [
        (GONE, {"access": INSIDE, "service": STOPPED}, "EdgeCore down"),
        (GONE, {"access": INSIDE, "service": RUNS, "config": CONFIG, "sockets": Established()}, "(autonomous)"),
        (GONE, {"proxy": NodeProxy(Outcome.ANSWERED)}, "link to CloudHub down: its tunnel still works"),
        (GONE, {"host": REACHABLE, "access": SILENT}, "node off or link down"),
        (GONE, {"access": SILENT}, "unknown: it stopped reporting"),
        (GONE, {"host": REACHABLE, "access": unknown()}, "unknown: it stopped reporting"),
        (GONE, {}, "unknown: it stopped reporting"),
        (replace(EDGE, ready=False, ready_message="runtime is down"), {"service": RUNS}, "runtime is down"),
        (replace(EDGE, ready=False, ready_message="runtime is down"), {}, "runtime is down"),
    ],
)
def test_ke201_tells_the_state_as_far_as_the_evidence_goes(node: Node, seen: Any, state: str) -> None:
    said = edge_ready(node, **seen)
    assert said.status is Status.FAIL
    assert state in str(said.text)


def test_ke201_shows_its_reasoning() -> None:
    stopped = edge_ready(GONE, access=INSIDE, service=RUNS, config=CONFIG, sockets=HUB, proxy=NodeProxy(Outcome.HANG))
    assert str(stopped.seen).splitlines()[1:] == [
        "SSH: the machine answers",
        "EdgeCore: active (running)",
        "EdgeHub: connected",
        "metrics through the tunnel: hang",
    ]


def test_ke201_of_a_silent_machine_is_not_laid_at_cloudcores_door() -> None:
    assert edge_ready(GONE, host=REACHABLE, access=SILENT).explained_by == ()
    assert edge_ready(GONE, access=SILENT).explained_by is None


def test_ke201_tells_of_a_tunnel_that_ready_does_not_show() -> None:
    said = edge_ready(EDGE, proxy=NodeProxy(Outcome.NO_SESSION))
    assert said.status is Status.PASS
    assert "its tunnel is down" in str(said.text)


def test_ke201_without_a_condition_is_unknown() -> None:
    assert edge_ready(Node("edge1", is_edge=True)).status is Status.UNKNOWN


def test_ke202() -> None:
    assert status(edge_is_labelled, EDGE) is Status.PASS
    assert status(edge_is_labelled, replace(EDGE, edge_label=None)) is Status.FAIL
    assert status(edge_is_labelled, replace(EDGE, edge_label="true")) is Status.FAIL
    assert status(edge_is_labelled, replace(EDGE, kubeedge_version="")) is Status.WARN


# --------------------------------------------------------------------------------------------- KE217, KE308


def test_ke217() -> None:
    lease = NodeLease(NOW, at=NOW)
    assert status(pods_are_well, EDGE, NodePods((pod(),)), lease) is Status.PASS
    assert status(pods_are_well, EDGE, NodePods(), lease) is Status.SKIP
    said = verdict(pods_are_well, EDGE, NodePods((pod(), STUCK)), lease)
    assert said.status is Status.WARN
    assert "ImagePullBackOff" in str(said.text)
    assert status(pods_are_well, EDGE, NodePods((pod(deleting=LONG_AGO),)), lease) is Status.WARN
    assert status(pods_are_well, EDGE, NodePods((pod(deleting=NOW),)), lease) is Status.PASS
    assert status(pods_are_well, EDGE, NodePods((pod(deleting=LONG_AGO),)), unknown()) is Status.PASS
    assert status(pods_are_well, EDGE, NodePods((pod(owner="DaemonSet/kube-proxy"),)), lease) is Status.WARN


def test_ke308_has_one_result_for_every_node_concerned() -> None:
    other = replace(EDGE, name="edge2")
    found = verdict(addresses_are_unique, All({"edge1": EDGE, "edge2": other, "c": Node("c", "10.0.0.21")}))
    assert [(one.status, one.target) for one in found] == [(Status.FAIL, "edge1"), (Status.FAIL, "edge2")]
    assert "edge2" in str(found[0].text)
    own = replace(other, internal_ip="10.0.0.22")
    assert status(addresses_are_unique, All({"edge1": EDGE, "edge2": own})) is Status.PASS
    assert status(addresses_are_unique, All({"-": unknown()})) is Status.UNKNOWN
