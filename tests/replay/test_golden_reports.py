"""What people and scripts read of two recorded states, word for word.

After a wanted change of a sentence run it with ``KEDGE_GOLDEN=write`` in the environment, and read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from kedge.commands.check import command as check
from kedge.commands.report import command as report

RECORDINGS = Path(__file__).parents[1] / "recordings"
GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "check-short": (check, ["-o", "short"]),
    "check-markdown": (check, ["-o", "markdown", "--show", "fail"]),
    "check-prom": (check, ["-o", "prom", "--show", "fail"]),
    "report-markdown": (report, ["-o", "markdown"]),
}


@pytest.mark.parametrize("state", ["edgestream-disabled", "healthy"])
@pytest.mark.parametrize("case", CASES)
def test_a_report_reads_as_it_did(case: str, state: str) -> None:
    command, options = CASES[case]
    ran = CliRunner().invoke(command, ["--bundle", str(RECORDINGS / state), *options])
    assert ran.exit_code == (3 if command is check and state != "healthy" else 0), ran.stderr
    file = GOLDEN / f"{state}.{case}.txt"
    if os.environ.get("KEDGE_GOLDEN") == "write":
        file.write_text(ran.stdout, encoding="utf-8")
    assert ran.stdout == file.read_text(encoding="utf-8")
