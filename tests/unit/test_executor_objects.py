"""Steps on Kubernetes objects: patches guarded by resourceVersion, and rollouts that really end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kedge.execute.permission import rights_of
from kedge.executor import Refused, Result, StepState
from kedge.i18n import Text
from kedge.model import LinkError, Reason, Unknown
from kedge.steps import JSON_PATCH, KUBERNETES, EditConfigMap, PatchObject, RolloutRestart
from tests.unit.executor_fakes import Bench, FakeKube, FakeWriters, approve, lost, missing, plan_of

CONFIGMAP = "/api/v1/namespaces/kubeedge/configmaps/cloudcore"
DEPLOYMENT = "/apis/apps/v1/namespaces/kube-system/deployments/metrics-server"
RESTART = RolloutRestart(KUBERNETES, "kube-system", "deployment", "metrics-server", seconds=60)
ENABLE = PatchObject(KUBERNETES, CONFIGMAP, '{"data":{"cloudcore.yaml":"enable: true\\n"}}')


def pod(name: str, *, unschedulable: str = "", waiting: str = "") -> dict[str, Any]:
    status: dict[str, Any] = {"phase": "Running"}
    if unschedulable:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": unschedulable}
        status = {"phase": "Pending", "conditions": [condition]}
    if waiting:
        status["containerStatuses"] = [{"state": {"waiting": {"reason": waiting, "message": "no such image"}}}]
    return {"metadata": {"name": name, "uid": f"uid-{name}", "labels": {"k8s-app": "metrics-server"}}, "status": status}


def deployment(**status: int) -> dict[str, Any]:
    ports = [{"containerPort": 4443}]
    return {
        "kind": "Deployment",
        "metadata": {"name": "metrics-server", "uid": "u1", "resourceVersion": "7", "generation": 1},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"k8s-app": "metrics-server"}},
            "template": {"metadata": {}, "spec": {"hostNetwork": True, "containers": [{"ports": ports}]}},
        },
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, **status},
    }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    configmap = {
        "kind": "ConfigMap",
        "metadata": {"name": "cloudcore", "uid": "u2", "resourceVersion": "41"},
        "data": {"cloudcore.yaml": "enable: false\n", "other": "kept"},
    }
    cluster = FakeKube({CONFIGMAP: configmap, DEPLOYMENT: deployment()}, [pod("old")])
    return Bench(tmp_path / "audit.jsonl", FakeWriters({}, cluster))


def status(bench: Bench, **values: int) -> None:
    found = bench.writers.cluster.objects[DEPLOYMENT]
    found["status"].update(values)


async def apply(bench: Bench, *steps: Any) -> Any:
    preview = await bench.executor.preview(plan_of(*steps, target="-"))
    return await bench.executor.apply(preview, approve(preview), lambda _progress: None)


# ------------------------------------------------------------------------------------------------ patches


async def test_a_patch_shows_the_servers_own_result_and_is_undone_by_its_inverse(bench: Bench) -> None:
    preview = await bench.executor.preview(plan_of(ENABLE, target="-"))
    assert "-    enable: false" in preview.steps[0].body
    assert "+    enable: true" in preview.steps[0].body
    assert str(preview.steps[0].user) == "admin"
    assert bench.writers.cluster.patched == []
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert bench.writers.cluster.patched[0][1]["metadata"]["resourceVersion"] == "41"
    data = bench.writers.cluster.objects[CONFIGMAP]["data"]
    assert data == {"cloudcore.yaml": "enable: true\n", "other": "kept"}
    undo = await bench.executor.undo_preview(outcome.id)
    await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    assert bench.writers.cluster.objects[CONFIGMAP]["data"]["cloudcore.yaml"] == "enable: false\n"


async def test_a_patch_of_an_object_that_changed_is_refused(bench: Bench) -> None:
    preview = await bench.executor.preview(plan_of(ENABLE, target="-"))
    bench.writers.cluster.objects[CONFIGMAP]["metadata"]["resourceVersion"] = "42"
    with pytest.raises(Refused, match="changed since it was shown"):
        await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert bench.writers.cluster.patched == []


async def test_an_object_that_changes_between_the_last_look_and_the_patch_fails_the_step(bench: Bench) -> None:
    def fault(verb: str, path: str) -> None:
        if verb == "patch":
            bench.writers.cluster.objects[CONFIGMAP]["metadata"]["resourceVersion"] = "42"

    preview = await bench.executor.preview(plan_of(ENABLE, target="-"))
    bench.writers.cluster.fault = fault
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.result is not Result.DONE
    assert bench.writers.cluster.patched == []


async def test_undo_of_a_patch_is_refused_when_the_value_changed_since(bench: Bench) -> None:
    outcome = await apply(bench, ENABLE)
    bench.writers.cluster.objects[CONFIGMAP]["data"]["cloudcore.yaml"] = "enable: maybe\n"
    with pytest.raises(Refused, match="no longer holds"):
        await bench.executor.undo_preview(outcome.id)


async def test_a_file_inside_a_configmap_is_edited_like_a_file(bench: Bench) -> None:
    text = "# ours\nmodules:\n  cloudStream:\n    enable: false  # off\n"
    data = bench.writers.cluster.objects[CONFIGMAP]["data"]
    data["cloudcore.yaml"] = text
    path = "modules.cloudStream.enable"
    edit = EditConfigMap(KUBERNETES, "kubeedge", "cloudcore", "cloudcore.yaml", ((path, True),), ((path, False),))
    preview = await bench.executor.preview(plan_of(edit, RESTART, target="-"))
    assert "+        enable: true  # off" in preview.steps[0].body
    bench.writers.cluster.on_patch = lambda _path: status(bench, observedGeneration=9)
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.result is Result.DONE
    data = bench.writers.cluster.objects[CONFIGMAP]["data"]
    assert data == {"cloudcore.yaml": text.replace("false", "true"), "other": "kept"}
    undo = await bench.executor.undo_preview(outcome.id)
    assert [type(shown.step) for shown in undo.steps] == [PatchObject, RolloutRestart]  # loaded again, too
    await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    assert bench.writers.cluster.objects[CONFIGMAP]["data"]["cloudcore.yaml"] == text
    bench.writers.cluster.objects[CONFIGMAP]["data"]["cloudcore.yaml"] = text.replace("false", "true")
    with pytest.raises(Refused, match=r"modules\.cloudStream\.enable in cloudcore\.yaml .* is true, not false"):
        await bench.executor.preview(plan_of(edit, target="-"))


async def test_secrets_are_refused(bench: Bench) -> None:
    bench.writers.cluster.objects["/api/v1/namespaces/kubeedge/secrets/casecret"] = {"kind": "Secret"}
    step = PatchObject(KUBERNETES, "/api/v1/namespaces/kubeedge/secrets/casecret", "{}")
    with pytest.raises(Refused, match="Secrets"):
        await bench.executor.preview(plan_of(step, target="-"))


async def test_a_file_with_a_secret_in_it_is_left_to_a_person(bench: Bench) -> None:
    data = bench.writers.cluster.objects[CONFIGMAP]["data"]
    data["cloudcore.yaml"] = "token: abcdef\na: 1\n"
    edit = EditConfigMap(KUBERNETES, "kubeedge", "cloudcore", "cloudcore.yaml", (("a", 2),))
    with pytest.raises(Refused, match="holds a secret"):
        await bench.executor.preview(plan_of(edit, target="-"))


async def test_a_denied_patch_is_refused_before_anything_is_changed(bench: Bench) -> None:
    def fault(verb: str, path: str) -> None:
        if verb == "dry-run":
            raise LinkError(Unknown(Reason.DENIED, Text("patch configmaps in kubeedge is not allowed")))

    bench.writers.cluster.fault = fault
    with pytest.raises(Refused, match="patch configmaps in kubeedge is not allowed"):
        await bench.executor.preview(plan_of(ENABLE, target="-"))


async def test_an_answer_that_got_lost_is_looked_for(bench: Bench) -> None:
    def fault(verb: str, path: str) -> None:
        if verb == "patched":
            raise lost()

    bench.writers.cluster.fault = fault
    outcome = await apply(bench, ENABLE)
    assert outcome.result is Result.DONE
    assert len(bench.writers.cluster.patched) == 1


def test_a_json_patch_carries_the_version_as_a_test() -> None:
    from kedge.execute.objects import guarded

    step = PatchObject(KUBERNETES, CONFIGMAP, '[{"op":"remove","path":"/data/x"}]', JSON_PATCH)
    assert guarded(step, {"metadata": {"resourceVersion": "5"}}) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "5"},
        {"op": "remove", "path": "/data/x"},
    ]


# ------------------------------------------------------------------------------------------------ rollouts


async def test_a_rollout_waits_for_the_new_pod(bench: Bench) -> None:
    cluster = bench.writers.cluster

    def controller(path: str) -> None:
        status(bench, updatedReplicas=1, replicas=2, availableReplicas=1)
        bench.clock.after(5, lambda: status(bench, observedGeneration=2))
        bench.clock.after(9, lambda: status(bench, replicas=1))

    cluster.on_patch = controller
    outcome = await apply(bench, RESTART)
    assert outcome.result is Result.DONE
    assert bench.clock.passed >= 9
    template = cluster.objects[DEPLOYMENT]["spec"]["template"]
    assert template["metadata"]["annotations"] == {"kubectl.kubernetes.io/restartedAt": "2026-11-22T02:51:00Z"}
    assert not outcome.can_undo


async def test_a_new_pod_that_waits_for_host_ports_gets_them(bench: Bench) -> None:
    cluster = bench.writers.cluster
    message = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."

    def controller(path: str) -> None:
        if path == DEPLOYMENT:
            cluster.pods.append(pod("new", unschedulable=message))
            status(bench, observedGeneration=2, replicas=2, updatedReplicas=1, availableReplicas=1)
        else:  # the old pod was deleted
            status(bench, replicas=1, availableReplicas=1)

    async def delete(path: str, access: Any, **more: Any) -> Any:
        if path.endswith("/older"):  # its controller took it away between the look and this
            raise missing("pod")
        return await by_name(path, access, **more)

    cluster.on_patch = controller
    by_name, cluster.delete = cluster.delete, delete  # type: ignore[method-assign]
    cluster.pods.append(pod("older"))
    preview = await bench.executor.preview(plan_of(RESTART, target="-"))
    assert "these old pods are deleted: old, older" in str(preview.steps[0].notes[1])
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.result is Result.DONE
    assert cluster.deleted == ["old"]


async def test_a_new_pod_that_no_node_takes_fails_with_the_schedulers_words(bench: Bench) -> None:
    cluster = bench.writers.cluster

    def controller(path: str) -> None:
        cluster.pods.append(pod("new", unschedulable="0/2 nodes are available: 2 Insufficient memory."))
        status(bench, observedGeneration=2, replicas=2, updatedReplicas=1, availableReplicas=1)

    cluster.on_patch = controller
    outcome = await apply(bench, RESTART)
    assert outcome.steps[0].state is StepState.INEFFECTIVE
    assert "new cannot be scheduled: 0/2 nodes are available: 2 Insufficient memory" in str(outcome.text)
    assert cluster.deleted == []
    assert bench.clock.passed < 60


async def test_a_new_pod_without_its_image_fails_at_once(bench: Bench) -> None:
    cluster = bench.writers.cluster

    def controller(path: str) -> None:
        cluster.pods.append(pod("new", waiting="ErrImageNeverPull"))
        status(bench, observedGeneration=2, replicas=1, updatedReplicas=1, availableReplicas=0)

    cluster.on_patch = controller
    outcome = await apply(bench, RESTART)
    assert "The new pod new cannot start: ErrImageNeverPull: no such image" in str(outcome.text)
    assert bench.clock.passed < 5


async def test_a_rollout_that_is_not_ready_in_time_says_how_far_it_got(bench: Bench) -> None:
    bench.writers.cluster.on_patch = lambda path: status(bench, observedGeneration=2, availableReplicas=0)
    outcome = await apply(bench, RESTART)
    assert outcome.result is Result.FAILED
    assert "not ready after 60 s: 0 of 1 new pods ready" in str(outcome.text)


async def test_losing_the_api_while_waiting_does_not_end_the_wait(bench: Bench) -> None:
    failures = 3

    def fault(verb: str, path: str) -> None:
        nonlocal failures
        if verb == "get" and bench.writers.cluster.patched and failures:
            failures -= 1
            raise lost()

    bench.writers.cluster.fault = fault
    bench.writers.cluster.on_patch = lambda path: status(bench, observedGeneration=2)
    outcome = await apply(bench, RESTART)
    assert outcome.result is Result.DONE
    assert failures == 0


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (RolloutRestart(KUBERNETES, "kube-system", "deployment", "ghost"), "There is no"),
        (RESTART, "scaled to 0"),
    ],
)
async def test_what_a_restart_cannot_help_is_refused(bench: Bench, step: RolloutRestart, words: str) -> None:
    bench.writers.cluster.objects[DEPLOYMENT]["spec"]["replicas"] = 0
    with pytest.raises(Refused, match=words):
        await bench.executor.preview(plan_of(step, target="-"))


def test_steps_declare_their_rights() -> None:
    needed = {(access.verb, access.resource, access.namespace) for access in rights_of([RESTART, ENABLE])}
    assert needed == {
        ("get", "deployments", "kube-system"),
        ("patch", "deployments", "kube-system"),
        ("list", "pods", "kube-system"),
        ("delete", "pods", "kube-system"),
        ("get", "configmaps", "kubeedge"),
        ("patch", "configmaps", "kubeedge"),
    }


async def test_the_audit_holds_the_whole_story(bench: Bench) -> None:
    outcome = await apply(bench, ENABLE)
    events = [json.loads(line) for line in bench.audit.path.read_text().splitlines()]
    assert [e["event"] for e in events] == ["intent", "step", "step", "outcome"]
    intent = events[0]
    assert intent["who"] == {"os": "ann", "kube": "admin", "approved": "ann"}
    assert (intent["site"], intent["context"], intent["at"]) == ("plant-7", "k3s", "2026-11-22T02:51:00Z")
    assert intent["steps"][0]["data"]["path"] == CONFIGMAP
    assert "+    enable: true" in intent["preview"]
    assert {e["id"] for e in events} == {outcome.id}
