"""The cloud probes on what a real site answered, state by state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kedge.asks import Ask
from kedge.facts.cloudcore import CloudStream
from kedge.facts.inventory import ApiEndpoints
from kedge.facts.kubectl import KubectlExec, KubectlLogs, NodeProxy, Outcome
from kedge.facts.metrics import MetricsEndpoints
from kedge.facts.pods import NodePods
from kedge.i18n import _
from kedge.model import Host, Reason, Role, Unknown
from kedge.plugins import Probe
from kedge.probes import apiserver, cloudcore, kubectl, logs, metrics, nodes, pods
from kedge.recording import Recording, open_recording

RECORDINGS = Path(__file__).parents[1] / "recordings"
STATES = sorted(path.parent.name for path in RECORDINGS.glob("*/meta.json"))
EDGES = ("edge1", "edge2")
NOT_ASKED = Unknown(Reason.NOT_ASKED, _("not asked"))


@cache
def recording(state: str) -> Recording:
    return open_recording(RECORDINGS / state)


def asked(probe: Probe, state: str, *arguments: Any) -> Any:
    """What a probe reads in one recorded state."""
    wanted: Ask | Sequence[Ask] | None = probe.ask(*arguments)
    assert wanted is not None
    asks = [wanted] if isinstance(wanted, Ask) else list(wanted)
    seen = asyncio.run(recording(state).kubernetes.observe(asks, deadline=1))
    errors = [one.error for one in seen if one.error]
    if errors and not probe.reads_errors:
        return errors[0]
    assert probe.read is not None
    return probe.read(*seen)


def edge(name: str) -> Host:
    return Host(name, frozenset({Role.EDGE}))


def pods_of(state: str, node: str) -> NodePods:
    found = asked(pods.pods_by_node, state)[node]
    assert isinstance(found, NodePods)
    return found


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 11, 22, hour, minute, second, tzinfo=UTC)


# ---------------------------------------------------------------------------------------- what never changes


@pytest.mark.parametrize("state", STATES)
def test_what_the_site_is(state: str) -> None:
    assert asked(apiserver.api_server, state).version == "v1.36.2"
    assert asked(apiserver.api_endpoints, state) == ApiEndpoints(("10.99.0.10",))
    ports = asked(cloudcore.tunnel_ports, state)
    assert (ports.by_ip, ports.ports) == ((("10.99.0.10", 10351),), frozenset({10351}))
    exposure = asked(cloudcore.cloud_exposure, state)
    assert (exposure.service_type, exposure.node_ports) == ("ClusterIP", ())
    assert exposure.addresses == frozenset({"10.99.0.10"})


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", EDGES)
def test_edges_are_recognised(state: str, name: str) -> None:
    node = asked(nodes.nodes, state)[name]
    assert node.is_edge
    assert (node.edge_label, node.kubeedge_version, node.port) == ("", "v1.23.1", 10351)
    assert (node.cloudcore_ip, node.runtime_version) == ("10.99.0.10", "containerd://1.6.20")


@pytest.mark.parametrize("state", STATES)
def test_the_cloud_node_is_no_edge(state: str) -> None:
    node = asked(nodes.nodes, state)["cloud1"]
    assert (node.is_edge, node.edge_label, node.kubeedge_version, node.port) == (False, None, "", 10250)


# ------------------------------------------------------------------------------------------- what the state is


def test_a_stopped_edge_is_neither_ready_nor_not_ready() -> None:
    stopped = asked(nodes.nodes, "edgecore-stopped")["edge1"]
    assert (stopped.ready, stopped.ready_reason) == (None, "NodeStatusUnknown")
    assert stopped.taints == ("node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute")
    leases = asked(nodes.leases, "edgecore-stopped")
    assert (leases["edge1"].at - leases["edge1"].renewed).total_seconds() == pytest.approx(62, abs=1)
    assert leases["edge1"].at == leases["edge2"].at


def test_cloudstream_is_read_with_its_line() -> None:
    config = asked(cloudcore.cloudcore_config, "healthy")
    assert config.cloud_stream == CloudStream(enable=True, stream_port=10003, tunnel_port=10004, line=54)
    assert config.text.splitlines()[53].strip() == "enable: true"
    assert (config.tunnel_port, config.advertise, config.dns_names) == (10351, ("10.99.0.10",), ())
    assert (config.hub_websocket_port, config.hub_https_port, config.iptables_enable) == (10000, 10002, False)
    assert not asked(cloudcore.cloudcore_config, "cloudstream-disabled").cloud_stream.enable


def test_who_changed_the_config_and_when() -> None:
    own = asked(cloudcore.cloudcore_config, "healthy")
    assert (own.changed, own.changed_by) == (at(9, 31, 18), "cloudcore")
    edited = asked(cloudcore.cloudcore_config, "cloudstream-disabled-restart-stuck")
    assert (edited.changed, edited.changed_by) == (at(9, 54, 18), "kubectl-client-side-apply")


def test_a_stuck_rollout_shows_both_pods() -> None:
    core = asked(cloudcore.cloudcore, "cloudstream-disabled-restart-stuck")
    old, new = core.pods
    assert (old.is_serving, new.is_serving, new.phase, new.node) == (True, False, "Pending", "")
    assert "didn't have free ports" in new.unschedulable
    assert old.revision != new.revision
    assert core.addresses == frozenset({"10.99.0.10"})
    assert core.workload.host_network
    assert (core.workload.strategy, core.workload.max_surge, core.workload.generation) == ("RollingUpdate", "25%", 2)


@pytest.mark.parametrize("state", STATES)
def test_metrics_server_is_found_with_its_flags(state: str) -> None:
    server = asked(metrics.metrics_server, state)
    assert server.workload.containers[0].image == "registry.k8s.io/metrics-server/metrics-server:v0.4.1"
    assert "--kubelet-use-node-status-port" in server.workload.containers[0].args
    assert len(server.pods) == 1


def test_the_metrics_path_in_its_states() -> None:
    api = asked(metrics.metrics_api, "healthy")
    assert (api.available, api.namespace, api.service, api.port) == (True, "kube-system", "metrics-server", 443)
    down = asked(metrics.metrics_api, "metrics-image-missing")
    assert (down.available, down.reason) == (False, "MissingEndpoints")
    assert asked(metrics.metrics_api, "apiservice-missing").reason is Reason.MISSING
    good = MetricsEndpoints("kube-system", "metrics-server", ready=("10.99.0.10",), slices=1)
    assert asked(metrics.metrics_endpoints, "healthy", api) == good
    assert asked(metrics.metrics_endpoints, "healthy", NOT_ASKED) == good
    bad = MetricsEndpoints("kube-system", "metrics-server", not_ready=("10.99.0.10",), slices=1)
    assert asked(metrics.metrics_endpoints, "metrics-image-missing", down) == bad


def test_numbers_are_milli_cpus_and_bytes() -> None:
    usage = asked(metrics.node_usage, "healthy")
    assert [name for name, _usage in usage.rows] == ["cloud1", "edge1", "edge2"]
    row = usage.of("cloud1")
    assert (row.cpu, row.memory) == (pytest.approx(72.153582), 483996 * 1024)
    assert (row.at, row.window, usage.at) == (at(9, 45, 19), pytest.approx(10.016), at(9, 45, 30))
    by_pod = asked(metrics.pod_usage, "healthy").by_pod()
    assert by_pod[("factory", "line-gateway-6mnpj")].cpu == pytest.approx((2034097 + 2103707) / 1e6)
    assert asked(metrics.node_usage, "edgestream-disabled").of("edge1") is None
    assert asked(metrics.node_usage, "metrics-image-missing").reason is Reason.SERVER_ERROR


# --------------------------------------------------------------------------------------------------- kubectl

LOGS = {
    "healthy": {"edge1": Outcome.ANSWERED, "edge2": Outcome.ANSWERED},
    "edgestream-disabled": {"edge1": Outcome.EMPTY, "edge2": Outcome.ANSWERED},
    "edgecore-stopped": {"edge1": Outcome.EMPTY, "edge2": Outcome.ANSWERED},
    "dnat-missing": {"edge1": Outcome.ANSWERED, "edge2": Outcome.ANSWERED},
    "dnat-missing-after-reboot": {"edge1": Outcome.REFUSED, "edge2": Outcome.REFUSED},
    "tunnel-port-blocked": {"edge1": Outcome.HANG, "edge2": Outcome.HANG},
    "cloudstream-disabled": {"edge1": Outcome.REFUSED, "edge2": Outcome.REFUSED},
}
EXEC = LOGS | {
    "edgestream-disabled": {"edge1": Outcome.EOF, "edge2": Outcome.ANSWERED},
    "edgecore-stopped": {"edge1": Outcome.EOF, "edge2": Outcome.ANSWERED},
    "dnat-missing": {"edge1": Outcome.REFUSED, "edge2": Outcome.REFUSED},
}


@pytest.mark.parametrize(("state", "name"), [(state, name) for state in LOGS for name in EDGES])
def test_what_kubectl_logs_and_the_node_proxy_said(state: str, name: str) -> None:
    found = asked(kubectl.kubectl_logs, state, edge(name), pods_of(state, name))
    assert isinstance(found, KubectlLogs)
    assert [(one.outcome, one.container) for one in found.tries] == [(LOGS[state][name], "gateway")]
    proxy = asked(kubectl.node_proxy, state, edge(name))
    assert isinstance(proxy, NodeProxy)
    assert proxy.outcome is LOGS[state][name]
    assert bool(proxy.samples) == (proxy.outcome is Outcome.ANSWERED)


@pytest.mark.parametrize(("state", "name"), [(state, name) for state in EXEC for name in EDGES])
def test_what_kubectl_exec_said(state: str, name: str) -> None:
    found = asked(kubectl.kubectl_exec, state, edge(name), pods_of(state, name), NOT_ASKED)
    assert isinstance(found, KubectlExec)
    assert found.tried.outcome is EXEC[state][name]
    if found.tried.outcome is Outcome.ANSWERED:
        assert found.tried.text == name


# ------------------------------------------------------------------------------------------------------ logs


def hits(probe: Probe, state: str, fact: Any) -> set[tuple[str, str]]:
    return {(hit.id, hit.node) for hit in asked(probe, state, fact).hits}


def test_a_log_speaks_only_of_what_still_holds() -> None:
    cloud = {state: hits(logs.cloudcore_log, state, asked(cloudcore.cloudcore, state)) for state in STATES}
    dead = {("tunnel-lost", "edge1"), ("session-closed", "edge1")}
    assert {state: found for state, found in cloud.items() if found} == {
        "edgestream-disabled": dead,
        "edgecore-stopped": dead | {("hub-left", "edge1")},
        "cloudstream-disabled": {("cloudstream-disabled", "")},
    }
    server = asked(metrics.metrics_server, "cloudstream-disabled")
    assert ("scrape-refused", "edge2") in hits(logs.metrics_server_log, "cloudstream-disabled", server)
    quiet = asked(metrics.metrics_server, "healthy")
    assert hits(logs.metrics_server_log, "healthy", quiet) == set()


def test_a_pod_that_never_started_has_no_log_to_ask_for() -> None:
    server = asked(metrics.metrics_server, "metrics-image-missing")
    assert logs.metrics_server_log.ask(server) is None
