"""What people and scripts read of recorded states, word for word, in every format.

After a wanted change of a sentence run it with ``KEDGE_GOLDEN=write`` in the environment, and read the diff.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from kedge.commands import check as check_command
from kedge.commands.looks import Look
from kedge.commands.report import command as report
from kedge.plugins import Registry
from kedge.report_formats import FORMATS
from tests.replay.recorded import registry

RECORDINGS = Path(__file__).parents[1] / "recordings"
GOLDEN = Path(__file__).parent / "golden"
STATES = sorted(path.name for path in RECORDINGS.iterdir() if path.is_dir())
BAD = ["--show", "fail,warn"]
"""What is well says the same thing in every format, at length."""
WHOLE = ("table", "short")

_judge = check_command._recorded


@cache
def _judged(directory: str) -> Look:
    """A state, judged once for all formats."""
    return _judge(directory, registry())


@pytest.fixture(autouse=True)
def judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(directory: str, _registry: Registry) -> Look:
        return _judged(directory)

    monkeypatch.setattr(check_command, "_recorded", look)


def hold(case: str, printed: str) -> None:
    """Compare with what was printed before, but for the time that judging took."""
    steady = re.sub(r'(durationMs"?: ?|time=")[\d.]+', r"\g<1>0", printed)
    file = GOLDEN / f"{case}.txt"
    if os.environ.get("KEDGE_GOLDEN") == "write":
        file.write_text(steady, encoding="utf-8")
    assert steady == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("state", ["edgestream-disabled", "healthy"])
@pytest.mark.parametrize("output", sorted(FORMATS))
def test_a_report_reads_as_it_did(output: str, state: str) -> None:
    words = ["--bundle", str(RECORDINGS / state), "-o", output, *([] if output in WHOLE else BAD)]
    ran = CliRunner().invoke(check_command.command, words)
    assert ran.exit_code == (0 if state == "healthy" else 3), ran.output
    hold(f"{state}.check-{output}", ran.stdout)


@pytest.mark.parametrize("state", STATES)
def test_what_is_wrong_with_a_site_is_said_as_it_was(state: str) -> None:
    ran = CliRunner().invoke(check_command.command, ["--bundle", str(RECORDINGS / state), "-o", "markdown", *BAD])
    hold(f"{state}.check-markdown", ran.stdout)


@pytest.mark.parametrize("output", ["markdown", "short"])
@pytest.mark.parametrize("state", ["edgestream-disabled", "healthy"])
def test_an_incident_is_told_as_it_was(state: str, output: str) -> None:
    ran = CliRunner().invoke(report, ["--bundle", str(RECORDINGS / state), "-o", output])
    assert ran.exit_code == 0, ran.stderr
    hold(f"{state}.report-{output}", ran.stdout)
