"""The step that edits a Deployment: what it changes, what it keeps, and how it waits."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from kedge.execute.deployments import edited
from kedge.executor import Refused, Result, StepState
from kedge.model import Step
from kedge.steps import KUBERNETES, EditDeployment, RolloutRestart
from tests.unit.executor_fakes import Bench, FakeKube, FakeWriters, approve, lost, plan_of

PATH = "/apis/apps/v1/namespaces/kube-system/deployments/ms"
EDGE = "node-role.kubernetes.io/edge"


def step(**more: Any) -> EditDeployment:
    return EditDeployment(KUBERNETES, "kube-system", "ms", "server", seconds=30, **more)


def deployment(**pod: Any) -> dict[str, Any]:
    container = {"name": "server", "image": "ms:v1", "args": ["--a"], "ports": [{"name": "https", "containerPort": 1}]}
    return {
        "kind": "Deployment",
        "metadata": {"name": "ms", "uid": "u1", "resourceVersion": "7", "generation": 1},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "ms"}},
            "template": {"metadata": {}, "spec": {"containers": [{"name": "side"}, container], **pod}},
        },
        "status": {"observedGeneration": 9, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }


def pod_spec(found: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


def terms(found: dict[str, Any]) -> Any:
    required = pod_spec(found)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return [[(e["key"], e["operator"]) for e in term["matchExpressions"]] for term in required["nodeSelectorTerms"]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "audit.jsonl", FakeWriters({}, FakeKube({PATH: deployment()})))


def test_flags_port_and_network_are_set_and_the_rest_is_kept() -> None:
    before = deployment(dnsPolicy="Default")
    after = edited(step(flags=(("--b", ""), ("--port", "4443")), port=4443, host_network=True), copy.deepcopy(before))
    expected = pod_spec(before)
    expected["containers"][1] |= {
        "args": ["--a", "--b", "--port=4443"],
        "ports": [{"name": "https", "containerPort": 4443}],
    }
    assert pod_spec(after) == expected | {"hostNetwork": True}


def test_a_flag_in_the_command_is_changed_there() -> None:
    found = deployment()
    pod_spec(found)["containers"][1]["command"] = ["/ms", "--b=1"]
    after = pod_spec(edited(step(flags=(("--b", "2"),)), found))["containers"][1]
    assert (after["command"], after["args"]) == (["/ms", "--b=2"], ["--a"])


def test_every_alternative_of_an_affinity_gets_the_condition_once() -> None:
    required = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, {}]}
    found = deployment(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}})
    once = edited(step(avoid=EDGE), found)
    assert terms(once) == [[("zone", "Exists"), (EDGE, "DoesNotExist")], [(EDGE, "DoesNotExist")]]
    assert edited(step(avoid=EDGE), once) == once
    placed = edited(step(nodes=("cloud1",)), deployment())
    assert terms(placed) == [[("kubernetes.io/hostname", "In")]]


async def test_it_is_shown_applied_waited_for_and_undone(bench: Bench) -> None:
    preview = await bench.executor.preview(plan_of(step(flags=(("--b", ""),)), target="-"))
    assert "+        - --b" in preview.steps[0].body
    assert "kubectl -n kube-system patch deployments/ms --type=merge" in preview.script()
    assert "rollout status deployment/ms --timeout=30s" in preview.script()
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.result is Result.DONE
    assert pod_spec(bench.writers.cluster.objects[PATH])["containers"][1]["args"] == ["--a", "--b"]
    undo = await bench.executor.undo_preview(outcome.id)
    await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    assert bench.writers.cluster.objects[PATH]["spec"] == deployment()["spec"]


async def test_pods_that_never_serve_fail_the_step_and_can_be_undone(bench: Bench) -> None:
    bench.writers.cluster.on_patch = lambda _path: bench.writers.cluster.objects[PATH]["status"].update(
        availableReplicas=0
    )
    preview = await bench.executor.preview(plan_of(step(flags=(("--b", ""),)), target="-"))
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.steps[0].state is StepState.INEFFECTIVE
    assert "is not ready after 30 s" in str(outcome.text)
    assert outcome.can_undo


async def test_an_answer_that_is_lost_is_found_out(bench: Bench) -> None:
    def fault(verb: str, path: str) -> None:
        if verb == "patched":  # the controller counts the rollout before anybody looks again
            bench.writers.cluster.objects[PATH]["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
            raise lost()

    preview = await bench.executor.preview(plan_of(step(flags=(("--b", ""),)), target="-"))
    bench.writers.cluster.fault = fault
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.result is Result.DONE


async def test_a_container_that_is_not_there_is_refused(bench: Bench) -> None:
    wrong = EditDeployment(KUBERNETES, "kube-system", "ms", "other", flags=(("--b", ""),))
    with pytest.raises(Refused, match="no container other"):
        await bench.executor.preview(plan_of(wrong, target="-"))


async def test_what_is_so_already_is_not_sent(bench: Bench) -> None:
    preview = await bench.executor.preview(plan_of(step(flags=(("--a", ""),)), target="-"))
    assert preview.idle


async def test_a_status_that_changes_meanwhile_does_not_refuse_but_a_spec_does(bench: Bench) -> None:
    cluster = bench.writers.cluster
    preview = await bench.executor.preview(plan_of(step(flags=(("--b", ""),)), target="-"))
    cluster.objects[PATH]["metadata"]["resourceVersion"] = "8"
    again = copy.deepcopy(cluster.objects[PATH])
    cluster.objects[PATH]["metadata"]["generation"] = 2
    with pytest.raises(Refused, match="changed since it was shown"):
        await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    cluster.objects[PATH] = again
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.result is Result.DONE


@pytest.mark.parametrize(
    "kind", [step(flags=(("--b", ""),)), RolloutRestart(KUBERNETES, "kube-system", "deployment", "ms")]
)
@pytest.mark.parametrize(("writes", "spec_too"), [(3, False), (1, True)])
async def test_a_status_written_while_the_patch_is_on_its_way_does_not_refuse_but_a_spec_does(
    bench: Bench, kind: Step, writes: int, spec_too: bool
) -> None:
    cluster = bench.writers.cluster
    preview = await bench.executor.preview(plan_of(kind, target="-"))
    left = writes

    def controller(verb: str, path: str) -> None:
        nonlocal left
        if verb == "patch" and left:
            left -= 1
            found = cluster.objects[PATH]["metadata"]
            found["resourceVersion"] = str(int(found["resourceVersion"]) + 1)
            found["generation"] += spec_too

    cluster.fault = controller
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert (outcome.result is Result.DONE, left) == (not spec_too, 0)
    if spec_too:
        assert outcome.steps[0].state is StepState.FAILED, "the server said no, whoever changed what is there now"
        assert "somebody else changed it first" in str(outcome.text)
        assert cluster.patched == []
