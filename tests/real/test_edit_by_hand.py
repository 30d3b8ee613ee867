"""The script of a preview, run by hand under GNU and busybox tools, ends where the executor ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kedge.execute.files import backup_path, sed_script
from kedge.yaml_edit import edit
from tests.unit.executor_fakes import START

FILES = {
    "plain": (b"a: 1\nm:\n  enable: false  # off\n  server: 127.0.0.1:10004\nz: 1\n", [("m.enable", True)]),
    "insert": (b"m:\n  a: 1\nz: 1\n", [("m.enable", True), ("m.server", "x/y&z\\w:1")]),
    "no-last-newline": (b"a: 1\nm:\n  b: 2", [("m.b", 3), ("m.c", 4)]),
    "crlf": (b"a: 1\r\nm:\r\n  b: 2\r\n", [("m.b", 3), ("m.c", 4)]),
    "quotes": (b"a: 'x'\nb: \"it's $HOME `id`\"\n", [("a", "it's $HOME `id` /&\\"), ("b", "new\nline")]),
    "null": (b"m: ~ # c\nz: 1\n", [("m.x.b", 2)]),
    "other-scripts": ("名: 值\nb: 1\n".encode(), [("b", 2), ("c", 3)]),
}


def run(script: str, tools: str, path: Path) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-euc", script] if tools == "gnu" else ["busybox", "sh", "-euc", script]
    if tools == "busybox":  # its own applets instead of this machine's programs
        applets = path.parent / "bin"
        subprocess.run(["busybox", "--install", "-s", str(applets)], check=False, timeout=20)
        words[-1] = f"PATH={applets}\n{script}"
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)


@pytest.mark.parametrize("tools", ["gnu", "busybox"])
@pytest.mark.parametrize("name", FILES)
def test_the_same_bytes_and_the_same_backup(tmp_path: Path, name: str, tools: str) -> None:
    before, changes = FILES[name]
    edited = edit(before, changes)
    path = tmp_path / "edge core's.yaml"
    path.write_bytes(before)
    (tmp_path / "bin").mkdir()
    backup = backup_path(str(path), START)
    done = run(sed_script(str(path), backup, before, edited.after), tools, path)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == edited.after
    assert Path(backup).read_bytes() == before


def test_another_file_than_the_one_shown_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "edgecore.yaml"
    path.write_bytes(b"a: 2\n")
    script = sed_script(str(path), f"{path}.backup", b"a: 1\n", b"a: 3\n")
    assert run(script, "gnu", path).returncode != 0
    assert [p.name for p in tmp_path.iterdir()] == ["edgecore.yaml"]
    assert path.read_bytes() == b"a: 2\n"
