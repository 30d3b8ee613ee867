"""Recordings with something changed by hand: states that were not recorded still lead to their true causes."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kedge.commands.check import judge_recording
from kedge.model import Status
from kedge.picture import Picture
from kedge.registry import discover

RECORDINGS = Path(__file__).parents[1] / "recordings"
EDGE1_POD = "line-gateway-zxgrr"

Change = Callable[[Path], None]


def judged(tmp_path: Path, base: str, change: Change) -> Picture:
    """The picture of a recording after a change to a copy of it."""
    copy = tmp_path / base
    shutil.copytree(RECORDINGS / base, copy, copy_function=shutil.copyfile)
    for folder in (copy, copy / "api"):
        folder.chmod(0o755)
    change(copy)
    return asyncio.run(judge_recording(copy, discover()))


def causes(picture: Picture) -> set[tuple[str, str]]:
    return {(cause.code, cause.target) for cause in picture.causes}


def edit(path: Path, change: Callable[[Any], None]) -> None:
    held = json.loads(path.read_text(encoding="utf-8"))
    change(held)
    path.write_text(json.dumps(held), encoding="utf-8")


def without_ssh(recording: Path) -> None:
    for path in recording.glob("host-*.json"):
        path.unlink()


def refuse(name: str, said: str) -> Change:
    def change(recording: Path) -> None:
        (recording / "api" / f"{name}.json").write_text(json.dumps({"_raw": "", "_stderr": said, "_rc": 1}))

    return change


def stop_the_runtime_of_edge1(recording: Path) -> None:
    """As facts 11 describes it: the error comes as the log, exec names the socket, the node is NotReady."""

    def kubectl(rows: Any) -> None:
        for row in (row for row in rows if EDGE1_POD in row["cmd"]):
            if " logs " in row["cmd"]:
                row["out"] = "unable to retrieve container logs for containerd://06e7eb83"
            elif " exec " in row["cmd"]:
                socket = "dial unix /run/containerd/containerd.sock: connect: no such file or directory"
                row.update(
                    rc=1, out="", err=f"error: unable to upgrade connection: rpc error: code = Unavailable {socket}"
                )

    def nodes(body: Any) -> None:
        node = next(item for item in body["items"] if item["metadata"]["name"] == "edge1")
        ready = next(c for c in node["status"]["conditions"] if c["type"] == "Ready")
        ready.update(status="False", reason="KubeletNotReady", message="container runtime is down")

    def host(rows: Any) -> None:
        next(row for row in rows if row["cmd"] == "systemctl is-active containerd").update(rc=3, out="inactive\n")

    edit(recording / "kubectl.json", kubectl)
    edit(recording / "api" / "nodes.json", nodes)
    edit(recording / "host-edge1.json", host)


def test_a_stopped_runtime_is_the_cause_of_logs_that_are_errors(tmp_path: Path) -> None:
    picture = judged(tmp_path, "healthy", stop_the_runtime_of_edge1)
    assert causes(picture) == {("KE212", "edge1")}
    failing = {(f.code, f.target) for f in picture.findings if f.status is Status.FAIL}
    assert {("KE201", "edge1"), ("KE501", "edge1"), ("KE502", "edge1")} <= failing


def test_a_node_that_never_had_a_tunnel_is_explained_by_its_edge(tmp_path: Path) -> None:
    def change(recording: Path) -> None:
        def nodes(body: Any) -> None:
            node = next(item for item in body["items"] if item["metadata"]["name"] == "edge1")
            node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] = 10350

        edit(recording / "api" / "nodes.json", nodes)

    picture = judged(tmp_path, "edgestream-disabled", change)
    assert causes(picture) == {("KE206", "edge1")}
    assert ("KE301", "edge1", "KE206") in {(f.code, f.target, f.because) for f in picture.findings}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("healthy", set()),
        ("edgestream-disabled", {("KE307", "edge1")}),
        ("edgecore-stopped", {("KE201", "edge1")}),
        ("metrics-image-missing", {("KE402", "-")}),
        ("apiservice-missing", {("KE404", "-")}),
        ("cloudstream-disabled", {("KE112", "-")}),
        ("dnat-missing-after-reboot", {("KE501", "edge1"), ("KE501", "edge2")}),
    ],
)
def test_without_ssh_the_cluster_alone_still_tells_how_far_it_goes(
    tmp_path: Path, base: str, expected: set[tuple[str, str]]
) -> None:
    assert causes(judged(tmp_path, base, without_ssh)) == expected


def test_a_refused_right_is_named_once_and_nobody_is_blamed(tmp_path: Path) -> None:
    said = 'Error from server (Forbidden): nodes is forbidden: User "viewer" cannot list resource "nodes"'
    picture = judged(tmp_path, "healthy", refuse("nodes", said))
    assert causes(picture) == set()
    rights = next(f for f in picture.findings if f.code == "KE102")
    assert rights.status is Status.WARN
    assert "lacks 1 right that checks need; without nodes" in str(rights.text)


def test_no_metrics_server_at_all(tmp_path: Path) -> None:
    def change(recording: Path) -> None:
        for name, mark in (("deployments", "metrics-server"), ("pods", "metrics-server-")):

            def others(body: Any, mark: str = mark) -> None:
                body["items"] = [item for item in body["items"] if not item["metadata"]["name"].startswith(mark)]

            edit(recording / "api" / f"{name}.json", others)

    assert causes(judged(tmp_path, "metrics-image-missing", change)) == {("KE401", "-")}
