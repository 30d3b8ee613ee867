"""Recordings of any site in the known layout are read; what is broken is named with its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kedge.asks import Api, File, PodExec, PodLog, Service, Tcp
from kedge.model import Reason
from kedge.recording import Recording, RecordingError, open_recording


def write(folder: Path, **files: Any) -> Path:
    """A recording made of these files; ``api_nodes`` is api/nodes.json, ``host_x`` is host-x.json."""
    (folder / "api").mkdir()
    for name, content in files.items():
        kind, _sep, rest = name.partition("_")
        path = folder / "api" / f"{rest}.json" if kind == "api" else folder / f"{kind}-{rest}.json"
        (path if rest else folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def row(cmd: str, out: str = "", rc: int = 0, err: str = "", seconds: float = 0.5) -> dict[str, Any]:
    """One recorded command."""
    return {"cmd": cmd, "rc": rc, "out": out, "err": err, "seconds": seconds}


async def ask(recorded: Recording, host: str, what: Any) -> Any:
    """The answer of a recorded host, or of Kubernetes."""
    source = recorded.kubernetes if host == "kubernetes" else recorded.hosts[host]
    return (await source.observe([what], deadline=1))[0]


async def test_a_host_with_any_name_and_any_way_of_asking(tmp_path: Path) -> None:
    rows = [
        row("date -u +%s", "1795340728\n"),
        row("sudo -n cat /opt/edge/edgecore.yaml", "modules:\n  token: secret\n"),
        row("echo | timeout 4 telnet cloud 30004", "Connected to cloud."),
        row("LC_ALL=C systemctl show -p MainPID edgecore.service", "MainPID=7\n"),
    ]
    recorded = open_recording(write(tmp_path, **{"host_press-4": rows}))
    seen = await ask(recorded, "press-4", File("/opt/edge/edgecore.yaml"))
    assert seen.stdout == 'modules:\n  token: "***"\n'
    assert seen.at.timestamp() == 1795340728.5
    assert (await ask(recorded, "press-4", Tcp("cloud", 30004))).exit_code == 0
    assert (await ask(recorded, "press-4", Service("edgecore"))).stdout == "MainPID=7\n"


async def test_the_most_informative_of_several_answers_wins(tmp_path: Path) -> None:
    rows = [
        row("systemctl is-active edgecore", "active\n"),
        row("systemctl show edgecore -p MainPID,SubState", "MainPID=7\nSubState=running\n"),
        row("systemctl status edgecore", "", 4, "Unit edgecore.service could not be found, whatever that means here"),
    ]
    recorded = open_recording(write(tmp_path, host_edge1=rows))
    assert "SubState" in (await ask(recorded, "edge1", Service("edgecore"))).stdout


async def test_what_was_not_recorded_is_unknown(tmp_path: Path) -> None:
    recorded = open_recording(write(tmp_path, host_edge1=[row("hostname", "edge1\n")]))
    assert (await ask(recorded, "edge1", File("/etc/x"))).error.reason is Reason.NOT_RECORDED


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('Error from server (NotFound): apiservices "x" not found', Reason.MISSING),
        ('Error from server (Forbidden): nodes is forbidden: User "x" cannot list', Reason.DENIED),
        ("error: You must be logged in to the server (Unauthorized)", Reason.CREDENTIALS),
        ("Unable to connect to the server: context deadline exceeded", Reason.TIMED_OUT),
        ("The connection to the server 1.2.3.4:6443 was refused - connection refused", Reason.UNREACHABLE),
        ("Error from server (ServiceUnavailable): the server is currently unable", Reason.SERVER_ERROR),
    ],
)
async def test_a_failed_get_keeps_its_typed_reason(tmp_path: Path, said: str, reason: Reason) -> None:
    recorded = open_recording(write(tmp_path, api_nodes={"_raw": "", "_stderr": said, "_rc": 1}))
    assert (await ask(recorded, "kubernetes", Api("/api/v1/nodes"))).error.reason is reason


POD = {
    "metadata": {"name": "gw-1", "namespace": "factory", "labels": {"app": "gw"}},
    "spec": {"containers": [{"name": "gateway"}, {"name": "sidecar"}]},
    "status": {"phase": "Running"},
}


async def test_kubectl_logs_find_their_container(tmp_path: Path) -> None:
    recorded = open_recording(
        write(
            tmp_path,
            api_pods={"kind": "PodList", "items": [POD]},
            kubectl=[
                row("kubectl --request-timeout=9s logs gw-1 -n factory --tail 3", "line\n"),
                row("kubectl -n factory exec gw-1 -c sidecar -- hostname", "edge1\n"),
                row("kubectl logs -n factory -l app=gw --previous", "", 1, "Error from server (BadRequest): no"),
            ],
        )
    )
    assert (await ask(recorded, "kubernetes", PodLog("factory", "gw-1", "gateway"))).stdout == "line\n"
    assert (await ask(recorded, "kubernetes", PodExec("factory", "gw-1", "sidecar"))).stdout == "edge1\n"
    assert (await ask(recorded, "kubernetes", PodLog("factory", "gw-1", "sidecar", previous=True))).exit_code == 1


async def test_the_copy_with_managed_fields_is_the_fuller_one(tmp_path: Path) -> None:
    plain = {"metadata": {"name": "cloudcore", "namespace": "kubeedge"}}
    fuller = {"kind": "ConfigMap", "metadata": {**plain["metadata"], "managedFields": [{"manager": "kubectl"}]}}
    listed = {"kind": "ConfigMapList", "items": [plain]}
    recorded = open_recording(
        write(tmp_path, **{"api_configmaps-kubeedge": listed, "api_configmap-cloudcore-managed": fuller})
    )
    seen = await ask(recorded, "kubernetes", Api("/api/v1/namespaces/kubeedge/configmaps"))
    assert "managedFields" in seen.stdout


def test_an_empty_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no recording"):
        open_recording(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is not a folder"):
        open_recording(tmp_path / "none")


def test_a_folder_of_which_nothing_can_be_read_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, host_edge1=[])
    (tmp_path / "host-edge1.json").write_text("[{")
    with pytest.raises(RecordingError, match=r"host-edge1\.json is not valid JSON"):
        open_recording(tmp_path)


async def test_a_broken_file_takes_nothing_away_but_itself(tmp_path: Path) -> None:
    write(tmp_path, host_edge1=[], host_edge2=[row("hostname", "edge2\n"), "no row"], api_nodes={}, api_leases={})
    (tmp_path / "host-edge1.json").write_text("[{")
    (tmp_path / "api" / "nodes.json").write_bytes(b"\xff\xfe")
    (tmp_path / "kubectl.json").write_text("{}")
    recorded = open_recording(tmp_path)
    for host, what, named in (
        ("edge1", Service("edgecore"), "host-edge1.json"),
        ("kubernetes", Api("/api/v1/nodes"), "nodes.json"),
        ("kubernetes", Api("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"), "leases.json"),
    ):
        error = (await ask(recorded, host, what)).error
        assert error.reason is Reason.NOT_RECORDED
        assert named in str(error.text)
    assert len(recorded.problems) == 3
    assert (await ask(recorded, "edge2", Service("edgecore"))).error.reason is Reason.NOT_RECORDED


@pytest.mark.parametrize("odd", [None, "12", -1, float("nan"), [], {}])
async def test_odd_values_in_a_row_are_no_values(tmp_path: Path, odd: Any) -> None:
    rows = [row("date -u +%s", "99999999999999999"), {"cmd": "cat /etc/x", "rc": odd, "out": odd, "seconds": odd}]
    seen = await ask(open_recording(write(tmp_path, host_edge1=rows)), "edge1", File("/etc/x"))
    assert seen.seconds == 0
