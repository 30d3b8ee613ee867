"""Completion: bash really completes, and kubectl gets its answer in its own form."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kedge.cli import called
from kedge.commands.completion import for_kubectl

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    ("words", "proposed", "directive"),
    [
        (["ch"], "check", ":4"),
        (["check", "-o", "ju"], "junit", ":4"),
        (["check", "--fail-on", "w"], "warn", ":4"),
        (["check", "--fail"], "--fail-on\tWhat makes the exit code.", ":4"),
        (["check", "--textfile", "x"], "", ":0"),
        ([], "verify", ":4"),
    ],
)
def test_kubectl_gets_a_proposal_a_line_and_whether_files_fit(words: list[str], proposed: str, directive: str) -> None:
    *lines, last = for_kubectl(words).splitlines()
    assert last == directive
    assert not proposed or proposed in [*lines, *(line.partition("\t")[0] for line in lines)]


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes_what_is_typed() -> None:
    script = """
        source <(kedge-tui completion bash)
        COMP_WORDS=(kedge-tui check -o ju) COMP_CWORD=3
        _kedge_tui_completion kedge-tui && echo "${COMPREPLY[@]}"
    """
    env = {"PATH": f"{BIN}:/usr/bin:/bin"}
    ran = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("junit\n", "")


def test_usage_names_the_program_as_it_was_called(tmp_path: Path) -> None:
    assert called("/usr/bin/kedge-tui") == "kedge-tui"
    plugin = BIN / "kubectl-kedge"
    ran = subprocess.run([plugin, "check", "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout.startswith("Usage: kubectl kedge check [OPTIONS]")
