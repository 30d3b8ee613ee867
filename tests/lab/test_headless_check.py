"""check on a live site: what is broken, what cannot be reached, and what the command line got wrong."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.background import BackgroundSite, run_in_thread
from tests.lab.headless import ROOT, Ran, command, in_process, kedge


@pytest.fixture(scope="module")
def lab() -> Iterator[BackgroundSite]:
    with run_in_thread(edges=2, faults=["edgestream-disabled:edge1"]) as site:
        yield site


def where(lab: BackgroundSite) -> tuple[object, ...]:
    return ("--config", lab.config_file, "--site", "lab")


def statuses(ran: Ran) -> dict[tuple[str, str], str]:
    return {(result["code"], result["target"]): result["status"] for result in ran.document["results"]}


def elsewhere(lab: BackgroundSite, address: str, folder: Path) -> Path:
    """The site's kubeconfig with the API server at another address."""
    path = folder / "kubeconfig"
    path.write_text(re.sub(r"server: \S+", f"server: {address}", lab.kubeconfig.read_text()))
    return path


def test_the_cause_stands_alone_and_nodes_can_be_chosen(lab: BackgroundSite) -> None:
    ran = kedge("check", *where(lab), "-o", "json")
    assert ran.code == 3
    assert [(cause["code"], cause["target"]) for cause in ran.document["causes"]] == [("KE206", "edge1")]
    one = kedge("check", "KE2*", "KE5*", "--node", "edge2", *where(lab), "-o", "json", "--fail-on", "warn")
    assert one.code == 0
    assert {target for _code, target in statuses(one)} == {"edge2"}
    assert one.document["causes"] == []


def test_options_may_stand_in_front_of_the_command(lab: BackgroundSite) -> None:
    assert kedge(*where(lab), "check", "-o", "short").out.startswith("✗ KE206 edge1: ")


def test_without_ssh_everything_the_api_tells_is_judged(lab: BackgroundSite) -> None:
    ran = kedge("check", *where(lab), "--no-ssh", "-o", "json")
    found = statuses(ran)
    assert ran.code == 3
    assert found["KE201", "edge2"] == found["KE301", "edge2"] == found["KE501", "edge2"] == "pass"
    assert found["KE501", "edge1"] == "fail"
    silent = [result for result in ran.document["results"] if result["code"] == "KE206"]
    assert {result["reason"] for result in silent} == {"no SSH"}
    assert all("probe-script" in result["message"] and "--with FILE" in result["message"] for result in silent)


def test_an_unreachable_api_is_a_finding_and_hosts_are_still_judged(lab: BackgroundSite, tmp_path: Path) -> None:
    dead = elsewhere(lab, "https://127.0.0.1:1", tmp_path)
    ran = kedge("check", *where(lab), "--kubeconfig", dead, "-o", "json")
    found = statuses(ran)
    assert ran.code == 3
    assert found["KE101", "-"] == "fail"
    assert found["KE206", "edge1"] == "fail"
    assert found["KE206", "edge2"] == found["KE204", "edge1"] == "pass"


def test_an_unknown_host_key_is_a_reason_with_a_sentence(lab: BackgroundSite, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    ssh = tmp_path / "ssh_config"
    text = lab.files.ssh_config.read_text().replace(str(lab.files.known_hosts), str(known))
    ssh.write_text(text.replace("StrictHostKeyChecking yes", "StrictHostKeyChecking ask"))
    config = tmp_path / "config.yaml"
    config.write_text(lab.config_file.read_text().replace(str(lab.files.ssh_config), str(ssh)))
    ran = kedge("check", "KE206", "--config", config, "-o", "json")
    results = ran.document["results"]
    assert ran.code == 5
    assert {result["reason"] for result in results} == {"host key"}
    assert all("SHA256:" in result["message"] and result["status"] == "unknown" for result in results)
    assert not known.exists()
    accepted = kedge("check", "KE206", "--config", config, "--accept-new-host-keys", "-o", "json")
    assert statuses(accepted) == {("KE206", "edge1"): "fail", ("KE206", "edge2"): "pass"}
    assert len(known.read_text().splitlines()) == 3


@pytest.fixture
def mistakes(lab: BackgroundSite, tmp_path: Path) -> dict[str, tuple[object, ...]]:
    (tmp_path / "broken").write_text("sites: [\n")
    return {
        "no such config": ("--config", tmp_path / "none.yaml"),
        "broken config": ("--config", tmp_path / "broken"),
        "no such site": ("--config", lab.config_file, "--site", "nope"),
        "no such kubeconfig": ("--kubeconfig", tmp_path / "none"),
        "broken kubeconfig": ("--kubeconfig", tmp_path / "broken"),
        "no such context": ("--kubeconfig", lab.kubeconfig, "--context", "nope"),
        "no kubeconfig at all": (),
    }


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("no such config", "none.yaml does not exist"),
        ("broken config", "broken:2: this is not valid YAML"),
        ("no such site", "There is no site nope in"),
        ("no such kubeconfig", "this kubeconfig does not exist"),
        ("broken kubeconfig", "broken, line 2: this is not valid YAML"),
        ("no such context", "no such context nope in"),
        ("no kubeconfig at all", "no kubeconfig found"),
    ],
)
@pytest.mark.parametrize("asked", [("check",), ("check", "-o", "json"), ("fix", "enable-edgestream")], ids=" ".join)
def test_a_mistake_in_the_files_is_exit_2_and_one_sentence(
    mistakes: dict[str, tuple[object, ...]], asked: tuple[str, ...], mistake: str, sentence: str
) -> None:
    ran = in_process(*asked, *mistakes[mistake])
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.fixture
def hung_api() -> Iterator[socket.socket]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


@pytest.mark.parametrize(
    ("asked", "number", "sentence"),
    [
        (("check",), signal.SIGINT, "Interrupted before the end; nothing was changed"),
        (("collect", "-o", "{folder}/b.tar.gz"), signal.SIGTERM, "Interrupted; no bundle was written"),
        (("verify", "--deploy-test-pod"), signal.SIGHUP, "Interrupted before the end; nothing was changed"),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else "",
)
def test_being_told_to_end_is_130_and_one_sentence(
    lab: BackgroundSite,
    hung_api: socket.socket,
    tmp_path: Path,
    asked: tuple[str, ...],
    number: signal.Signals,
    sentence: str,
) -> None:
    hung = elsewhere(lab, f"https://127.0.0.1:{hung_api.getsockname()[1]}", tmp_path)
    words = [word.format(folder=tmp_path) for word in asked]
    running = subprocess.Popen(
        command(*words, "--kubeconfig", hung), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    connection, _address = hung_api.accept()  # it has begun to look
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    connection.close()
    assert (running.returncode, out, err) == (130, "", f"kedge-tui: {sentence}\n")
    assert not list(tmp_path.glob("*b.tar.gz*"))


def test_time_that_is_up_leaves_a_report(lab: BackgroundSite, hung_api: socket.socket, tmp_path: Path) -> None:
    hung = elsewhere(lab, f"https://127.0.0.1:{hung_api.getsockname()[1]}", tmp_path)
    ran = kedge("check", *where(lab), "--kubeconfig", hung, "--timeout", "2", "-o", "json")
    assert ran.code == 5
    assert "not everything answered within 2 s" in ran.err
    assert ran.document["results"]


def test_watching_tells_changes_as_they_come_and_waiting_ends_when_all_is_well(lab: BackgroundSite) -> None:
    watching = command("check", *where(lab), "KE206", "--watch", "--interval", "1s", "--show", "fail")
    running = subprocess.Popen(watching, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    waiting = subprocess.Popen(
        command("check", *where(lab), "KE206", "--wait", "50s", "-o", "json"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    try:
        told = [json.loads(running.stdout.readline()) for _line in range(2)]
        assert [(one["kind"], one.get("from"), one.get("to")) for one in told] == [
            ("report", None, None),
            ("change", None, "fail"),
        ]
        lab.set_fault("edgestream-disabled", on=False, edge="edge1")
        healed = json.loads(running.stdout.readline())
        assert (healed["code"], healed["from"], healed["to"]) == ("KE206", "fail", "pass")
        out, _err = waiting.communicate(timeout=60)
        assert (waiting.returncode, json.loads(out)["summary"]["fail"]) == (0, 0)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 130
    finally:
        for process in (running, waiting):
            process.kill()
            process.communicate()
