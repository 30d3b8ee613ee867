"""The repository speaks of the product only, and works behind any mirror and on any machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in parts, so that this file does not hold what it looks for.
INDEX_HOSTS = ("py" + r"pi\.org", "files\\." + "python" + r"hosted\.org", "registry\\." + "npm" + r"js\.org")
MACHINE_PATHS = (r"(?<![\w.$}/-])/" + r"work/", r"/root/\." + "pyenv")
WORKSHOP_TALK = ("cla" + "ude", "anthro" + "pic", r"co-authored" + r"-by", r"\bC" + r"EO\b")
FORBIDDEN = re.compile("|".join([*INDEX_HOSTS, *MACHINE_PATHS, *WORKSHOP_TALK]), re.IGNORECASE)


def _repository_files() -> list[Path]:
    """What is in the repository or would be after an ``add``."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_index_host_no_machine_path_no_workshop_talk() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match.group()}"
        for path in _repository_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (match := FORBIDDEN.search(line))
    ]
    assert not found


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_everything_by_hash_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    pinned = re.findall(r"^[a-z0-9][a-z0-9._-]*==\S+.*$", text, re.MULTILINE | re.IGNORECASE)
    assert pinned
    assert all(line.endswith("\\") for line in pinned), "a line without hashes"


def test_the_development_lock_extends_the_other() -> None:
    pins = {
        lock: set(re.findall(r"^([\w.-]+==\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in ("requirements.lock", "requirements-dev.lock")
    }
    assert pins["requirements.lock"] <= pins["requirements-dev.lock"]
