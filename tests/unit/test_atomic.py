"""Files that are there whole or not at all, and what is no file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kedge.atomic import write_whole
from kedge.state import StateError, state_dir


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"metrics 1\n")
        assert os.read(reader, 100) == b"metrics 1\n"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_what_was_there_stays_when_the_new_file_cannot_be_written(tmp_path: Path) -> None:
    target = tmp_path / "directory"
    target.mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(target, b"new")
    assert list(tmp_path.iterdir()) == [target]


def test_a_state_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "file" / "state"))
    with pytest.raises(
        StateError, match=r"file/state, where changes .* cannot be made: Not a directory\. Name .*KEDGE_TUI_STATE"
    ):
        state_dir()
