"""A recording of a shell: what terminals replay, for its owner alone, and never in the way of the shell."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from kedge.i18n import Text
from kedge.links.terminals import Size
from kedge.shells import cast
from kedge.shells.cast import Cast


def written(path: Path, lines: int) -> list[list[object]]:
    """Events of the file once there are so many; its first line holds the header."""
    end = time.monotonic() + 30
    while not path.exists() or len(path.read_text().splitlines()) < lines + 1:
        assert time.monotonic() < end, path
        time.sleep(0.01)  # the thread tells nobody
    header, *events = map(json.loads, path.read_text().splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 91, 33)
    return [event[1:] for event in events]


def test_output_and_sizes_are_replayed_whole(tmp_path: Path) -> None:
    stopped: list[Text] = []
    recording = Cast("factory/line-1/../gate way", Size(91, 33), stopped.append, tmp_path / "new")
    text = "caf\u00e9 \u4e16\u754c\x1b[31m".encode()
    for start in range(len(text)):  # characters arrive in pieces
        recording.output(text[start : start + 1])
    recording.resized(Size(100, 40))
    recording.close()
    recording.output(b"after the end")
    events = written(recording.path, 13)
    assert "".join(str(what) for kind, what in events if kind == "o") == text.decode()
    assert events[-1] == ["r", "100x40"]
    assert recording.path.parent == tmp_path / "new"
    assert recording.path.stat().st_mode & 0o777 == 0o600
    assert recording.path.parent.stat().st_mode & 0o777 == 0o700
    assert stopped == []


def test_what_does_not_fit_ends_it_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cast, "MOST_BYTES", 1 << 20)
    stopped: list[Text] = []
    recording = Cast("edge1", Size(91, 33), stopped.append, tmp_path)
    recording.output(b"kept")
    recording.output(bytes(1 << 20))
    recording.output(b"dropped")
    assert [str(text) for text in stopped] == ["The recording has 1 MB and was ended"]
    assert written(recording.path, 1) == [["o", "kept"]]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = threading.Event()
    stopped: list[Text] = []
    recording = Cast("edge1", Size(91, 33), lambda why: (stopped.append(why), told.set()), tmp_path / "file")
    assert told.wait(30)
    assert str(recording.path) in str(stopped[0])
