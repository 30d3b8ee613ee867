"""KE302: the rule that leads an edge's kubelet port to CloudStream, in all the ways it can be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from checks.nat import ports_in_use_lead_to_cloudstream
from kedge.asks import File
from kedge.facts.cloudcore import (
    CloudCore,
    CloudCoreConfig,
    CloudCoreOnHost,
    CloudExposure,
    CloudStream,
    TunnelPorts,
)
from kedge.facts.metrics import MetricsServer
from kedge.facts.network import NatTables, SavedRules
from kedge.facts.nodes import Node
from kedge.facts.pods import Pod
from kedge.facts.services import ServiceState
from kedge.i18n import _
from kedge.model import Host, Observation, Reason, Status, Unknown, Verdict
from kedge.plugins import All
from kedge.probes.nat import RESTORED, read_rules, read_saved_rules
from tests.unit import asked

UNKNOWN = Unknown(Reason.NOT_RECORDED, _("not recorded"))
DEFAULT = CloudCoreConfig("")
CLOUD = "10.99.0.10"
RIGHT = f"OUTPUT -p tcp -m tcp --dport 10351 -j DNAT --to-destination {CLOUD}:10003"
GUIDE = f"OUTPUT -p tcp -m tcp --dport 10350 -j DNAT --to-destination {CLOUD}:10003"
KUBERNETES = f"OUTPUT -d 10.43.0.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination {CLOUD}:6443"
STALE = "OUTPUT -p tcp -m tcp --dport 10351 -j DNAT --to-destination 10.99.0.99:10003"
RECORD = TunnelPorts(((CLOUD, 10351),), frozenset({10351}))
MANAGED = ("OUTPUT -j TUNNEL-PORT", f"TUNNEL-PORT -p tcp --dport 10351 -j DNAT --to-destination {CLOUD}:10003")


def edge(name: str = "edge1", port: int = 10351, ip: str = "10.99.0.21", version: str = "v1.23.1") -> Node:
    return Node(name, internal_ip=ip, addresses=(ip,), port=port, is_edge=True, kubeedge_version=version)


def cloud(name: str = "cloud1", ip: str = CLOUD) -> Node:
    return Node(name, internal_ip=ip, addresses=(ip, name), port=10250, is_control_plane=True)


def pod(ip: str = CLOUD, node: str = "cloud1", host_network: bool = True, ready: bool = True) -> Pod:
    return Pod("kubeedge", f"cloudcore-{ip}", uid=ip, node=node, phase="Running", ready=ready,
               host_network=host_network, host_ip=ip, pod_ip=ip)  # fmt: skip


def tables(nft: Sequence[str] = (), legacy: Sequence[str] = (), unlisted: bool = False) -> NatTables:
    rules = [
        rule
        for backend, lines in (("nft", nft), ("legacy", legacy))
        for rule in read_rules("\n".join(f"-A {line}" for line in lines), backend)
    ]
    return NatTables(tuple(rules), ("nft", "legacy"), "nft", unlisted=unlisted)


def verdict(
    rules: NatTables | Sequence[str],
    *,
    nodes: Sequence[Node] = (edge(), cloud()),
    core: CloudCore | None = None,
    tunnel: TunnelPorts | Unknown = RECORD,
    config: CloudCoreConfig | Unknown = DEFAULT,
    on_hosts: All[CloudCoreOnHost] | None = None,
    exposure: CloudExposure | Unknown = UNKNOWN,
    metrics: MetricsServer | Unknown = UNKNOWN,
    host: str = "cloud1",
    saved: SavedRules | Unknown = UNKNOWN,
) -> Verdict:
    found: Verdict = asked.verdict(
        ports_in_use_lead_to_cloudstream,
        host,
        rules if isinstance(rules, NatTables) else tables(rules),
        core or CloudCore(pods=(pod(),)),
        All({node.name: node for node in nodes}),
        tunnel,
        config,
        exposure,
        metrics,
        on_hosts or All({}),
        All({"cloud1": Host("cloud1", frozenset(), CLOUD)}),
        All({}),
        All({}),
        saved,
    )
    return found


@pytest.mark.parametrize(
    "lines",
    [
        (KUBERNETES, RIGHT),
        MANAGED,
        (f"OUTPUT -p tcp --dport 10350:10360 -j DNAT --to-destination {CLOUD}:10003",),
        (f"OUTPUT -p tcp -m multiport --dports 10351,10352 -j DNAT --to {CLOUD}:10003",),
        (f"OUTPUT -d 10.99.0.21/32 -p tcp --dport 10351 -j DNAT --to-destination {CLOUD}:10003",),
        ("OUTPUT -p tcp --dport 10351 -j DNAT --to-destination 127.0.0.1:10003",),
        (RIGHT, STALE),
        ("OUTPUT -m addrtype --dst-type LOCAL -j DOCKER", "DOCKER -p tcp -j DNAT --to 172.17.0.2:80", RIGHT),
    ],
)  # fmt: skip
def test_a_right_rule_passes_in_every_form(lines: Sequence[str]) -> None:
    assert verdict(lines).status is Status.PASS


def test_the_legacy_backend_counts_as_much() -> None:
    assert verdict(tables(legacy=[RIGHT])).status is Status.PASS


def test_no_rule_fails_and_says_the_rule_to_add() -> None:
    found = verdict([KUBERNETES])
    assert found.status is Status.FAIL
    assert found.expected == f"-A OUTPUT -p tcp --dport 10351 -j DNAT --to-destination {CLOUD}:10003"
    assert "edge1" in str(found.text)
    own, *others = found.fixes
    assert own == "restart-nat-manager", "KubeEdge's own manager is on where the file does not say otherwise"
    assert others == ["add-nat-rule", "add-nat-rule-for-good", "run-bundle-nat-script"]


def test_the_guides_rule_for_an_unused_port_is_named_in_the_failure() -> None:
    found = verdict([GUIDE])
    assert found.status is Status.FAIL
    assert "10350" in str(found.text)
    assert "10351" in str(found.text)


def test_the_guides_rule_beside_the_right_one_is_only_a_warning() -> None:
    found = verdict([GUIDE, RIGHT])
    assert found.status is Status.WARN
    assert found.fixes == ("remove-nat-rule",)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((STALE,), "10.99.0.99:10003"),
        ((f"OUTPUT -p tcp --dport 10351 -j DNAT --to-destination {CLOUD}:30003",), f"{CLOUD}:30003"),
        ((f"OUTPUT -p tcp --dport 10351 -j DNAT --to-destination {CLOUD}",), f"{CLOUD}:10351"),
        ((STALE, RIGHT), "comes first"),
        (("OUTPUT -p tcp --dport 10351 -j ACCEPT", RIGHT), "comes first"),
        ((MANAGED[1],), "does not lead there"),
        ((f"OUTPUT -d 10.99.0.22/32 -p tcp --dport 10351 -j DNAT --to-destination {CLOUD}:10003",), "no NAT rule"),
        (("OUTPUT -p tcp --dport 10351 -j REDIRECT --to-ports 10003",), "no NAT rule"),
        ((RIGHT.replace("OUTPUT", "PREROUTING", 1),), "no NAT rule"),
        ((RIGHT.replace("tcp", "udp"),), "no NAT rule"),
    ],
)
def test_what_leads_elsewhere_fails(lines: Sequence[str], words: str) -> None:
    found = verdict(lines)
    assert found.status is Status.FAIL, found.text
    assert words in str(found.text)


def test_a_right_rule_in_one_backend_does_not_outvote_a_stale_one_in_the_other() -> None:
    found = verdict(tables(nft=[RIGHT], legacy=[STALE]))
    assert found.status is Status.FAIL
    assert "legacy: OUTPUT 1" in str(found.text)
    assert found.fixes is not None
    assert found.fixes[0] == "remove-nat-rule"


def test_a_rule_with_a_condition_is_a_warning_not_a_failure() -> None:
    limited = f"OUTPUT -o eth0 -p tcp --dport 10351 -j DNAT --to-destination {CLOUD}:10003"
    assert verdict([limited]).status is Status.WARN


def test_every_port_in_use_needs_its_own_rule_to_its_own_cloudcore() -> None:
    both = CloudCore(pods=(pod(), pod("10.99.0.11", "cloud2")))
    record = TunnelPorts(((CLOUD, 10351), ("10.99.0.11", 10352)), frozenset({10351, 10352}))
    nodes = [edge(), edge("edge2", 10352, "10.99.0.22"), cloud()]
    second = "OUTPUT -p tcp --dport 10352 -j DNAT --to-destination 10.99.0.11:10003"
    assert verdict([RIGHT, second], nodes=nodes, core=both, tunnel=record).status is Status.PASS
    missing = verdict([RIGHT], nodes=nodes, core=both, tunnel=record)
    assert missing.status is Status.FAIL
    assert "edge2" in str(missing.text)
    crossed = verdict([RIGHT, second.replace("0.11", "0.10")], nodes=nodes, core=both, tunnel=record)
    assert crossed.status is Status.FAIL
    assert f"{CLOUD}:10003" in str(crossed.text)


def test_another_stream_port_is_followed() -> None:
    config = CloudCoreConfig("", cloud_stream=CloudStream(True, stream_port=20003))
    assert verdict([RIGHT], config=config).status is Status.FAIL
    assert verdict([RIGHT.replace("10003", "20003")], config=config).status is Status.PASS


def test_an_advertised_address_leads_to_cloudcore_too() -> None:
    exposure = CloudExposure(addresses=frozenset({"203.0.113.7"}))
    assert verdict([RIGHT.replace(CLOUD, "203.0.113.7")], exposure=exposure).status is Status.PASS


def test_a_pods_own_address_is_right_where_it_has_one() -> None:
    core = CloudCore(pods=(pod("10.42.0.9", host_network=False),))
    record = TunnelPorts((("10.42.0.9", 10351),), frozenset({10351}))
    assert verdict([RIGHT.replace(CLOUD, "10.42.0.9")], core=core, tunnel=record).status is Status.PASS
    assert verdict([RIGHT], core=core, tunnel=record).status is Status.FAIL


@pytest.mark.parametrize("port", [0, 10250, 10350])
def test_an_edge_that_never_had_a_tunnel_needs_no_rule(port: int) -> None:
    assert verdict([KUBERNETES], nodes=[edge(port=port), cloud()]).status is Status.SKIP


def test_up_to_v1_7_port_10350_is_a_real_one() -> None:
    old = [edge(port=10350, version="v1.7.2"), cloud()]
    assert verdict([KUBERNETES], nodes=old, tunnel=UNKNOWN).status is Status.FAIL
    assert verdict([GUIDE], nodes=old, tunnel=UNKNOWN).status is Status.PASS


def test_cloud_nodes_need_no_rule() -> None:
    assert verdict([KUBERNETES], nodes=[cloud()]).status is Status.SKIP


def test_without_a_running_cloudcore_there_is_nowhere_to_lead() -> None:
    assert verdict([RIGHT], core=CloudCore(pods=(pod(ready=False),))).status is Status.SKIP


def test_without_nodes_nothing_is_claimed() -> None:
    assert verdict([RIGHT], nodes=[]).status is Status.UNKNOWN


def test_rules_only_nft_can_list_leave_a_missing_one_unknown() -> None:
    assert verdict(tables([KUBERNETES], unlisted=True)).status is Status.UNKNOWN
    assert verdict(tables([RIGHT], unlisted=True)).status is Status.PASS


def test_a_metrics_server_in_the_pod_network_needs_prerouting() -> None:
    scraper = MetricsServer(pods=(pod("10.42.0.7", host_network=False),))
    found = verdict([RIGHT], metrics=scraper)
    assert found.status is Status.FAIL
    assert "PREROUTING" in str(found.text)
    both = [RIGHT, RIGHT.replace("OUTPUT", "PREROUTING", 1)]
    assert verdict(both, metrics=scraper).status is Status.PASS
    elsewhere = MetricsServer(pods=(pod("10.42.0.7", "cloud2", host_network=False),))
    assert verdict([RIGHT], metrics=elsewhere).status is Status.PASS


def test_ten_thousand_edges_are_judged_at_once() -> None:
    nodes = [edge(f"edge{i}", ip=f"10.{i // 65536}.{i // 256 % 256}.{i % 256}") for i in range(10_000)]
    found = verdict([KUBERNETES, RIGHT], nodes=[*nodes, cloud()])
    assert found.status is Status.PASS
    missing = verdict([KUBERNETES], nodes=[*nodes, cloud()])
    assert "(+9997)" in str(missing.text)


# -------------------------------------------------------------------------------------------- what is not known


def test_another_port_of_cloudcore_is_no_fault_while_its_configuration_is_not_known() -> None:
    rule = RIGHT.replace(":10003", ":20003")
    assert verdict([rule]).status is Status.FAIL
    hidden = verdict([rule], config=Unknown(Reason.DENIED, _("no configmaps")))
    assert hidden.status is Status.UNKNOWN
    assert "no configmaps" in str(hidden.text)
    gone = verdict([], config=Unknown(Reason.DENIED, _("no configmaps")))
    assert gone.status is Status.FAIL


def test_cloudcore_as_a_service_of_a_host_is_led_to() -> None:
    runs = ServiceState("cloudcore", "loaded", "active", "running")
    own = CloudCoreConfig("", cloud_stream=CloudStream(True))
    binary: All[CloudCoreOnHost] = All({"cloud1": CloudCoreOnHost(runs, own)})
    missing = Unknown(Reason.MISSING, _("no ConfigMap"))
    found = [verdict(rules, core=CloudCore(), config=missing, on_hosts=binary) for rules in ([RIGHT], [])]
    assert [one.status for one in found] == [Status.PASS, Status.FAIL]


@pytest.mark.parametrize(
    ("lines", "saved", "status"),
    [
        ([RIGHT], SavedRules(("/etc/iptables/rules.v4",), frozenset({(10351, 10351)})), Status.PASS),
        ([RIGHT], SavedRules(("/etc/iptables/rules.v4",), frozenset({(10350, 10350)})), Status.WARN),
        ([RIGHT], SavedRules(), Status.INFO),
        ([RIGHT], UNKNOWN, Status.PASS),
        (MANAGED, SavedRules(("/etc/nftables.conf",)), Status.PASS),
    ],
)
def test_a_rule_that_the_next_boot_takes_away(lines: Sequence[str], saved: Any, status: Status) -> None:
    assert verdict(lines, saved=saved).status is status


IPTABLES = f"*nat\n:OUTPUT ACCEPT [0:0]\n-A {RIGHT}\nCOMMIT\n"
NFT = "table ip nat {\n  chain output {\n    tcp dport 10351-10353 dnat to 10.99.0.10:10003\n  }\n}\n"


@pytest.mark.parametrize(("text", "ports"), [(IPTABLES, (10351, 10351)), (NFT, (10351, 10353))])
def test_what_is_restored_at_boot_is_read(text: str, ports: tuple[int, int]) -> None:
    absent = "cat: /etc/x: No such file or directory"
    seen = [Observation(File(path), "cloud1", path, exit_code=1, stderr=absent) for path in RESTORED]
    assert read_saved_rules(*seen) == SavedRules()
    seen[0] = Observation(File(RESTORED[0]), "cloud1", "cat", exit_code=0, stdout=text)
    assert read_saved_rules(*seen) == SavedRules((RESTORED[0],), frozenset({ports}))
    seen[1] = Observation(File(RESTORED[1]), "cloud1", "cat", exit_code=1, stderr="Permission denied")
    assert isinstance(read_saved_rules(*seen), Unknown)
