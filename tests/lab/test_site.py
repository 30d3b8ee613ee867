"""The practice site as a whole: quick to start, true to its faults, and gone without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
import yaml

from lab.background import run_in_thread
from lab.site import LabError, LabSite
from lab.truth import Cause, causes
from lab.world_network import Reach

LIMIT = 3.0
"""Seconds within which a site must be usable."""


def connect_state(port: int) -> str:
    """What a TCP connect meets: open, refused or filtered."""
    with socket.socket() as client:
        client.settimeout(0.5)
        try:
            client.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "filtered"
        return "open"


async def shell(lab: LabSite, host: str, command: str) -> asyncssh.SSHCompletedProcess:
    options = {"known_hosts": str(lab.files.known_hosts), "client_keys": [str(lab.files.identity)], "config": None}
    async with asyncssh.connect("127.0.0.1", lab.hosts[host].port, username="root", **options) as connection:
        return await connection.run(command)


async def test_a_site_starts_within_three_seconds_and_leaves_nothing() -> None:
    before = {task for task in asyncio.all_tasks() if not task.done()}
    started = time.monotonic()
    async with LabSite(edges=2) as lab:
        assert (await shell(lab, "edge2", "hostname")).stdout == "edge2\n"
        assert time.monotonic() - started < LIMIT
        folder = lab.dir
        ports = [lab.world.ports.api, lab.world.ports.tunnel, lab.hosts["edge1"].port]
        assert [await asyncio.to_thread(connect_state, port) for port in ports] == ["open"] * 3
        assert causes(lab.world) == frozenset()
    assert not folder.exists()
    assert [await asyncio.to_thread(connect_state, port) for port in ports] == ["refused"] * 3
    assert {task for task in asyncio.all_tasks() if not task.done()} == before


async def test_a_hundred_hosts_start_in_time_and_answer_at_once() -> None:
    started = time.process_time()  # of this process alone: other tests may keep the machine busy
    async with LabSite(edges=99) as lab:
        assert time.process_time() - started < LIMIT
        answers = await asyncio.gather(*(shell(lab, name, "hostname") for name in lab.hosts))
        assert [answer.stdout for answer in answers] == [f"{name}\n" for name in lab.hosts]


async def test_processes_of_a_session_end_with_the_site() -> None:
    mark = "47.0815"
    async with LabSite(edges=1) as lab:
        options = {"known_hosts": str(lab.files.known_hosts), "client_keys": [str(lab.files.identity)], "config": None}
        async with asyncssh.connect("127.0.0.1", lab.hosts["edge1"].port, username="root", **options) as connection:
            process = await connection.create_process(f"echo up; timeout 60 sleep {mark}")
            assert await process.stdout.readline() == "up\n"
    assert f"sleep {mark}" not in await asyncio.to_thread(processes)


def processes() -> str:
    return subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout


async def test_a_fault_from_the_start_changes_the_real_file() -> None:
    async with LabSite(edges=3, faults=["edgestream-disabled:edge2"]) as lab:
        text = (lab.hosts["edge2"].tree / "/etc/kubeedge/config/edgecore.yaml").read_text()
        assert "    enable: false # switched on by the line team" in text
        assert "/etc/kubeedge/certs/server.crt" in text
        assert causes(lab.world) == {Cause("KE206", "edge2")}
        assert lab.active_faults() == ["edgestream-disabled:edge2"]


async def test_a_repair_by_hand_over_ssh_heals_the_site() -> None:
    async with LabSite(edges=1, faults=["edgestream-disabled"]) as lab:
        path = lab.hosts["edge1"].tree / "/etc/kubeedge/config/edgecore.yaml"
        done = await shell(
            lab, "edge1",
            f"sed -i '/edgeStream:/,/enable:/ s/enable: false/enable: true/' {path} && systemctl restart edgecore",
        )  # fmt: skip
        assert done.exit_status == 0
        await lab.settle()
        assert causes(lab.world) == frozenset()
        established = (await shell(lab, "edge1", "ss -tn state established")).stdout
        assert f"127.0.0.1:{lab.world.ports.tunnel}" in str(established)


@pytest.mark.parametrize(
    ("fault", "name", "state"),
    [
        ("tunnel-port-blocked", "tunnel", "filtered"),
        ("tunnel-port-refused", "tunnel", "refused"),
        ("cloudstream-disabled", "stream", "refused"),
        ("cloudcore-down", "hub", "refused"),
        ("api-down", "api", "refused"),
    ],
)
async def test_faults_show_on_real_ports_and_go_again(fault: str, name: str, state: str) -> None:
    async with LabSite(edges=1) as lab:
        port = getattr(lab.world.ports, name)
        await lab.set_fault(fault, True)
        await until(lambda: connect_state(port) == state)
        await lab.set_fault(fault, False)
        await until(lambda: connect_state(port) == "open")


async def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for something that a pod's start or a retry brings about; fails after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110  # the world tells nobody outside
            await asyncio.sleep(0.05)


async def test_an_offline_edge_hangs_and_an_unreachable_host_refuses() -> None:
    async with LabSite(edges=2) as lab:
        await lab.set_fault("host-unreachable", True, edge="edge1")
        await lab.set_fault("edge-offline", True, edge="edge2")
        assert await asyncio.to_thread(connect_state, lab.hosts["edge1"].port) == "refused"
        assert await asyncio.to_thread(connect_state, lab.hosts["edge2"].port) == "filtered"
        assert lab.world.edges["edge1"].tunnel is not None, "only SSH is gone"
        await lab.set_fault("host-unreachable", False, edge="edge1")
        await lab.set_fault("edge-offline", False, edge="edge2")
        for name in ("edge1", "edge2"):
            assert (await shell(lab, name, "hostname")).stdout == f"{name}\n"


async def test_a_moved_stream_port_is_served_where_the_configuration_says() -> None:
    from lab.objects import CONFIGMAPS

    async with LabSite(edges=1) as lab:
        with socket.socket() as spare:
            spare.bind(("127.0.0.1", 0))
            moved = spare.getsockname()[1]
        old = lab.world.ports.stream
        lab.world.store.change(
            CONFIGMAPS, "kubeedge", "cloudcore",
            lambda draft: draft["data"].update({
                "cloudcore.yaml": draft["data"]["cloudcore.yaml"].replace(f"streamPort: {old}", f"streamPort: {moved}"),
            }),
            "kubectl-edit",
        )  # fmt: skip
        await lab.set_fault("cloudcore-down", True)
        await until(lambda: connect_state(old) == "refused")
        await lab.set_fault("cloudcore-down", False)
        await until(lambda: connect_state(moved) == "open")
        assert connect_state(old) == "refused"
        assert {w.port: w.state for w in lab.world.want_listeners()}[moved] is Reach.OPEN


async def test_the_written_files_are_private_and_name_what_exists() -> None:
    async with LabSite(edges=2) as lab:
        for path in (lab.kubeconfig, lab.files.identity, lab.dir / "control.json"):
            assert path.stat().st_mode & 0o077 == 0, path
        site = yaml.safe_load(lab.config_file.read_text())["sites"]["lab"]
        assert [host["match"] for host in site["hosts"]] == ["cloud1", "edge1", "edge2"]
        assert "edgecore.yaml" in os.listdir(site["hosts"][1]["paths"]["edgecoreConfig"].rpartition("/")[0])
        assert "iptables-metrics-setup.sh" in os.listdir(f"{site['bundle']}/manifests")
        cluster = yaml.safe_load(lab.kubeconfig.read_text())["clusters"][0]["cluster"]
        assert cluster["server"] == f"https://127.0.0.1:{lab.world.ports.api}"


async def test_wrong_names_are_answered_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no fault edgestream-disable\. Did you mean edgestream-disabled"):
        async with LabSite(faults=["edgestream-disable"]):
            pass
    with pytest.raises(LabError, match="There is no edge edge7"):
        async with LabSite(faults=["edgecore-stopped:edge7"]):
            pass
    (tmp_path / "something").touch()
    with pytest.raises(LabError, match="is not empty"):
        async with LabSite(folder=tmp_path):
            pass
    assert (tmp_path / "something").exists()


def test_a_site_on_a_thread_serves_programs_without_a_loop() -> None:
    threads = threading.active_count()
    with run_in_thread(edges=1) as lab:
        folder = lab.dir
        lab.set_fault("edgecore-stopped", True, edge="edge1")
        assert lab.call(causes) == {Cause("KE204", "edge1")}
        lab.stop_api()
        assert connect_state(lab.world.ports.api) == "refused"
        lab.start_api()
        assert connect_state(lab.world.ports.api) == "open"
    assert not folder.exists()
    assert threading.active_count() == threads


def test_a_thread_that_cannot_start_says_why() -> None:
    with pytest.raises(LabError, match="There is no fault"), run_in_thread(faults=["nonsense"]):
        pass


# -- the command


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    def start(*words: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", "from lab.command import lab; lab()", *words]
        process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def read_description(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    found = {}
    for line in process.stdout:
        words = line.split(None, 1)
        if len(words) == 2:
            found[words[0].rstrip(":")] = words[1].strip()
        if line.startswith("End it"):
            return found
    raise AssertionError(process.stderr.read() if process.stderr else "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_until_it_is_told_to_end(
    command: Callable[..., subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
) -> None:
    started = time.monotonic()
    process = command("--edges", "2", "--fault", "dnat-missing", "--latency", "5ms")
    said = read_description(process)
    assert time.monotonic() - started < LIMIT * 2, "interpreter and imports included, on a busy machine"
    assert Path(said["folder"]).parent == tmp_path.resolve()
    assert said["kedge-tui"] == f"--config {said['inventory']} --site lab"
    assert connect_state(json.loads(Path(said["folder"], "control.json").read_text())["port"]) == "open"

    switch = command("fault", "on", "edgestream-disabled", "--edge", "edge2")
    assert switch.communicate(timeout=20)[0] == "faults now: dnat-missing, edgestream-disabled:edge2\n"
    assert switch.returncode == 0
    wrong = command("fault", "off", "nonsense")
    assert "There is no fault nonsense" in wrong.communicate(timeout=20)[1]
    assert wrong.returncode == 2

    process.send_signal(number)
    process.wait(20)
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_the_command_lists_faults_and_says_when_no_site_runs(command: Callable[..., subprocess.Popen[str]]) -> None:
    listed = command("faults").communicate(timeout=20)[0]
    assert "edgestream-disabled " in listed
    nothing = command("fault", "on", "dnat-missing")
    assert "No practice site is running" in nothing.communicate(timeout=20)[1]
    assert nothing.returncode == 2


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
def test_kubectl_reads_logs_through_the_whole_path(tmp_path: Path) -> None:
    with run_in_thread(edges=1) as lab:
        pod = lab.world.pods_on("edge1")[0]["metadata"]["name"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(lab.kubeconfig)}
        argv = ["kubectl", "logs", "-n", "factory", pod, "-c", "gateway", "--tail=1"]
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=30, check=False)
        assert "INFO request" in done.stdout
        lab.set_fault("dnat-missing", True)
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=30, check=False)
        assert done.returncode == 1
        assert "connect: connection refused" in done.stderr
