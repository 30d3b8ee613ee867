"""verify on a live site: every point on every edge, with pods that are there and with pods of its own."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.background import BackgroundSite, run_in_thread
from tests.lab.headless import ROOT, command, kedge


@pytest.fixture(scope="module")
def lab() -> Iterator[BackgroundSite]:
    with run_in_thread(edges=2, faults=["edgestream-disabled:edge1"]) as site:
        yield site


def where(lab: BackgroundSite) -> tuple[object, ...]:
    return ("--config", lab.config_file, "--site", "lab")


def pods_left(kubeconfig: Path) -> list[str]:
    """The pods of the site that were made for a test."""
    parsed = yaml.safe_load(kubeconfig.read_text())
    server, user = parsed["clusters"][0]["cluster"]["server"], parsed["users"][0]["user"]
    asked = urllib.request.Request(f"{server}/api/v1/pods", headers={"Authorization": f"Bearer {user['token']}"})  # noqa: S310
    context = ssl._create_unverified_context()  # noqa: S323 - a site on loopback that this test has started
    with urllib.request.urlopen(asked, context=context, timeout=20) as answer:  # noqa: S310
        pods = json.load(answer)["items"]
    return [pod["metadata"]["name"] for pod in pods if pod["metadata"]["name"].startswith("kedge-tui-test")]


def test_every_point_is_tested_on_every_edge(lab: BackgroundSite) -> None:
    ran = kedge("verify", *where(lab), "-o", "json")
    assert ran.code == 3
    points = {(one["point"], one["target"]): one for one in ran.document["points"]}
    assert {target for (point, target), one in points.items() if point == "exec" and one["works"]} == {"edge2"}
    assert points["exec", "edge2"]["seen"] == "edge2"
    assert points["edge-node", "edge1"]["code"] == "KE206"
    assert "--no-exec leaves it out" in ran.err
    quiet = kedge("verify", *where(lab), "--no-exec", "--node", "edge2")
    assert quiet.code == 5
    assert "7 of 8 points work, 1 could not be tested" in quiet.out


def test_a_pod_of_its_own_tests_an_edge_and_is_taken_away(lab: BackgroundSite, tmp_path: Path) -> None:
    ran = kedge(
        "verify", *where(lab), "--node", "edge2", "--deploy-test-pod", "-o", "json", KEDGE_TUI_STATE=str(tmp_path)
    )
    assert ran.code == 0, ran.err
    assert [(pod["target"], pod["works"]) for pod in ran.document["testPods"]] == [("edge2", True)]
    assert {one["works"] for one in ran.document["points"]} == {True}
    assert pods_left(lab.kubeconfig) == []


def test_a_pod_is_taken_away_when_the_program_is_told_to_end(lab: BackgroundSite, tmp_path: Path) -> None:
    words = command("verify", *where(lab), "--node", "edge1", "--deploy-test-pod")
    running = subprocess.Popen(
        ["env", f"KEDGE_TUI_STATE={tmp_path}", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    try:
        for line in running.stderr:
            if "Try logs, exec and top" in line:
                assert pods_left(lab.kubeconfig) == ["kedge-tui-test-edge1"]
                running.send_signal(signal.SIGTERM)
                break
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert (running.returncode, out) == (130, "")
    assert err.endswith("kedge-tui: Interrupted; every test pod was taken away again\n")
    assert "logs: nothing came back" not in err, "it went on trying"
    assert pods_left(lab.kubeconfig) == []


def test_who_may_only_look_deploys_nothing(lab: BackgroundSite) -> None:
    ran = kedge("verify", *where(lab), "--read-only", "--node", "edge2", "--deploy-test-pod")
    assert ran.code == 5
    assert "? + Test pod" in ran.out
    assert pods_left(lab.kubeconfig) == []
