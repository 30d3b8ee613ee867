"""The API over real HTTPS answers single requests as a real API server does (recordings/api-behaviour.json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from lab import faults
from tests.lab.api_server import LIMITED, Api, serve

RECORDINGS = Path(__file__).parents[1] / "recordings"
SAID = {row["name"]: row for row in json.loads((RECORDINGS / "api-behaviour.json").read_text())["http"]}
CONFIGMAP = "/api/v1/namespaces/kubeedge/configmaps/cloudcore"
METRICS_SERVER = "/apis/apps/v1/namespaces/kube-system/deployments/metrics-server"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serve(tmp_path_factory.mktemp("api")) as running:
        yield running


def recorded(name: str, **replace: str) -> Any:
    """The body a real server gave, with this site's names in it."""
    body = SAID[name]["body"]
    for old, new in replace.items():
        body = body.replace(old.replace("_", "-"), new)
    return json.loads(body)


@pytest.mark.parametrize(
    ("name", "method", "path", "options"),
    [
        ("anonymous", "GET", "/api/v1/nodes", {"token": None}),
        ("bad token", "GET", "/api/v1/nodes", {"token": "wrong"}),
        ("not found", "GET", "/apis/apps/v1/namespaces/kube-system/deployments/nope", {}),
        ("log of a pod that does not exist", "GET", "/api/v1/namespaces/factory/pods/nope/log", {}),
        (
            "patch that fails validation", "PATCH", METRICS_SERVER + "?dryRun=All",
            {"body": {"spec": {"replicas": -1}}, "content_type": MERGE},
        ),
        ("patch with a wrong content type", "PATCH", CONFIGMAP, {"body": {}, "content_type": "application/json"}),
        (
            "patch with a stale resourceVersion", "PATCH", CONFIGMAP,
            {"body": {"metadata": {"resourceVersion": "1"}}, "content_type": MERGE},
        ),
    ],
)  # fmt: skip
def test_refusals_are_worded_as_recorded(api: Api, name: str, method: str, path: str, options: dict[str, Any]) -> None:
    answer = api.call(method, path, **options)
    assert answer.status == SAID[name]["status"]
    assert json.loads(answer.data) == recorded(name)


def test_log_refusals_name_pod_and_containers_as_recorded(api: Api) -> None:
    pod = api.pod("edge1")
    for name, query in (
        ("log without container, two containers", ""),
        ("log of a container that does not exist", "?container=nope"),
    ):
        answer = api.call("GET", f"/api/v1/namespaces/factory/pods/{pod}/log{query}")
        assert answer.status == 400
        assert json.loads(answer.data)["message"] == recorded(name)["message"].replace("line-gateway-b5sfx", pod)


def test_forbidden_names_user_verb_and_resource(api: Api) -> None:
    pod = api.pod("edge1")
    path = f"/api/v1/namespaces/factory/pods/{pod}/log?container=gateway"
    found = json.loads(api.call("GET", path, token=LIMITED).data)
    wanted = json.dumps(recorded("forbidden log")).replace("line-gateway-b5sfx", pod).replace("viewer", "limited")
    assert found == json.loads(wanted)
    listed = json.loads(api.call("GET", "/api/v1/nodes", token=LIMITED).data)
    assert listed["message"] == recorded("anonymous")["message"].replace("system:anonymous", "limited")


def test_lists_come_in_pages(api: Api) -> None:
    seen, path = [], "/api/v1/nodes?limit=1"
    first = api.get(path)
    assert first["kind"] == "NodeList"
    assert first["metadata"]["remainingItemCount"] == 2
    assert "kind" not in first["items"][0]
    page = first
    while True:
        seen += [item["metadata"]["name"] for item in page["items"]]
        if "continue" not in page["metadata"]:
            break
        page = api.get(f"{path}&continue={page['metadata']['continue']}")
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert seen == ["cloud1", "edge1", "edge2"]


def test_a_continue_token_of_a_compacted_history_is_410(api: Api) -> None:
    token = api.get("/api/v1/nodes?limit=1")["metadata"]["continue"]
    api.do(lambda world: (world.store.change(*_label(world)), world.store.compact()))
    answer = api.call("GET", f"/api/v1/nodes?limit=1&continue={token}")
    assert answer.status == 410
    assert json.loads(answer.data)["reason"] == "Expired"
    assert api.call("GET", "/api/v1/nodes?limit=1&continue=%21%21").status == 400


def _label(world: Any) -> tuple[Any, ...]:
    from lab.objects import NODES

    return NODES, "", "edge1", lambda draft: draft["metadata"]["labels"].update(test=str(world.clock())), "test"


def test_selectors_select(api: Api) -> None:
    on_edge1 = api.get("/api/v1/pods?fieldSelector=spec.nodeName%3Dedge1")["items"]
    assert [pod["spec"]["nodeName"] for pod in on_edge1] == ["edge1"]
    assert api.get("/api/v1/pods?fieldSelector=status.phase!%3DRunning")["items"] == []
    names = [
        node["metadata"]["name"]
        for node in api.get("/api/v1/nodes?labelSelector=node-role.kubernetes.io/edge%3D")["items"]
    ]
    assert names == ["edge1", "edge2"]
    notin = api.get("/api/v1/nodes?labelSelector=kubernetes.io/hostname+notin+(edge1,edge2)")["items"]
    assert [node["metadata"]["name"] for node in notin] == ["cloud1"]
    assert api.call("GET", "/api/v1/pods?fieldSelector=spec.wrong%3D1").status == 400


def test_objects_have_the_shape_of_the_recording(api: Api) -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: shape(item) for key, item in value.items() if key not in ("managedFields", "labels", "annotations")
            }
        if isinstance(value, list):
            return [shape(item) for item in value[:1]]
        return type(value).__name__

    def differences(ours: Any, real: Any, where: str) -> list[str]:
        if isinstance(ours, dict) and isinstance(real, dict):
            found = [f"{where}.{key} is not real" for key in ours.keys() - real.keys()]
            return found + [
                line
                for key in ours.keys() & real.keys()
                for line in differences(ours[key], real[key], f"{where}.{key}")
            ]
        if isinstance(ours, list) and isinstance(real, list) and ours and real:
            return differences(ours[0], real[0], f"{where}[0]")
        return [] if type(ours) is type(real) else [f"{where}: {ours} is not {real}"]

    for path, file in (
        ("/api/v1/nodes", "nodes"), ("/api/v1/pods", "pods"), ("/apis/apps/v1/deployments", "deployments"),
        ("/apis/apps/v1/daemonsets", "daemonsets"), ("/apis/coordination.k8s.io/v1/leases", "leases"),
        ("/api/v1/namespaces/kubeedge/services", "services-kubeedge"),
        ("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", "endpointslices-kube-system"),
        ("/apis/metrics.k8s.io/v1beta1/nodes", "metrics-nodes"), ("/apis/metrics.k8s.io/v1beta1/pods", "metrics-pods"),
        ("/version", "version"),
    ):  # fmt: skip
        real = json.loads((RECORDINGS / "healthy" / "api" / f"{file}.json").read_text())
        assert differences(shape(api.get(path)), shape(real), file) == []


def test_logs_tail_timestamps_and_since(api: Api) -> None:
    pod = api.pod("edge1")
    base = f"/api/v1/namespaces/factory/pods/{pod}/log?container=gateway"
    answer = api.call("GET", f"{base}&tailLines=3&timestamps=true")
    assert answer.headers["Content-Type"] == "text/plain"
    lines = answer.data.decode().splitlines()
    assert len(lines) == 3
    assert all(line.split(" ", 1)[0].endswith("Z") for line in lines)
    recent = api.call("GET", f"{base}&sinceSeconds=10").data.decode().splitlines()
    assert 8 <= len(recent) <= 11
    assert len(api.call("GET", f"{base}&tailLines=5&limitBytes=100").data) == 100
    assert api.call("GET", f"{base}&tailLines=0").data == b""


def test_logs_follow_while_lines_come(api: Api) -> None:
    pod = api.pod("edge2")
    path = f"/api/v1/namespaces/factory/pods/{pod}/log?container=gateway&tailLines=1&follow=true"
    headers = {"Authorization": "Bearer oncall-token"}
    answer = api.pool.request("GET", api.url + path, headers=headers, preload_content=False, timeout=10)
    numbers = []
    for chunk in answer.stream(1):
        numbers.append(chunk)
        if b"".join(numbers).count(b"\n") >= 3:
            break
    answer.close()
    lines = b"".join(numbers).decode().splitlines()
    assert len({line for line in lines if line}) >= 3


def test_the_edges_complaint_is_a_log_with_status_200(api: Api) -> None:
    pod = api.pod("edge1")
    answer = api.call("GET", f"/api/v1/namespaces/factory/pods/{pod}/log?container=gateway&previous=true")
    assert answer.status == 200
    wanted = SAID["log previous, none"]["body"].replace("line-gateway-b5sfx", pod)
    assert answer.data.decode().strip() == wanted.strip()
    cloud = api.pod("cloud1", "cloudcore")
    direct = api.call("GET", f"/api/v1/namespaces/kubeedge/pods/{cloud}/log?previous=true")
    assert (direct.status, json.loads(direct.data)["reason"]) == (400, "BadRequest")


def test_logs_of_the_sites_own_pods_have_their_lines(api: Api) -> None:
    cloudcore = api.call("GET", f"/api/v1/namespaces/kubeedge/pods/{api.pod('cloud1', 'cloudcore')}/log").data.decode()
    assert "Prepare to start tunnel server ..." in cloudcore
    assert "get a new tunnel agent hostname edge1, internalIP 10.99.0.21" in cloudcore
    metrics = api.call("GET", f"/api/v1/namespaces/kube-system/pods/{api.pod('cloud1', 'metrics')}/log").data.decode()
    assert "Serving securely on [::]:4443" in metrics


def test_patches_change_objects_and_dry_runs_do_not(api: Api) -> None:
    before = api.get(CONFIGMAP)
    text = before["data"]["cloudcore.yaml"].replace("nodeLimit: 1000", "nodeLimit: 1001")
    body = {"metadata": {"resourceVersion": before["metadata"]["resourceVersion"]}, "data": {"cloudcore.yaml": text}}
    dry = json.loads(api.call("PATCH", CONFIGMAP + "?dryRun=All", body, content_type=MERGE).data)
    assert "nodeLimit: 1001" in dry["data"]["cloudcore.yaml"]
    assert api.get(CONFIGMAP) == before
    after = json.loads(api.call("PATCH", CONFIGMAP + "?fieldManager=someone", body, content_type=MERGE).data)
    assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    entry = next(e for e in after["metadata"]["managedFields"] if e["manager"] == "someone")
    assert entry["fieldsV1"] == {"f:data": {"f:cloudcore.yaml": {}}}
    assert api.call("PATCH", CONFIGMAP, body, content_type=MERGE).status == 409
    undo = [{"op": "replace", "path": "/data/cloudcore.yaml", "value": before["data"]["cloudcore.yaml"]}]
    assert api.call("PATCH", CONFIGMAP, undo, content_type="application/json-patch+json").status == 200
    wrong = [{"op": "test", "path": "/data/cloudcore.yaml", "value": "x"}]
    assert api.call("PATCH", CONFIGMAP, wrong, content_type="application/json-patch+json").status == 422


def test_strategic_merge_joins_containers_by_name(api: Api) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "metrics-server", "args": ["--cert-dir=/tmp"]}]}}}}
    content = "application/strategic-merge-patch+json"
    after = json.loads(api.call("PATCH", METRICS_SERVER + "?dryRun=All", patch, content_type=content).data)
    (container,) = after["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--cert-dir=/tmp"]
    assert container["image"].endswith("metrics-server:v0.4.1")
    assert container["readinessProbe"]


def test_create_and_delete(api: Api) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}, "data": {"a": "b"}}
    made = api.call("POST", path, body)
    assert made.status == 201
    assert api.call("POST", path, body).status == 409
    wrong = {"preconditions": {"uid": "0"}}
    assert api.call("DELETE", f"{path}/note", wrong).status == 409
    gone = json.loads(api.call("DELETE", f"{path}/note").data)
    assert (gone["status"], gone["details"]["name"]) == ("Success", "note")
    assert api.call("GET", f"{path}/note").status == 404
    missing = api.call("POST", "/api/v1/namespaces/nowhere/configmaps", body)
    assert json.loads(missing.data)["message"] == 'namespaces "nowhere" not found'


def test_access_reviews_follow_the_role_table(api: Api) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {"namespace": "kubeedge", "verb": "patch", "resource": "configmaps", "name": "cloudcore"}
    body = {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": asked}}
    yes = api.call("POST", path, body)
    assert (yes.status, json.loads(yes.data)["status"]) == (201, {"allowed": True})
    assert json.loads(api.call("POST", path, body, token=LIMITED).data)["status"] == {"allowed": False}
    api.do(lambda world: faults.apply(world, "rbac-limited"))
    try:
        assert json.loads(api.call("POST", path, body).data)["status"] == {"allowed": False}
        assert api.call("GET", CONFIGMAP).status == 403
        assert api.call("GET", "/api/v1/nodes").status == 200
    finally:
        api.do(lambda world: faults.clear(world, "rbac-limited"))
    assert api.call("GET", CONFIGMAP).status == 200


def test_a_client_certificate_is_a_user(tmp_path: Path) -> None:
    with serve(tmp_path) as api:
        ours = api.authority.issue("someone", organizations=["system:masters"])
        certificate, key = ours.write(tmp_path, "someone")
        pool = urllib3.PoolManager(ca_certs=str(api.ca), cert_file=str(certificate), key_file=str(key), retries=False)
        assert pool.request("GET", f"{api.url}/api/v1/nodes", timeout=5).status == 200
        who = pool.request("POST", f"{api.url}/apis/authentication.k8s.io/v1/selfsubjectreviews", body=b"{}", timeout=5)
        assert json.loads(who.data)["status"]["userInfo"]["username"] == "someone"
        pool.clear()


def test_the_node_proxy_reaches_edges_by_name(api: Api) -> None:
    metrics = api.call("GET", "/api/v1/nodes/edge1/proxy/metrics/resource")
    assert metrics.status == 200
    assert "node_cpu_usage_seconds_total" in metrics.data.decode()
    missing = api.call("GET", "/api/v1/nodes/edge1/proxy/healthz")
    assert (missing.status, missing.data) == (404, b"404 page not found\n")
    assert json.loads(api.call("GET", "/api/v1/nodes/cloud1/proxy/stats/summary").data)["node"]["nodeName"] == "cloud1"


def test_unknown_paths_are_gos_own_404(api: Api) -> None:
    answer = api.call("GET", "/apis/nope.example.com/v1")
    assert (answer.status, answer.data.decode()) == (404, SAID["unknown group"]["body"])


def test_latency_slows_every_request(api: Api) -> None:
    import time

    api.do(lambda world: setattr(world, "latency", 0.2))
    try:
        begun = time.monotonic()
        api.get("/version")
        assert time.monotonic() - begun >= 0.2
    finally:
        api.do(lambda world: setattr(world, "latency", 0.0))
