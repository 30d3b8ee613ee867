"""fix, undo and history without the screen, against a practice site."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.background import BackgroundSite, run_in_thread
from tests.lab.headless import ROOT, at_a_terminal, command, kedge

CONFIG = "/etc/kubeedge/config/edgecore.yaml"
FIX = ("fix", "enable-edgestream", "--node", "edge1")


@pytest.fixture(scope="module")
def running() -> Iterator[BackgroundSite]:
    with run_in_thread(edges=2) as site:
        yield site


@pytest.fixture
def lab(running: BackgroundSite) -> BackgroundSite:
    """The site with EdgeStream off on edge1, whatever the test before did."""
    running.set_fault("edgestream-disabled", True, edge="edge1")
    return running


def where(lab: BackgroundSite) -> tuple[object, ...]:
    return ("--config", lab.config_file, "--site", "lab")


def edgecore_yaml(lab: BackgroundSite) -> Path:
    return lab.hosts["edge1"].tree / CONFIG


def test_without_yes_and_terminal_only_the_plan_is_shown(lab: BackgroundSite) -> None:
    before = edgecore_yaml(lab).read_bytes()
    ran = kedge(*FIX, *where(lab))
    assert ran.code == 7
    assert "+    enable: true # switched on by the line team" in ran.out
    assert "$ systemctl restart edgecore" in ran.out
    assert "--yes applies exactly this plan" in ran.err
    assert edgecore_yaml(lab).read_bytes() == before
    assert kedge("history", "-o", "json").document["changes"] == []


def test_fix_history_undo_end_to_end(lab: BackgroundSite) -> None:
    before = edgecore_yaml(lab).read_bytes()
    ran = kedge(*FIX, *where(lab), "--yes", "-o", "json")
    found = ran.document
    assert (ran.code, found["exitCode"], found["verification"]["result"]) == (0, 0, "fixed")
    assert [step["state"] for step in found["change"]["steps"]] == ["done", "done"]
    assert {(f["code"], f["status"]) for f in found["verification"]["after"]} >= {("KE206", "pass"), ("KE306", "pass")}
    assert "✓ 2/2 Restart edgecore on edge1" in ran.err

    change = kedge("history", "-o", "json").document["changes"][0]
    assert change["id"] == found["change"]["id"]
    assert (change["how"], change["result"], change["verification"]) == ("--yes", "done", "fixed")

    again = kedge(*FIX, *where(lab), "--yes")
    assert (again.code, again.out) == (0, "")
    assert "Nothing to repair: KE206, KE207 are green" in again.err

    undone = kedge("undo", change["id"], "--config", lab.config_file, "--yes", "-o", "json")
    assert undone.code == 0
    assert edgecore_yaml(lab).read_bytes() == before
    twice = kedge("undo", change["id"], "--config", lab.config_file, "--yes")
    assert twice.code == 3
    assert "was undone already" in twice.err


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 7), ("\n", 7), ("\x04", 7)])
def test_the_person_at_the_terminal_decides(lab: BackgroundSite, answer: str, code: int) -> None:
    ran = at_a_terminal(*FIX, *where(lab), question="Apply exactly this? [y/N]", answer=answer)
    assert ran.code == code, ran.err
    assert ("Fixed" in ran.out) == (code == 0)
    changes = kedge("history", "-o", "json").document["changes"]
    assert [change["how"] for change in changes] == (["tty"] if code == 0 else [])


def test_a_plan_on_the_terminal_leaves_stdout_to_the_document(lab: BackgroundSite) -> None:
    ran = at_a_terminal(*FIX, *where(lab), "-o", "json", question="[y/N]", answer="y\n")
    assert ran.document["exitCode"] == ran.code == 0
    assert "+    enable: true" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("fix", "enable-edgestrem"), 2, "did you mean enable-edgestream?"),
        (
            ("fix", "enable-edgestream", "--node", "edge9"),
            2,
            "There is no node or host edge9; there are: cloud1, edge1",
        ),
        (("fix", "enable-edgestream", "--node", "cloud1"), 2, "enable-edgestream is for edge1, not for cloud1"),
        (("fix", "enable-edgestream", "--node", "edge2", "--yes"), 0, "Nothing to repair"),
        (
            ("fix", "enable-edgestream", "--node", "edge1", "--yes", "--no-ssh"),
            5,
            "Whether edge1 needs it is not known",
        ),
        (("undo", "20200101T000000Z-abcdef"), 2, "knows no change"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_a_code(
    lab: BackgroundSite, words: tuple[str, ...], code: int, sentence: str
) -> None:
    before = edgecore_yaml(lab).read_bytes()
    ran = kedge(*words, *where(lab))
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert "Traceback" not in ran.err
    assert edgecore_yaml(lab).read_bytes() == before


@pytest.mark.parametrize(("flags", "code"), [((), 7), (("--yes",), 3)])
def test_who_may_only_look_sees_the_plan(lab: BackgroundSite, flags: tuple[str, ...], code: int) -> None:
    before = edgecore_yaml(lab).read_bytes()
    ran = kedge(*FIX, *where(lab), *flags, "--read-only")
    assert ran.code == code
    assert "$ systemctl restart edgecore" in ran.out
    assert "read-only for you" in ran.err
    assert edgecore_yaml(lab).read_bytes() == before


def test_the_only_target_need_not_be_named(lab: BackgroundSite) -> None:
    found = kedge("fix", "enable-edgestream", *where(lab), "--dry-run", "-o", "json")
    assert (found.code, found.document["target"]) == (7, "edge1")


def test_an_undo_belongs_to_the_site_where_the_change_was_made(lab: BackgroundSite, tmp_path: Path) -> None:
    change = kedge(*FIX, *where(lab), "--yes", "-o", "json").document["change"]["id"]
    elsewhere = kedge("undo", change, "--kubeconfig", lab.kubeconfig, "--yes")
    assert elsewhere.code == 2
    assert f"{change} was made on site lab, context lab; this is site default" in elsewhere.err


def test_an_interrupt_stops_before_the_next_step_and_is_accounted_for(lab: BackgroundSite) -> None:
    running = subprocess.Popen(
        command(*FIX, *where(lab), "--yes", "-o", "json"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "1/2" in line:
            running.send_signal(signal.SIGINT)
            break
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert '"result": "stopped"' in out
    change = kedge("history", "-o", "json").document["changes"][0]
    assert (change["result"], change["unfinished"]) == ("stopped", False)
    assert kedge("undo", change["id"], *where(lab), "--yes").code == 0


def test_many_nodes_one_first_then_the_rest_and_one_summary(lab: BackgroundSite) -> None:
    lab.set_fault("edgestream-disabled", True, edge="edge2")
    words = ("fix", "enable-edgestream", "--node", "edge*", *where(lab))
    shown = kedge(*words)
    assert shown.code == 7
    assert "== edge1" in shown.out
    assert "== edge2" in shown.out
    found = kedge(*words, "--yes", "-o", "json")
    assert (found.code, found.document["targets"]) == (0, ["edge1", "edge2"])
    assert [part["verification"]["result"] for part in found.document["changes"]] == ["fixed", "fixed"]
    assert found.document["message"] == "Enable EdgeStream and restart edgecore: 2 done"
    lines = found.err.splitlines()
    assert lines.index("edge2 applying") > next(n for n, line in enumerate(lines) if line.startswith("edge1 done"))
    assert len(kedge("history", "-o", "json").document["changes"]) == 2


def test_of_many_nodes_one_that_nobody_knows_is_named(lab: BackgroundSite) -> None:
    ran = kedge("fix", "enable-edgestream", "--node", "edge1", "--node", "edge7", *where(lab), "--yes")
    assert ran.code == 2
    assert "There is no node or host edge7; there are: cloud1, edge1, edge2" in ran.err
