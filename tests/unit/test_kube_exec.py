"""Exec over a real WebSocket: the frames a real API server sent, exit codes, caps, refusals, deadlines."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from kedge.links.kube import ApiLink, KubeSettings, connect_kube
from kedge.links.kube_exec import exec_accesses
from kedge.links.pools import Pools
from kedge.model import LinkError, Reason
from tests.unit.fake_kube import TOKEN, server_context, status, write_kubeconfig

RECORDED = json.loads((Path(__file__).parents[1] / "recordings" / "api-behaviour.json").read_text())["exec"]
PATH = "/api/v1/namespaces/factory/pods/line-1/exec"

Script = Callable[[web.WebSocketResponse], Awaitable[None]]


class FakeExec:
    """An aiohttp server in a thread of its own; ``script`` plays the container."""

    def __init__(self, directory: Path, protocols: tuple[str, ...]) -> None:
        self.protocols = protocols
        self.script: Script = _play([])
        self.refuse: web.Response | None = None
        self.stall = False
        self.requests: list[web.Request] = []
        self.chosen: str | None = None
        self.port = 0
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get(PATH, self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(self._directory))
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stopping.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.stall:
            await self._stopping.wait()
        if self.refuse is not None:
            headers = {"Location": self.refuse.headers.get("Location", ""), "Content-Type": "application/json"}
            return web.Response(status=self.refuse.status, body=self.refuse.body, headers=headers)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response(status(401, "Unauthorized"), status=401)
        ws = web.WebSocketResponse(protocols=self.protocols)
        await ws.prepare(request)
        self.chosen = ws.ws_protocol
        await self.script(ws)
        return ws


def _play(frames: list[tuple[int, bytes]]) -> Script:
    async def play(ws: web.WebSocketResponse) -> None:
        for channel, data in frames:
            await ws.send_bytes(bytes([channel]) + data)
        await ws.close(code=1000)

    return play


def success() -> tuple[int, bytes]:
    return 3, b'{"metadata":{},"status":"Success"}'


@pytest.fixture(params=["v5.channel.k8s.io", "v4.channel.k8s.io"])
def kube(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FakeExec]:
    fake = FakeExec(tmp_path, (request.param,))
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
async def link(kube: FakeExec, tmp_path: Path) -> AsyncIterator[ApiLink]:
    pools = Pools()
    config = write_kubeconfig(tmp_path / "config", f"https://127.0.0.1:{kube.port}")
    link = await connect_kube(KubeSettings(kubeconfig=str(config), as_user="viewer"), pools)
    yield link
    await link.close()
    pools.close()


async def run(link: ApiLink, *command: str, deadline: float = 5.0, cap: int = 1000) -> Any:
    return await link.exec("factory", "line-1", "gateway", command or ("true",), deadline=deadline, cap=cap)


@pytest.mark.parametrize(
    ("recorded", "code", "stdout", "stderr", "error"),
    [
        ("one command, v4", 0, b"edge1\n", b"", ""),
        ("one command, v5 offered first", 0, b"edge1\n", b"", ""),
        ("exit code 3", 3, b"out\n", b"err\n", ""),
        ("no such program", None, b"", b"", "stat /nope: no such file or directory"),
    ],
)
async def test_recorded_frames(
    kube: FakeExec, link: ApiLink, recorded: str, code: int | None, stdout: bytes, stderr: bytes, error: str
) -> None:
    (row,) = [row for row in RECORDED if row["name"] == recorded]
    kube.script = _play([(frame["channel"], frame["data"].encode()) for frame in row["frames"]])
    result = await run(link)
    assert (result.exit_code, result.stdout, result.stderr, result.cut) == (code, stdout, stderr, False)
    assert error in result.error
    assert bool(result.error) == bool(error)
    assert kube.chosen == kube.protocols[0]


async def test_request_is_quoted_and_impersonated(kube: FakeExec, link: ApiLink) -> None:
    kube.script = _play([success()])
    await run(link, "sh", "-c", "echo a&b; exit 3")
    (request,) = kube.requests
    assert request.query.getall("command") == ["sh", "-c", "echo a&b; exit 3"]
    assert dict(request.query) | {"command": ""} == {
        "container": "gateway",
        "command": "",
        "stdout": "true",
        "stderr": "true",
        "stdin": "false",
        "tty": "false",
    }
    assert request.headers["Impersonate-User"] == "viewer"


async def test_output_is_capped_per_stream_and_bytes_stay_bytes(kube: FakeExec, link: ApiLink) -> None:
    kube.script = _play([(1, b"\xff\x00" * 300), (2, b"e" * 10), (1, b"\xff\x00" * 300), success()])
    result = await run(link)
    assert result.stdout == b"\xff\x00" * 500
    assert result.stderr == b"e" * 10
    assert result.cut


async def test_connection_that_ends_without_a_status(kube: FakeExec, link: ApiLink) -> None:
    kube.script = _play([(1, b"half")])
    with pytest.raises(LinkError, match="before the exit status came, while running true in pod line-1") as caught:
        await run(link)
    assert caught.value.unknown.reason is Reason.UNREACHABLE


async def test_status_that_cannot_be_read(kube: FakeExec, link: ApiLink) -> None:
    kube.script = _play([(3, b"exit status 1")])
    with pytest.raises(LinkError) as caught:
        await run(link)
    assert caught.value.unknown.reason is Reason.UNPARSABLE


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (403, 'pods "line-1" is forbidden: User "viewer" cannot create resource "pods/exec"', Reason.DENIED),
        (404, 'pods "line-1" not found', Reason.MISSING),
        (500, "error dialing backend: dial tcp 10.99.0.21:10351: connect: connection refused", Reason.SERVER_ERROR),
    ],
)
async def test_refusals_carry_the_servers_message(
    kube: FakeExec, link: ApiLink, code: int, message: str, reason: Reason
) -> None:
    kube.refuse = web.json_response(status(code, message), status=code)
    with pytest.raises(LinkError) as caught:
        await run(link)
    assert caught.value.unknown.reason is reason
    assert message in str(caught.value)
    assert TOKEN not in str(caught.value)


async def test_redirect_is_not_followed(kube: FakeExec, link: ApiLink) -> None:
    kube.refuse = web.Response(status=302, headers={"Location": f"https://127.0.0.1:{kube.port}{PATH}"})
    with pytest.raises(LinkError, match="edirect"):
        await run(link)
    assert len(kube.requests) == 1


@pytest.mark.parametrize("stage", ["handshake", "output"])
async def test_deadline(kube: FakeExec, link: ApiLink, stage: str) -> None:
    gone = threading.Event()

    async def hang(ws: web.WebSocketResponse) -> None:
        await ws.send_bytes(b"\x01started\n")
        while (await ws.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR):
            pass
        gone.set()

    kube.script, kube.stall = hang, stage == "handshake"
    began = time.monotonic()
    with pytest.raises(LinkError) as caught:
        await run(link, "sleep", "60", deadline=0.5)
    assert time.monotonic() - began < 2
    assert caught.value.unknown.reason is Reason.TIMED_OUT
    assert "timed out after 0.5 s while running sleep 60 in pod line-1, namespace factory" in str(caught.value)
    if stage == "output":
        assert await asyncio.to_thread(gone.wait, 5), "the container must see the connection end"


async def test_nothing_listens(kube: FakeExec, link: ApiLink) -> None:
    link.connection.server = "https://127.0.0.1:1"
    with pytest.raises(LinkError, match="refuses connections") as caught:
        await run(link)
    assert caught.value.unknown.reason is Reason.UNREACHABLE


def test_rights_of_exec() -> None:
    assert [access.verb for access in exec_accesses("factory")] == ["create", "get"]
