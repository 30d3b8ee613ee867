"""The layers hold, in the source (import-linter) and in the running interpreter (deferred imports included)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("textual", "kubernetes", "paramiko")
PURE = (
    "kedge.model",
    "kedge.i18n",
    "kedge.facts",
    "kedge.asks",
    "kedge.plugins",
    "kedge.store",
    "kedge.judge",
    "kedge.diagnosis",
    "kedge.picture",
    "kedge.steps",
)
DISCOVER = "from kedge.registry import discover\nfound = discover()\nassert not found.problems, found.problems"


def _loaded_by(code: str, roots: tuple[str, ...]) -> set[str]:
    """Which of the top-level packages are in ``sys.modules`` of a fresh interpreter after ``code``."""
    probe = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    ran = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1])) & set(roots)


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_loads_no_client_library_no_screen_no_plugin(module: str) -> None:
    assert _loaded_by(f"import {module}", (*HEAVY, "tui", "lab", "checks", "fixes")) == set()


def test_plugins_load_no_client_library_and_no_screen() -> None:
    assert _loaded_by(DISCOVER, (*HEAVY, "tui", "lab")) == set()


def test_every_built_in_is_found_by_its_entry_point() -> None:
    code = f"{DISCOVER}\nassert found.probes and found.checks and found.fixes"
    assert _loaded_by(code, ("checks", "fixes")) == {"checks", "fixes"}


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("check", "--help")], ids=" ".join)
def test_the_command_line_answers_without_heavy_imports(words: tuple[str, ...]) -> None:
    code = f"from kedge.cli import cli\ntry: cli({list(words)!r}, prog_name='kedge-tui')\n"
    code += "except SystemExit as done: assert not done.code"
    assert _loaded_by(code, (*HEAVY, "tui", "lab", "aiohttp", "asyncssh")) == set()


def test_the_first_frame_waits_for_no_client_library() -> None:
    assert _loaded_by("import tui.app", ("kubernetes", "paramiko", "lab")) == set()


def test_the_lab_loads_nothing_of_the_product() -> None:
    walk = "import importlib, pkgutil, lab\nfor m in pkgutil.walk_packages(lab.__path__, 'lab.'):\n"
    walk += "    if not m.name.endswith('__main__'): importlib.import_module(m.name)"
    assert _loaded_by(walk, ("kedge", "tui", "checks", "fixes", *HEAVY)) == set()


def test_the_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
