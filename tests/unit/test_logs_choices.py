"""What there is to choose from for a pane of logs."""

from __future__ import annotations

from dataclasses import replace

from kedge.facts.inventory import HomeNamespace
from kedge.facts.pods import Container, NodePods, Pod
from kedge.logs.choices import choices
from kedge.logs.sources import ContainerLog, UnitLog, pod_sources
from kedge.store import FactStore


def pod(name: str, owner: str = "", revision: str = "") -> Pod:
    return Pod("factory", name, f"uid-{name}", "edge1", owner=owner, revision=revision, containers=(Container("web"),))


def test_journals_nodes_workloads_and_containers_are_offered() -> None:
    facts = FactStore()
    pods = (pod("gw-a", "ReplicaSet/gw-77", "77"), pod("gw-b", "ReplicaSet/gw-78", "78"), pod("alone"))
    facts.put(NodePods, "edge1", NodePods(pods))
    found = {choice.key: choice.sources for choice in choices(facts, ["edge2", "edge1"])}
    assert list(found)[:3] == ["edge1:edgecore", "edge1:containerd", "edge1:*"]
    assert found["edge2:containerd"] == (UnitLog("edge2", "containerd"),)
    assert len(found["edge1:*"]) == 3
    assert [log.name for log in found["factory/gw/*"]] == ["gw-a/web", "gw-b/web"], "both revisions of a workload"
    assert found["factory/alone/web"] == (ContainerLog("factory", "alone", "uid-alone", "web", "edge1"),)
    assert "edge2:*" not in found, "nothing to read there"


def test_a_pod_without_a_namespace_is_looked_for_in_the_chosen_one_first() -> None:
    pods = [replace(pod("web"), namespace=name) for name in ("default", "plant", "other")]

    def meant(words: str, home: HomeNamespace) -> set[str]:
        found = pod_sources(pods, words, home=home)
        return {log.namespace for log in found if isinstance(log, ContainerLog)}

    assert meant("web", HomeNamespace("plant", chosen=True)) == {"plant"}
    assert meant("other/web", HomeNamespace("plant", chosen=True)) == {"other"}
    assert meant("web", HomeNamespace("empty", chosen=True)) == {"default", "plant", "other"}
    assert meant("web", HomeNamespace("default", chosen=False)) == {"default", "plant", "other"}
