"""The log file: where it is, who may read it, and what never gets into it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kedge import logging_setup

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----"


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    root = logging.getLogger()
    level, levels = root.level, {n: logging.getLogger(n).level for n in logging_setup._NOISY}
    yield
    logging_setup.close()
    logging.captureWarnings(False)
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if type(handler) is logging.NullHandler]:
        root.removeHandler(handler)
    for name, value in levels.items():
        logging.getLogger(name).setLevel(value)


def _written() -> str:
    logging_setup.close()
    return (Path(logging_setup.log_dir()) / logging_setup.NAME).read_text()


def test_what_is_logged_is_in_the_file_with_its_traceback() -> None:
    path = logging_setup.setup().path
    try:
        raise ValueError("the rule for 10350 matches nothing")
    except ValueError:
        logging.getLogger("kedge.live").exception("sweep of %s failed", "edge1")
    text = _written()
    assert path == logging_setup.log_dir() / logging_setup.NAME
    assert "kedge.live: sweep of edge1 failed" in text
    assert "ValueError: the rule for 10350 matches nothing" in text
    assert text.split(" ", 1)[0].endswith("Z")


def test_only_the_owner_can_read_it() -> None:
    path = logging_setup.setup().path
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "authorization=Basic b25jYWxsOmh1bnRlcjI=",
        "password=hunter2",
        "sudo_password: 'hunter 2'",
        'edgeHub:\n  token: "eyJhbGciOiJSUzI1NiJ9"',
        "{'client-key-data': 'LS0tLS1CRUdJTg=='}",
        KEY,
    ],
)
def test_secrets_are_masked_wherever_they_come_from(secret: str) -> None:
    logging_setup.setup()
    log = logging.getLogger("kedge.links.ssh")
    log.warning("answer: %s", secret)
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        log.exception("it failed")
    text = _written()
    assert text.count("***") >= 2
    for word in ("eyJ", "hunter", "LS0tLS", "b3BlbnNz", "b25jYW"):
        assert word not in text


def test_words_that_only_look_like_secrets_stay() -> None:
    line = "tokenSecret is not set; the passphrase question was refused; secrets are never listed"
    assert logging_setup.mask(line) == line


def test_it_rotates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_setup, "BYTES", 2_000)
    logging_setup.setup()
    for number in range(200):
        logging.getLogger("kedge").info("line %d of a long night", number)
    last = _written()
    files = sorted(path.name for path in logging_setup.log_dir().iterdir())
    assert files == [logging_setup.NAME, *(f"{logging_setup.NAME}.{n}" for n in range(1, logging_setup.FILES + 1))]
    assert "line 199" in last
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in logging_setup.log_dir().iterdir())


def test_a_state_directory_that_cannot_be_made_is_a_sentence_and_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "file" / "state"))
    found = logging_setup.setup()
    assert found.path is None
    assert "No log file is written" in str(found.problem)
    logging.getLogger("kedge").warning("a warning")
    assert capfd.readouterr().err == ""


def test_a_dying_thread_is_logged_and_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    logging_setup.setup()

    def die() -> None:
        raise OSError("the socket is gone")

    thread = threading.Thread(target=die, name="watch-pods")
    thread.start()
    thread.join()
    text = _written()
    assert "thread watch-pods died" in text
    assert "the socket is gone" in text
    assert capfd.readouterr().err == ""


def test_a_second_call_changes_the_level_and_writes_nothing_twice() -> None:
    logging_setup.setup()
    logging_setup.setup(logging.DEBUG)
    logging.getLogger("kedge").debug("only once")
    assert _written().count("only once") == 1
