"""Rollouts really replace pods, and really get stuck on host ports (facts 11)."""

from __future__ import annotations

from typing import Any

import pytest

from lab import faults
from lab.objects import API_SERVICES, DEPLOYMENTS, ENDPOINT_SLICES, EVENTS, PODS, REPLICASETS, Object
from lab.objects_admission import admit_new
from tests.lab.practice import Practice

STUCK = (
    "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 2 node(s) didn't match "
    "Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: "
    "1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling."
)
CLOUDCORE = ("kubeedge", "cloudcore")
METRICS = ("kube-system", "metrics-server")


@pytest.fixture
def site() -> Practice:
    practice = Practice()
    practice.run(3)
    return practice


def pods_of(site: Practice, namespace: str, prefix: str) -> list[Object]:
    pods = site.world.store.list(PODS, namespace)
    return [pod for pod in pods if pod["metadata"]["name"].startswith(prefix)]


def edit(site: Practice, deployment: tuple[str, str], **spec: Any) -> None:
    site.world.store.change(DEPLOYMENTS, *deployment, lambda draft: draft["spec"].update(spec), "test")


def restart(site: Practice, deployment: tuple[str, str]) -> None:
    def mark(draft: Object) -> None:
        annotations = draft["spec"]["template"]["metadata"].setdefault("annotations", {})
        annotations["kubectl.kubernetes.io/restartedAt"] = str(site.now)

    site.world.store.change(DEPLOYMENTS, *deployment, mark, "kubectl-rollout")


def status(site: Practice, deployment: tuple[str, str]) -> Object:
    found: Object = site.world.store.get(DEPLOYMENTS, *deployment)["status"]
    return found


def test_a_restart_of_cloudcore_never_ends_on_one_cloud_node(site: Practice) -> None:
    before = site.world.cloudcore
    restart(site, CLOUDCORE)
    site.run(300)
    old, new = sorted(pods_of(site, "kubeedge", "cloudcore"), key=lambda pod: pod["metadata"]["creationTimestamp"])
    assert old["status"]["phase"] == "Running"
    assert new["status"]["phase"] == "Pending"
    assert new["status"]["conditions"][0]["message"] == STUCK
    assert site.world.cloudcore is before
    found = status(site, CLOUDCORE)
    assert (found["replicas"], found["updatedReplicas"], found["unavailableReplicas"]) == (2, 1, 1)
    assert found["conditions"][1]["reason"] == "ReplicaSetUpdated"
    assert any(event["reason"] == "FailedScheduling" for event in site.world.store.list(EVENTS, "kubeedge"))


def test_deleting_the_old_pod_lets_the_new_one_in(site: Practice) -> None:
    before = site.world.cloudcore
    restart(site, CLOUDCORE)
    site.run(3)
    old = next(pod for pod in pods_of(site, "kubeedge", "cloudcore") if pod["status"]["phase"] == "Running")
    site.world.delete_pod("kubeedge", old["metadata"]["name"])
    site.run(5)
    pods = pods_of(site, "kubeedge", "cloudcore")
    assert [pod["status"]["phase"] for pod in pods] == ["Running"]
    assert pods[0]["metadata"]["annotations"]
    assert site.world.cloudcore is not None
    assert site.world.cloudcore is not before
    assert status(site, CLOUDCORE)["conditions"][1]["reason"] == "NewReplicaSetAvailable"
    assert getattr(site.exec("edge1"), "stdout", None) == "edge1\n"


def test_scaling_to_0_and_back_loads_the_configmap(site: Practice) -> None:
    faults.apply(site.world, "cloudstream-disabled-restart-stuck")
    site.run(3)
    assert site.world.cloudcore is not None
    assert site.world.cloudcore.config.stream_enabled
    edit(site, CLOUDCORE, replicas=0)
    site.run(2)
    assert site.world.cloudcore is None
    assert pods_of(site, "kubeedge", "cloudcore") == []
    edit(site, CLOUDCORE, replicas=1)
    site.run(3)
    assert site.world.cloudcore is not None
    assert not site.world.cloudcore.config.stream_enabled


def test_cloudcore_crashes_on_a_configuration_it_cannot_read(site: Practice) -> None:
    from lab.objects import CONFIGMAPS

    site.world.store.change(
        CONFIGMAPS, *CLOUDCORE, lambda draft: draft["data"].update({"cloudcore.yaml": "a: ["}), "test"
    )
    site.world.delete_pod("kubeedge", site.pod("cloud1", "cloudcore"))
    site.run(15)
    (pod,) = pods_of(site, "kubeedge", "cloudcore")
    state = pod["status"]["containerStatuses"][0]
    assert state["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert state["restartCount"] >= 1
    assert site.world.cloudcore is None


def test_metrics_server_is_replaced_and_becomes_ready_when_it_has_numbers(site: Practice) -> None:
    (before,) = pods_of(site, *METRICS)
    restart(site, METRICS)
    site.run(1.6)
    assert not site.world.services.metrics_available()
    site.run(6)
    (after,) = pods_of(site, *METRICS)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert site.world.services.metrics_available()
    revisions = {rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: rs["spec"]["replicas"]
                 for rs in site.world.store.list(REPLICASETS, "kube-system")}  # fmt: skip
    assert revisions == {"1": 0, "2": 1}


def test_without_its_image_metrics_server_waits_and_the_api_service_says_why(site: Practice) -> None:
    faults.apply(site.world, "metrics-image-missing")
    site.run(20)
    (pod,) = pods_of(site, *METRICS)
    waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] in ("ErrImagePull", "ImagePullBackOff")
    assert "registry.k8s.io" in waiting["message"]
    condition = site.world.store.get(API_SERVICES, "", "v1beta1.metrics.k8s.io")["status"]["conditions"][0]
    assert (condition["status"], condition["reason"]) == ("False", "MissingEndpoints")
    (slice_,) = list(site.world.store.list(ENDPOINT_SLICES, "kube-system"))
    assert slice_["endpoints"] is None
    refused = site.world.edged(site.world.host("cloud1")).get(
        f"/containerLogs/kube-system/{pod['metadata']['name']}/metrics-server"
    )
    assert refused.status == 400
    assert "is waiting to start" in refused.body


def test_a_deleted_deployment_takes_its_pods_along_and_can_be_applied_anew(site: Practice) -> None:
    manifest = site.world.store.get(DEPLOYMENTS, *METRICS)
    site.world.store.delete(DEPLOYMENTS, *METRICS)
    site.run(3)
    assert pods_of(site, *METRICS) == []
    assert site.world.store.list(REPLICASETS, "kube-system") == []
    fresh = {"metadata": {"name": METRICS[1], "namespace": METRICS[0], "labels": {}}, "spec": manifest["spec"]}
    site.world.store.create(DEPLOYMENTS, admit_new(DEPLOYMENTS, fresh, "abcde"), "test")
    site.run(10)
    assert site.world.services.metrics_available()


def test_a_test_pod_runs_on_the_edge_it_is_sent_to_and_goes_away(site: Practice) -> None:
    body = {
        "metadata": {"name": "probe", "namespace": "default"},
        "spec": {
            "nodeName": "edge2",
            "containers": [{"name": "main", "image": "nginx:latest", "imagePullPolicy": "IfNotPresent"}],
        },
    }  # fmt: skip
    site.world.create_pod(admit_new(PODS, body, "abcde"), "test")
    site.run(2)
    pod = site.world.store.get(PODS, "default", "probe")
    assert pod["status"]["phase"] == "Running"
    answer = site.world.path.request("edge2", "/containerLogs/default/probe/main?tailLines=1")
    assert answer.body
    site.world.delete_pod("default", "probe")
    site.run(2)
    assert site.world.store.find(PODS, "default", "probe") is None


def test_a_pod_of_a_silent_edge_stays_terminating(site: Practice) -> None:
    faults.apply(site.world, "edgecore-stopped")
    name = site.pod("edge1")
    site.world.delete_pod("factory", name)
    site.run(60)
    assert "deletionTimestamp" in site.world.store.get(PODS, "factory", name)["metadata"]
    faults.clear(site.world, "edgecore-stopped")
    site.run(5)
    assert site.world.store.find(PODS, "factory", name) is None
    assert getattr(site.exec("edge1"), "stdout", None) == "edge1\n"


def test_pods_and_deployments_keep_the_generation_that_specs_have(site: Practice) -> None:
    assert site.world.store.get(DEPLOYMENTS, *CLOUDCORE)["metadata"]["generation"] == 1
    restart(site, CLOUDCORE)
    site.run(2)
    assert site.world.store.get(DEPLOYMENTS, *CLOUDCORE)["metadata"]["generation"] == 2
    assert status(site, CLOUDCORE)["observedGeneration"] == 2
