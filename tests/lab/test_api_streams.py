"""Watches, exec over WebSocket, requests that hang, and the API going away under its clients."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
import websocket

from lab import faults
from lab.api import watches
from lab.objects import NODES
from tests.lab.api_server import TOKEN, Api, serve

RECORDINGS = Path(__file__).parents[1] / "recordings"
RECORDED = json.loads((RECORDINGS / "api-behaviour.json").read_text())
SAID = {row["name"]: row for row in RECORDED["http"]}
EXECS = {row["name"]: row for row in RECORDED["exec"]}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serve(tmp_path_factory.mktemp("api")) as running:
        yield running


def relabel(api: Api, node: str, value: str) -> None:
    api.do(
        lambda world: world.store.change(NODES, "", node, lambda d: d["metadata"]["labels"].update(step=value), "test")
    )


def watch(api: Api, path: str) -> list[dict[str, Any]]:
    """All events until the server ends the watch."""
    return [json.loads(line) for line in api.call("GET", path, timeout=20).data.splitlines()]


def test_a_watch_from_0_shows_all_and_ends_by_its_timeout(api: Api) -> None:
    begun = time.monotonic()
    events = watch(api, "/api/v1/nodes?watch=1&resourceVersion=0&timeoutSeconds=1")
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [
        ("ADDED", "cloud1"), ("ADDED", "edge1"), ("ADDED", "edge2"),
    ]  # fmt: skip
    assert events[0]["object"]["kind"] == "Node"
    assert 1 <= time.monotonic() - begun < 3


def test_a_watch_resumes_where_a_list_ended(api: Api) -> None:
    revision = api.get("/api/v1/nodes")["metadata"]["resourceVersion"]
    relabel(api, "edge1", "one")
    relabel(api, "edge2", "two")
    events = watch(api, f"/api/v1/nodes?watch=1&resourceVersion={revision}&timeoutSeconds=1")
    assert [(e["type"], e["object"]["metadata"]["labels"]["step"]) for e in events] == [
        ("MODIFIED", "one"), ("MODIFIED", "two"),
    ]  # fmt: skip


def test_objects_enter_and_leave_a_selection(api: Api) -> None:
    revision = api.get("/api/v1/nodes")["metadata"]["resourceVersion"]
    for value in ("in", "in-still", "out"):
        relabel(api, "edge1", value)
    path = f"/api/v1/nodes?watch=1&resourceVersion={revision}&timeoutSeconds=1&labelSelector="
    events = watch(api, path + "step+in+(in,in-still)")
    assert [e["type"] for e in events] == ["ADDED", "MODIFIED", "DELETED"]


def test_bookmarks_come_when_asked_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "BOOKMARK_PERIOD", 0.3)
    revision = api.get("/api/v1/nodes")["metadata"]["resourceVersion"]
    path = f"/api/v1/namespaces?watch=1&resourceVersion={revision}&timeoutSeconds=1"
    events = watch(api, path + "&allowWatchBookmarks=true")
    assert {e["type"] for e in events} == {"BOOKMARK"}
    assert int(events[-1]["object"]["metadata"]["resourceVersion"]) >= int(revision)
    assert watch(api, path) == []


def test_send_initial_events_is_refused_as_by_an_old_etcd(api: Api) -> None:
    row = SAID["watch with bookmarks, 12 s"]
    (event,) = watch(api, row["request"].partition(" ")[2])
    assert event == json.loads(row["body"])


def test_a_watch_from_a_compacted_revision_is_an_error_event(api: Api) -> None:
    relabel(api, "edge1", "before")
    api.do(lambda world: world.store.compact())
    (event,) = watch(api, "/api/v1/nodes?watch=1&resourceVersion=1&timeoutSeconds=5")
    real = json.loads(SAID["watch from a resourceVersion that is gone"]["body"])
    oldest = api.do(lambda world: world.store.compacted(NODES))
    real["object"]["message"] = f"too old resource version: 1 ({oldest})"
    assert event == real


def run_exec(api: Api, argv: list[str], protocols: list[str]) -> tuple[str | None, list[tuple[int, str]]]:
    query = [("container", "gateway"), *(("command", word) for word in argv), ("stdout", "true"), ("stderr", "true")]
    path = f"/api/v1/namespaces/factory/pods/{api.pod('edge1', 'line-gateway')}/exec?{urlencode(query)}"
    socket = websocket.create_connection(
        api.url.replace("https", "wss") + path,
        header=[f"Authorization: Bearer {TOKEN}"],
        sslopt={"ca_certs": str(api.ca)},
        subprotocols=protocols,
        timeout=10,
    )
    frames = []
    while True:
        opcode, data = socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            break
        frames.append((data[0], data[1:].decode()))
    chosen = socket.getsubprotocol()
    socket.shutdown()
    return chosen, frames


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("one command, v4", ["hostname"]),
        ("one command, v5 offered first", ["hostname"]),
        ("exit code 3", ["sh", "-c", "echo out; echo err >&2; exit 3"]),
    ],
)
def test_exec_frames_are_those_of_the_real_server(api: Api, name: str, argv: list[str]) -> None:
    row = EXECS[name]
    protocol, frames = run_exec(api, argv, row["offered"])
    assert protocol == row["chosen"]
    assert frames == [(frame["channel"], frame["data"]) for frame in row["frames"]]


def test_an_unknown_program_fails_in_the_runtimes_words(api: Api) -> None:
    _, frames = run_exec(api, ["/nope"], ["v4.channel.k8s.io"])
    real = json.loads(EXECS["no such program"]["frames"][-1]["data"])
    ours = json.loads(frames[-1][1])
    assert [channel for channel, _ in frames] == [1, 3]

    def without_id(text: str) -> str:
        head, _, rest = text.partition('failed to start exec "')
        return head + rest.partition('"')[2]

    assert without_id(ours["message"]) == without_id(real["message"])
    assert {**ours, "message": "", "details": ""} == {**real, "message": "", "details": ""}


def test_a_hanging_log_answers_nothing_and_goes_on_when_the_path_heals(api: Api) -> None:
    path = f"/api/v1/namespaces/factory/pods/{api.pod('edge2', 'line-gateway')}/log?container=gateway&tailLines=1"
    api.do(lambda world: faults.apply(world, "tunnel-port-blocked"))
    try:
        with pytest.raises(urllib3.exceptions.TimeoutError):
            api.call("GET", path, timeout=1)
        answers: list[bytes] = []
        thread = threading.Thread(target=lambda: answers.append(api.call("GET", path, timeout=15).data))
        thread.start()
    finally:
        api.do(lambda world: faults.clear(world, "tunnel-port-blocked"))
    thread.join(15)
    assert answers
    assert b"request" in answers[0]


def test_logs_of_a_dead_session_are_empty_with_status_200(api: Api) -> None:
    path = f"/api/v1/namespaces/factory/pods/{api.pod('edge2', 'line-gateway')}/log?container=gateway&tailLines=1"
    api.do(lambda world: faults.apply(world, "edgestream-disabled", "edge2"))
    try:
        answer = api.call("GET", path)
        assert (answer.status, answer.data) == (200, b"")
        proxied = api.call("GET", "/api/v1/nodes/edge2/proxy/metrics/resource")
        assert (proxied.status, proxied.data) == (200, b"")
    finally:
        api.do(lambda world: faults.clear(world, "edgestream-disabled", "edge2"))


def test_a_failed_dial_is_an_untyped_500_and_503_for_the_proxy(api: Api) -> None:
    pod = api.pod("edge1", "line-gateway")
    path = f"/api/v1/namespaces/factory/pods/{pod}/log?container=gateway&tailLines=3"
    api.do(lambda world: faults.apply(world, "dnat-missing"))
    try:
        answer = api.call("GET", path)
        url = f"https://10.99.0.21:10351/containerLogs/factory/{pod}/gateway?tailLines=3"
        assert json.loads(answer.data) == {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": f'Get "{url}": dial tcp 10.99.0.21:10351: connect: connection refused', "code": 500,
        }  # fmt: skip
        proxied = api.call("GET", "/api/v1/nodes/edge1/proxy/metrics/resource")
        assert proxied.status == 503
        message = "error trying to reach service: dial tcp 10.99.0.21:10351: connect: connection refused"
        assert json.loads(proxied.data)["message"] == message
    finally:
        api.do(lambda world: faults.clear(world, "dnat-missing"))


def test_without_a_session_the_body_is_the_bare_sentence(api: Api) -> None:
    path = f"/api/v1/namespaces/factory/pods/{api.pod('edge1', 'line-gateway')}/log?container=gateway"
    tunnel = api.do(lambda world: world.edges["edge1"].tunnel)
    api.do(lambda world: world.cloudcore.forget("edge1"))
    try:
        answer = api.call("GET", path)
        assert (answer.status, json.loads(answer.data)["message"]) == (500, "Internal error occurred: ")
    finally:
        api.do(lambda world: world.cloudcore.accept(tunnel))


def test_open_streams_end_when_the_server_stops(tmp_path: Path) -> None:
    with serve(tmp_path) as api:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{api.url}/api/v1/nodes?watch=1&timeoutSeconds=300"
        stream = api.pool.request("GET", url, headers=headers, preload_content=False, timeout=20)
        events = stream.stream(64)
        assert b"ADDED" in next(events)
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        deque(events, maxlen=0)
    stream.close()
