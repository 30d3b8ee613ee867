"""What logs, exec and metrics of an edge meet follows from the state of every hop (facts 1, 4.4, 11)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import faults
from lab.objects import NODES
from lab.world_edged import Answer, ExecRefused
from lab.world_exec import ExecResult
from lab.world_host import EDGECORE_CONFIG
from lab.world_path import Client, DataPath, DialFailed, Ended, NoAnswer
from tests.lab.practice import Practice

RECORDINGS = Path(__file__).parents[1] / "recordings"


@pytest.fixture
def site() -> Practice:
    practice = Practice()
    practice.run(5)
    return practice


def broken(site: Practice, fault: str, seconds: float = 60) -> Practice:
    faults.apply(site.world, fault)
    site.run(seconds)
    return site


def test_a_healthy_site_answers_logs_exec_and_metrics_of_every_edge(site: Practice) -> None:
    for edge in ("edge1", "edge2"):
        answer = site.logs(edge)
        assert isinstance(answer, Answer)
        assert answer.status == 200
        lines = answer.body.splitlines()
        assert len(lines) == 3
        assert all(" INFO request " in line or "ERROR" in line for line in lines)
        assert site.exec(edge) == ExecResult(f"{edge}\n")
    assert site.scraped() == {"cloud1", "edge1", "edge2"}
    assert set(site.ready().values()) == {"True"}


@pytest.mark.parametrize(
    "fault", ["edgestream-disabled", "edgestream-wrong-server", "edgecore-stopped", "edgecore-not-restarted"]
)
def test_a_dead_session_gives_an_empty_log_with_status_200_and_breaks_exec(site: Practice, fault: str) -> None:
    broken(site, fault)
    assert site.logs("edge1") == Answer(200, "")
    assert isinstance(site.exec("edge1"), Ended)
    assert str(site.exec("edge1")) == "unexpected EOF"
    assert site.scraped() == {"cloud1", "edge2"}
    other = site.logs("edge2")
    assert isinstance(other, Answer)
    assert other.body


def test_ready_does_not_depend_on_the_tunnel(site: Practice) -> None:
    broken(site, "edgestream-disabled", 120)
    assert site.ready()["edge1"] == "True"


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("dnat-missing", "dial tcp 10.99.0.21:10351: connect: connection refused"),
        ("dnat-guide-port", "dial tcp 10.99.0.21:10351: connect: connection refused"),
        ("cloudstream-disabled", "dial tcp 10.99.0.21:10351: connect: connection refused"),
        ("cloudcore-down", "dial tcp 10.99.0.21:10351: connect: connection refused"),
        ("dnat-stale-target", "dial tcp 10.99.0.21:10351: connect: no route to host"),
        ("dnat-shadowed", "dial tcp 10.99.0.21:10351: connect: no route to host"),
        ("never-tunnelled", "dial tcp 10.99.0.21:10350: connect: connection refused"),
    ],
)
def test_a_dial_that_fails_says_so_in_the_words_of_the_api_server(site: Practice, fault: str, text: str) -> None:
    broken(site, fault)
    for problem in (site.logs("edge1"), site.exec("edge1")):
        assert isinstance(problem, DialFailed)
        assert str(problem) == text
    assert "edge1" not in site.scraped()


@pytest.mark.parametrize("fault", ["tunnel-port-blocked", "half-open-tunnel", "edge-offline"])
def test_a_live_tunnel_whose_packets_are_swallowed_hangs(site: Practice, fault: str) -> None:
    broken(site, fault)
    assert isinstance(site.logs("edge1"), NoAnswer)
    assert isinstance(site.exec("edge1"), NoAnswer)


def test_the_send_queue_of_a_dead_tunnel_grows_until_edgecore_is_restarted(site: Practice) -> None:
    edge = site.world.host("edge1")

    def queue() -> int:
        return next(socket.send_q for socket in edge.established() if socket.peer and socket.peer[1] == 10004)

    assert queue() == 0
    broken(site, "half-open-tunnel", 10)
    early = queue()
    site.run(100)
    assert 0 < early < queue()
    edge.restart_service("edgecore")
    site.run(3)
    assert queue() == 0
    assert site.exec("edge1") == ExecResult("edge1\n")


def test_a_filter_that_opens_again_lets_the_old_tunnel_live_on(site: Practice) -> None:
    opened = list(site.world.host("edge1").established())
    broken(site, "tunnel-port-blocked")
    faults.clear(site.world, "tunnel-port-blocked")
    site.run(1)
    assert site.exec("edge1") == ExecResult("edge1\n")
    assert [(s.local, s.send_q) for s in site.world.host("edge1").established()] == [(s.local, 0) for s in opened]


def test_a_reset_ends_the_edges_side_at_once(site: Practice) -> None:
    broken(site, "tunnel-port-refused", 5)
    peers = [socket.peer[1] for socket in site.world.host("edge1").established() if socket.peer]
    assert peers == [10000]
    journal = [line.message for line in site.world.host("edge1").service("edgecore").journal]
    assert any("dial tcp 127.0.0.1:10004: connect: connection refused" in line for line in journal)


def test_without_a_session_cloudstream_answers_500_with_an_empty_body(site: Practice) -> None:
    cloudcore = site.world.cloudcore
    assert cloudcore is not None
    cloudcore.forget("edge1")
    assert site.logs("edge1") == Answer(500, "")
    problem = site.exec("edge1")
    assert isinstance(problem, ExecRefused)
    assert str(problem) == "unable to upgrade connection: "
    texts = [text for _, text in cloudcore.log.last(20, site.now)]
    assert any("Failed to get container logs, err: can not find edge1 session " in text for text in texts)


def test_a_stopped_runtime_answers_with_its_complaint_as_log_text(site: Practice) -> None:
    broken(site, "runtime-stopped", 20)
    answer = site.logs("edge1")
    assert isinstance(answer, Answer)
    assert answer.status == 200
    assert answer.body.startswith("unable to retrieve container logs for containerd://")
    problem = site.exec("edge1")
    assert isinstance(problem, ExecRefused)
    assert "dial unix /run/containerd/containerd.sock" in str(problem)
    assert site.ready()["edge1"] == "False"


def test_the_kubelets_errors_arrive_as_text_with_status_200(site: Practice) -> None:
    answer = site.logs("edge1", "?previous=true")
    pod = site.pod("edge1")
    assert answer == Answer(200, f'previous terminated container "gateway" in pod "{pod}" not found', lines=None)
    direct = site.world.edged(site.world.host("edge1")).get(f"/containerLogs/factory/{pod}/gateway?previous=true")
    assert direct.status == 400


def test_only_the_routes_of_the_stream_server_exist(site: Practice) -> None:
    found = site.world.path.request("edge1", "/healthz")
    assert found == Answer(404, "404 page not found\n")
    assert site.world.stream_get("/containerLogs/default/none/none") == Answer(500, "")


def test_metrics_are_found_by_address_or_by_name(site: Practice) -> None:
    by_address = site.world.stream_get("/metrics/resource", host="10.99.0.22:10351")
    assert "node_cpu_usage_seconds_total" in by_address.body
    assert site.world.stream_get("/metrics/resource", host="10.99.0.99").status == 500
    assert "pod=" in site.world.stream_get("/metrics/resource", node="edge1").body


def test_a_rule_meets_only_new_connections(site: Practice) -> None:
    assert isinstance(site.logs("edge1"), Answer)
    faults.apply(site.world, "dnat-flushed")
    site.run(20)
    kept = site.logs("edge1")
    assert isinstance(kept, Answer)
    assert kept.body
    assert isinstance(site.exec("edge1"), DialFailed)
    assert site.scraped() == {"cloud1", "edge1", "edge2"}
    site.world.path.forget_connections()
    site.run(5)
    assert isinstance(site.logs("edge1"), DialFailed)
    assert site.scraped() == {"cloud1"}


def test_kept_connections_do_not_outlive_idleness_or_cloudcore(site: Practice) -> None:
    assert isinstance(site.logs("edge1"), Answer)
    faults.apply(site.world, "dnat-flushed")
    site.now += 91
    assert isinstance(site.logs("edge1"), DialFailed)
    faults.clear(site.world, "dnat-flushed")
    assert isinstance(site.logs("edge2"), Answer)
    faults.apply(site.world, "dnat-flushed")
    site.world.delete_pod("kubeedge", site.pod("cloud1", "cloudcore"), grace=0)
    site.run(5)
    assert isinstance(site.logs("edge2"), DialFailed)


def test_a_pod_network_metrics_server_needs_the_rule_in_prerouting(site: Practice) -> None:
    site.world.metrics_on_host_network = False
    with pytest.raises(DialFailed):
        site.world.path.request("edge1", "/metrics/resource", client=Client.METRICS_SERVER, fresh=True)
    rule = "-p tcp --dport 10351 -j DNAT --to-destination 127.0.0.1:10003"
    site.world.host("cloud1").firewall["nft"].append("nat", "PREROUTING", rule)
    found = site.world.path.request(
        "edge1", "/metrics/resource", client=Client.METRICS_SERVER, fresh=True, by_name=False
    )
    assert found.status == 200


def test_a_rule_to_the_tunnel_port_or_the_hub_is_no_stream_server(site: Practice) -> None:
    rules = site.world.host("cloud1").firewall["nft"]
    rules.insert("nat", "OUTPUT", "-p tcp --dport 10351 -j DNAT --to-destination 127.0.0.1:10004")
    site.world.path.forget_connections()
    assert str(site.logs("edge1")) == "remote error: tls: certificate required"
    rules.insert("nat", "OUTPUT", "-p tcp --dport 10351 -j DNAT --to-destination 127.0.0.1:10000")
    assert isinstance(site.logs("edge1"), DialFailed)


def test_the_node_port_becomes_10351_when_a_first_tunnel_is_accepted_and_stays(site: Practice) -> None:
    def port() -> int:
        return DataPath.port_of(site.world.store.get(NODES, "", "edge1"))

    broken(site, "never-tunnelled", 5)
    assert port() == 10350
    faults.clear(site.world, "never-tunnelled")
    site.run(3)
    assert port() == 10351
    assert site.exec("edge1") == ExecResult("edge1\n")
    broken(site, "edgecore-stopped", 60)
    assert port() == 10351


def test_edgecore_reads_its_configuration_only_when_it_starts(site: Practice) -> None:
    edge = site.world.host("edge1")
    text = site.world.read_config(edge)
    site.world.files.write_text(
        "edge1", EDGECORE_CONFIG, text.replace("enable: true # sw", "enable: false # sw"), site.now
    )
    site.run(10)
    assert site.exec("edge1") == ExecResult("edge1\n")
    edge.restart_service("edgecore")
    site.run(5)
    assert site.logs("edge1") == Answer(200, "")
    last = [line.message for line in edge.service("edgecore").journal][-3:]
    assert any("Module edgestream is disabled, do not register" in line for line in last)


def test_a_broken_configuration_makes_systemd_start_edgecore_again_and_again(site: Practice) -> None:
    broken(site, "edgecore-config-broken", 35)
    service = site.world.host("edge1").service("edgecore")
    assert (service.active_state, service.sub_state, service.result) == ("activating", "auto-restart", "exit-code")
    assert service.n_restarts == 3
    faults.clear(site.world, "edgecore-config-broken")
    site.run(3)
    assert service.active
    assert site.exec("edge1") == ExecResult("edge1\n")


def test_a_node_goes_lost_after_the_grace_and_comes_back(site: Practice) -> None:
    site.world.host("edge1").stop_service("edgecore")
    site.run(35)
    assert site.ready()["edge1"] == "True"
    site.run(20)
    assert site.ready() == {"cloud1": "True", "edge1": "Unknown", "edge2": "True"}
    node = site.world.store.get(NODES, "", "edge1")
    assert {c["reason"] for c in node["status"]["conditions"]} == {"NodeStatusUnknown"}
    assert [t["effect"] for t in node["spec"]["taints"]] == ["NoSchedule", "NoExecute"]
    site.world.host("edge1").start_service("edgecore")
    site.run(3)
    assert site.ready()["edge1"] == "True"
    assert "taints" not in site.world.store.get(NODES, "", "edge1")["spec"]


@pytest.mark.parametrize("name", ["dnat-missing-after-reboot", "cloudstream-disabled"])
def test_texts_are_those_of_the_real_site(site: Practice, name: str) -> None:
    broken(site, name.removesuffix("-after-reboot"))
    rows = json.loads((RECORDINGS / name / "kubectl.json").read_text())
    errors = " ".join(row["err"] for row in rows if "--tail=3" in row["cmd"])
    assert str(site.logs("edge1")) in errors
