"""The Kubernetes link against a real HTTPS server: reads, errors, deadlines, logs and writes."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import select
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kedge.links.base import Access
from kedge.links.kube import ApiLink, ConfigError, KubeSettings, connect_kube
from kedge.links.kube_connection import parse_date
from kedge.links.kube_errors import StatusError
from kedge.links.kube_writer import ApiWriter
from kedge.links.pools import Pools
from kedge.model import LinkError, Reason
from tests.unit.fake_kube import (
    NODES,
    TOKEN,
    FakeKube,
    Handler,
    inline,
    node,
    pki,
    status,
    write_kubeconfig,
)

LIST = Access("list", "", "nodes")
POD_LOG = "/api/v1/namespaces/factory/pods/line-1/log"
LOG = Access("get", "", "pods", "log", "factory")
CONFIGMAP = "/api/v1/namespaces/kubeedge/configmaps/cloudcore"


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[FakeKube]:
    fake = FakeKube(tmp_path)
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def pools() -> Iterator[Pools]:
    pools = Pools()
    yield pools
    pools.close()


@pytest.fixture
async def link(kube: FakeKube, tmp_path: Path, pools: Pools) -> AsyncIterator[ApiLink]:
    link = await connect(kube.url, tmp_path, pools)
    yield link
    await link.close()


async def connect(url: str, tmp_path: Path, pools: Pools, **settings: Any) -> ApiLink:
    config = write_kubeconfig(tmp_path / "config", url)
    return await connect_kube(KubeSettings(kubeconfig=str(config), connect_timeout=2, **settings), pools)


async def failure(link: ApiLink, path: str = NODES, access: Access = LIST, deadline: float = 5.0) -> LinkError:
    with pytest.raises(LinkError) as caught:
        await link.get(path, access, deadline=deadline)
    assert TOKEN not in str(caught.value)
    return caught.value


# ------------------------------------------------------------------------------------------------ reads


async def test_get_gives_raw_bytes_and_the_servers_clock(kube: FakeKube, link: ApiLink) -> None:
    kube.store.put(node("edge1"))
    answer = await link.get(NODES, LIST, deadline=5, query={"labelSelector": "a=b,c"})
    assert json.loads(answer.body)["items"][0]["metadata"]["name"] == "edge1"
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.date is not None
    assert abs((answer.date - datetime.now(UTC)).total_seconds()) < 5
    (request,) = kube.requests
    assert request.query == {"labelSelector": "a=b,c"}
    assert request.headers["User-Agent"].startswith("kedge-tui/")


async def test_cap_keeps_the_beginning_and_says_so(kube: FakeKube, link: ApiLink) -> None:
    kube.routes["GET", POD_LOG] = lambda handler: handler.answer(200, b"x" * 300_000, {"Content-Type": "text/plain"})
    answer = await link.get(POD_LOG, LOG, deadline=5, cap=1000)
    assert (answer.body, answer.cut) == (b"x" * 1000, True)
    answer = await link.get(POD_LOG, LOG, deadline=5, cap=300_000)
    assert (len(answer.body), answer.cut) == (300_000, False)


async def test_many_calls_share_connections(kube: FakeKube, link: ApiLink) -> None:
    peers: set[Any] = set()
    kube.routes["GET", "/version"] = lambda handler: (peers.add(handler.client_address), handler.answer(200, {}))[-1]
    for _number in range(5):
        await link.get("/version", Access("get", "", "/version"), deadline=5)
    assert len(peers) == 1
    await asyncio.gather(*(link.get("/version", Access("get", "", "/version"), deadline=5) for _ in range(50)))
    assert len(peers) <= 32


@pytest.mark.parametrize(
    ("path", "access"),
    [
        (NODES, Access("get", "", "nodes")),
        (NODES, Access("list", "", "pods")),
        (POD_LOG, Access("get", "", "pods", "", "factory")),
        (POD_LOG, Access("get", "", "pods", "log", "default")),
    ],
)
async def test_call_that_declares_another_right_is_refused(link: ApiLink, path: str, access: Access) -> None:
    with pytest.raises(ValueError, match="declares"):
        await link.get(path, access, deadline=5)


async def test_can_i(kube: FakeKube, link: ApiLink) -> None:
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    def review(handler: Handler) -> None:
        asked = json.loads(handler.body)["spec"]
        attributes = asked.get("resourceAttributes") or asked["nonResourceAttributes"]
        handler.answer(201, {"status": {"allowed": attributes["verb"] == "get"}})

    kube.routes["POST", reviews] = review
    assert await link.can_i(LOG, deadline=5)
    assert not await link.can_i(Access("create", "", "pods", "exec", "factory"), deadline=5)
    assert await link.can_i(Access("get", "", "/metrics"), deadline=5)
    sent = [json.loads(request.body)["spec"] for request in kube.requests]
    assert sent[0] == {
        "resourceAttributes": {"verb": "get", "resource": "pods", "subresource": "log", "namespace": "factory"}
    }
    assert sent[2] == {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}
    kube.routes["POST", reviews] = lambda handler: handler.answer(201, b"<html>")
    with pytest.raises(LinkError) as caught:
        await link.can_i(LOG, deadline=5)
    assert caught.value.unknown.reason is Reason.UNPARSABLE


# ------------------------------------------------------------------------------------------------ errors

RECORDED = Path(__file__).parents[1] / "recordings" / "api-behaviour.json"


@pytest.mark.parametrize(
    ("recorded", "reason", "says"),
    [
        ("bad token", Reason.CREDENTIALS, "does not accept these credentials (401)"),
        ("anonymous", Reason.DENIED, "missing right: list nodes in the whole cluster"),
        ("forbidden log", Reason.DENIED, "missing right: get pods/log in namespace factory"),
        ("not found", Reason.MISSING, 'deployments.apps "nope" not found'),
        ("unknown group", Reason.MISSING, "404 page not found"),
        ("patch with a stale resourceVersion", Reason.CONFLICT, "the object has been modified"),
        ("patch that fails validation", Reason.INVALID, "must be greater than or equal to 0"),
        ("patch with a wrong content type", Reason.INVALID, "415: Unsupported Media Type"),
        ("log without container, two containers", Reason.INVALID, "a container name must be specified"),
    ],
)
async def test_recorded_refusals_become_typed_reasons(
    kube: FakeKube, link: ApiLink, recorded: str, reason: Reason, says: str
) -> None:
    (row,) = [row for row in json.loads(RECORDED.read_text())["http"] if row["name"] == recorded]
    path, access = (POD_LOG, LOG) if "log" in recorded else (NODES, LIST)
    headers = {"Content-Type": row["headers"]["Content-Type"]}
    kube.routes["GET", path] = lambda handler: handler.answer(row["status"], row["body"].encode(), headers)
    error = await failure(link, path, access)
    assert error.unknown.reason is reason
    assert says in str(error.unknown.text)
    assert isinstance(error, StatusError)
    assert error.status == row["status"]


@pytest.mark.parametrize(
    ("code", "body", "reason", "says"),
    [
        (410, status(410, "too old"), Reason.GONE, "no longer kept (410) while listing nodes: too old"),
        (500, status(500, "etcd is gone"), Reason.SERVER_ERROR, "failed with 500 while listing nodes: etcd is gone"),
        (503, b"upstream said\nno", Reason.SERVER_ERROR, "failed with 503 while listing nodes: upstream said"),
        (502, b"", Reason.SERVER_ERROR, "Bad Gateway"),
        (302, b"", Reason.SERVER_ERROR, "is this a Kubernetes API server?"),
        (418, status(418, "teapot"), Reason.INVALID, "(418) while listing nodes: teapot"),
        (500, b'{"message": ["not", "text"]}', Reason.SERVER_ERROR, "failed with 500"),
    ],
)
async def test_other_refusals(kube: FakeKube, link: ApiLink, code: int, body: Any, reason: Reason, says: str) -> None:
    kube.routes["GET", NODES] = lambda handler: handler.answer(code, body)
    error = await failure(link)
    assert error.unknown.reason is reason
    assert says in str(error.unknown.text)


async def test_nothing_listens(tmp_path: Path, pools: Pools) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    link = await connect(f"https://127.0.0.1:{port}", tmp_path, pools)
    error = await failure(link)
    assert error.unknown.reason is Reason.UNREACHABLE
    assert f"https://127.0.0.1:{port} refuses connections while listing nodes" in str(error)


async def test_name_that_does_not_resolve(tmp_path: Path, pools: Pools) -> None:
    link = await connect("https://no-such-host.invalid:6443", tmp_path, pools)
    error = await failure(link, deadline=30)
    assert error.unknown.reason is Reason.UNREACHABLE
    assert "the name of https://no-such-host.invalid:6443 cannot be resolved" in str(error)


async def test_certificate_of_another_authority(kube: FakeKube, tmp_path: Path, pools: Pools) -> None:
    config = json.loads(write_kubeconfig(tmp_path / "config", kube.url).read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = inline(pki()["other-ca"].certificate)
    (tmp_path / "config").write_text(json.dumps(config))
    link = await connect_kube(KubeSettings(kubeconfig=str(tmp_path / "config")), pools)
    error = await failure(link)
    assert error.unknown.reason is Reason.UNREACHABLE
    assert f"the certificate of {kube.url} is not trusted" in str(error)


async def test_insecure_is_obeyed_and_shown(kube: FakeKube, tmp_path: Path, pools: Pools) -> None:
    config = json.loads(write_kubeconfig(tmp_path / "config", kube.url).read_text())
    config["clusters"][0]["cluster"] = {"server": kube.url, "insecure-skip-tls-verify": True}
    (tmp_path / "config").write_text(json.dumps(config))
    link = await connect_kube(KubeSettings(kubeconfig=str(tmp_path / "config")), pools)
    assert (await link.get(NODES, LIST, deadline=5)).status == 200
    assert link.target.insecure


async def test_tls_server_name_is_what_the_certificate_must_be_for(
    kube: FakeKube, tmp_path: Path, pools: Pools
) -> None:
    config = json.loads(write_kubeconfig(tmp_path / "config", kube.url).read_text())
    for name, trusted in (("localhost", True), ("other.example", False)):
        config["clusters"][0]["cluster"]["tls-server-name"] = name
        (tmp_path / "config").write_text(json.dumps(config))
        link = await connect_kube(KubeSettings(kubeconfig=str(tmp_path / "config")), pools)
        if trusted:
            assert (await link.get(NODES, LIST, deadline=5)).status == 200
        else:
            assert "is not trusted" in str(await failure(link))


async def test_http_where_https_is_expected(tmp_path: Path, pools: Pools) -> None:
    plain = FakeKube(tmp_path, tls=False)
    plain.start()
    link = await connect(plain.url.replace("http://", "https://"), tmp_path, pools)
    assert "does not speak TLS" in str(await failure(link))
    link = await connect(plain.url, tmp_path, pools)
    assert (await link.get(NODES, LIST, deadline=5)).status == 200
    plain.stop()


async def test_connection_cut_in_mid_answer(kube: FakeKube, link: ApiLink) -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"{")
        kube.cut()

    kube.routes["GET", NODES] = half
    error = await failure(link)
    assert len(kube.requests) == 2, "a read is tried once more"
    assert error.unknown.reason is Reason.UNREACHABLE
    assert f"the connection to {kube.url} was cut while listing nodes" in str(error)


async def test_idle_connection_that_was_cut_costs_nothing(kube: FakeKube, link: ApiLink) -> None:
    def cut_once(handler: Handler) -> None:
        if len(kube.requests) == 1:
            kube.cut()
        else:
            handler.answer(200, {})

    kube.routes["GET", NODES] = cut_once
    assert (await link.get(NODES, LIST, deadline=5)).status == 200
    kube.cut()
    assert (await link.get(NODES, LIST, deadline=5)).status == 200


async def test_busy_server_is_asked_again_within_the_deadline(kube: FakeKube, link: ApiLink) -> None:
    def busy_once(handler: Handler) -> None:
        if len(kube.requests) == 1:
            handler.answer(429, status(429, "too many requests"), {"Retry-After": "1"})
        else:
            handler.answer(200, {})

    kube.routes["GET", NODES] = busy_once
    assert (await link.get(NODES, LIST, deadline=5)).status == 200
    kube.requests.clear()
    error = await failure(link, deadline=0.9)
    assert error.unknown.reason is Reason.SERVER_ERROR
    assert "too busy" in str(error)


# ---------------------------------------------------------------------------------------------- deadlines


@pytest.mark.parametrize("how", ["no answer", "drip"])
async def test_deadline_names_the_step_and_closes_the_socket(kube: FakeKube, link: ApiLink, how: str) -> None:
    closed = threading.Event()

    def stall(handler: Handler) -> None:
        try:
            if how == "drip":
                with handler.chunked() as send:
                    while True:
                        send(b" ")
                        time.sleep(0.02)
            handler.connection.settimeout(20)
            if not handler.connection.recv(1):
                closed.set()
        except OSError:
            closed.set()

    kube.routes["GET", NODES] = stall
    began = time.monotonic()
    error = await failure(link, deadline=0.4)
    assert time.monotonic() - began < 1.0
    assert error.unknown.reason is Reason.TIMED_OUT
    assert str(error) == f"timed out after 0.4 s while listing nodes on {kube.url}"
    assert await asyncio.to_thread(closed.wait, 5), "the server must see the connection end"


async def test_aborted_call_does_not_hurt_the_next(kube: FakeKube, link: ApiLink) -> None:
    release = threading.Event()
    kube.routes["GET", NODES] = lambda handler: (release.wait(20), handler.answer(200, {}))[-1]
    await failure(link, deadline=0.2)
    release.set()
    for _number in range(5):
        assert (await link.get(NODES, LIST, deadline=5)).status == 200


async def test_close_ends_calls_under_way(kube: FakeKube, link: ApiLink) -> None:
    release, arrived = threading.Event(), threading.Event()
    kube.routes["GET", NODES] = lambda handler: (arrived.set(), release.wait(20))[-1]
    task = asyncio.create_task(link.get(NODES, LIST, deadline=30))
    assert await asyncio.to_thread(arrived.wait, 5)
    await link.close()
    with pytest.raises(LinkError, match="closed on this side while listing nodes"):
        await asyncio.wait_for(task, 1)
    release.set()
    with pytest.raises(LinkError, match="closed on this side"):
        await link.get(NODES, LIST, deadline=5)


# --------------------------------------------------------------------------------------------------- logs


async def test_log_is_followed_until_the_end(kube: FakeKube, link: ApiLink) -> None:
    more = threading.Event()

    def log(handler: Handler) -> None:
        with handler.chunked("text/plain") as send:
            send(b"one\n")
            more.wait(10)
            send(b"two\n\xff")

    kube.routes["GET", POD_LOG] = log
    seen = []
    async for chunk in link.stream_log(POD_LOG, LOG, query={"follow": "true", "container": "gateway"}):
        seen.append(chunk)
        more.set()
    assert seen == [b"one\n", b"two\n\xff"]
    assert kube.requests[0].query == {"follow": "true", "container": "gateway"}


async def test_slow_reader_holds_the_log_back_and_closing_ends_it(kube: FakeKube, link: ApiLink) -> None:
    sent, ended = [0], threading.Event()

    def flood(handler: Handler) -> None:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        try:
            with handler.chunked("text/plain") as send:
                while sent[0] < 500_000_000:
                    sent[0] += send(b"x" * 65_536)
        except OSError:
            pass
        ended.set()

    kube.routes["GET", POD_LOG] = flood
    stream = link.stream_log(POD_LOG, LOG, query={"follow": "true"})
    assert len(await anext(stream)) <= 65_536
    await asyncio.sleep(0.5)
    assert sent[0] < 40_000_000, "a reader that stands still must stop the sender"
    await stream.aclose()  # type: ignore[attr-defined]
    assert await asyncio.to_thread(ended.wait, 5)
    log_threads = [thread for thread in threading.enumerate() if thread.name.startswith("log ")]
    for thread in log_threads:
        await asyncio.to_thread(thread.join, 1)
        assert not thread.is_alive()


async def test_log_refused_and_broken_off(kube: FakeKube, link: ApiLink) -> None:
    with pytest.raises(LinkError) as caught:
        await anext(link.stream_log(POD_LOG, LOG, query={}))
    assert caught.value.unknown.reason is Reason.MISSING

    def broken(handler: Handler) -> None:
        with handler.chunked("text/plain") as send:
            send(b"one\n")
            time.sleep(0.1)
            kube.cut()

    kube.routes["GET", POD_LOG] = broken
    stream = link.stream_log(POD_LOG, LOG, query={"follow": "true"})
    assert await anext(stream) == b"one\n"
    with pytest.raises(LinkError) as caught:
        await anext(stream)
    assert caught.value.unknown.reason is Reason.UNREACHABLE


# ------------------------------------------------------------------------------------------------- writes


async def test_writer_sends_what_it_should(kube: FakeKube, link: ApiLink) -> None:
    for method, path in (("PATCH", CONFIGMAP), ("POST", NODES), ("DELETE", CONFIGMAP)):
        kube.routes[method, path] = lambda handler: handler.answer(200, {"method": handler.command})
    writer = ApiWriter(link.connection)
    patch = Access("patch", "", "configmaps", "", "kubeedge")
    merge = "application/merge-patch+json"
    await writer.patch(CONFIGMAP, patch, b'{"a": 1}', merge, deadline=5, dry_run=True)
    await writer.patch(CONFIGMAP, patch, b'{"a": 1}', merge, deadline=5)
    await writer.create(NODES, Access("create", "", "nodes"), b"{}", deadline=5)
    delete = Access("delete", "", "configmaps", "", "kubeedge")
    await writer.delete(CONFIGMAP, delete, deadline=5, precondition_uid="u-1")
    dry, patched, created, deleted = kube.requests
    assert dry.query == {"fieldManager": "kedge-tui", "dryRun": "All"}
    assert patched.query == {"fieldManager": "kedge-tui"}
    assert (patched.headers["Content-Type"], patched.body) == (merge, b'{"a": 1}')
    assert (created.method, created.headers["Content-Type"]) == ("POST", "application/json")
    assert json.loads(deleted.body)["preconditions"] == {"uid": "u-1"}
    with pytest.raises(ValueError, match="content type"):
        await writer.patch(CONFIGMAP, patch, b"{}", "application/json", deadline=5)


async def test_write_that_times_out_is_not_repeated_and_says_that_its_outcome_is_open(
    kube: FakeKube, link: ApiLink
) -> None:
    release = threading.Event()
    kube.routes["PATCH", CONFIGMAP] = lambda handler: (release.wait(20), handler.answer(200, {}))[-1]
    patch = Access("patch", "", "configmaps", "", "kubeedge")
    with pytest.raises(LinkError, match="whether the change was made is not known") as caught:
        await ApiWriter(link.connection).patch(CONFIGMAP, patch, b"{}", "application/merge-patch+json", deadline=0.3)
    assert caught.value.unknown.reason is Reason.TIMED_OUT
    assert "changing configmaps cloudcore in namespace kubeedge" in str(caught.value)
    release.set()
    assert len(kube.requests) == 1


# ------------------------------------------------------------------------------------- who asks, start-up


async def test_client_certificate(tmp_path: Path, pools: Pools) -> None:
    kube = FakeKube(tmp_path, client_certificates=True)
    kube.start()
    client = pki()["client"]
    data = {"client-certificate-data": inline(client.certificate), "client-key-data": inline(client.key)}
    config = write_kubeconfig(tmp_path / "config", kube.url, **data)
    link = await connect_kube(KubeSettings(kubeconfig=str(config)), pools)
    assert (await link.get(NODES, LIST, deadline=5)).status == 200
    await link.close()
    kube.stop()


async def test_basic_password(kube: FakeKube, tmp_path: Path, pools: Pools) -> None:
    config = write_kubeconfig(tmp_path / "config", kube.url, username="u", password="p")
    kube.tokens.add("Basic dTpw")
    link = await connect_kube(KubeSettings(kubeconfig=str(config)), pools)
    assert (await link.get(NODES, LIST, deadline=5)).status == 200


async def test_impersonation(kube: FakeKube, tmp_path: Path, pools: Pools) -> None:
    link = await connect(kube.url, tmp_path, pools, as_user="viewer", as_groups=("a", "b"), as_uid="7")
    await link.get(NODES, LIST, deadline=5)
    headers = kube.requests[0].headers
    assert headers["Impersonate-User"] == "viewer"
    assert headers.get_all("Impersonate-Group") == ["a", "b"]
    assert headers["Impersonate-Uid"] == "7"


async def test_environment_proxy_is_used_and_named_hosts_are_excepted(
    kube: FakeKube, tmp_path: Path, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = taken.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dead}")
    link = await connect(kube.url, tmp_path, pools)
    assert (await link.get(NODES, LIST, deadline=5)).status == 200, "loopback is never proxied"
    link = await connect("https://192.0.2.1:6443", tmp_path, pools)
    error = await failure(link)
    assert error.unknown.reason is Reason.UNREACHABLE
    assert f"https://192.0.2.1:6443 (through proxy 127.0.0.1:{dead})" in str(error)


@contextmanager
def connect_proxy() -> Iterator[tuple[int, list[str]]]:
    """A CONNECT proxy; what it was sent first, by connection."""
    seen: list[str] = []

    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b"".join(iter(self.rfile.readline, b"\r\n")).decode()
            seen.append(head)
            host, _, port = head.split()[1].rpartition(":")
            with socket.create_connection((host, int(port))) as upstream:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                self._pump(upstream)

        def _pump(self, upstream: socket.socket) -> None:
            other = {self.connection: upstream, upstream: self.connection}
            while True:
                for ready in select.select(list(other), [], [], 10)[0]:
                    data = ready.recv(65_536)
                    if not data:
                        return
                    other[ready].sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1], seen
        server.shutdown()


async def test_proxy_of_the_cluster_with_a_login(kube: FakeKube, tmp_path: Path, pools: Pools) -> None:
    with connect_proxy() as (port, seen):
        config = json.loads(write_kubeconfig(tmp_path / "config", kube.url).read_text())
        config["clusters"][0]["cluster"]["proxy-url"] = f"http://me:p%40ss@127.0.0.1:{port}"
        (tmp_path / "config").write_text(json.dumps(config))
        link = await connect_kube(KubeSettings(kubeconfig=str(tmp_path / "config")), pools)
        assert (await link.get(NODES, LIST, deadline=5)).status == 200
        (head,) = seen
        assert head.startswith(f"CONNECT 127.0.0.1:{kube.port} ")
        assert base64.b64encode(b"me:p@ss").decode() in head
        kube.routes["GET", NODES] = lambda handler: handler.answer(500, {})
        error = await failure(link)
        assert f"(through proxy 127.0.0.1:{port})" in str(error)
        assert "p%40ss" not in str(error)
        with pytest.raises(LinkError, match="through proxy"):  # the fake serves no WebSocket, but is reached
            await link.exec("factory", "line-1", "gateway", ["true"], deadline=5)
        assert len(seen) == 2
        assert base64.b64encode(b"me:p@ss").decode() in seen[1]
        await link.close()


async def test_compressed_answers_are_asked_for_and_read(kube: FakeKube, link: ApiLink) -> None:
    def compressed(handler: Handler) -> None:
        assert handler.headers["Accept-Encoding"] == "gzip"
        handler.answer(200, gzip.compress(b"x" * 200_000), {"Content-Encoding": "gzip"})

    kube.routes["GET", NODES] = compressed
    assert (await link.get(NODES, LIST, deadline=5)).body == b"x" * 200_000
    capped = await link.get(NODES, LIST, deadline=5, cap=1000)
    assert (capped.body, capped.cut) == (b"x" * 1000, True)


def test_importing_the_link_imports_no_client_library() -> None:
    code = (
        "import sys, kedge.links.kube, kedge.links.kube_writer, kedge.links.kubeconfig\n"
        "print([name for name in ('kubernetes', 'urllib3', 'websocket') "
        "if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert shown.stdout.strip() == "[]"


async def test_no_such_context(kube: FakeKube, tmp_path: Path, pools: Pools) -> None:
    with pytest.raises(ConfigError, match=r"no such context nope in .*; there are: test"):
        await connect(kube.url, tmp_path, pools, context="nope")


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        ("Sun, 22 Nov 2026 09:08:30 GMT", datetime(2026, 11, 22, 9, 8, 30, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
    ],
)
def test_date_header(header: str, seen: datetime | None) -> None:
    assert parse_date(header) == seen
