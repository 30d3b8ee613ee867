"""The built wheel holds the whole product and nothing else, and runs where the repository is not."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import kedge

ROOT = Path(__file__).parents[2]
PACKAGES = ("kedge", "tui", "checks", "fixes", "lab")


def _run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    ran = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT), cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_holds_every_file_of_the_packages_and_nothing_else(names: set[str]) -> None:
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    expected = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    assert {name for name in names if ".dist-info/" not in name} == expected | {"kedge/docs/checks.md"}


def test_installed_every_check_explains_itself(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    asked = "from kedge.explain import sections; print(len(sections()), '*By hand:*' in sections()['KE302'])"
    said = _run(sys.executable, "-c", asked, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)})
    assert said.split() == ["46", "True"]


def test_its_top_level_names_are_the_packages(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert tops == {*PACKAGES, f"kedge_tui-{kedge.__version__}.dist-info"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed(names: set[str], package: str) -> None:
    assert f"{package}/py.typed" in names


def test_it_carries_the_licence(names: set[str]) -> None:
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_built_ins_use_the_entry_points_of_third_parties(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"kedge_tui-{kedge.__version__}.dist-info/entry_points.txt").decode()
    parser = configparser.ConfigParser()
    parser.read_string(text)
    assert {group: dict(parser[group]) for group in parser.sections()} == {
        "console_scripts": {
            "kedge-tui": "kedge.cli:main",
            "kubectl-kedge": "kedge.cli:main",
            "kubectl_complete-kedge": "kedge.commands.completion:main",
        },
        "kedge_tui.probes": {"builtin": "kedge.probes"},
        "kedge_tui.checks": {"builtin": "checks"},
        "kedge_tui.fixes": {"builtin": "fixes"},
    }


def test_installed_it_runs_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps")
    _run(*pip, "--no-compile", "--root-user-action=ignore", "--target", str(site), str(wheel), cwd=tmp_path)
    env = {**os.environ, "PYTHONPATH": str(site)}
    where = "import checks, fixes, kedge, lab, tui; print(*(m.__file__ for m in (checks, fixes, kedge, lab, tui)))"
    assert all(
        Path(file).is_relative_to(site) for file in _run(sys.executable, "-c", where, cwd=tmp_path, env=env).split()
    )
    version = _run(sys.executable, str(site / "bin" / "kedge-tui"), "--version", cwd=tmp_path, env=env)
    assert kedge.__version__ in version
