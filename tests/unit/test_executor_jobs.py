"""KubeEdge's own ConfigUpdateJob: created, followed to its end, believed only when it says so."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixes.update_job import update_edges_by_job
from kedge.executor import Refused, Result, StepState
from kedge.facts.edgecore import EdgeCoreConfig, EdgeStream
from kedge.facts.hosts import HostAccess
from kedge.facts.kubectl import NodeProxy, Outcome
from kedge.facts.nodes import Node
from kedge.facts.pods import NodePods, Pod
from kedge.i18n import Text
from kedge.model import Reason, Unknown
from kedge.plugins import Draft, NotApplicable
from kedge.steps import KUBERNETES, UpdateEdges
from kedge.steps_jobs import FOLDER
from tests.unit.executor_fakes import Bench, FakeWriters, approve, lost, plan_of

ENABLE = "modules.edgeStream.enable"
STEP = UpdateEdges(KUBERNETES, ("edge1",), ((ENABLE, "true"),), ((ENABLE, "false"),))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "audit.jsonl", FakeWriters())
    made.writers.cluster.objects[FOLDER] = {"items": []}
    return made


def job(bench: Bench) -> dict[str, Any]:
    return next(one for path, one in bench.writers.cluster.objects.items() if path.startswith(f"{FOLDER}/"))


def ends(bench: Bench, *phases: tuple[str, str]) -> None:
    """A task manager that takes 2 s for each phase: the job's and the node's."""

    def set_phase(whole: str, node: str) -> None:
        flow = [{"action": "Update", "reason": "no such key" if node == "Failure" else ""}]
        job(bench)["status"] = {
            "phase": whole,
            "nodeStatus": [{"nodeName": "edge1", "phase": node, "actionFlow": flow}],
        }

    def created(path: str) -> None:
        for number, (whole, node) in enumerate(phases, 1):
            bench.clock.after(2.0 * number, lambda whole=whole, node=node: set_phase(whole, node))  # type: ignore[misc]

    bench.writers.cluster.on_create = created


async def run(bench: Bench) -> tuple[Any, list[str]]:
    said: list[str] = []
    preview = await bench.executor.preview(plan_of(STEP))
    outcome = await bench.executor.apply(preview, approve(preview), lambda p: said.append(str(p.text or "")))
    return outcome, said


async def test_it_is_followed_to_its_end_and_undone_by_the_inverse_job(bench: Bench) -> None:
    ends(bench, ("InProgress", "InProgress"), ("Complated", "Successful"))
    outcome, said = await run(bench)
    assert outcome.result is Result.DONE
    assert job(bench)["spec"] == {
        "nodeNames": ["edge1"], "updateFields": {ENABLE: "true"},
        "concurrency": 1, "failureTolerate": "0", "timeoutSeconds": 300,
    }  # fmt: skip
    assert "InProgress; edge1 InProgress (Update)" in said
    undo = await bench.executor.undo_preview(outcome.id)
    assert f"{ENABLE}: 'false'" in undo.steps[0].body


async def test_a_job_that_fails_on_the_node_says_what_the_node_said(bench: Bench) -> None:
    ends(bench, ("Complated", "Failure"))
    outcome, _said = await run(bench)
    assert outcome.steps[0].state is StepState.INEFFECTIVE
    assert "edge1 Failure (Update): no such key" in str(outcome.text)


async def test_a_job_that_nobody_takes_up_says_that_the_managers_are_off(bench: Bench) -> None:
    outcome, _said = await run(bench)
    assert outcome.result is Result.FAILED
    assert "nobody took up the job" in str(outcome.text)
    assert 60 <= bench.clock.passed < 70


async def test_a_job_that_hangs_ends_with_its_phase(bench: Bench) -> None:
    ends(bench, ("InProgress", "Pending"))
    outcome, _said = await run(bench)
    assert "did not end within 300 s; it is InProgress" in str(outcome.text)


async def test_losing_the_api_while_waiting_does_not_end_the_wait(bench: Bench) -> None:
    def fault(verb: str, path: str) -> None:
        if verb == "get" and path.startswith(f"{FOLDER}/") and 1 < bench.clock.passed < 6:
            raise lost()

    ends(bench, ("Complated", "Successful"))
    bench.writers.cluster.fault = fault
    outcome, _said = await run(bench)
    assert outcome.result is Result.DONE


async def test_a_cluster_without_the_kind_is_refused(bench: Bench) -> None:
    del bench.writers.cluster.objects[FOLDER]
    with pytest.raises(Refused, match=r"has no ConfigUpdateJob: KubeEdge brings it since v1\.21"):
        await bench.executor.preview(plan_of(STEP))


NODE = Node("edge1", ready=True, kubeedge_version="v1.23.1")
NOT = Unknown(Reason.NO_SSH, Text("no SSH"))
OFF = EdgeCoreConfig("", edge_stream=EdgeStream(enable=False))


PODS = NodePods((Pod("a", "b", phase="Running"),))


def offer(node: Node = NODE, config: Any = NOT, access: Any = NOT, proxy: Any = NOT) -> Draft | NotApplicable:
    return update_edges_by_job.function("edge1", node, config, access, proxy, PODS)


def test_it_is_offered_where_ssh_does_not_reach() -> None:
    blind, seen = offer(), offer(config=OFF)
    assert isinstance(blind, Draft)
    assert isinstance(seen, Draft)
    assert "its 1 pod keeps running" in str(blind.impact)
    assert blind.steps[0].was == ()  # type: ignore[attr-defined]
    assert seen.steps[0].was == ((ENABLE, "false"),)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"access": HostAccess()}, "SSH reaches edge1"),
        ({"proxy": NodeProxy(Outcome.ANSWERED)}, "tunnel of edge1 works"),
        ({"config": replace(OFF, edge_stream=EdgeStream(enable=True))}, "is enabled"),
        ({"node": replace(NODE, kubeedge_version="v1.20.4")}, r"exist since v1\.21"),
        ({"node": replace(NODE, ready=None)}, "not Ready"),
    ],
)
def test_and_nowhere_else(more: dict[str, Any], why: str) -> None:
    found = offer(**more)
    assert isinstance(found, NotApplicable)
    assert re.search(why, str(found.text))
