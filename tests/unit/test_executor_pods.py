"""A test pod: made, tried, and taken away whatever happens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fixes.functional_test import PULLED, functional_test
from kedge import rbac
from kedge.executor import Refused, Result, StepState
from kedge.facts.images import ImageList
from kedge.facts.inventory import HomeNamespace
from kedge.facts.nodes import Node
from kedge.facts.pods import Container, NodePods, Pod
from kedge.i18n import Text
from kedge.model import LinkError, Reason, Unknown
from kedge.plugins import Draft, NotApplicable
from kedge.steps import KUBERNETES, CreatePod, DeletePod, TryPod
from kedge.steps_pods import LINE, MARK
from tests.unit.executor_fakes import Bench, FakeWriters, approve, lost, plan_of

POD = "/api/v1/namespaces/default/pods/kedge-tui-test-edge1"
NUMBERS = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/kedge-tui-test-edge1"
STEPS = (
    CreatePod(KUBERNETES, "default", "kedge-tui-test-edge1", "edge1", "busybox"),
    TryPod(KUBERNETES, "default", "kedge-tui-test-edge1"),
    DeletePod(KUBERNETES, "default", "kedge-tui-test-edge1"),
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "audit.jsonl", FakeWriters())
    cluster = made.writers.cluster
    cluster.log = f"{LINE}\n"
    cluster.objects[NUMBERS] = {"containers": [{"name": "test", "usage": {"cpu": "1m", "memory": "300Ki"}}]}
    cluster.on_create = lambda path: cluster.objects[path].update(status={"phase": "Running"})
    return made


async def run(bench: Bench) -> tuple[Any, list[str]]:
    said: list[str] = []
    preview = await bench.executor.preview(plan_of(*STEPS))
    outcome = await bench.executor.apply(preview, approve(preview), lambda p: said.append(str(p.text or "")))
    return outcome, said


async def test_all_three_are_tried_and_the_pod_is_gone(bench: Bench) -> None:
    outcome, said = await run(bench)
    assert outcome.result is Result.DONE
    assert [text for text in said if text] == [
        "logs works", "exec works", "top: 1m CPU, 300Ki memory", "top works", "logs, exec and top work",
    ]  # fmt: skip
    assert POD not in bench.writers.cluster.objects
    assert not outcome.can_undo


async def test_what_does_not_work_is_named_the_rest_is_tried_and_the_pod_is_gone(bench: Bench) -> None:
    def fault(verb: str, path: str) -> None:
        if verb == "exec":
            raise LinkError(Unknown(Reason.SERVER_ERROR, Text("unexpected EOF")))

    bench.writers.cluster.log = ""
    bench.writers.cluster.fault = fault
    outcome, _said = await run(bench)
    assert outcome.result is Result.FAILED
    assert [step.state for step in outcome.steps] == [StepState.DONE, StepState.FAILED, StepState.DONE]
    assert "logs: nothing came back; exec: unexpected EOF" in str(outcome.text)
    assert POD not in bench.writers.cluster.objects
    assert not outcome.can_undo


async def test_a_pod_that_cannot_start_says_why_and_is_taken_away(bench: Bench) -> None:
    cluster = bench.writers.cluster
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}}
    cluster.on_create = lambda path: cluster.objects[path].update(
        status={"phase": "Pending", "containerStatuses": [waiting]}
    )
    outcome, _said = await run(bench)
    assert [s.state for s in outcome.steps] == [StepState.INEFFECTIVE, StepState.NOT_RUN, StepState.DONE]
    assert "does not run: Pending ErrImagePull: no such host" in str(outcome.text)
    assert POD not in cluster.objects


async def test_stopping_in_the_middle_takes_the_pod_away(bench: Bench) -> None:
    preview = await bench.executor.preview(plan_of(*STEPS))
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None, lambda: True)
    assert outcome.result is Result.STOPPED
    assert [s.state for s in outcome.steps] == [StepState.DONE, StepState.NOT_RUN, StepState.DONE]
    assert POD not in bench.writers.cluster.objects


async def test_stopping_does_not_wait_for_what_is_taken_away_anyway(bench: Bench) -> None:
    cluster, reached = bench.writers.cluster, asyncio.Event()
    cluster.log = ""

    async def sleep(seconds: float) -> None:
        if POD in cluster.objects and not reached.is_set():
            reached.set()
            await asyncio.Event().wait()

    bench.clock.sleep = sleep  # type: ignore[method-assign]
    preview = await bench.executor.preview(plan_of(*STEPS))
    outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None, reached.is_set)
    assert outcome.result is Result.STOPPED
    assert [s.state for s in outcome.steps] == [StepState.DONE, StepState.UNKNOWN, StepState.DONE]
    assert POD not in cluster.objects
    assert not outcome.can_undo
    assert (await bench.executor.history()).unfinished() == ()


async def test_a_program_that_is_ended_in_the_middle_takes_the_pod_away(bench: Bench) -> None:
    reached = asyncio.Event()
    bench.writers.cluster.log = ""

    async def sleep(seconds: float) -> None:
        if POD in bench.writers.cluster.objects:
            reached.set()
            await asyncio.Event().wait()

    bench.clock.sleep = sleep  # type: ignore[method-assign]
    task = asyncio.create_task(run(bench))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert POD not in bench.writers.cluster.objects


async def test_a_pod_that_was_left_over_is_offered_to_the_undo_and_replaced_by_the_next_test(bench: Bench) -> None:
    def fault(verb: str, path: str) -> None:
        if verb == "log":
            bench.writers.cluster.fault = down
            raise lost()

    def down(verb: str, path: str) -> None:
        raise lost()

    bench.writers.cluster.fault = fault
    outcome, _said = await run(bench)
    bench.writers.cluster.fault = lambda verb, path: None
    assert outcome.steps[2].state is StepState.UNKNOWN
    assert outcome.can_undo
    assert POD in bench.writers.cluster.objects
    again, _said = await run(bench)
    assert again.result is Result.DONE
    assert POD not in bench.writers.cluster.objects


async def test_somebody_elses_pod_of_that_name_is_never_touched(bench: Bench) -> None:
    bench.writers.cluster.objects[POD] = {"metadata": {"name": "kedge-tui-test-edge1", "uid": "u", "labels": {}}}
    with pytest.raises(Refused, match="was not made for a test"):
        await bench.executor.preview(plan_of(*STEPS))
    outcome = await bench.executor.preview(plan_of(STEPS[2]))
    done = await bench.executor.apply(outcome, approve(outcome), lambda _progress: None)
    assert done.result is Result.FAILED
    assert POD in bench.writers.cluster.objects


def test_the_pod_marks_itself_and_ends_by_itself() -> None:
    body = STEPS[0].body  # type: ignore[attr-defined]
    assert body["metadata"]["labels"] == MARK
    assert body["spec"]["activeDeadlineSeconds"] == 600
    assert body["spec"]["restartPolicy"] == "Never"


def pods(*images: str) -> NodePods:
    containers = tuple(Container("c", image, running=True) for image in images)
    return NodePods((Pod("a", "p", phase="Running", containers=containers),))


UNKNOWN = Unknown(Reason.DENIED, Text("-"))


@pytest.mark.parametrize(
    ("running", "held", "image"),
    [
        (pods("registry.local/pause:3.10", "nginx:1.27"), UNKNOWN, "nginx:1.27"),
        (pods("acme/plc:1"), UNKNOWN, "acme/plc:1"),
        (pods("gcr.io/distroless/static:1"), UNKNOWN, PULLED),
        (
            pods("acme/plc:1"),
            ImageList(frozenset({"docker.io/library/busybox:1", "sha256:1"})),
            "docker.io/library/busybox:1",
        ),
        (UNKNOWN, UNKNOWN, PULLED),
    ],
)
def test_an_image_is_taken_that_is_there_and_has_a_shell(running: Any, held: Any, image: str) -> None:
    found = functional_test.function("edge1", Node("edge1", ready=True), running, held, UNKNOWN)
    assert isinstance(found, Draft)
    assert found.steps[0].image == image  # type: ignore[attr-defined]
    assert ("pulls" in str(found.impact)) == (image == PULLED)


def test_a_node_that_is_not_ready_starts_no_pod() -> None:
    found = functional_test.function("edge1", Node("edge1", ready=None), UNKNOWN, UNKNOWN, UNKNOWN)
    assert isinstance(found, NotApplicable)


def test_its_pod_runs_in_the_namespace_that_was_chosen() -> None:
    found = functional_test.function("edge1", Node("edge1", ready=True), UNKNOWN, UNKNOWN, HomeNamespace("plant", True))
    assert isinstance(found, Draft)
    assert {step.namespace for step in found.steps} == {"plant"}  # type: ignore[attr-defined]
    needed = rbac.changes([functional_test], "plant")
    assert {access.namespace for access in needed} == {"plant"}


async def test_a_right_that_a_later_step_lacks_is_named_before_the_first(bench: Bench) -> None:
    cluster = bench.writers.cluster
    cluster.denied = {("get", "pods", "exec"), ("create", "pods", "exec"), ("delete", "pods", "")}
    with pytest.raises(Refused) as refused:
        await bench.executor.preview(plan_of(*STEPS))
    assert "delete pods in default, create pods/exec in default, get pods/exec in default" in str(refused.value)
    assert not cluster.created
    bench.read_only = True
    looked_at = await bench.executor.preview(plan_of(*STEPS))
    assert looked_at.script(), "who may only look may still hand it on"
    bench.read_only = False
    with pytest.raises(Refused, match="Kubernetes does not allow you"):
        await bench.executor.apply(looked_at, approve(looked_at), lambda _progress: None)
    assert not cluster.created


@pytest.mark.parametrize(
    ("reason", "stops"), [(Reason.DENIED, False), (Reason.UNREACHABLE, True)], ids=["nobody may ask", "no answer"]
)
async def test_a_server_that_tells_no_rights(bench: Bench, reason: Reason, stops: bool) -> None:
    def fault(verb: str, path: str) -> None:
        if verb == "review":
            raise LinkError(Unknown(reason, Text("no reviews")))

    bench.writers.cluster.fault = fault
    bench.writers.cluster.denied = {("get", "pods", "exec")}  # judged as `create` by newer servers
    if stops:
        with pytest.raises(Refused, match="no reviews"):
            await bench.executor.preview(plan_of(*STEPS))
    else:
        assert (await run(bench))[0].result is Result.DONE
