"""States of a site that were not recorded, derived from those that were: each leads to what an expert would name."""

from __future__ import annotations

import json

import pytest

from tests.replay import faults_cloud as cloud
from tests.replay import faults_edge as edge
from tests.replay import faults_metrics as metrics
from tests.replay.faults_path import fails_with, hangs, no_session, refused, session_closed
from tests.replay.recorded import CLOUD, EDGES, IP, Change, Recorded, failing, finding, roots, shown

Roots = set[tuple[str, str]]
NAT: Roots = {("KE302", CLOUD)}
RULE = cloud.RULE
PREROUTING = RULE.replace("OUTPUT", "PREROUTING")
MANAGED = (
    '-A OUTPUT -m comment --comment "kubeedge tunnel port" -j TUNNEL-PORT\n'
    "-A TUNNEL-PORT -p tcp -m tcp --dport 10351 -j DNAT --to-destination 10.99.0.10:10003\n"
)
CHAIN = ":TUNNEL-PORT - [0:0]\n"
NO_ROUTE = [fails_with(one, f"dial tcp {IP[one]}:10351: connect: no route to host") for one in EDGES]
NO_IP_SAN = (
    "tls: failed to verify certificate: x509: cannot validate certificate for 10.99.0.21 because it doesn't contain "
    "any IP SANs"
)
PROXY = "proxy error from 127.0.0.1:6443 while dialing 10.99.0.21:10351, code 502: 502 Bad Gateway"


def on(code: str, *targets: str) -> Roots:
    """This code for each of the targets; the site when none is named."""
    return {(code, target) for target in targets or ("-",)}


EDGE_STATES: dict[str, tuple[list[Change], Roots]] = {
    "tunnel server is the stream port": (
        [edge.dials("edge1", "10.99.0.10:10003", "websocket: bad handshake")],
        on("KE207", "edge1"),
    ),
    "tunnel server is another machine": (
        [edge.dials("edge1", "10.99.0.99:10004", "dial tcp 10.99.0.99:10004: i/o timeout")],
        on("KE207", "edge1"),
    ),
    "tunnel server is the default": (
        [edge.dials("edge1", "127.0.0.1:10004", "dial tcp 127.0.0.1:10004: connect: connection refused")],
        on("KE207", "edge1"),
    ),
    "EdgeStream off": ([edge.edgestream_off("edge1")], on("KE206", "edge1")),
    "EdgeStream never on": ([edge.edgestream_off("edge1"), edge.port("edge1", 10350)], on("KE206", "edge1")),
    "EdgeCore stopped": ([edge.edgecore_stopped("edge1")], on("KE204", "edge1")),
    "no certificate and no token": ([edge.crash_loop("edge1")], on("KE215", "edge1")),
    "runtime stopped": ([edge.runtime_stopped("edge1")], on("KE212", "edge1")),
    "certificate of a foreign CA": ([edge.certificate_of_a_foreign_ca("edge1")], on("KE210", "edge1")),
    "certificate of a CA of the same name": (
        [edge.certificate_of_a_foreign_ca("edge1", "CN = KubeEdge")],
        on("KE305", "edge1"),
    ),
    "certificate expired": ([edge.certificate_expired("edge1")], on("KE210", "edge1")),
    "CA made anew": ([edge.other_root_ca(one) for one in EDGES], on("KE211", *EDGES)),
    "half-open tunnel": ([edge.half_open("edge1")], on("KE306", "edge1")),
    "edged dead": ([edge.edged_dead("edge1")], on("KE209", "edge1")),
    "debugging handlers off": ([edge.debug_handlers_off("edge1")], on("KE209", "edge1")),
    "machine off": ([edge.off("edge1")], on("KE201", "edge1")),
    "link to the cloud down": ([edge.cut_off("edge1")], on("KE303", "edge1")),
    "registered, never tunnelled": ([edge.port("edge1", 10350), refused("edge1")], on("KE301", "edge1")),
    "port of a bug in v1.12.0": ([edge.port("edge1", 10250), refused("edge1")], on("KE301", "edge1")),
    "no port at all": ([edge.port("edge1", 0), refused("edge1")], on("KE301", "edge1")),
    "one address for two": ([edge.address("edge2", IP["edge1"])], on("KE308", *EDGES)),
    "clock ahead": ([edge.clock("edge1", 3600)], set()),
    "clock a year behind": ([edge.clock("edge1", -31_536_000)], on("KE210", "edge1")),
    "Docker": ([edge.docker], set()),
    "Docker stopped": ([edge.docker_stopped], on("KE212", "edge1")),
    "label missing": ([edge.label("edge1", None)], on("KE202", "edge1")),
    "label with a value": ([edge.label("edge1", "true")], on("KE202", "edge1")),
}

CLOUD_STATES: dict[str, tuple[list[Change], Roots]] = {
    "scaled to 0": ([cloud.scaled_to_zero], on("KE110")),
    "host ports taken": (
        [cloud.pending("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.")],
        on("KE110"),
    ),
    "tainted control plane": (
        [cloud.pending("0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/master: }.")],
        on("KE110"),
    ),
    "stream certificate missing": (
        [cloud.crashing("F1122 09:45:00.1 1 streamserver.go:392] Read tls stream ca file error open streamCA.crt\n")],
        on("KE110"),
    ),
    "stream port filtered": (
        [cloud.filtered_stream_port, *[fails_with(one, f"dial tcp {IP[one]}:10351: i/o timeout") for one in EDGES]],
        on("KE304", CLOUD),
    ),
    "two CloudCores": ([cloud.second_cloudcore, cloud.nat(RULE + cloud.RULE_2)], set()),
    "two CloudCores, one rule": (
        [
            cloud.second_cloudcore,
            cloud.nat(RULE),
            fails_with("edge2", "dial tcp 10.99.0.22:10352: connect: connection refused"),
        ],
        NAT,
    ),
    "two CloudCores, both rules to one": (
        [cloud.second_cloudcore, cloud.nat(RULE + cloud.RULE_2.replace("0.11:", "0.10:")), no_session("edge2")],
        NAT,
    ),
    "a CloudCore gone for good": (
        [
            cloud.second_cloudcore,
            cloud.nat(RULE + cloud.RULE_2),
            lambda rec: rec.without("pods", "cloudcore-6b8ff98f77-second"),
            no_session("edge2"),
        ],
        on("KE301", "edge2"),
    ),
    "stale record": ([lambda rec: rec.tunnel_ports(_10_99_0_10=10351, _10_99_0_77=10352)], set()),
    "NodePort": ([cloud.node_port_site], set()),
    "NodePort, edge dials the plain port": (
        [
            cloud.node_port_site,
            edge.dials("edge1", "10.99.0.10:10004", "dial tcp 10.99.0.10:10004: connect: connection refused"),
        ],
        on("KE207", "edge1"),
    ),
    "NodePort in the NAT rule": (
        [
            cloud.node_port_site,
            cloud.nat(RULE.replace("10.99.0.10:10003", "10.99.0.10:30003")),
            *[fails_with(one, "net/http: TLS handshake timeout") for one in EDGES],
        ],
        NAT,
    ),
    "service of a host": ([cloud.as_a_service], set()),
    "service of a host, EdgeStream off": ([cloud.as_a_service, edge.edgestream_off("edge1")], on("KE206", "edge1")),
    "k3s": ([cloud.k3s], set()),
    "k3s egress proxy": ([cloud.k3s, *[fails_with(one, PROXY) for one in EDGES]], NAT),
    "k3s verifies kubelets": ([cloud.k3s, *[fails_with(one, NO_IP_SAN) for one in EDGES]], on("KE114")),
}

NAT_STATES: dict[str, tuple[list[Change], Roots]] = {
    "rules gone": ([cloud.nat(""), cloud.all_refused], NAT),
    "rule of the guide": ([cloud.nat(RULE.replace("10351", "10350")), cloud.all_refused], NAT),
    "right rule in the legacy backend": ([cloud.nat("", legacy=RULE)], set()),
    "right in nft, stale in legacy": ([cloud.nat(RULE, legacy=RULE.replace("0.10:", "0.99:"))], NAT),
    "rules of KubeEdge's manager": ([cloud.nat(MANAGED, chains=CHAIN)], set()),
    "old rule before the manager's": (
        [cloud.nat(RULE.replace("0.10:", "0.99:") + MANAGED, chains=CHAIN), *NO_ROUTE],
        NAT,
    ),
    "dead address, one node still on an old connection": (
        [cloud.nat(RULE.replace("0.10:", "0.99:")), NO_ROUTE[1]],
        NAT,
    ),
}

METRICS_STATES: dict[str, tuple[list[Change], Roots]] = {
    "never installed": ([metrics.absent], on("KE401")),
    "scaled to 0": ([metrics.scaled_to_zero], on("KE401")),
    "crashing": ([metrics.crashing("panic: it cannot\n")], on("KE401")),
    "node's port not used": (
        [metrics.args(without=("--kubelet-use-node-status-port",)), metrics.nobody_scraped],
        on("KE403"),
    ),
    "certificate verified": ([metrics.args(without=("--kubelet-insecure-tls",)), metrics.nobody_scraped], on("KE403")),
    "too old": ([metrics.image("registry.k8s.io/metrics-server/metrics-server:v0.3.6"), metrics.nobody_scraped],
        on("KE403")),
    "on an edge": ([metrics.on_an_edge, metrics.nobody_scraped], on("KE403")),
    "names before addresses": (
        [
            metrics.args("--kubelet-preferred-address-types=Hostname", without=("--kubelet-preferred",)),
            metrics.nobody_scraped,
        ],
        on("KE403"),
    ),
    "odd flags that work": ([metrics.args(without=("--kubelet-use-node-status-port",))], set()),
    "pod network, rule in OUTPUT only": ([metrics.on_pod_network, metrics.nobody_scraped], NAT),
    "pod network, both rules": ([metrics.on_pod_network, cloud.nat(RULE + PREROUTING)], set()),
    "API server does not reach it": (
        [metrics.unavailable("FailedDiscoveryCheck", "failing or missing response from https://10.43.52.1:443/apis")],
        on("KE404"),
    ),
    "no endpoint behind the Service": ([metrics.no_endpoints], on("KE405")),
}  # fmt: skip

STATES = {
    f"{group}: {name}": state
    for group, states in (
        ("edge", EDGE_STATES),
        ("cloud", CLOUD_STATES),
        ("nat", NAT_STATES),
        ("metrics", METRICS_STATES),
    )
    for name, state in states.items()
}


@pytest.mark.parametrize("name", STATES)
def test_the_cause_is_what_an_expert_would_name(name: str) -> None:
    changes, expected = STATES[name]
    picture = Recorded().apply(*changes).picture()
    assert roots(picture) == expected, shown(picture.findings)
    pointed = {(f.because, f.because_target) for f in picture.findings if f.because}
    assert pointed <= expected


@pytest.mark.parametrize("name", [name for name, (_changes, expected) in STATES.items() if not expected])
def test_a_site_of_another_shape_raises_no_alarm(name: str) -> None:
    picture = Recorded().apply(*STATES[name][0]).picture()
    assert failing(picture) == set(), shown(picture.findings)


# ------------------------------------------------------------------------------------- what they must say beside


def said(changes: list[Change], code: str, target: str = "-") -> str:
    """The sentence of one finding."""
    return str(finding(Recorded().apply(*changes).picture(), code, target).text)


def test_a_node_that_is_not_ready_is_told_apart() -> None:
    assert "EdgeCore down" in said([edge.edgecore_stopped("edge1")], "KE201", "edge1")
    assert "(autonomous)" in said([edge.cut_off("edge1")], "KE201", "edge1")
    assert "unknown: it stopped reporting" in said([edge.off("edge1")], "KE201", "edge1")


def test_a_skip_does_not_repeat_what_no_longer_means_anything() -> None:
    picture = Recorded("edgecore-stopped").picture()
    assert str(finding(picture, "KE208", "edge1").text) == "Means nothing while KE204 fails"


def test_a_clock_that_is_far_off_is_warned_of() -> None:
    assert "+3600 s" in said([edge.clock("edge1", 3600)], "KE210", "edge1")


def test_cloudcore_that_crashes_says_why() -> None:
    assert "certificate files are missing" in said(CLOUD_STATES["stream certificate missing"][0], "KE110")


def test_a_stale_rule_and_entry_are_warned_of() -> None:
    picture = Recorded().apply(*CLOUD_STATES["a CloudCore gone for good"][0]).picture()
    assert "10.99.0.11" in str(finding(picture, "KE118").text)
    assert finding(picture, "KE302", CLOUD).status.value == "warn"


def test_the_path_breaks_where_the_cause_is() -> None:
    for changes, hop, code in (
        ([edge.port("edge1", 10350), refused("edge1")], "tunnel", "KE301"),
        ([edge.edged_dead("edge1")], "edged", "KE209"),
        ([edge.runtime_stopped("edge1")], "runtime", "KE212"),
        ([cloud.nat(""), cloud.all_refused], "nat", "KE302"),
    ):
        path = next(p for p in Recorded().apply(*changes).picture().paths if p.node == "edge1")
        broken = {state.hop.value: state.code for state in path.hops if state.status.value == "fail"}
        assert broken.get(hop) == code


def test_an_empty_log_without_a_second_witness_is_not_judged() -> None:
    rec = Recorded()
    rec.kubectl_says("edge1", "logs")
    del rec.api["proxy-stats-edge1"], rec.hosts["edge1"]
    assert finding(rec.picture(), "KE501", "edge1").status.value == "unknown"


@pytest.mark.parametrize("change", [session_closed("edge1"), no_session("edge1"), hangs("edge1"), refused("edge1")])
def test_a_failure_nothing_explains_is_one_cause_and_no_bystander(change: Change) -> None:
    picture = Recorded().apply(change).picture()
    assert {target for _code, target in roots(picture)} == {"edge1"}
    assert len(roots(picture)) == 1, shown(picture.findings)


def test_a_recording_of_the_api_alone_is_judged() -> None:
    rec = Recorded("cloudstream-disabled")
    rec.hosts.clear()
    rec.kubectl.clear()
    assert ("KE112", "-") in roots(rec.picture())


def test_other_names_of_nodes_change_nothing() -> None:
    rec = Recorded("edgestream-disabled")
    text = json.dumps([rec.api, rec.hosts, rec.kubectl])
    for old, new in (("edge1", "press-4.plant"), ("edge2", "mill-7"), ("cloud1", "ip-10-0-0-7.internal")):
        text = text.replace(old, new)
    rec.api, rec.hosts, rec.kubectl = json.loads(text)
    assert roots(rec.picture()) == {("KE206", "press-4.plant")}
