"""Credential plugins and token files: run closed off from the terminal, renewed when due, never shown."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kedge.links.base import Access
from kedge.links.kube import KubeSettings, connect_kube
from kedge.links.kube_credentials import TokenFile, source_of
from kedge.links.kubeconfig import Target, find_target
from kedge.links.pools import Pools
from kedge.model import LinkError, Reason
from tests.unit.fake_kube import NODES, TOKEN, FakeKube, pki, write_kubeconfig

LIST = Access("list", "", "nodes")
API = "client.authentication.k8s.io/v1"


def plugin(directory: Path, script: str) -> Path:
    path = directory / "plugin"
    path.write_text(f"#!/bin/sh\necho run >> {directory}/runs\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def answer(**status: Any) -> str:
    body = json.dumps({"apiVersion": API, "kind": "ExecCredential", "status": status})
    return f"cat <<'END'\n{body}\nEND"


def runs(directory: Path) -> int:
    return len((directory / "runs").read_text().splitlines())


def target_of(directory: Path, server: str = "https://127.0.0.1:1", **spec: Any) -> Target:
    spec = {"apiVersion": API, "command": "./plugin", **spec}
    config = write_kubeconfig(directory / "config", server, exec=spec)
    return find_target(KubeSettings(kubeconfig=str(config)), {})


def fails(target: Target, says: str, timeout: float = 5.0) -> None:
    source = source_of(target, timeout)
    assert source is not None
    with pytest.raises(LinkError, match=says) as caught:
        source.current()
    assert caught.value.unknown.reason is Reason.CREDENTIALS
    assert "of user tester failed" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.fixture
def pools() -> Iterator[Pools]:
    pools = Pools()
    yield pools
    pools.close()


def test_answer_is_kept_until_it_expires(tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    plugin(tmp_path, answer(token="a", expirationTimestamp=soon))
    source = source_of(target_of(tmp_path), 5)
    assert source is not None
    assert source.current().token == "a"
    plugin(tmp_path, answer(token="b", expirationTimestamp=later))
    assert source.current().token == "b", "renewed before it expires"
    kept = source.current()
    assert (kept.token, runs(tmp_path)) == ("b", 2)
    assert "b" not in repr(kept).replace("Credential", "").partition("expires")[0]
    assert source.reject(kept)
    source.current()
    assert runs(tmp_path) == 3


def test_environment_stdin_and_cluster_info(tmp_path: Path) -> None:
    plugin(
        tmp_path,
        f'env > {tmp_path}/env; echo "$@" > {tmp_path}/args; cat > {tmp_path}/stdin; [ -t 0 ] && exit 9\n'
        + answer(token="a"),
    )
    spec = {"args": ["get token", "-x"], "env": [{"name": "PLUGIN_REGION", "value": "eu"}], "provideClusterInfo": True}
    source = source_of(target_of(tmp_path, **spec), 5)
    assert source is not None
    source.current()
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    info = json.loads(seen["KUBERNETES_EXEC_INFO"])
    assert (info["apiVersion"], info["kind"], info["spec"]["interactive"]) == (API, "ExecCredential", False)
    assert info["spec"]["cluster"]["server"] == "https://127.0.0.1:1"
    assert "certificate-authority-data" in info["spec"]["cluster"]
    assert seen["PLUGIN_REGION"] == "eu"
    assert (tmp_path / "args").read_text() == "get token -x\n"
    assert (tmp_path / "stdin").read_text() == ""


def test_failures_say_what_the_plugin_said_without_secrets(tmp_path: Path) -> None:
    plugin(tmp_path, 'echo "login first; token: s3cr3t" >&2; exit 7')
    fails(target_of(tmp_path), "ended with exit code 7: login first; token: <masked>")
    plugin(tmp_path, 'echo \'{"status": {"token2": "s3cr3t"}}\'')
    fails(target_of(tmp_path), "neither a token nor a client certificate")
    plugin(tmp_path, "echo s3cr3t")
    fails(target_of(tmp_path), "its answer is no ExecCredential")
    plugin(tmp_path, answer(token="s3cr3t", expirationTimestamp="tomorrow"))
    fails(target_of(tmp_path), "its answer is no ExecCredential")
    plugin(tmp_path, answer(token="s3cr3t", expirationTimestamp="2026-01-01T00:00:00"))
    fails(target_of(tmp_path), "has no time zone")


def test_plugins_that_cannot_run(tmp_path: Path) -> None:
    hint = {"installHint": "Install it from the intranet."}
    fails(target_of(tmp_path, command="no-such-plugin-here", **hint), "no such program on PATH. Install it from")
    fails(target_of(tmp_path, command="./absent"), "No such file or directory")
    plugin(tmp_path, answer(token="a"))
    fails(target_of(tmp_path, interactiveMode="Always"), "insists on a terminal .*; log in with kubectl first")
    assert not (tmp_path / "runs").exists()


def test_plugin_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    plugin(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; wait")
    began = time.monotonic()
    fails(target_of(tmp_path), r"no answer within 0\.5 s and was stopped", timeout=0.5)
    assert time.monotonic() - began < 5
    child = int((tmp_path / "child").read_text())
    while lives(child):  # a signal is on its way; the machine may be busy
        assert time.monotonic() - began < 30, "the child of a plugin that was stopped lives on"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """A process whose parent is gone may leave its entry until somebody takes note."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text() if Path("/proc").exists() else ""
    except (ProcessLookupError, FileNotFoundError):
        return False
    return not stat or stat.rpartition(")")[2].split()[0] != "Z"


async def test_refused_token_is_renewed_once(tmp_path: Path, pools: Pools) -> None:
    kube = FakeKube(tmp_path)
    kube.start()
    plugin(
        tmp_path,
        f'if [ "$(wc -l < {tmp_path}/runs)" = 1 ]; then {answer(token="stale")}\nelse {answer(token=TOKEN)}\nfi',
    )
    target_of(tmp_path, kube.url)
    link = await connect_kube(KubeSettings(kubeconfig=str(tmp_path / "config")), pools)
    assert not (tmp_path / "runs").exists(), "connecting runs nothing"
    assert (await link.get(NODES, LIST, deadline=10)).status == 200
    assert [r.headers["Authorization"] for r in kube.requests] == ["Bearer stale", f"Bearer {TOKEN}"]
    kube.tokens.clear()
    with pytest.raises(LinkError) as caught:
        await link.get(NODES, LIST, deadline=10)
    assert caught.value.unknown.reason is Reason.CREDENTIALS
    assert TOKEN not in str(caught.value)
    assert (len(kube.requests), runs(tmp_path)) == (4, 3)
    await link.close()
    kube.stop()


async def test_client_certificate_from_a_plugin(tmp_path: Path, pools: Pools) -> None:
    kube = FakeKube(tmp_path, client_certificates=True)
    kube.start()
    client = pki()["client"]
    data = {"clientCertificateData": client.certificate.decode(), "clientKeyData": client.key.decode()}
    plugin(tmp_path, answer(**data))
    target_of(tmp_path, kube.url)
    link = await connect_kube(KubeSettings(kubeconfig=str(tmp_path / "config")), pools)
    for _number in range(3):
        assert (await link.get(NODES, LIST, deadline=10)).status == 200
    assert runs(tmp_path) == 1
    await link.close()
    kube.stop()


async def test_certificate_from_a_plugin_that_does_not_load(tmp_path: Path, pools: Pools) -> None:
    plugin(tmp_path, answer(clientCertificateData=pki()["client"].certificate.decode(), clientKeyData="no key"))
    target_of(tmp_path)
    link = await connect_kube(KubeSettings(kubeconfig=str(tmp_path / "config")), pools)
    with pytest.raises(LinkError, match="client-certificate / client-key of cluster test and user tester") as caught:
        await link.get(NODES, LIST, deadline=10)
    assert caught.value.unknown.reason is Reason.CREDENTIALS


async def test_deadline_of_a_call_passes_while_the_plugin_runs_and_its_answer_is_kept(
    tmp_path: Path, pools: Pools
) -> None:
    kube = FakeKube(tmp_path)
    kube.start()
    plugin(tmp_path, f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\n{answer(token=TOKEN)}")
    target_of(tmp_path, kube.url)
    link = await connect_kube(KubeSettings(kubeconfig=str(tmp_path / "config")), pools)
    with pytest.raises(LinkError, match=r"timed out after 0\.3 s while asking the credential plugin \./plugin"):
        await link.get(NODES, LIST, deadline=0.3)
    (tmp_path / "go").touch()
    assert (await link.get(NODES, LIST, deadline=10)).status == 200
    assert runs(tmp_path) == 1
    await link.close()
    kube.stop()


def test_token_file_is_read_again_when_the_server_refuses_it(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    source = TokenFile(path)
    first = source.current()
    assert first.token == "first"
    assert not source.reject(first), "the same token again would be refused again"
    path.write_text("second\n")
    assert source.current().token == "first", "not read for every request"
    assert source.reject(first)
    assert source.current().token == "second"
    path.unlink()
    with pytest.raises(LinkError, match="token cannot be read: No such file"):
        source.reject(first)
