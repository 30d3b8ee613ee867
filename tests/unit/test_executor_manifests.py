"""Applying manifests object by object, and taking that back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from kedge.execute.documents import documents
from kedge.execute.permission import rights_of
from kedge.executor import Refused, Result, StepState
from kedge.links.base import Access
from kedge.steps import KUBERNETES, ApplyManifest, DeleteObjects, here_document
from tests.unit.executor_fakes import Bench, FakeKube, FakeWriters, approve, lost, plan_of

ACCOUNT = "/api/v1/namespaces/kube-system/serviceaccounts/ms"
SERVICE = "/api/v1/namespaces/kube-system/services/ms"
DEPLOYMENT = "/apis/apps/v1/namespaces/kube-system/deployments/ms"
SERVING = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
TEXT = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: ms, namespace: kube-system}
---
apiVersion: v1
kind: Service
metadata: {name: ms, namespace: kube-system}
spec:
  selector: {app: ms}
  ports: [{name: https, port: 443, targetPort: https}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ms, namespace: kube-system}
spec:
  selector: {matchLabels: {app: ms}}
  template:
    metadata: {labels: {app: ms}}
    spec: {containers: [{name: ms, image: "ms:v1"}]}
"""
APPLY = ApplyManifest(KUBERNETES, TEXT, "ms.yaml", seconds=30)
ANEW = ApplyManifest(KUBERNETES, TEXT, "ms.yaml", ("Deployment",), seconds=30)


def stored(position: int, **more: Any) -> dict[str, Any]:
    """A document as a server keeps it."""
    found: dict[str, Any] = list(yaml.safe_load_all(TEXT))[position]
    found["metadata"] |= {"uid": f"old{position}", "resourceVersion": "7"}
    return found | more


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    cluster = FakeKube()
    cluster.on_create = lambda path: cluster.objects[path].update(status=dict(SERVING))
    return Bench(tmp_path / "audit.jsonl", FakeWriters({}, cluster))


async def apply(bench: Bench, step: Any) -> Any:
    preview = await bench.executor.preview(plan_of(step, target="-"))
    return await bench.executor.apply(preview, approve(preview), lambda _progress: None)


async def test_everything_is_created_where_nothing_is_and_undo_deletes_it(bench: Bench) -> None:
    preview = await bench.executor.preview(plan_of(APPLY, target="-"))
    assert bench.writers.cluster.objects == {}
    assert "+kind: ServiceAccount" in preview.steps[0].body
    assert preview.script().count("kubectl create -f - <<'KEDGE_END'") == 3
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.result is Result.DONE
    assert set(bench.writers.cluster.objects) == {ACCOUNT, SERVICE, DEPLOYMENT}
    undo = await bench.executor.undo_preview(outcome.id)
    assert [shown.step for shown in undo.steps] == [DeleteObjects(KUBERNETES, (DEPLOYMENT, SERVICE, ACCOUNT))]
    await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    assert bench.writers.cluster.objects == {}


async def test_what_differs_is_patched_what_runs_is_kept_and_undo_puts_back(bench: Bench) -> None:
    objects = bench.writers.cluster.objects
    objects[SERVICE] = stored(1, spec={"selector": {"app": "other"}, "clusterIP": "10.43.0.9", "ports": [
        {"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"}]})  # fmt: skip
    objects[DEPLOYMENT] = stored(2, status={}, spec={"replicas": 3})
    before = copy.deepcopy(objects)
    preview = await bench.executor.preview(plan_of(APPLY, target="-"))
    notes = [str(note) for note in preview.steps[0].notes]
    assert notes == [
        "ServiceAccount kube-system/ms is created",
        "Service kube-system/ms is changed",
        "Deployment kube-system/ms is there and stays as it is",
    ]
    assert "-    app: other\n+    app: ms" in preview.steps[0].body
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.result is Result.DONE
    assert objects[SERVICE]["spec"] == before[SERVICE]["spec"] | {"selector": {"app": "ms"}}
    assert objects[DEPLOYMENT] == before[DEPLOYMENT]
    undo = await bench.executor.undo_preview(outcome.id)
    await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    assert objects[SERVICE]["spec"] == before[SERVICE]["spec"]
    assert ACCOUNT not in objects


async def test_a_deployment_is_deleted_and_made_anew_when_asked_and_undo_brings_the_old_one_back(bench: Bench) -> None:
    objects = bench.writers.cluster.objects
    spec = stored(2)["spec"]
    objects[DEPLOYMENT] = stored(2, spec={**spec, "replicas": 3})
    outcome = await apply(bench, ANEW)
    assert outcome.result is Result.DONE
    assert objects[DEPLOYMENT]["metadata"]["uid"] != "old2"
    assert objects[DEPLOYMENT]["spec"] == spec
    undo = await bench.executor.undo_preview(outcome.id)
    await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    assert objects[DEPLOYMENT]["spec"] == {**spec, "replicas": 3}
    assert ACCOUNT not in objects


async def test_what_is_there_as_wanted_needs_nothing(bench: Bench) -> None:
    bench.writers.cluster.objects.update({ACCOUNT: stored(0), SERVICE: stored(1), DEPLOYMENT: stored(2)})
    assert (await bench.executor.preview(plan_of(APPLY, target="-"))).idle


async def test_an_object_that_appears_meanwhile_refuses(bench: Bench) -> None:
    preview = await bench.executor.preview(plan_of(APPLY, target="-"))
    bench.writers.cluster.objects[SERVICE] = stored(1)
    with pytest.raises(Refused, match="changed since it was shown"):
        await bench.executor.apply(preview, approve(preview), lambda _progress: None)


async def test_a_lost_answer_in_the_middle_leaves_what_was_made_to_the_undo(bench: Bench) -> None:
    def fault(verb: str, path: str) -> None:
        if (verb, path) == ("create", SERVICE.rpartition("/")[0]):
            raise lost()

    preview = await bench.executor.preview(plan_of(APPLY, target="-"))
    bench.writers.cluster.fault = fault
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert outcome.steps[0].state is StepState.UNKNOWN
    bench.writers.cluster.fault = lambda verb, path: None
    undo = await bench.executor.undo_preview(outcome.id)
    await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    assert bench.writers.cluster.objects == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not valid YAML"),
        ("", "holds no object"),
        ("- 1", "no Kubernetes object"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}", "does not apply"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}", "names no namespace"),
    ],
)
def test_what_is_no_manifest_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        documents(text, "x.yaml")


def test_it_says_which_rights_it_needs() -> None:
    needed = set(rights_of([ANEW, DeleteObjects(KUBERNETES, (SERVICE,))]))
    namespace = "kube-system"
    assert {
        Access("create", "apps", "deployments", "", namespace),
        Access("delete", "apps", "deployments", "", namespace),
        Access("patch", "", "services", "", namespace),
        Access("delete", "", "services", "", namespace),
    } <= needed


def test_a_here_document_holds_any_text() -> None:
    assert here_document("a\nKEDGE_END\n") == "<<'KEDGE_END_'\na\nKEDGE_END\nKEDGE_END_"
