"""Fixes are pure: facts in, steps out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fixes.cloudcore import enable_cloudstream, restart_cloudcore
from fixes.edgecore import enable_edgestream, restart_edgecore
from fixes.metrics_server import restart_metrics_server
from fixes.nat import add_nat_rule, remove_nat_rule
from fixes.nat_manager import restart_nat_manager
from fixes.nat_script import run_bundle_nat_script
from fixes.nat_site import NatSite
from fixes.runtime import start_runtime
from fixes.tunnel_way import TunnelWay
from kedge.facts.bundle import OfflineBundle
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, CloudCoreOnHost, CloudExposure, CloudStream, TunnelPorts
from kedge.facts.edgecore import EdgeCoreConfig, EdgeCoreService, EdgeStream
from kedge.facts.metrics import MetricsServer
from kedge.facts.network import Established, NatTables, Reach, Socket, TunnelReach
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods, Pod, Workload
from kedge.facts.services import RuntimeService, ServiceState
from kedge.i18n import Text
from kedge.model import SITE, Host, Reason, Risk, Unknown
from kedge.plugins import All, Draft, Fix, NotApplicable
from kedge.probes.nat import read_rules
from kedge.proposals import propose
from kedge.registry import discover
from kedge.steps import EditConfigMap, EditYaml, NatRule, PatchObject, RolloutRestart, RunCommand, ServiceAction
from kedge.store import FactStore

UNKNOWN = Unknown(Reason.DENIED, Text("not told"))
PATH = "/etc/kubeedge/config/edgecore.yaml"
CLOUD = "10.99.0.10"
RUNNING = Pod("kubeedge", "cloudcore-0", "u1", "cloud1", "Running", True, True, CLOUD, CLOUD)
CORE = CloudCore(pods=(RUNNING,))
NO_SERVICE: All[CloudCoreOnHost] = All({"cloud1": UNKNOWN})
HOSTS: All[Host] = All({"cloud1": Host("cloud1", frozenset(), CLOUD)})
OFF = "modules:\n  cloudStream:\n    enable: false\n"
SERVICE = CloudCoreOnHost(
    ServiceState("cloudcore", "loaded", "active", "running", "enabled"),
    CloudCoreConfig("cloudcore.yaml on cloud1", cloud_stream=CloudStream(tunnel_port=20004, line=3), text=OFF),
)
EDGES: All[Node] = All({"cloud1": Node("cloud1"), "edge1": Node("edge1", is_edge=True)})


def offered(fix: Fix, *arguments: Any, **named: Any) -> Draft:
    found = fix.function(*arguments, **named)
    assert isinstance(found, Draft), found.text
    return found


def refused(fix: Fix, *arguments: Any, **named: Any) -> str:
    found = fix.function(*arguments, **named)
    assert isinstance(found, NotApplicable)
    return str(found.text)


# ------------------------------------------------------------------------------------------------ EdgeStream


def edge(
    enable: bool = False, server: str = f"{CLOUD}:10004", hub: str = f"{CLOUD}:10000", **more: Any
) -> EdgeCoreConfig:
    stream = EdgeStream(enable, server, enable_line=48, server_line=51)
    return EdgeCoreConfig(PATH, edge_stream=stream, hub_server=hub, **more)


def way(config: EdgeCoreConfig, **known: Any) -> TunnelWay:
    facts = {
        "core": CORE,
        "exposure": CloudExposure(addresses=frozenset({CLOUD})),
        "mapped": CloudCoreConfig("configmap/cloudcore"),
        "sockets": UNKNOWN,
        "reach": UNKNOWN,
        "on_hosts": NO_SERVICE,
        "hosts": HOSTS,
    }
    return TunnelWay("edge1", config, **{**facts, **known})


def changes(config: EdgeCoreConfig, **known: Any) -> dict[str, Any]:
    steps = offered(enable_edgestream, "edge1", way(config, **known), UNKNOWN).steps
    edit, restart = steps
    assert isinstance(edit, EditYaml)
    assert (edit.on, edit.path) == ("edge1", PATH)
    assert restart == ServiceAction("edge1", "edgecore", "restart")
    assert [path for path, _value in edit.changes] == [path for path, _value in edit.was]
    return {path.rpartition(".")[2]: value for path, value in edit.changes}


def test_a_disabled_edgestream_is_enabled_and_nothing_else() -> None:
    assert changes(edge()) == {"enable": True}


def test_what_the_file_said_is_what_the_plan_is_built_on() -> None:
    edit = offered(enable_edgestream, "edge1", way(edge(server="10.0.0.1:10004")), UNKNOWN).steps[0]
    assert isinstance(edit, EditYaml)
    assert edit.was == (("modules.edgeStream.enable", False), ("modules.edgeStream.server", "10.0.0.1:10004"))
    absent = EdgeCoreConfig(PATH, hub_server=f"{CLOUD}:10000")
    edit = offered(enable_edgestream, "edge1", way(absent), UNKNOWN).steps[0]
    assert isinstance(edit, EditYaml)
    assert edit.was == (("modules.edgeStream.enable", None), ("modules.edgeStream.server", None))


@pytest.mark.parametrize(
    ("server", "known", "better"),
    [
        pytest.param("127.0.0.1:10004", {}, f"{CLOUD}:10004", id="default-left"),
        pytest.param("10.0.0.9:10004", {}, f"{CLOUD}:10004", id="old-address"),
        pytest.param(f"{CLOUD}:10003", {}, f"{CLOUD}:10004", id="stream-port"),
        pytest.param(f"{CLOUD}:10004", {}, None, id="right"),
        pytest.param(
            f"{CLOUD}:10004",
            {"mapped": CloudCoreConfig("", cloud_stream=CloudStream(tunnel_port=20004))},
            f"{CLOUD}:20004",
            id="own-tunnel-port",
        ),
        pytest.param(
            f"{CLOUD}:10004",
            {
                "hub": f"{CLOUD}:30000",
                "exposure": CloudExposure("NodePort", "", ((10000, 30000), (10004, 30004)), frozenset({CLOUD})),
                "reach": TunnelReach(CLOUD, 10004, Reach.REFUSED),
            },
            f"{CLOUD}:30004",
            id="nodeport-where-the-hub-uses-one",
        ),
        pytest.param(
            "lb.example:10004", {"reach": TunnelReach("lb.example", 10004, Reach.OPEN)}, None, id="answering-balancer"
        ),
        pytest.param(
            "10.0.0.9:10004",
            {"sockets": Established((Socket("10.99.0.21", 40000, "10.0.0.9", 10004, "edgecore"),))},
            None,
            id="a-tunnel-stands",
        ),
        pytest.param(
            "127.0.0.1:10004", {"core": UNKNOWN, "exposure": UNKNOWN}, f"{CLOUD}:10004", id="only-the-hub-known"
        ),
        pytest.param("10.0.0.9:10004", {"core": UNKNOWN, "exposure": UNKNOWN}, None, id="nothing-better-known"),
        pytest.param(
            "10.0.0.9:10004",
            {"core": CloudCore(), "exposure": UNKNOWN, "mapped": UNKNOWN, "on_hosts": All({"cloud1": SERVICE})},
            f"{CLOUD}:20004",
            id="a-service-of-a-host",
        ),
        pytest.param(
            "x:1",
            {"core": UNKNOWN, "exposure": CloudExposure(addresses=frozenset({"fd00::10"})), "hub": "[fd00::10]:10000"},
            "[fd00::10]:10004",
            id="ipv6",
        ),
    ],
)  # fmt: skip
def test_the_server_is_corrected_only_when_a_better_one_is_known(
    server: str, known: dict[str, Any], better: str | None
) -> None:
    facts = dict(known)
    config = edge(True, server, facts.pop("hub", f"{CLOUD}:10000"))
    if better is None:
        assert "its server is right" in refused(enable_edgestream, "edge1", way(config, **facts), UNKNOWN)
    else:
        assert changes(config, **facts) == {"server": better}


def test_the_impact_counts_the_pods_that_keep_running() -> None:
    pods = NodePods((Pod("a", "b", phase="Running"), Pod("a", "c", phase="Running"), Pod("a", "d", phase="Pending")))
    impact = str(offered(enable_edgestream, "edge1", way(edge()), pods).impact)
    assert impact.startswith("edgecore restarts on edge1; its 2 pods keep running")


# -------------------------------------------------------------------------------------------------- EdgeCore


def test_a_running_edgecore_is_restarted() -> None:
    found = offered(
        restart_edgecore,
        "edge1",
        EdgeCoreService("edgecore", "loaded", "active", "running", "enabled"),
        UNKNOWN,
        edge(),
    )
    assert found.steps == (ServiceAction("edge1", "edgecore", "restart"),)
    assert found.risk is None


def test_a_stopped_and_disabled_edgecore_is_started_and_enabled() -> None:
    found = offered(
        restart_edgecore,
        "edge1",
        EdgeCoreService("edgecore", "loaded", "inactive", "dead", "disabled"),
        UNKNOWN,
        UNKNOWN,
    )
    assert [step.action for step in found.steps] == ["start", "enable"]  # type: ignore[attr-defined]
    assert found.risk is Risk.LOW


@pytest.mark.parametrize(("load", "words"), [("not-found", "no systemd unit"), ("masked", "masked")])
def test_what_cannot_be_started_is_not_offered(load: str, words: str) -> None:
    assert words in refused(restart_edgecore, "edge1", EdgeCoreService("edgecore", load), UNKNOWN, UNKNOWN)


def test_nothing_is_restarted_into_a_configuration_that_does_not_parse() -> None:
    torn = Unknown(Reason.UNPARSABLE, Text("edgecore.yaml on edge1 cannot be read: a tab (line 42)"))
    runs = EdgeCoreService("edgecore", "loaded", "active", "running", "enabled")
    assert "would not start: edgecore.yaml on edge1" in refused(restart_edgecore, "edge1", runs, UNKNOWN, torn)
    assert "would not start" in refused(restart_cloudcore, CloudCore(DEPLOYMENT), torn, EDGES, NO_SERVICE)


# -------------------------------------------------------------------------------------------------- runtime


@pytest.mark.parametrize(
    ("service", "actions"),
    [
        (RuntimeService("containerd", "loaded", "inactive", "dead", "enabled"), ["start"]),
        (RuntimeService("docker", "loaded", "failed", "failed", "disabled"), ["start", "enable"]),
        (RuntimeService("containerd", "loaded", "activating", "auto-restart", "enabled"), ["restart"]),
    ],
    ids=["stopped", "stopped-and-disabled", "keeps-crashing"],
)
def test_a_runtime_that_does_not_run_is_started(service: RuntimeService, actions: list[str]) -> None:
    pods = NodePods((Pod("a", "b", phase="Running"), Pod("a", "c", phase="Succeeded")))
    found = offered(start_runtime, "edge1", service, pods)
    assert found.steps == tuple(ServiceAction("edge1", service.unit, action) for action in actions)  # type: ignore[arg-type]
    assert str(found.impact).startswith(f"{service.unit} starts on edge1; 1 pod there")


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (RuntimeService("containerd", "not-found"), "name its runtime"),
        (RuntimeService("containerd", "masked"), "masked"),
        (RuntimeService("containerd", "loaded", "active", "running"), "containerd runs on edge1"),
    ],
)
def test_a_runtime_that_cannot_be_started_is_left_alone(service: RuntimeService, words: str) -> None:
    assert words in refused(start_runtime, "edge1", service, UNKNOWN)


# ------------------------------------------------------------------------------------------------------ NAT

PORT = Node("edge1", "10.99.0.21", port=10351, is_edge=True, kubeedge_version="v1.23.1")
NEVER = Node("edge2", "10.99.0.22", port=10350, is_edge=True, kubeedge_version="v1.23.1")
SPEC = ("-p", "tcp", "--dport", "10351", "-j", "DNAT", "--to-destination", f"{CLOUD}:10003")
RIGHT = f"-A OUTPUT -p tcp -m tcp --dport 10351 -j DNAT --to-destination {CLOUD}:10003"
STALE = "-A OUTPUT -p tcp -m tcp --dport 10351 -j DNAT --to-destination 10.99.0.99:10003"
GUIDE = f"-A OUTPUT -p tcp -m tcp --dport 10350 -j DNAT --to-destination {CLOUD}:10003"
API = "-A OUTPUT -d 10.43.0.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.99.0.10:6443"


def tables(*nft: str, legacy: tuple[str, ...] = (), default: str = "nft") -> NatTables:
    rules = [*read_rules("\n".join(("*nat", *nft)), "nft"), *read_rules("\n".join(("*nat", *legacy)), "legacy")]
    return NatTables(tuple(rules), ("nft", "legacy"), default, any("TUNNEL-PORT" in rule for rule in nft))


def nat(found: NatTables, **known: Any) -> NatSite:
    facts = {
        "tables": found,
        "cluster": CORE,
        "nodes": All[Node]({"edge1": PORT, "edge2": NEVER}),
        "tunnel_ports": TunnelPorts(((CLOUD, 10351),), frozenset({10351})),
        "mapped": CloudCoreConfig(""),
        "exposure": UNKNOWN,
        "metrics": UNKNOWN,
        "on_hosts": NO_SERVICE,
        "hosts": HOSTS,
    }
    return NatSite("cloud1", **{**facts, **known})


def test_a_missing_rule_is_appended_for_the_port_that_the_nodes_use() -> None:
    found = offered(add_nat_rule, nat(tables(API)))
    assert found.steps == (NatRule("cloud1", "default", "OUTPUT", SPEC),)
    assert str(found.title) == "Lead port 10351 on cloud1 to CloudCore"
    assert "to port 10351, by which 1 edge is reached" in str(found.impact)


def test_the_guides_rule_for_10350_does_not_help() -> None:
    assert offered(add_nat_rule, nat(tables(GUIDE))).steps == (NatRule("cloud1", "default", "OUTPUT", SPEC),)


def test_a_rule_goes_in_front_of_the_one_that_takes_the_connection() -> None:
    step = offered(add_nat_rule, nat(tables(API, STALE))).steps[0]
    assert step == NatRule("cloud1", "default", "OUTPUT", SPEC, "add", 2, STALE.removeprefix("-A OUTPUT "))


def test_a_rule_in_the_way_in_the_other_backend_is_met_there() -> None:
    step = offered(add_nat_rule, nat(tables(API, legacy=(STALE,)))).steps[0]
    assert isinstance(step, NatRule)
    assert (step.backend, step.before) == ("legacy", 1)


def test_kubeedges_own_chain_is_never_edited() -> None:
    managed = '-A OUTPUT -m comment --comment "kubeedge tunnel port" -j TUNNEL-PORT'
    inside = STALE.replace("-A OUTPUT", "-A TUNNEL-PORT")
    steps = offered(add_nat_rule, nat(tables(API, managed, inside))).steps
    assert [(s.chain, s.before) for s in steps if isinstance(s, NatRule)] == [("OUTPUT", 2)]
    assert "made for CloudCore is stale" in refused(remove_nat_rule, nat(tables(API, managed, inside)))


def test_each_port_goes_to_its_own_cloudcore_the_highest_position_first() -> None:
    other = Pod("kubeedge", "cloudcore-1", "u2", "cloud2", "Running", True, True, "10.99.0.11", "10.99.0.11")
    second = Node("edge3", "10.99.0.23", port=10352, is_edge=True)
    away = "-A OUTPUT -p tcp -m tcp --dport 10352 -j DNAT --to-destination 10.99.0.99:10003"
    facts = nat(
        tables(STALE, API, away),
        cluster=CloudCore(pods=(RUNNING, other)),
        nodes=All[Node]({"edge1": PORT, "edge3": second}),
        tunnel_ports=TunnelPorts(((CLOUD, 10351), ("10.99.0.11", 10352)), frozenset({10351, 10352})),
    )
    steps = [s for s in offered(add_nat_rule, facts).steps if isinstance(s, NatRule)]
    assert [(s.before, s.spec[-1]) for s in steps] == [(3, "10.99.0.11:10003"), (1, f"{CLOUD}:10003")]


def test_a_metrics_server_in_the_pod_network_needs_prerouting_too() -> None:
    pod = Pod("kube-system", "metrics-server-0", node="cloud1", phase="Running", ready=True)
    facts = nat(tables(RIGHT), metrics=MetricsServer(Workload("kube-system", "metrics-server"), (pod,)))
    assert offered(add_nat_rule, facts).steps == (NatRule("cloud1", "default", "PREROUTING", SPEC),)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"tables": tables(RIGHT)}, "already leads"),
        ({"cluster": CloudCore()}, "repair CloudCore first"),
        ({"nodes": All[Node]({"edge2": NEVER})}, "already leads"),
    ],
    ids=["right", "no-cloudcore", "no-port-in-use"],
)
def test_no_rule_is_added_where_none_helps(known: dict[str, Any], words: str) -> None:
    assert words in refused(add_nat_rule, nat(known.pop("tables", tables(API)), **known))


def test_an_unused_rule_is_deleted_as_it_is_written() -> None:
    step = offered(remove_nat_rule, nat(tables(RIGHT, GUIDE))).steps[0]
    assert step == NatRule("cloud1", "default", "OUTPUT", tuple(GUIDE.split()[2:]), "delete")


def test_a_stale_rule_in_front_of_a_right_one_is_deleted() -> None:
    found = offered(remove_nat_rule, nat(tables(STALE, RIGHT)))
    assert [(s.op, s.spec[-1]) for s in found.steps if isinstance(s, NatRule)] == [("delete", "10.99.0.99:10003")]


def test_a_stale_rule_alone_is_replaced() -> None:
    found = offered(remove_nat_rule, nat(tables(STALE)))
    assert [(s.op, s.spec[-1]) for s in found.steps if isinstance(s, NatRule)] == [
        ("add", f"{CLOUD}:10003"),
        ("delete", "10.99.0.99:10003"),
    ]
    assert "Replace" in str(found.title)


def test_somebody_elses_rule_is_never_deleted() -> None:
    mesh = "-A OUTPUT -p tcp -m tcp --dport 10351 -j DNAT --to-destination 169.254.96.16:40001"
    assert "made for CloudCore is stale" in refused(remove_nat_rule, nat(tables(mesh, RIGHT)))


GUIDES_SCRIPT = "iptables -t nat -A OUTPUT -p tcp --dport 10350 -j DNAT --to $1:10003\n"


def script(found: NatTables, text: str) -> tuple[NatSite, OfflineBundle]:
    return nat(found), OfflineBundle("/b", nat_script=text)


def test_the_bundles_script_is_run_where_it_names_the_port_in_use() -> None:
    found = offered(run_bundle_nat_script, *script(tables(API), GUIDES_SCRIPT.replace("10350", "10351")))
    path = "/b/manifests/iptables-metrics-setup.sh"
    (step,) = found.steps
    assert isinstance(step, RunCommand)
    assert (step.argv, step.shows) == (("bash", path, CLOUD), path)
    assert step.line == RIGHT
    assert step.undo == ("iptables", "-w", "5", "-t", "nat", "-D", *RIGHT.split()[1:])


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (script(tables(API), GUIDES_SCRIPT), "does not name port 10351"),
        (script(tables(API), GUIDES_SCRIPT + "# 10351\n"), "does not name port 10351"),
        (script(tables(API), ""), "There is no manifests/iptables-metrics-setup.sh"),
        (script(tables(RIGHT), GUIDES_SCRIPT), "0 ports on cloud1"),
        (script(tables(STALE), GUIDES_SCRIPT.replace("10350", "10351")), "0 ports on cloud1"),
    ],
    ids=["guides-port", "both-ports", "no-script", "right-already", "one-in-the-way"],
)
def test_a_script_that_would_not_help_is_not_run(facts: tuple[NatSite, OfflineBundle], words: str) -> None:
    assert words in refused(run_bundle_nat_script, *facts)


# ------------------------------------------------------------------------------------------------ CloudCore

DEPLOYMENT = Workload("kubeedge", "cloudcore", replicas=1)
DISABLED = CloudCoreConfig(
    "configmap/cloudcore", cloud_stream=CloudStream(line=3), text="modules:\n  cloudStream:\n    enable: false\n"
)


def test_cloudstream_is_enabled_in_the_configmap_and_loaded() -> None:
    edit, restart = offered(enable_cloudstream, DISABLED, CloudCore(DEPLOYMENT), EDGES, NO_SERVICE, HOSTS).steps
    path = "modules.cloudStream.enable"
    assert edit == EditConfigMap(
        "kubernetes", "kubeedge", "cloudcore", "cloudcore.yaml", ((path, True),), ((path, False),)
    )
    assert restart == RolloutRestart("kubernetes", "kubeedge", "deployment", "cloudcore")


def test_a_missing_switch_is_known_to_be_missing() -> None:
    absent = CloudCoreConfig(
        "configmap/cloudcore", cloud_stream=CloudStream(line=2), text="modules:\n  cloudStream: {}\n"
    )
    edit = offered(enable_cloudstream, absent, CloudCore(DEPLOYMENT), EDGES, NO_SERVICE, HOSTS).steps[0]
    assert isinstance(edit, EditConfigMap)
    assert edit.was == (("modules.cloudStream.enable", None),)


@pytest.mark.parametrize(
    ("config", "core", "words"),
    [
        (CloudCoreConfig("configmap/cloudcore", cloud_stream=CloudStream(True)), CloudCore(DEPLOYMENT), "is enabled"),
        (DISABLED, CloudCore(), "no Deployment of CloudCore"),
        (UNKNOWN, CloudCore(), "not told"),
    ],
)
def test_cloudstream_that_cannot_be_enabled(config: CloudCoreConfig, core: CloudCore, words: str) -> None:
    assert words in refused(enable_cloudstream, config, core, EDGES, NO_SERVICE, HOSTS)


def test_a_restart_that_would_load_a_disabled_cloudstream_is_dangerous() -> None:
    found = offered(restart_cloudcore, CloudCore(DEPLOYMENT), UNKNOWN, EDGES, NO_SERVICE)
    assert found.risk is None
    assert str(found.impact).startswith("1 edge loses CloudCore")
    found = offered(restart_cloudcore, CloudCore(DEPLOYMENT), DISABLED, EDGES, NO_SERVICE)
    assert found.risk is Risk.HIGH
    assert "no logs, exec or top" in str(found.impact)


def test_a_cloudcore_that_is_scaled_to_0_is_scaled_up() -> None:
    stopped = CloudCore(Workload("kubeedge", "cloudcore"))
    (step,) = offered(restart_cloudcore, stopped, UNKNOWN, EDGES, NO_SERVICE).steps
    assert isinstance(step, PatchObject)
    assert step.body == '{"spec":{"replicas":1}}'
    assert "no Deployment" in refused(restart_cloudcore, CloudCore(), UNKNOWN, EDGES, NO_SERVICE)


def unit(active: str, enabled: str = "enabled", load: str = "loaded") -> CloudCoreOnHost:
    return replace(SERVICE, service=ServiceState("cloudcore", load, active, "", enabled))


def test_cloudstream_is_enabled_in_the_file_of_the_hosts_that_run_cloudcore() -> None:
    absent = replace(unit("inactive"), config=CloudCoreConfig("f", text="modules:\n", cloud_stream=CloudStream(line=1)))
    found = offered(enable_cloudstream, UNKNOWN, CloudCore(), EDGES, All({"cloud1": SERVICE, "cloud2": absent}), HOSTS)
    file, switch = "/etc/kubeedge/config/cloudcore.yaml", "modules.cloudStream.enable"
    assert found.steps == (
        EditYaml("cloud1", file, ((switch, True),), ((switch, False),)),
        EditYaml("cloud2", file, ((switch, True),), ((switch, None),)),
        ServiceAction("cloud1", "cloudcore", "restart"),
    )
    assert "1 edge loses CloudCore" in str(found.impact)


@pytest.mark.parametrize(
    ("units", "steps"),
    [
        ({"b": unit("active"), "a": unit("inactive")}, [("b", "restart")]),
        ({"a": unit("failed", "disabled"), "b": unit("failed", "disabled")}, [("a", "start"), ("a", "enable")]),
        ({"a": unit("inactive", "disabled"), "b": unit("failed")}, [("b", "start")]),
    ],
    ids=["runs", "one-of-two", "the-one-that-starts-at-boot"],
)
def test_a_cloudcore_that_is_a_service_is_restarted_or_started(
    units: dict[str, CloudCoreOnHost], steps: list[tuple[str, str]]
) -> None:
    found = offered(restart_cloudcore, CloudCore(), UNKNOWN, EDGES, All(units))
    assert [(step.on, step.action) for step in found.steps if isinstance(step, ServiceAction)] == steps
    assert found.risk is Risk.HIGH, "the file of that host has CloudStream off"


def test_a_masked_cloudcore_is_left_alone() -> None:
    masked: All[CloudCoreOnHost] = All({"a": unit("inactive", load="masked")})
    assert "is masked on a" in refused(restart_cloudcore, CloudCore(), UNKNOWN, EDGES, masked)


def test_a_rule_leads_to_a_cloudcore_that_is_a_service() -> None:
    service: All[CloudCoreOnHost] = All({"cloud1": SERVICE})
    found = offered(add_nat_rule, nat(tables(API), cluster=CloudCore(), mapped=UNKNOWN, on_hosts=service))
    assert found.steps == (NatRule("cloud1", "default", "OUTPUT", SPEC),)


# ------------------------------------------------------------------------------------------- metrics-server


def test_metrics_server_is_restarted_where_it_is() -> None:
    found = offered(restart_metrics_server, MetricsServer(Workload("monitoring", "ms", replicas=1)))
    assert found.steps == (RolloutRestart("kubernetes", "monitoring", "deployment", "ms"),)
    assert offered(restart_metrics_server, UNKNOWN).steps[0] == RolloutRestart(
        "kubernetes", "kube-system", "deployment", "metrics-server"
    )


def test_no_restart_of_what_does_not_run() -> None:
    assert "deploy it first" in refused(restart_metrics_server, MetricsServer())


def test_a_metrics_server_that_is_scaled_to_0_is_scaled_up() -> None:
    (step,) = offered(restart_metrics_server, MetricsServer(Workload("a", "b", replicas=0))).steps
    assert isinstance(step, PatchObject)
    assert (step.path, step.body) == ("/apis/apps/v1/namespaces/a/deployments/b", '{"spec":{"replicas":1}}')


# ---------------------------------------------------------------------------------------- KubeEdge's manager

MANAGED = NatTables(backends=("nft",), managed=True)
CORES = CloudCore(Workload("kubeedge", "cloudcore", replicas=1), (RUNNING,))


def manager(**known: Any) -> dict[str, Any]:
    edges = All[Node]({"edge1": PORT, "edge2": NEVER})
    facts = {"cloudcore": CORES, "nodes": edges, "pods": All[NodePods]({}), "tables": MANAGED}
    return {"target": "cloud1", **facts, "config": CloudCoreConfig("configmap/cloudcore"), **known}


def managers(*nodes: str, owner: str = "DaemonSet/cloud-iptables-manager") -> All[NodePods]:
    labels = (("kubeedge", "iptables-manager"),)
    made = {node: Pod("kubeedge", f"m-{node}", node=node, owner=owner, labels=labels) for node in nodes}
    return All[NodePods]({node: NodePods((pod,)) for node, pod in made.items()})


def test_the_daemonset_that_writes_the_managed_chain_is_restarted() -> None:
    found = offered(restart_nat_manager, **manager(pods=managers("cloud1", "cloud2")))
    assert found.steps == (
        RolloutRestart("kubernetes", "kubeedge", "daemonset", "cloud-iptables-manager", replace=False),
    )
    assert "2 pods of cloud-iptables-manager restart" in str(found.impact)


def test_cloudcore_is_restarted_where_it_writes_the_managed_chain_itself() -> None:
    found = offered(restart_nat_manager, **manager())
    assert found.steps == (RolloutRestart("kubernetes", "kubeedge", "deployment", "cloudcore"),)
    assert "2 edges lose it for some seconds" in str(found.impact)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"tables": NatTables(backends=("nft",))}, "manages no NAT rules on cloud1"),
        ({"config": CloudCoreConfig("", iptables_mode="external")}, "manages no NAT rules on cloud1"),
        ({"target": "cloud2"}, "none does on cloud2"),
        ({"pods": managers("cloud2")}, "runs on cloud2 and not on cloud1"),
        ({"pods": managers("cloud1", owner="")}, "belongs to no DaemonSet"),
    ],
)
def test_where_no_manager_could_write_the_rules_none_is_restarted(known: dict[str, Any], words: str) -> None:
    assert words in refused(restart_nat_manager, **manager(**known))


# ------------------------------------------------------------------------------------------------- proposals


def test_what_a_fix_was_chosen_for_is_verified_too() -> None:
    store = FactStore()
    store.put(CloudCore, SITE, CloudCore(DEPLOYMENT))
    plan = propose(restart_cloudcore, SITE, store, ("KE113",)).plan
    assert plan is not None
    assert (plan.verify, plan.answers) == (("KE110", "KE113"), ("KE113",))


def test_facts_that_stand_together_are_missing_together() -> None:
    store = FactStore()
    store.put(CloudCore, SITE, CORE)
    store.put(NatTables, "cloud1", UNKNOWN)
    assert propose(add_nat_rule, "cloud1", store).why_not == UNKNOWN.text
    store.put(NatTables, "cloud1", tables(API))
    assert "already leads" in str(propose(add_nat_rule, "cloud1", store).why_not)


# ------------------------------------------------------------------------------------------------- registry


def test_every_fix_is_offered_by_a_check_it_answers_and_can_be_verified() -> None:
    registry = discover()
    assert {"enable-edgestream", "add-nat-rule", "restart-metrics-server"} <= {fix.id for fix in registry.fixes}
    for fix in registry.fixes:
        assert {check.code for check in registry.checks if fix.id in check.fixes} & set(fix.answers), fix.id
        assert fix.verify or fix.on_demand, f"{fix.id}: a repair is proven, a test proves itself"
        assert fix.doc, fix.id
