"""Kubernetes objects are decoded forgivingly, exactly, and without a surprise in the exceptions."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge import k8s

RECORDINGS = Path(__file__).parents[1] / "recordings"

KINDS: dict[str, Any] = {
    "NodeList": k8s.Node,
    "PodList": k8s.Pod,
    "DeploymentList": k8s.Deployment,
    "DaemonSetList": k8s.DaemonSet,
    "ConfigMapList": k8s.ConfigMap,
    "ServiceList": k8s.Service,
    "EndpointSliceList": k8s.EndpointSlice,
    "LeaseList": k8s.Lease,
    "EventList": k8s.Event,
    "NodeMetricsList": k8s.NodeMetrics,
    "PodMetricsList": k8s.PodMetrics,
}


LISTS = [path for path in sorted(RECORDINGS.glob("*/api/*.json")) if json.loads(path.read_bytes()).get("kind") in KINDS]


@pytest.mark.parametrize("path", LISTS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_every_recorded_list_is_decoded_item_by_item(path: Path) -> None:
    body = path.read_bytes()
    told = json.loads(body)
    items, meta = k8s.decode_list(body, KINDS[told["kind"]])
    assert [item.metadata.name for item in items] == [item["metadata"]["name"] for item in told["items"]]
    assert meta.resource_version == told["metadata"].get("resourceVersion", "")


def test_a_node_has_its_port_its_addresses_and_its_ready_condition() -> None:
    body = (RECORDINGS / "healthy/api/nodes.json").read_bytes()
    edge = next(node for node in k8s.decode_list(body, k8s.Node)[0] if node.metadata.name == "edge1")
    assert edge.status.daemon_endpoints.kubelet_endpoint.port == 10351
    assert [(a.type, a.address) for a in edge.status.addresses] == [("InternalIP", "10.99.0.21"), ("Hostname", "edge1")]
    ready = k8s.condition(edge.status.conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.last_transition_time) == ("True", datetime(2026, 11, 22, 9, 32, 3, tzinfo=UTC))
    assert k8s.condition(edge.status.conditions, "Nonsense") is None


def test_null_stands_for_the_default_wherever_it_is_found() -> None:
    body = b"""{"items": [{"metadata": {"name": "n", "labels": null, "generation": null},
        "status": {"images": [{"names": null}], "daemonEndpoints": null, "nodeInfo": {"kubeletVersion": null}}}]}"""
    (node,), _meta = k8s.decode_list(body, k8s.Node)
    assert node.metadata == k8s.Metadata(name="n")
    assert node.status.images == (k8s.ContainerImage(),)
    assert node.status.daemon_endpoints.kubelet_endpoint.port == 0


def test_a_list_of_nothing_is_empty() -> None:
    assert k8s.decode_list(b'{"items": null}', k8s.Pod) == ((), k8s.ListMeta())
    assert k8s.decode_list(b"{}", k8s.Pod)[0] == ()


def test_a_page_tells_where_it_goes_on() -> None:
    body = b'{"metadata": {"resourceVersion": "7", "continue": "abc", "remainingItemCount": 2}, "items": []}'
    assert k8s.decode_list(body, k8s.Node)[1] == k8s.ListMeta(
        resource_version="7", continue_="abc", remaining_item_count=2
    )


def test_unknown_fields_are_left_aside() -> None:
    assert k8s.decode_one(b'{"gitVersion": "v9", "emulationMajor": "1"}', k8s.Version).git_version == "v9"


def test_watch_lines_carry_objects_bookmarks_and_errors() -> None:
    kind, pod = k8s.decode_event(b'{"type": "ADDED", "object": {"metadata": {"name": "p"}}}', k8s.Pod)
    assert (kind, pod.metadata.name) == ("ADDED", "p")
    mark = k8s.decode_event(b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12"}}}', k8s.Pod)
    assert (mark[0], mark[1].metadata.resource_version) == ("BOOKMARK", "12")
    said = json.loads((RECORDINGS / "api-behaviour.json").read_text())["http"]
    gone = next(one for one in said if one["name"] == "watch from a resourceVersion that is gone")
    kind, status = k8s.decode_event(gone["body"], k8s.Pod)
    assert (kind, status.code, status.reason) == ("ERROR", 410, "Expired")


def test_a_config_map_tells_who_wrote_its_data() -> None:
    body = (RECORDINGS / "healthy/api/configmap-cloudcore-managed.json").read_bytes()
    managed = k8s.decode_one(body, k8s.ConfigMap).metadata.managed_fields
    assert [(m.manager, list(m.fields_v1.data or {})) for m in managed] == [
        ("keadm", []),
        ("cloudcore", ["f:cloudcore.yaml"]),
    ]


def test_the_owner_is_the_one_that_controls() -> None:
    node = k8s.OwnerReference(kind="Node", name="n")
    controller = k8s.OwnerReference(kind="ReplicaSet", name="r", controller=True)
    assert k8s.Metadata(owner_references=(node, controller)).owner == "ReplicaSet/r"
    assert k8s.Metadata(owner_references=(node,)).owner == ""


NO_LISTS = [b"", b"<html>", b"[1]", b'{"items": {}}', b'{"items": [{"status": []}]}', b"\xff\xfe"]


@pytest.mark.parametrize("body", NO_LISTS)
def test_what_is_no_such_list_is_one_typed_error(body: bytes) -> None:
    with pytest.raises(k8s.DecodeError):
        k8s.decode_list(body, k8s.Node)


FIELDS = ["metadata", "status", "spec", "items", "containers", "labels", "x"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(FIELDS), inner),
)


@given(value=json_values, of=st.sampled_from(list(KINDS.values())))
def test_no_json_ends_in_another_exception(value: Any, of: Any) -> None:
    with contextlib.suppress(k8s.DecodeError):
        items, _meta = k8s.decode_list(json.dumps(value), of)
        assert all(isinstance(item, of) for item in items)


@given(line=st.binary())
def test_no_bytes_end_in_another_exception(line: bytes) -> None:
    with contextlib.suppress(k8s.DecodeError):
        kind, found = k8s.decode_event(line, k8s.Node)
        assert isinstance(found, k8s.Status if kind == "ERROR" else k8s.Node)
