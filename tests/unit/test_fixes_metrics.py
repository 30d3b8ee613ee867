"""Fixes of metrics-server are pure: facts in, steps out."""

from __future__ import annotations

from typing import Any

import pytest

from fixes.metrics_deploy import deploy_metrics_server
from fixes.metrics_flags import patch_metrics_server
from fixes.metrics_image import load_metrics_image
from kedge.execute.deployments import edited
from kedge.execute.documents import documents
from kedge.facts.bundle import OfflineBundle
from kedge.facts.flags import is_set, value_of, with_flag
from kedge.facts.images import ImageList
from kedge.facts.inventory import ApiEndpoints
from kedge.facts.metrics import MetricsApi, MetricsServer
from kedge.facts.network import NatTables
from kedge.facts.nodes import Node
from kedge.facts.pods import Container, Pod, Workload
from kedge.i18n import Text
from kedge.model import Reason, Unknown
from kedge.plugins import All, Draft, Fix, NotApplicable
from kedge.probes.nat import read_rules
from kedge.steps import KUBERNETES, ApplyManifest, DeleteObjects, EditDeployment, RunCommand, UploadFile

UNKNOWN = Unknown(Reason.DENIED, Text("not told"))
IMAGE = "registry.k8s.io/metrics-server/metrics-server:v0.4.1"
FLAGS = (
    "--cert-dir=/tmp",
    "--secure-port=4443",
    "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
    "--kubelet-use-node-status-port",
    "--kubelet-insecure-tls",
)
CLOUD = Node("cloud1", "10.99.0.10", ("10.99.0.10",))
EDGE = Node("edge1", "10.99.0.21", ("10.99.0.21",), port=10351, is_edge=True)
NODES = All[Node]({"cloud1": CLOUD, "edge1": EDGE})


def offered(fix: Fix, *arguments: Any, **named: Any) -> Draft:
    found = fix.function(*arguments, **named)
    assert isinstance(found, Draft), found.text
    return found


def refused(fix: Fix, *arguments: Any, **named: Any) -> str:
    found = fix.function(*arguments, **named)
    assert isinstance(found, NotApplicable)
    return str(found.text)


# -------------------------------------------------------------------------------------------------- flags


@pytest.mark.parametrize(
    ("args", "flag", "value", "after"),
    [
        (["--a"], "--b", "", ["--a", "--b"]),
        (["--b=false", "--a"], "--b", "", ["--b", "--a"]),
        (["--port=1", "--a"], "--port", "2", ["--port=2", "--a"]),
        (["--port", "1", "--a"], "--port", "2", ["--port=2", "--a"]),
        (["--port=1", "--port=3"], "--port", "2", ["--port=2"]),
        (["--portal=1"], "--port", "2", ["--portal=1", "--port=2"]),
    ],
)
def test_a_flag_is_set_where_it_stands(args: list[str], flag: str, value: str, after: list[str]) -> None:
    assert with_flag(args, flag, value) == after
    assert with_flag(after, flag, value) == after
    assert value_of(after, flag) == value if value else is_set(after, flag)


# ------------------------------------------------------------------------------------ patch-metrics-server


def server(*args: str, image: str = IMAGE, host_network: bool = True, node: str = "cloud1") -> MetricsServer:
    container = Container("metrics-server", image, args)
    workload = Workload("kube-system", "metrics-server", replicas=1, host_network=host_network, containers=(container,))
    pod = Pod("kube-system", "metrics-server-0", "u", node, "Running", True, host_network)
    return MetricsServer(workload, (pod,))


def nat(*rules: str) -> All[NatTables]:
    found = tuple(read_rules("\n".join(("*nat", *rules)), "nft"))
    managed = any("TUNNEL-PORT" in rule for rule in rules)
    return All[NatTables]({"cloud1": NatTables(found, ("nft",), "nft", managed)})


def edit(found: MetricsServer, tables: All[NatTables] | None = None, endpoints: Any = UNKNOWN) -> EditDeployment:
    tables = All[NatTables]({}) if tables is None else tables
    (step,) = offered(patch_metrics_server, found, NODES, endpoints, tables, UNKNOWN).steps
    assert isinstance(step, EditDeployment)
    assert (step.on, step.namespace, step.name, step.container) == (
        KUBERNETES,
        "kube-system",
        "metrics-server",
        "metrics-server",
    )
    return step


def test_missing_flags_are_added_and_nothing_else() -> None:
    step = edit(server(*FLAGS[:3]))
    assert step.flags == (("--kubelet-use-node-status-port", ""), ("--kubelet-insecure-tls", ""))
    assert (step.port, step.host_network, step.avoid, step.nodes) == (0, False, "", ())


@pytest.mark.parametrize(
    ("types", "after"),
    [
        ("--kubelet-preferred-address-types=Hostname,InternalIP", "InternalIP,Hostname"),
        ("--v=2", "InternalIP,ExternalIP,Hostname"),
    ],
)
def test_the_internal_address_comes_first(types: str, after: str) -> None:
    assert edit(server(types, *FLAGS[3:])).flags == (("--kubelet-preferred-address-types", after),)


def test_on_the_host_network_it_leaves_the_kubelets_port() -> None:
    step = edit(server("--secure-port=10250", *FLAGS[2:]))
    assert (step.flags, step.port) == ((("--secure-port", "4443"),), 4443)


@pytest.mark.parametrize(
    ("rules", "joins"),
    [
        (("-A OUTPUT -p tcp -m tcp --dport 10351 -j DNAT --to-destination 10.99.0.10:10003",), True),
        (("-A PREROUTING -p tcp -m tcp --dport 10351 -j DNAT --to-destination 10.99.0.10:10003",), False),
        (("-A PREROUTING -j TUNNEL-PORT",), False),
    ],
    ids=["output-only", "prerouting", "kubeedges-own-chain"],
)
def test_it_joins_the_host_network_where_the_rules_meet_nothing_else(rules: tuple[str, ...], joins: bool) -> None:
    step = edit(server("--secure-port=10250", *FLAGS[2:4], host_network=False), nat(*rules))
    assert step.host_network == joins
    assert step.port == (4443 if joins else 0)


def test_it_leaves_the_edge() -> None:
    assert edit(server(*FLAGS, node="edge1")).avoid == "node-role.kubernetes.io/edge"


def test_it_moves_to_where_the_rules_are() -> None:
    assert edit(server(*FLAGS, node="worker1"), endpoints=ApiEndpoints(("10.99.0.10",))).nodes == ("cloud1",)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (MetricsServer(), "deploy it first"),
        (server(image="k8s.gcr.io/metrics-server-amd64:v0.3.6"), "older than 0.4.0"),
        (server(*FLAGS), "has every flag"),
    ],
)
def test_what_cannot_be_mended_by_flags_is_not_offered(found: MetricsServer, words: str) -> None:
    assert words in refused(patch_metrics_server, found, NODES, UNKNOWN, All[NatTables]({}), UNKNOWN)


# ----------------------------------------------------------------------------------- deploy-metrics-server

ABSENT = Unknown(Reason.MISSING, Text("no APIService"))
API = MetricsApi(False, "MissingEndpoints", "", "kube-system", "metrics-server")
NO_BUNDLE = All[OfflineBundle]({"cloud1": UNKNOWN})


def deployed(found: MetricsServer, api: Any, bundles: All[OfflineBundle] = NO_BUNDLE) -> tuple[ApplyManifest, str]:
    draft = offered(deploy_metrics_server, found, api, bundles, NODES)
    (step,) = draft.steps
    assert isinstance(step, ApplyManifest)
    return step, str(draft.impact)


def test_what_is_missing_is_created_from_the_manifest_shipped_here() -> None:
    step, impact = deployed(MetricsServer(), ABSENT)
    assert step.replace == ()
    assert "shipped" in step.source
    assert "scrapes 1 edge;" in impact


def test_a_running_server_is_left_alone_when_only_its_apiservice_is_missing() -> None:
    step, impact = deployed(server(*FLAGS), ABSENT)
    assert step.replace == ()
    assert "is not touched" in impact


def test_the_sites_own_bundle_comes_first() -> None:
    bundle = OfflineBundle("/data/bundle", "kind: List\n")
    step, _impact = deployed(MetricsServer(), ABSENT, All[OfflineBundle]({"cloud1": bundle}))
    assert (step.text, step.source) == ("kind: List\n", "/data/bundle/manifests/metrics-server.yaml of cloud1")
    hidden = All[OfflineBundle]({"cloud1": OfflineBundle("/data/bundle", 'token: "***"\n')})
    assert "shipped" in deployed(MetricsServer(), ABSENT, hidden)[0].source  # masked: not its real text


def test_where_nothing_is_missing_it_is_made_anew() -> None:
    step, impact = deployed(server(*FLAGS), API)
    assert step.replace == ("Deployment",)
    assert "deleted" in impact


@pytest.mark.parametrize(
    ("found", "api", "words"),
    [
        (MetricsServer(Workload("monitoring", "metrics-server")), API, "as monitoring/metrics-server"),
        (MetricsServer(), MetricsApi(True), "served by the API server itself"),
    ],
)
def test_no_second_server_is_put_beside_the_first(found: MetricsServer, api: MetricsApi, words: str) -> None:
    assert words in refused(deploy_metrics_server, found, api, NO_BUNDLE, NODES)


def test_the_shipped_manifest_has_everything_that_edges_need() -> None:
    found = {one.label: one for one in documents(deployed(MetricsServer(), ABSENT)[0].text, "shipped")}
    assert "APIService v1beta1.metrics.k8s.io" in found
    body = found["Deployment kube-system/metrics-server"].body
    pod = body["spec"]["template"]["spec"]
    assert pod["hostNetwork"]
    (container,) = pod["containers"]
    assert container["ports"][0]["containerPort"] == 4443
    wanted = EditDeployment(
        KUBERNETES, "kube-system", "metrics-server", "metrics-server",
        tuple((flag.partition("=")[0], flag.partition("=")[2]) for flag in FLAGS),
        port=4443, host_network=True, avoid="node-role.kubernetes.io/edge",
    )  # fmt: skip
    assert edited(wanted, body) == body


def test_archives_of_the_bundle_are_named_after_their_image() -> None:
    bundle = OfflineBundle("/b", images=("registry.k8s.io-metrics-server-metrics-server-v0.4.1.tar", "x.tar"))
    assert bundle.archive_of(IMAGE) == "/b/images/registry.k8s.io-metrics-server-metrics-server-v0.4.1.tar"
    assert bundle.archive_of("registry.k8s.io/metrics-server/metrics-server:v0.4.2") == ""


# -------------------------------------------------------------------------------------- load-metrics-image

ARCHIVE = "registry.k8s.io-metrics-server-metrics-server-v0.4.1.tar"
BUNDLE = All[OfflineBundle]({"cloud1": OfflineBundle("/data/b", images=(ARCHIVE,))})
K3S = All[Node]({"cloud1": Node("cloud1", runtime_version="containerd://2.0.4-k3s2")})
WAITING = MetricsServer(
    Workload("kube-system", "metrics-server", replicas=1, containers=(Container("metrics-server", IMAGE),)),
    (Pod("kube-system", "ms-0", "u", "cloud1", "Pending"),),
)


def listed(tool: str, *names: str) -> All[ImageList]:
    return All[ImageList]({"cloud1": ImageList(frozenset(names), tool)})


@pytest.mark.parametrize(
    ("tool", "nodes", "words"),
    [
        ("k3s", NODES, "k3s ctr images import"),
        ("ctr", NODES, "ctr -n k8s.io images import"),
        ("nerdctl", NODES, "nerdctl -n k8s.io load -i"),
        ("docker", NODES, "docker load -i"),
        ("crictl", K3S, "k3s ctr images import"),
    ],
)
def test_the_archive_is_taken_in_by_the_runtimes_own_tool(tool: str, nodes: All[Node], words: str) -> None:
    load, again = offered(load_metrics_image, WAITING, listed(tool), BUNDLE, nodes).steps
    assert isinstance(load, RunCommand)
    assert (load.on, load.argv) == ("cloud1", (*words.split(), f"/data/b/images/{ARCHIVE}"))
    assert load.line == IMAGE
    assert load.undo[-1] == IMAGE
    assert again == DeleteObjects(KUBERNETES, ("/api/v1/namespaces/kube-system/pods/ms-0",))


def test_an_archive_that_is_only_on_this_machine_is_uploaded_first() -> None:
    elsewhere = All[OfflineBundle]({"cloud1": OfflineBundle("/data/b")})
    upload, load, _again = offered(load_metrics_image, WAITING, listed("ctr"), elsewhere, NODES).steps
    assert upload == UploadFile("cloud1", f"/data/b/images/{ARCHIVE}", f"/var/tmp/{ARCHIVE}")
    assert isinstance(load, RunCommand)
    assert load.argv[-1] == f"/var/tmp/{ARCHIVE}"


@pytest.mark.parametrize(
    ("found", "images", "bundles", "words"),
    [
        (WAITING, listed("ctr", IMAGE), BUNDLE, "is on cloud1"),
        (WAITING, listed("ctr"), NO_BUNDLE, "No offline bundle"),
        (WAITING, listed("crictl"), BUNDLE, "not known which tool"),
        (MetricsServer(), listed("ctr"), BUNDLE, "No pod"),
    ],
)
def test_an_image_that_cannot_be_loaded(
    found: MetricsServer, images: All[ImageList], bundles: All[OfflineBundle], words: str
) -> None:
    assert words in refused(load_metrics_image, found, images, bundles, NODES)
