"""Checks of kubectl logs, exec and top, each with plain facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks._outcomes import meaning
from checks.kubectl import exec_comes_back, logs_come_back
from checks.top import node_has_fresh_numbers, pods_have_fresh_numbers
from kedge.asks import PodExec, PodLog
from kedge.facts.edgecore import EdgeCoreService
from kedge.facts.hosts import HostAccess
from kedge.facts.kubectl import KubectlExec, KubectlLogs, MoreKubectlLogs, NodeProxy, Outcome, Try
from kedge.facts.metrics import MetricsServer, NodeUsage, PodUsage, Usage
from kedge.facts.network import Established, NatTables, Socket
from kedge.facts.nodes import Node
from kedge.facts.pods import Container, NodePods, Pod
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Role, Status, Unknown
from kedge.plugins import All, Check
from kedge.probes.kubectl import (
    candidates,
    kubectl_exec,
    kubectl_logs,
    more_kubectl_logs,
    node_proxy,
    read_kubectl_exec,
    read_kubectl_logs,
    read_log,
    read_more_kubectl_logs,
    read_node_proxy,
)
from tests.unit import asked

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
NOTHING = Unknown(Reason.NOT_ASKED, _("not asked"))
EDGE = Host("edge1", frozenset({Role.EDGE}))


INSIDE = HostAccess("root", root=True)
TABLES: All[Any] = All({"cloud1": NatTables()})


def verdict(check: Check, *facts: Any) -> Any:
    return asked.verdict(check, *facts)


def status(check: Check, *facts: Any) -> Status:
    found: Status = verdict(check, *facts).status
    return found


def unknown(reason: Reason) -> Unknown:
    return Unknown(reason, _("because"))


def tried(outcome: Outcome, text: str = "") -> Try:
    return Try("factory", "p", "c", outcome, text)


def pod(name: str = "p", namespace: str = "factory", **changes: Any) -> Pod:
    running = (Container("a", running=True, started=LONG_AGO), Container("b", running=True, started=LONG_AGO))
    return replace(Pod(namespace, name, node="edge1", phase="Running", ready=True, containers=running), **changes)


PODS = NodePods((pod(),))


# ------------------------------------------------------------------------------------------------- what is asked


def test_workload_pods_come_first_and_every_pod_once_before_second_containers() -> None:
    pods = NodePods((pod("z", "kube-system"), pod("b"), pod("a", ready=False), pod("gone", deleting=NOW)))
    order = [(one.name, container.name) for one, container in candidates(pods)]
    assert order == [("b", "a"), ("z", "a"), ("a", "a"), ("b", "b"), ("z", "b"), ("a", "b")]


def test_nothing_is_asked_where_nothing_runs() -> None:
    waiting = NodePods((pod(containers=(Container("a", waiting="ContainerCreating"),)), pod(phase="Pending")))
    assert kubectl_logs.ask(EDGE, waiting) is None
    assert kubectl_exec.ask(EDGE, waiting, NOTHING) is None


def test_further_containers_are_asked_only_where_the_first_settled_nothing() -> None:
    first = PodLog("factory", "p", "a")
    assert kubectl_logs.ask(EDGE, PODS) == first
    asked = Try("factory", "p", "a", Outcome.EMPTY)
    assert more_kubectl_logs.ask(EDGE, PODS, KubectlLogs((asked,))) == [PodLog("factory", "p", "b")]
    assert more_kubectl_logs.ask(EDGE, PODS, KubectlLogs((replace(asked, outcome=Outcome.REFUSED),))) is None
    assert more_kubectl_logs.ask(EDGE, PODS, KubectlLogs()) == [first, PodLog("factory", "p", "b")]


def test_exec_goes_where_the_log_came_from() -> None:
    elsewhere = KubectlLogs((Try("factory", "q", "x", Outcome.ANSWERED),))
    assert kubectl_exec.ask(EDGE, PODS, elsewhere) == PodExec("factory", "q", "x")
    assert kubectl_exec.ask(EDGE, PODS, KubectlLogs()) == PodExec("factory", "p", "a")


def test_a_node_name_is_quoted_in_a_path() -> None:
    path = node_proxy.ask(Host("../x y", frozenset())).path
    assert path == "/api/v1/nodes/..%2Fx%20y/proxy/metrics/resource"


# ------------------------------------------------------------------------------------------------ how it is read


def log(**answer: Any) -> Observation:
    return Observation(PodLog("n", "p", "c"), "kubernetes", "kubectl logs", **answer)


def read(**answer: Any) -> Any:
    found = read_log(log(**answer))
    return found.outcome if isinstance(found, Try) else found.reason


def test_live_and_recorded_answers_read_alike() -> None:
    assert read(exit_code=200, stdout="line") is Outcome.ANSWERED
    assert read(exit_code=0, stdout="line") is Outcome.ANSWERED
    assert read(exit_code=0) is Outcome.EMPTY
    refused = "dial tcp 1.2.3.4:10351: connect: connection refused"
    assert read(exit_code=1, stderr=f"Error from server: {refused}") is Outcome.REFUSED
    live = Unknown(
        Reason.SERVER_ERROR, _("https://h failed with 500 while reading pods/log: {why}").format(why=refused)
    )
    assert read(error=live) is Outcome.REFUSED
    assert read(error=Unknown(Reason.TIMED_OUT, _("timed out after 5 s while reading pods/log"))) is Outcome.HANG
    assert read(exit_code=124) is Outcome.HANG


@pytest.mark.parametrize("reason", [Reason.DENIED, Reason.CREDENTIALS, Reason.NOT_RECORDED, Reason.UNREACHABLE])
def test_what_says_nothing_of_the_path_stays_unknown(reason: Reason) -> None:
    assert read(error=Unknown(reason, _("dial tcp 9.9.9.9:6443: connect: connection refused"))) is reason


def test_an_unrecorded_log_leaves_room_for_others() -> None:
    assert read_kubectl_logs(log(error=unknown(Reason.NOT_RECORDED))) == KubectlLogs()
    denied = read_kubectl_logs(log(error=unknown(Reason.DENIED)))
    assert isinstance(denied, Unknown)
    more = read_more_kubectl_logs(log(error=unknown(Reason.NOT_RECORDED)), log(exit_code=0, stdout="x"))
    assert isinstance(more, MoreKubectlLogs)
    assert [one.outcome for one in more.tries] == [Outcome.ANSWERED]
    assert isinstance(read_more_kubectl_logs(log(error=unknown(Reason.NOT_RECORDED))), Unknown)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"exit_code": 0, "stdout": "edge1\n"}, Outcome.ANSWERED),
        ({"exit_code": 0}, Outcome.EMPTY),
        ({"exit_code": 127, "stderr": "not found"}, Outcome.ANSWERED),
        ({"exit_code": 1, "stderr": 'exec: "hostname": executable file not found in $PATH'}, Outcome.ANSWERED),
        ({"exit_code": 1, "stderr": "command terminated with exit code 1"}, Outcome.ANSWERED),
        ({"exit_code": 1, "stderr": 'error: error sending request: Post "https://x": unexpected EOF'}, Outcome.EOF),
        ({"exit_code": 124, "stderr": "recorder timed out"}, Outcome.HANG),
    ],
)
def test_what_exec_said(answer: dict[str, Any], outcome: Outcome) -> None:
    found = read_kubectl_exec(Observation(PodExec("n", "p", "c"), "kubernetes", "kubectl exec", **answer))
    assert isinstance(found, KubectlExec)
    assert found.tried.outcome is outcome


def test_what_the_node_proxy_said() -> None:
    ask = node_proxy.ask(EDGE)
    body = "# HELP x\n# TYPE x gauge\nnode_cpu 1\nscrape_error 0\n"
    good = read_node_proxy(Observation(ask, "kubernetes", "", exit_code=200, stdout=body))
    assert isinstance(good, NodeProxy)
    assert (good.outcome, good.samples) == (Outcome.ANSWERED, 2)
    empty = read_node_proxy(Observation(ask, "kubernetes", "", exit_code=200))
    assert isinstance(empty, NodeProxy)
    assert empty.outcome is Outcome.EMPTY
    text = _("error trying to reach service: dial tcp 10.0.0.2:10351: connect: connection refused")
    relayed = read_node_proxy(Observation(ask, "kubernetes", "", error=Unknown(Reason.UNREACHABLE, text)))
    assert isinstance(relayed, NodeProxy)
    assert relayed.outcome is Outcome.REFUSED


# ----------------------------------------------------------------------------------------------------- KE501


def logs(
    first: Any,
    more: Any = NOTHING,
    pods: Any = PODS,
    proxy: Any = NOTHING,
    sockets: Any = NOTHING,
    access: Any = INSIDE,
    tables: Any = TABLES,
) -> tuple[Any, ...]:
    return ("edge1", first, more, pods, proxy, sockets, NOTHING, access, tables)


def test_ke501_says_what_would_settle_what_nobody_could_look_at() -> None:
    def said(outcome: Outcome, **seen: Any) -> str:
        return str(verdict(logs_come_back, *logs(KubectlLogs((tried(outcome),)), **seen)).text)

    hidden = Unknown(Reason.NO_SSH, _("There is no SSH to it"))
    dark: All[Any] = All({"cloud1": hidden})
    assert "NAT rules of the API server's host would tell" in said(Outcome.REFUSED, tables=dark)
    assert "no such host is known" in said(Outcome.REFUSED, tables=All({}))
    assert "edge1 itself would tell why" in said(Outcome.HANG, access=hidden)
    for outcome in (Outcome.REFUSED, Outcome.HANG):
        assert "would tell" not in said(outcome)


def test_ke501_wants_a_real_line() -> None:
    assert status(logs_come_back, *logs(KubectlLogs((tried(Outcome.ANSWERED, "hi"),)))) is Status.PASS
    quiet = KubectlLogs((tried(Outcome.EMPTY),))
    other = MoreKubectlLogs((tried(Outcome.ANSWERED, "hi"),))
    assert status(logs_come_back, *logs(quiet, other)) is Status.PASS


SETTLED_OTHERWISE = (Outcome.ANSWERED, Outcome.EMPTY, Outcome.NOT_FOUND)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in SETTLED_OTHERWISE])
def test_ke501_fails_with_what_the_error_means(outcome: Outcome) -> None:
    said = verdict(logs_come_back, *logs(KubectlLogs((tried(outcome, "raw text"),))))
    assert (said.status, said.seen) == (Status.FAIL, "raw text")
    assert str(meaning(outcome, "edge1", "raw text")) in str(said.text)
    assert "{" not in str(said.text)


QUIET = KubectlLogs((tried(Outcome.EMPTY),))


def test_ke501_blames_an_empty_log_only_with_a_second_witness() -> None:
    assert status(logs_come_back, *logs(QUIET)) is Status.UNKNOWN
    for outcome in (Outcome.EMPTY, Outcome.REFUSED, Outcome.HANG):
        said = verdict(logs_come_back, *logs(QUIET, proxy=NodeProxy(outcome)))
        assert said.status is Status.FAIL
        assert "reports success" in str(said.text)
    works = verdict(logs_come_back, *logs(QUIET, proxy=NodeProxy(Outcome.ANSWERED, samples=9)))
    assert works.status is Status.UNKNOWN
    assert "The path to edge1 works" in str(works.text)


def test_ke501_takes_the_sockets_of_the_edge_for_a_witness() -> None:
    tunnel = Established((Socket("10.0.0.2", 4444, "10.0.0.1", 10004),))
    assert status(logs_come_back, *logs(QUIET, sockets=tunnel)) is Status.UNKNOWN
    hub = Established((Socket("10.0.0.2", 4444, "10.0.0.1", 10000),))
    said = verdict(logs_come_back, *logs(QUIET, sockets=hub))
    assert said.status is Status.FAIL
    assert "no connection to the tunnel port 10004" in str(said.text)


def test_ke501_without_anything_to_ask() -> None:
    assert status(logs_come_back, *logs(NOTHING, pods=NodePods())) is Status.SKIP
    assert status(logs_come_back, *logs(unknown(Reason.DENIED))) is Status.UNKNOWN
    assert status(logs_come_back, *logs(KubectlLogs())) is Status.UNKNOWN
    assert status(logs_come_back, *logs(KubectlLogs((tried(Outcome.NOT_FOUND),)))) is Status.UNKNOWN


# ----------------------------------------------------------------------------------------------------- KE502


def test_ke502() -> None:
    assert status(exec_comes_back, "edge1", KubectlExec(tried(Outcome.ANSWERED, "edge1")), PODS) is Status.PASS
    assert status(exec_comes_back, "edge1", KubectlExec(tried(Outcome.REFUSED)), PODS) is Status.FAIL
    assert status(exec_comes_back, "edge1", KubectlExec(tried(Outcome.EMPTY)), PODS) is Status.FAIL
    assert status(exec_comes_back, "edge1", KubectlExec(tried(Outcome.NOT_FOUND)), PODS) is Status.UNKNOWN
    assert status(exec_comes_back, "edge1", NOTHING, NodePods()) is Status.SKIP
    assert status(exec_comes_back, "edge1", unknown(Reason.DENIED), PODS) is Status.UNKNOWN
    hang = replace(tried(Outcome.HANG), seconds=40.0)
    assert str(verdict(exec_comes_back, "edge1", KubectlExec(hang), PODS).seen) == "no answer after 40 s"


# ----------------------------------------------------------------------------------------------- KE503, KE504

READY = Node("edge1", ready=True, ready_since=LONG_AGO, is_edge=True)
ROW = Usage(27, 2**20, NOW - timedelta(seconds=10))
NUMBERS = NodeUsage((("edge1", ROW),), NOW)
STARTING = MetricsServer(pods=(Pod("kube-system", "ms", phase="Pending", created=NOW),), at=NOW)
SCRAPED = NodeProxy(Outcome.ANSWERED, samples=9)
DOWN = unknown(Reason.SERVER_ERROR)


def verdict_of(check: Check, *facts: Any, service: Any = NOTHING) -> Any:
    """What a check of top says; its last fact is EdgeCore's service."""
    return verdict(check, *facts, service)


def status_of(check: Check, *facts: Any, service: Any = NOTHING) -> Status:
    """The status of it."""
    return status(check, *facts, service)


def test_ke503() -> None:
    assert status_of(node_has_fresh_numbers, READY, NUMBERS, NOTHING, NOTHING) is Status.PASS
    said = verdict_of(node_has_fresh_numbers, READY, NodeUsage(at=NOW), NodeProxy(Outcome.HANG), NOTHING)
    assert said.status is Status.FAIL
    assert "<unknown> for edge1: no answer came" in str(said.text)
    assert said.fixes == ("functional-test",), "a restart of Metrics Server would not make the node answer"
    said = verdict_of(node_has_fresh_numbers, READY, NodeUsage(at=NOW), SCRAPED, NOTHING)
    assert said.fixes == ("restart-metrics-server", "functional-test")
    stale = NodeUsage((("edge1", replace(ROW, at=NOW - timedelta(minutes=4))),), NOW)
    assert status_of(node_has_fresh_numbers, READY, stale, NOTHING, NOTHING) is Status.FAIL
    fresh = replace(READY, ready_since=NOW - timedelta(seconds=20))
    assert status_of(node_has_fresh_numbers, fresh, NodeUsage(at=NOW), NOTHING, NOTHING) is Status.WARN
    assert status_of(node_has_fresh_numbers, replace(READY, ready=None), NUMBERS, NOTHING, NOTHING) is Status.SKIP
    assert status_of(node_has_fresh_numbers, READY, unknown(Reason.DENIED), NOTHING, NOTHING) is Status.UNKNOWN


def test_ke503_without_the_metrics_api() -> None:
    assert status_of(node_has_fresh_numbers, READY, unknown(Reason.MISSING), SCRAPED, STARTING) is Status.FAIL
    assert status_of(node_has_fresh_numbers, READY, DOWN, SCRAPED, NOTHING) is Status.FAIL
    assert status_of(node_has_fresh_numbers, READY, DOWN, SCRAPED, STARTING) is Status.WARN
    later = replace(SCRAPED, at=NOW + timedelta(minutes=3))
    assert status_of(node_has_fresh_numbers, READY, DOWN, later, STARTING) is Status.FAIL
    said = verdict_of(node_has_fresh_numbers, READY, DOWN, NodeProxy(Outcome.REFUSED), STARTING)
    assert said.status is Status.FAIL
    assert "nor can edge1 be scraped" in str(said.text)


def test_ke504() -> None:
    both = NodePods((pod("a"), pod("b")))
    rows = PodUsage(((("factory", "a"), ROW), (("factory", "b"), ROW)), NOW)
    assert status_of(pods_have_fresh_numbers, READY, both, rows, NOTHING, NOTHING) is Status.PASS
    assert (
        status_of(pods_have_fresh_numbers, READY, both, PodUsage(rows.rows[:1], NOW), NOTHING, NOTHING) is Status.WARN
    )
    assert status_of(pods_have_fresh_numbers, READY, both, PodUsage((), NOW), NOTHING, NOTHING) is Status.FAIL
    new = NodePods((pod(containers=(Container("a", running=True, started=NOW),)),))
    assert status_of(pods_have_fresh_numbers, READY, new, PodUsage((), NOW), NOTHING, NOTHING) is Status.SKIP
    ahead = NodePods((pod(containers=(Container("a", running=True, started=NOW + timedelta(hours=2)),)),))
    assert status_of(pods_have_fresh_numbers, READY, ahead, PodUsage((), NOW), NOTHING, NOTHING) is Status.FAIL
    assert status_of(pods_have_fresh_numbers, READY, NodePods(), rows, NOTHING, NOTHING) is Status.SKIP
    assert status_of(pods_have_fresh_numbers, replace(READY, ready=False), both, rows, NOTHING, NOTHING) is Status.SKIP
    assert status_of(pods_have_fresh_numbers, READY, both, DOWN, NOTHING, NOTHING) is Status.FAIL
    assert status_of(pods_have_fresh_numbers, READY, both, unknown(Reason.DENIED), NOTHING, NOTHING) is Status.UNKNOWN


def test_numbers_are_not_missed_a_moment_after_a_restart() -> None:
    fresh = EdgeCoreService("edgecore", since=NOW - timedelta(seconds=20), at=NOW)
    old = replace(fresh, since=LONG_AGO)
    gone = NodeUsage(at=NOW)
    assert status_of(node_has_fresh_numbers, READY, gone, SCRAPED, NOTHING, service=fresh) is Status.WARN
    assert status_of(node_has_fresh_numbers, READY, gone, SCRAPED, NOTHING, service=old) is Status.FAIL
    dead = NodeProxy(Outcome.EMPTY)
    assert status_of(node_has_fresh_numbers, READY, gone, dead, NOTHING, service=fresh) is Status.FAIL
    both = NodePods((pod("a"), pod("b")))
    none = PodUsage((), NOW)
    assert status_of(pods_have_fresh_numbers, READY, both, none, SCRAPED, NOTHING, service=fresh) is Status.WARN
    assert status_of(pods_have_fresh_numbers, READY, both, none, SCRAPED, NOTHING, service=old) is Status.FAIL
