"""The cloud parsers by hand: versions and shapes that the recordings do not have, and hostile input."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge import k8s
from kedge.asks import Api
from kedge.facts.cloudcore import CloudCoreConfig, CloudStream, TunnelPorts
from kedge.model import Observation, Reason, Unknown
from kedge.probes import cloudcore, metrics, nodes, pods


def answer(*items: dict[str, Any]) -> Observation:
    return Observation(Api("/x"), "kubernetes", "GET /x", exit_code=200, stdout=json.dumps({"items": items}))


def node(name: str = "n", version: str = "", **meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **meta}, "status": {"nodeInfo": {"kubeletVersion": version}}}


# ----------------------------------------------------------------------------------------------------- nodes


@pytest.mark.parametrize(
    ("version", "kubeedge"),
    [
        ("v1.32.10-kubeedge-v1.23.1", "v1.23.1"),
        ("v1.19.3-kubeedge-v1.8.0", "v1.8.0"),
        (
            "v1.26.7-kubeedge-v1.15.0-beta.0.62+ea6701da320177-dirty",
            "v1.15.0-beta.0.62+ea6701da320177-dirty",
        ),
        ("v1.31.12-kubeedge-1.22.0", "v1.22.0"),
        ("v1.30.2+k3s1", ""),
        ("", ""),
    ],
)
def test_the_version_names_kubeedge(version: str, kubeedge: str) -> None:
    found = nodes.read_nodes(answer(node(version=version)))["n"]
    assert (found.kubeedge_version, found.is_edge) == (kubeedge, bool(kubeedge))


def test_a_label_makes_an_edge_whatever_its_value() -> None:
    found = nodes.read_nodes(answer(node(labels={"node-role.kubernetes.io/edge": "true"})))["n"]
    assert (found.is_edge, found.edge_label) == (True, "true")
    plane = nodes.read_nodes(answer(node(labels={"node-role.kubernetes.io/master": ""})))["n"]
    assert (plane.is_edge, plane.is_control_plane) == (False, True)


def test_a_bare_node_is_a_node() -> None:
    found = nodes.read_nodes(answer({"metadata": {"name": "n"}}))["n"]
    assert (found.ready, found.port, found.internal_ip, found.at) == (None, 0, "", None)


# ------------------------------------------------------------------------------------------------------ pods


def test_every_node_has_an_entry_and_a_pod_without_node_has_none() -> None:
    placed = {"metadata": {"name": "p", "namespace": "a"}, "spec": {"nodeName": "n"}}
    waiting = {"metadata": {"name": "w", "namespace": "a"}, "spec": {}}
    found = pods.read_pods_by_node(answer(placed, waiting), answer(node("n"), node("empty")))
    assert {name: [pod.name for pod in one.pods] for name, one in found.items()} == {"n": ["p"], "empty": []}


def test_a_crashing_container_tells_how_it_ended() -> None:
    status = {
        "name": "c",
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}},
    }
    pod = {"spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"containerStatuses": [status]}}
    (one,) = pods.pod_of(k8s.decode_one(json.dumps(pod), k8s.Pod)).containers
    assert (one.waiting, one.waiting_message, one.restarts) == ("CrashLoopBackOff", "back-off 40s", 3)
    assert (one.last_exit, one.last_reason, one.running) == (2, "Error", False)


def test_a_pod_is_read_once_for_every_version_of_it() -> None:
    def read(version: str, phase: str) -> Any:
        told = {"metadata": {"uid": "u-1", "resourceVersion": version}, "status": {"phase": phase}}
        return pods.pod_of(k8s.decode_one(json.dumps(told), k8s.Pod))

    first = read("1", "Pending")
    assert read("1", "Pending") is first
    assert read("2", "Running").phase == "Running"
    assert read("", "Failed").phase == "Failed"
    assert read("1", "Running").phase == "Running", "another site may repeat uid and version"


# ------------------------------------------------------------------------------------------------- cloudcore


def config_map(name: str, **rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **rest.pop("metadata", {})}, **rest}


def test_absent_settings_are_the_defaults_of_the_code() -> None:
    config = cloudcore.parse_cloudcore_config("kind: CloudCore\n", "file")
    assert isinstance(config, CloudCoreConfig)
    assert config.cloud_stream == CloudStream(enable=False, stream_port=10003, tunnel_port=10004, line=0)
    assert (config.iptables_enable, config.iptables_mode) == (True, "internal")


def test_the_line_of_a_missing_switch_is_that_of_its_section() -> None:
    config = cloudcore.parse_cloudcore_config("modules:\n  cloudStream:\n    streamPort: 11003\n", "file")
    assert isinstance(config, CloudCoreConfig)
    assert (config.cloud_stream.line, config.cloud_stream.stream_port) == (2, 11003)


def test_broken_yaml_names_its_line() -> None:
    found = cloudcore.parse_cloudcore_config("modules:\n  cloudStream: [\n", "configmap/cloudcore")
    assert isinstance(found, Unknown)
    assert (found.reason, found.line) == (Reason.UNPARSABLE, 3)
    assert str(found.text).startswith("configmap/cloudcore cannot be read: ")


def test_a_missing_map_is_missing_and_a_missing_annotation_is_broken() -> None:
    empty = answer()
    assert cloudcore.read_cloudcore_config(empty).reason is Reason.MISSING  # type: ignore[union-attr]
    assert cloudcore.read_tunnel_ports(empty).reason is Reason.MISSING  # type: ignore[union-attr]
    lost = cloudcore.read_tunnel_ports(answer(config_map("tunnelport")))
    assert isinstance(lost, Unknown)
    assert (lost.reason, "lost its annotation" in str(lost.text)) == (Reason.UNPARSABLE, True)


def test_a_load_balancer_and_node_ports_add_addresses() -> None:
    service = {
        "metadata": {"name": "cloudcore"},
        "spec": {"type": "NodePort", "externalIPs": ["7.7.7.7"], "ports": [{"port": 10004, "nodePort": 30004}]},
        "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}},
    }
    yaml = "modules:\n  cloudHub:\n    advertiseAddress: [1.2.3.4]\n    dnsNames: ['']\n"
    maps = answer(config_map("cloudcore", data={"cloudcore.yaml": yaml}))
    all_nodes = answer({**node(), "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}})
    found = cloudcore.read_cloud_exposure(answer(service), answer(), maps, all_nodes)
    assert found.node_ports == ((10004, 30004),)
    assert found.addresses == {"7.7.7.7", "lb.example", "1.2.3.4", "10.0.0.1"}


@given(text=st.text())
def test_no_text_breaks_the_config_reader(text: str) -> None:
    found = cloudcore.parse_cloudcore_config(text, "file")
    assert isinstance(found, CloudCoreConfig) or found.reason is Reason.UNPARSABLE


@given(
    lines=st.lists(
        st.sampled_from(
            [
                "modules:",
                "  cloudStream:",
                "    enable: true",
                "    enable: 'x'",
                "\tx: 1",
                "- a",
                "  cloudStream: &a",
                "  <<: *a",
            ]
        )
    )
)
def test_no_jumble_of_real_lines_breaks_it_either(lines: list[str]) -> None:
    found = cloudcore.parse_cloudcore_config("\n".join(lines), "file")
    assert isinstance(found, CloudCoreConfig) or found.reason is Reason.UNPARSABLE


@given(record=st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_annotation_breaks_the_record_reader(record: str) -> None:
    annotated = config_map("tunnelport", metadata={"annotations": {cloudcore.PORTS_ANNOTATION: record}})
    found = cloudcore.read_tunnel_ports(answer(annotated))
    assert isinstance(found, TunnelPorts) or found.reason is Reason.UNPARSABLE


def test_two_cloudcores_keep_their_order() -> None:
    record = '{"ipTunnelPort":{"192.168.1.17":10352,"192.168.1.16":10351},"port":{"10351":true,"10352":true,"x":true}}'
    annotated = config_map("tunnelport", metadata={"annotations": {cloudcore.PORTS_ANNOTATION: record}})
    found = cloudcore.read_tunnel_ports(answer(annotated))
    assert found == TunnelPorts((("192.168.1.16", 10351), ("192.168.1.17", 10352)), frozenset({10351, 10352}))


# --------------------------------------------------------------------------------------------------- metrics


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("72153582n", 0.072153582),
        ("250m", 0.25),
        ("2", 2),
        ("483996Ki", 483996 * 1024),
        ("1Gi", 2**30),
        ("1k", 1000),
        ("1e3", 1000),
        ("1.5", 1.5),
        ("", 0),
        ("many", 0),
        ("1KiB", 0),
    ],
)
def test_quantities(text: str, number: float) -> None:
    assert metrics.quantity(text) == pytest.approx(number)


@pytest.mark.parametrize(("text", "seconds"), [("20.026s", 20.026), ("1m0s", 60), ("1h2m3s", 3723), ("5ms", 0.005)])
def test_durations(text: str, seconds: float) -> None:
    assert metrics.duration(text) == pytest.approx(seconds)


@given(text=st.text() | st.from_regex(r"[0-9.eE]{1,400}[a-zA-Z]{0,2}"))
def test_no_text_breaks_numbers(text: str) -> None:
    assert math.isfinite(metrics.quantity(text))
    assert 0 <= metrics.duration(text) < math.inf


def test_a_null_ready_is_ready() -> None:
    piece = {
        "metadata": {"namespace": "kube-system", "labels": {"kubernetes.io/service-name": "metrics-server"}},
        "endpoints": [{"addresses": ["1.1.1.1"], "conditions": {}}, {"conditions": {"ready": False}}],
    }
    found = metrics.read_metrics_endpoints(answer(piece))
    assert (found.ready, found.not_ready, found.slices) == (("1.1.1.1",), (), 1)


def test_metrics_server_is_found_by_a_charts_label_too() -> None:
    chart = {
        "metadata": {"name": "ms", "namespace": "monitoring"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"app.kubernetes.io/name": "metrics-server", "a": "b"}}},
        },
    }
    mine = {"metadata": {"name": "ms-1", "namespace": "monitoring", "labels": {"a": "b"}}}
    other = {"metadata": {"name": "x", "namespace": "other", "labels": {"a": "b"}}}
    found = metrics.read_metrics_server(answer(mine, other), answer(chart))
    assert found.workload is not None
    assert (found.workload.name, [pod.name for pod in found.pods]) == ("ms", ["ms-1"])
    assert metrics.read_metrics_server(answer(mine), answer()).workload is None
