"""What was typed on the ``:`` and ``/`` lines is there again in the next session, and only that."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kedge import typed
from kedge.state import state_place


def test_what_was_typed_is_kept_by_prompt_without_repetitions() -> None:
    for prompt, text in ((":", "node edge1"), (":", "node edge1"), ("/", "status:fail"), (":", "history\n:q")):
        typed.keep(prompt, text)
    assert typed.past() == {":": ["node edge1", "history ⏎ :q"], "/": ["status:fail"]}
    assert stat.S_IMODE((state_place() / typed.NAME).stat().st_mode) == 0o600


def test_the_file_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "MOST", 3)
    monkeypatch.setattr(typed, "FILE_MOST", 6)
    for number in range(8):
        typed.keep(":", f"node edge{number}")
    assert typed.past()[":"] == ["node edge5", "node edge6", "node edge7"]
    assert (state_place() / typed.NAME).read_text() == ":node edge5\n:node edge6\n:node edge7\n"


def test_a_place_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "file"))
    typed.keep(":", "history")
    assert typed.past() == {":": [], "/": []}
    (tmp_path / typed.NAME).write_bytes(b"\xff\x00:x\n" * 3 + b":" + b"y" * typed.LARGEST)
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path))
    assert typed.past() == {":": [], "/": []}
