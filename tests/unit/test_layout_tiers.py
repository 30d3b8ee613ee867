"""A tier that was named must run: what is skipped there fails the run, and the table says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
PASSES = "def test_it():\n    assert True\n"
SKIPS = "import pytest\n\ndef test_it():\n    pytest.skip('no such tool')\n"
MODULE_SKIPS = "import pytest\n\npytest.importorskip('no_such_module_at_all')\n"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a small suite with this project's conftest: files by name, the tiers named, options of pytest."""

    def _run(files: dict[str, str], named: str | None, *options: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "tests").mkdir()
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = unit\n replay\n lab\n tui\n real\n")
        shutil.copy(CONFTEST, tmp_path / "tests" / "conftest.py")
        for name, text in files.items():
            path = tmp_path / "tests" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("KEDGE_", "PYTEST_"))}
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # only what these suites need: a quarter of the start
        if named is not None:
            env["KEDGE_TIERS"] = named
        workers = ["-p", "xdist"] if "-n" in options else []
        command = [sys.executable, "-m", "pytest", "--import-mode=importlib", *workers, *options]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)

    return _run


def _again(folder: Path) -> subprocess.CompletedProcess[str]:
    """What failed in a run before, once more and without workers, as continuous integration does it."""
    options = ["--last-failed", "--last-failed-no-failures=none"]
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", *options]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("KEDGE_", "PYTEST_"))}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "1", "--dist", "loadgroup")], ids=["alone", "xdist"])
@pytest.mark.parametrize("text", [SKIPS, MODULE_SKIPS], ids=["test", "module"])
def test_a_skip_in_a_named_tier_fails_the_run(run: Run, text: str, options: tuple[str, ...]) -> None:
    ran = run({"unit/test_a.py": PASSES, "replay/test_b.py": text}, "unit,replay", *options)
    assert ran.returncode == 1, ran.stdout
    assert "tier replay must run (KEDGE_TIERS), 1 skipped" in ran.stdout
    assert "unit    1 passed" in ran.stdout


def test_a_skip_elsewhere_does_not(run: Run) -> None:
    ran = run({"unit/test_a.py": PASSES, "replay/test_b.py": SKIPS}, "unit")
    assert ran.returncode == 0, ran.stdout
    assert "replay  1 skipped" in ran.stdout


def test_a_named_tier_without_a_test_fails_the_run(run: Run) -> None:
    ran = run({"unit/test_a.py": PASSES}, "unit,tui")
    assert ran.returncode == 1, ran.stdout
    assert "tier tui must run (KEDGE_TIERS), but no test of it was collected" in ran.stdout


def test_a_tier_that_does_not_exist_is_a_usage_error(run: Run) -> None:
    ran = run({"unit/test_a.py": PASSES}, "unit,cloud")
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no tier called cloud" in ran.stderr


def test_a_test_outside_the_tiers_is_refused(run: Run) -> None:
    ran = run({"test_stray.py": PASSES}, None)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "test_stray.py::test_it is in no tier" in ran.stdout + ran.stderr


def test_a_failure_stays_a_failure(run: Run) -> None:
    ran = run({"unit/test_a.py": "def test_it():\n    assert False\n"}, None)
    assert ran.returncode == 1
    assert "unit    1 failed" in ran.stdout


def test_what_failed_under_workers_is_all_that_a_run_without_them_tries_again(tmp_path: Path, run: Run) -> None:
    files = {"unit/test_a.py": PASSES, "unit/test_b.py": "def test_it():\n    assert False\n"}
    run(files, None, "-n", "1", "--dist", "loadgroup")
    assert "unit    1 failed" in _again(tmp_path).stdout


def test_a_run_that_broke_off_leaves_nothing_to_try_again(tmp_path: Path, run: Run) -> None:
    breaks = "def test_it():\n    raise KeyboardInterrupt\n"
    run(
        {"unit/test_a.py": "def test_it():\n    assert False\n", "unit/test_b.py": breaks, "unit/test_c.py": PASSES},
        None,
    )
    assert _again(tmp_path).returncode == pytest.ExitCode.NO_TESTS_COLLECTED
