"""Pods as rows of the tree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kedge.facts.pods import Container, NodePods, Pod
from kedge.i18n import Text
from kedge.model import Status
from kedge.picture import ComponentView
from kedge.store import FactStore
from kedge.tree_pods import PodRows, meant, pod_of

WEB = Pod("default", "web-0", node="edge1", phase="Running", ready=True, containers=(Container("web", ready=True),))
HOME = ComponentView("edge/edge1/pods", "edge/edge1", Text("Pods"), "edge1", Status.PASS, Status.PASS)
AFTER = replace(HOME, id="edge/edge1/kubectl", label=Text("kubectl"))


def rows(*pods: Pod, made: PodRows | None = None) -> tuple[ComponentView, ...]:
    facts = FactStore()
    facts.put(NodePods, "edge1", NodePods(pods))
    return (made or PodRows()).with_pods((HOME, AFTER), facts)


def test_a_pod_stands_below_the_pods_of_its_node() -> None:
    home, pod, after = rows(WEB)
    assert (home, after) == (HOME, AFTER)
    assert (pod.id, pod.parent, pod.target) == ("edge/edge1/pods/default/web-0", HOME.id, "edge1")
    assert (str(pod.label), pod.line, pod.sources) == ("default/web-0", None, frozenset({"kubernetes"}))


@pytest.mark.parametrize(
    ("pod", "status", "line"),
    [
        (WEB, Status.PASS, None),
        (replace(WEB, phase="Succeeded", ready=False), Status.PASS, None),
        (replace(WEB, ready=False, containers=(Container("web"),)), Status.WARN, "Running, 0 of 1 ready"),
        (replace(WEB, containers=(Container("web", waiting="ImagePullBackOff"),)), Status.FAIL, "ImagePullBackOff"),
        (replace(WEB, phase="Failed", ready=False), Status.FAIL, "Failed"),
        (replace(WEB, phase="Pending", unschedulable="no room"), Status.WARN, "not scheduled: no room"),
    ],
)
def test_its_row_says_how_it_fares(pod: Pod, status: Status, line: str | None) -> None:
    row = rows(pod)[1]
    assert (row.status, row.rollup, row.line and str(row.line)) == (status, status, line)


def test_its_restarts_and_why_are_told_beside_it() -> None:
    again = Container("web", image="nginx:1", ready=True, restarts=3, last_reason="OOMKilled")
    told = [str(value) for _name, value in rows(replace(WEB, containers=(again,)))[1].about]
    assert "web, nginx:1; restarted 3 times, ended last by OOMKilled" in told


def test_rows_are_made_anew_only_when_the_pods_of_their_node_change() -> None:
    facts, made = FactStore(), PodRows()
    facts.put(NodePods, "edge1", NodePods((WEB,)))
    first = made.with_pods((HOME,), facts)[1]
    facts.put(NodePods, "edge1", NodePods((replace(WEB),)))
    assert made.with_pods((HOME,), facts)[1] is first
    facts.put(NodePods, "edge1", NodePods((replace(WEB, ready=False),)))
    assert made.with_pods((HOME,), facts)[1].status is Status.WARN


def test_a_row_means_its_own_pod_and_any_other_component_all() -> None:
    other = replace(WEB, name="web-1")
    assert meant("edge/edge1/pods/default/web-1", "edge1", (WEB, other)) == (other,)
    assert meant("edge/edge1/pods", "edge1", (WEB, other)) == (WEB, other)
    assert pod_of("edge/edge1/pods", "edge1") is None
