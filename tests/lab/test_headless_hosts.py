"""Hosts without SSH and sites without an API: a script run by hand, and this machine alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.background import BackgroundSite, run_in_thread
from tests.lab.headless import Ran, kedge

MOVING = frozenset({"KE213"})
"""Says how loaded the machine is right now."""


@pytest.fixture(scope="module")
def lab() -> Iterator[BackgroundSite]:
    with run_in_thread(edges=2, faults=["edgestream-disabled:edge1"]) as site:
        yield site


def where(lab: BackgroundSite) -> tuple[object, ...]:
    return ("--config", lab.config_file, "--site", "lab")


def on_host(lab: BackgroundSite, host: str) -> dict[str, str]:
    """The environment in which commands of this machine are those of a host."""
    path = f"{lab.hosts[host].tree / '/usr/bin'}:{lab.dir / 'bin'}"
    return {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "KEDGE_LAB_HOST": host}


def by_hand(lab: BackgroundSite, host: str, folder: Path, *words: object) -> Path:
    """Print the script, run it on the host as a person would, and save what it says."""
    printed = kedge("probe-script", host, *where(lab), *words)
    assert printed.code == 0, printed.err
    output = folder / f"{host}-{len(words)}.out"
    with output.open("wb") as file:
        subprocess.run(
            ["/bin/sh", "-s"], input=printed.out.encode(), stdout=file, env=on_host(lab, host), timeout=60, check=True
        )
    return output


def said(ran: Ran) -> dict[tuple[str, str], tuple[str, str]]:
    """(status, sentence) of every result whose sentence does not move by itself."""
    results = [one for one in ran.document["results"] if one["code"] not in MOVING]
    return {(one["code"], one["target"]): (one["status"], one["message"]) for one in results}


def test_a_script_run_by_hand_says_what_ssh_says(lab: BackgroundSite, tmp_path: Path) -> None:
    files = [by_hand(lab, host, tmp_path) for host in ("edge1", "cloud1")]
    reads = [word for file in files for word in ("--with", file)]
    nodes = ("--node", "edge1", "--node", "cloud1", "-o", "json")
    over_ssh = kedge("check", *where(lab), *nodes)
    without = kedge("check", *where(lab), "--no-ssh", *reads, *nodes)
    assert (without.code, said(without)) == (over_ssh.code, said(over_ssh))
    assert without.document["causes"] == over_ssh.document["causes"]
    assert len(said(over_ssh)) > 20


def test_nothing_is_left_to_ask_when_the_guess_was_right(lab: BackgroundSite, tmp_path: Path) -> None:
    output = by_hand(lab, "edge2", tmp_path)
    again = kedge("probe-script", "edge2", *where(lab), "--with", output)
    assert (again.code, again.out) == (0, "")
    assert "is answered already" in again.err


def test_a_second_script_asks_what_the_first_could_not_know(lab: BackgroundSite, tmp_path: Path) -> None:
    """edge1's file names a server that nobody could guess: whether it can be reached takes a second script."""
    config = lab.hosts["edge1"].tree / "/etc/kubeedge/config/edgecore.yaml"
    before = config.read_text()
    server = f"127.0.0.1:{lab.world.ports.tunnel}"
    at = before.index("edgeStream:")
    config.write_text(before[:at] + before[at:].replace(server, "localhost:9"))
    try:
        first = by_hand(lab, "edge1", tmp_path)
        reach = ("KE303", "--node", "edge1", *where(lab), "--no-ssh", "-o", "json")
        (blind,) = kedge("check", *reach, "--with", first).document["results"]
        assert (blind["status"], blind["reason"]) == ("unknown", "not recorded")
        second = by_hand(lab, "edge1", tmp_path, "--with", first)
        assert second.stat().st_size < first.stat().st_size / 4
        (seen,) = kedge("check", *reach, "--with", first, "--with", second).document["results"]
        assert (seen["status"], "localhost:9" in seen["message"]) == ("fail", True)
    finally:
        config.write_text(before)


def test_output_alone_is_judged_without_any_api(lab: BackgroundSite, tmp_path: Path) -> None:
    output = by_hand(lab, "edge1", tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(lab.config_file.read_text().replace(str(lab.kubeconfig), "/nonexistent/kubeconfig"))
    ran = kedge("check", "--config", config, "--no-ssh", "--with", output, "--node", "edge1", "-o", "json")
    found = said(ran)
    assert ran.code == 3
    assert found["KE206", "edge1"][0] == "fail"
    assert found["KE204", "edge1"][0] == found["KE303", "edge1"][0] == "pass"
    assert found["KE201", "edge1"][0] == "unknown"
    assert "only what hosts themselves tell is judged" in ran.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("probe-script", "edge9"), "There is no node or host edge9; there are: cloud1, edge1, edge2"),
        (("check", "--with", "README.md"), "README.md is not what the script of `kedge-tui probe-script` prints"),
        (("check", "--with", "/nonexistent"), "/nonexistent cannot be read: No such file or directory"),
    ],
)
def test_mistakes_are_exit_2_and_a_sentence(lab: BackgroundSite, words: tuple[str, ...], sentence: str) -> None:
    ran = kedge(*words, *where(lab))
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err


# ------------------------------------------------------------------------------------------ this machine


@pytest.fixture
def alone(lab: BackgroundSite, tmp_path: Path) -> Path:
    """The config file of a machine that is edge1 and has no kubeconfig."""
    tree = lab.hosts["edge1"].tree
    paths = {
        "edgecoreConfig": tree / "/etc/kubeedge/config/edgecore.yaml",
        "certs": tree / "/etc/kubeedge/certs",
        "ca": tree / "/etc/kubeedge/ca",
    }
    inner = ", ".join(f"{name}: {path}" for name, path in paths.items())
    config = tmp_path / "config.yaml"
    config.write_text(
        "sites:\n  plant-7:\n    kubeconfig: /nonexistent/kubeconfig\n"
        f"    hosts:\n      - {{match: edge1, local: true, roles: [edge], paths: {{{inner}}}}}\n"
    )
    return config


def test_an_edge_judges_itself(lab: BackgroundSite, alone: Path) -> None:
    environ = on_host(lab, "edge1")
    ran = kedge("check", "--config", alone, "-o", "json", **environ)
    found = said(ran)
    assert ran.code == 3
    assert [(cause["code"], cause["target"]) for cause in ran.document["causes"]] == [("KE206", "edge1")]
    measured = {code for (code, _target), (status, _text) in found.items() if status in ("pass", "warn", "fail")}
    assert measured >= {"KE204", "KE205", "KE206", "KE208", "KE209", "KE210", "KE212", "KE303", "KE305", "KE306"}
    assert found["KE101", "-"][0] == found["KE102", "-"][0] == found["KE307", "edge1"][0] == "unknown"
    lab.set_fault("edgestream-disabled", False, edge="edge1")
    try:
        assert kedge("check", "--config", alone, **environ).code == 0
    finally:
        lab.set_fault("edgestream-disabled", True, edge="edge1")


def test_a_kubeconfig_that_was_named_must_exist(lab: BackgroundSite, alone: Path) -> None:
    ran = kedge("check", "--config", alone, "--kubeconfig", "/nonexistent/other", **on_host(lab, "edge1"))
    assert (ran.code, ran.out) == (2, "")


def test_local_names_the_node_that_this_machine_is(lab: BackgroundSite) -> None:
    """With the API and all other hosts as usual: edge1 is asked without its SSH server."""
    ran = kedge("check", "KE206", *where(lab), "--no-ssh", "--local", "edge1", "-o", "json", **on_host(lab, "edge1"))
    found = {target: status for (_code, target), (status, _text) in said(ran).items()}
    assert (ran.code, found) == (3, {"edge1": "fail", "edge2": "unknown"})


def test_doctor_looks_at_every_way_into_the_site(lab: BackgroundSite, tmp_path: Path) -> None:
    ran = kedge("doctor", "-o", "json", *where(lab), KEDGE_TUI_STATE=str(tmp_path / "state"))
    points = {(one["area"], one["target"]): one for one in ran.document["points"]}
    assert points["api", "-"]["status"] == "pass", ran.err
    assert points["host", "edge1"]["status"] == "pass"
    assert points["host", "edge2"]["status"] == "pass"
    assert ran.code == 0
    assert not (tmp_path / "state").exists()
