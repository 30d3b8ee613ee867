"""The real kubectl against the practice site prints what it printed on the real site (recordings/*/kubectl.json)."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import faults
from tests.lab.api_server import Api, serve

RECORDINGS = Path(__file__).parents[1] / "recordings"

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serve(tmp_path_factory.mktemp("kubectl")) as running:
        yield running


def recorded(folder: str, start: str) -> dict[str, str]:
    rows = json.loads((RECORDINGS / folder / "kubectl.json").read_text())
    found: dict[str, str] = next(row for row in rows if row["cmd"].startswith(start))
    return found


def columns(table: str) -> list[str]:
    return re.split(r"\s{2,}", table.splitlines()[0].strip())


def masked(text: str) -> str:
    """Without what differs from site to site: pod names, ages, numbers."""
    text = re.sub(r"(line-gateway|cloudcore-\w+|metrics-server-\w+)-\w{5}\b", r"\1-POD", text)
    text = re.sub(r"(cloudcore|metrics-server)-\w{8,10}-POD", r"\1-POD", text)
    return re.sub(r"\b\d+(\.\d+)*(m\d*s?|s|Mi|%|h)?\b", "N", re.sub(r" +", " ", text))


@pytest.mark.parametrize(
    "command", ["get nodes -o wide", "get pods -A -o wide", "get nodes -l node-role.kubernetes.io/edge=", "top node",
                "top pod -A", "get apiservice v1beta1.metrics.k8s.io"],
)  # fmt: skip
def test_tables_are_those_of_the_real_site(api: Api, command: str) -> None:
    real = recorded("healthy", f"kubectl {command}")
    ours = api.kubectl(*command.split())
    assert ours.returncode == 0, ours.stderr
    assert columns(ours.stdout) == columns(real["out"])
    assert [masked(line).split()[0] for line in ours.stdout.splitlines()] == [
        masked(line).split()[0] for line in real["out"].splitlines()
    ]


def test_logs_and_exec(api: Api) -> None:
    pod = api.pod("edge1")
    logs = api.kubectl("logs", "-n", "factory", pod, "--tail=3")
    assert logs.returncode == 0
    assert len(logs.stdout.splitlines()) == 3
    assert logs.stderr == 'Defaulted container "gateway" out of: gateway, sidecar\n'
    assert api.kubectl("exec", "-n", "factory", pod, "--", "hostname").stdout == "edge1\n"
    failed = api.kubectl(
        "exec", "-n", "factory", pod, "-c", "sidecar", "--", "sh", "-c", "echo out; echo err >&2; exit 3"
    )
    assert (failed.returncode, failed.stdout) == (3, "out\n")
    assert failed.stderr == "err\ncommand terminated with exit code 3\n"
    assert (
        "Prepare to start stream server"
        in api.kubectl("logs", "-n", "kubeedge", "-l", "kubeedge=cloudcore", "--tail=-1").stdout
    )


@pytest.mark.parametrize(
    ("fault", "folder"),
    [("edgestream-disabled", "edgestream-disabled"), ("dnat-missing", "dnat-missing-after-reboot"),
     ("cloudstream-disabled", "cloudstream-disabled"), ("edgecore-stopped", "edgecore-stopped")],
)  # fmt: skip
def test_a_fault_shows_as_on_the_real_site(api: Api, fault: str, folder: str) -> None:
    api.do(lambda world: faults.apply(world, fault))
    try:
        pod = api.pod("edge1")
        rows = json.loads((RECORDINGS / folder / "kubectl.json").read_text())
        asked = [row for row in rows if "line-gateway-zxgrr" in row["cmd"]]
        assert len(asked) == 2
        for row in asked:
            command = row["cmd"].replace("line-gateway-zxgrr", pod).split()[1:]
            _wait_for_cloudcore(api, fault)
            ours = api.kubectl(*command)
            assert ours.returncode == row["rc"]
            assert ours.stdout == row["out"]
            assert ours.stderr == row["err"].replace("line-gateway-zxgrr", pod)
    finally:
        api.do(lambda world: faults.clear(world, fault))
        _wait_until_healthy(api)


def _wait_for_cloudcore(api: Api, fault: str) -> None:
    if fault == "cloudstream-disabled":
        _wait(api, lambda world: world.cloudcore is not None and not world.cloudcore.config.stream_enabled)


def _wait_until_healthy(api: Api) -> None:
    _wait(api, lambda world: all(edge.tunnel is not None and edge.hub_connected for edge in world.edges.values()))


def _wait(api: Api, met: object) -> None:
    import time

    deadline = time.monotonic() + 20
    while not api.do(met):  # type: ignore[arg-type]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_metrics_faults_show_as_on_the_real_site(api: Api) -> None:
    api.do(lambda world: faults.apply(world, "apiservice-missing"))
    top = api.kubectl("top", "node")
    assert (top.returncode, top.stderr) == (1, recorded("apiservice-missing", "kubectl top node")["err"])
    gone = api.kubectl("get", "apiservice", "v1beta1.metrics.k8s.io")
    assert gone.stderr == recorded("apiservice-missing", "kubectl get apiservice")["err"]
    api.do(lambda world: faults.clear(world, "apiservice-missing"))
    api.do(lambda world: faults.apply(world, "metrics-image-missing"))
    try:
        _wait(api, lambda world: not world.services.metrics_available())
        assert api.kubectl("top", "node").stderr == "error: Metrics API not available\n"
        shown = api.kubectl("get", "apiservice", "v1beta1.metrics.k8s.io").stdout
        assert "False (MissingEndpoints)" in shown
    finally:
        api.do(lambda world: faults.clear(world, "metrics-image-missing"))
        _wait(api, lambda world: world.services.metrics_available())


def test_rollouts_end_or_get_stuck_as_on_the_real_site(api: Api) -> None:
    restarted = api.kubectl("rollout", "restart", "deployment/metrics-server", "-n", "kube-system")
    assert restarted.stdout == "deployment.apps/metrics-server restarted\n"
    ended = api.kubectl("rollout", "status", "deployment/metrics-server", "-n", "kube-system", "--timeout=20s")
    assert 'deployment "metrics-server" successfully rolled out' in ended.stdout
    api.kubectl("rollout", "restart", "deployment/cloudcore", "-n", "kubeedge")
    stuck = api.kubectl("rollout", "status", "deployment/cloudcore", "-n", "kubeedge", "--timeout=2s")
    assert (stuck.returncode, stuck.stderr) == (1, "error: timed out waiting for the condition\n")
    described = api.kubectl("describe", "pod", "-n", "kubeedge", "-l", "kubeedge=cloudcore").stdout
    assert "1 node(s) didn't have free ports for the requested pod ports" in described
    for replicas in ("0", "1"):
        scaled = api.kubectl("scale", "deployment/cloudcore", "-n", "kubeedge", f"--replicas={replicas}")
        assert scaled.stdout == "deployment.apps/cloudcore scaled\n"
    done = api.kubectl("rollout", "status", "deployment/cloudcore", "-n", "kubeedge", "--timeout=20s")
    assert 'deployment "cloudcore" successfully rolled out' in done.stdout


def test_patch_apply_and_delete(api: Api) -> None:
    patched = api.kubectl(
        "patch", "configmap", "cloudcore", "-n", "kubeedge", "--type=merge", "-p", '{"data":{"note":"x"}}'
    )
    assert patched.stdout == "configmap/cloudcore patched\n"
    annotated = api.kubectl("annotate", "deployment", "metrics-server", "-n", "kube-system", "kedge=1")
    assert annotated.stdout == "deployment.apps/metrics-server annotated\n"
    manifest = api.folder / "pod.yaml"
    manifest.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: probe, namespace: default}\n"
        "spec: {nodeName: edge1, containers: [{name: main, image: 'nginx:latest', imagePullPolicy: IfNotPresent}]}\n"
    )
    made = api.kubectl("create", "--validate=false", "-f", str(manifest))
    assert made.stdout == "pod/probe created\n", made.stderr
    waited = api.kubectl("wait", "pod/probe", "--for=condition=Ready", "--timeout=10s")
    assert waited.stdout == "pod/probe condition met\n", waited.stderr
    assert api.kubectl("exec", "probe", "--", "hostname").stdout == "probe\n"
    assert api.kubectl("delete", "pod", "probe", "--timeout=10s").stdout == 'pod "probe" deleted\n'
    assert api.kubectl("get", "pod", "probe").returncode == 1


def test_a_limited_user_is_told_what_is_missing(api: Api) -> None:
    refused = api.kubectl("get", "nodes", token="limited-token")
    assert refused.stderr == (
        'Error from server (Forbidden): nodes is forbidden: User "limited" cannot list resource "nodes" in API group '
        '"" at the cluster scope\n'
    )


def test_kubectl_learns_what_it_may_do(api: Api) -> None:
    yes = api.kubectl("auth", "can-i", "get", "pods/log", "-n", "factory")
    assert (yes.returncode, yes.stdout) == (0, "yes\n"), yes.stderr
    no = api.kubectl("auth", "can-i", "patch", "configmaps", "-n", "kubeedge", token="limited-token")
    assert (no.returncode, no.stdout) == (1, "no\n")
    assert "oncall" in api.kubectl("auth", "whoami").stdout
