"""A container that exits is started again; its log, and that of its predecessor, are where kubelets keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from lab.hosts.pod_logs import PodLogFiles
from lab.objects import PODS, Object
from lab.world_edged import Answer
from lab.world_exec import ExecResult
from tests.lab.practice import Practice


class Disk:
    """A machine as far as its files go."""

    is_visited = True

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        return self._root / name.lstrip("/")


@pytest.fixture
def site() -> Practice:
    practice = Practice(edges=1)
    practice.run(65)
    return practice


@pytest.fixture
def files(site: Practice, tmp_path: Path) -> PodLogFiles:
    return PodLogFiles(site.world, cast(Any, {"edge1": Disk(tmp_path)}))


def gateway(site: Practice) -> Object:
    return site.world.store.get(PODS, "factory", site.pod("edge1", "line-gateway"))


def status(site: Practice) -> Object:
    found = gateway(site)["status"]["containerStatuses"]
    return next(status for status in found if status["name"] == "gateway")


def body(site: Practice, query: str) -> str:
    answer = site.logs("edge1", query)
    assert isinstance(answer, Answer)
    assert answer.status == 200
    return answer.body


def test_a_killed_container_is_told_and_started_again(site: Practice) -> None:
    before = status(site)
    assert site.exec("edge1", "sh", "-c", "echo bye; kill 1; echo never") == ExecResult(
        "bye\n", code=137, ends_container=True
    )
    site.run(0.2)
    told = status(site)
    assert told["state"]["terminated"]["reason"] == "Completed"
    assert told["state"]["terminated"]["containerID"] == before["containerID"]
    assert gateway(site)["status"]["phase"] == "Running"
    assert "INFO request" in body(site, "?tailLines=1"), "the last words can still be read"
    site.run(2)
    after = status(site)
    assert (after["restartCount"], after["ready"]) == (1, True)
    assert after["lastState"] == told["state"]
    assert after["containerID"] != before["containerID"]
    assert gateway(site)["status"]["conditions"][1]["status"] == "True"
    assert "INFO request 0 from" in body(site, "")
    assert body(site, "?previous=true").count("\n") > 60


def test_a_container_that_fails_says_its_code(site: Practice) -> None:
    site.world.exit_container("factory", gateway(site)["metadata"]["name"], "gateway", 3)
    site.run(2)
    assert status(site)["lastState"]["terminated"]["exitCode"] == 3
    assert {s["name"]: s["restartCount"] for s in gateway(site)["status"]["containerStatuses"]} == {
        "gateway": 1,
        "sidecar": 0,
    }


@pytest.mark.parametrize("command", ["kill -9 1", "kill 77"])
def test_what_does_not_end_a_container(site: Practice, command: str) -> None:
    site.exec("edge1", "sh", "-c", command)
    site.run(1)
    assert status(site)["restartCount"] == 0


def test_each_run_of_a_container_has_a_file_and_the_last_two_are_kept(
    site: Practice, files: PodLogFiles, tmp_path: Path
) -> None:
    pod = gateway(site)["metadata"]
    folder = tmp_path / f"var/log/pods/factory_{pod['name']}_{pod['uid']}/gateway"
    files.step()
    kept = []
    for expected in (["0.log", "1.log"], ["1.log", "2.log"]):
        site.world.exit_container("factory", pod["name"], "gateway")
        files.step()
        kept.append((folder / f"{len(kept)}.log").read_text())
        site.run(3)
        files.step()
        assert sorted(file.name for file in folder.iterdir()) == expected
    assert (folder / "1.log").read_text() == kept[1], "what has ended grows no more"
    assert (folder / "2.log").read_text().splitlines()[0].split(" ", 3)[1:3] == ["stdout", "F"]
    numbers = [line.split("request ")[1].split()[0] for line in kept[0].splitlines() if "request" in line]
    assert len(numbers) == len(set(numbers)) > 60

    site.world.delete_pod("factory", pod["name"], grace=0)
    files.step()
    assert not folder.parent.exists()


def test_a_log_from_a_second_on_holds_all_of_that_second(site: Practice) -> None:
    stamps = [line.split()[0] for line in body(site, "?timestamps=true").splitlines()]
    second = stamps[10][:19]
    again = body(site, f"?timestamps=true&sinceTime={second}.999999Z").splitlines()
    assert again[0].split()[0] == next(stamp for stamp in stamps if stamp.startswith(second))
