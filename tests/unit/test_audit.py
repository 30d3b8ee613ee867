"""The audit log survives what happens to log files."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kedge.audit import RUN, Audit, AuditError
from kedge.state import audit_path, state_dir


def intent(id: str, **more: object) -> dict[str, object]:
    return {"event": "intent", "id": id, "title": f"Repair {id}", "steps": [], **more}


def outcome(id: str, result: str) -> dict[str, object]:
    return {"event": "outcome", "id": id, "result": result}


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(tmp_path / "audit.jsonl")


def test_a_missing_log_is_an_empty_history(audit: Audit) -> None:
    assert audit.read().entries == ()


def test_events_of_one_id_are_one_entry(audit: Audit) -> None:
    audit.append(intent("a"))
    audit.append({"event": "step", "id": "a", "position": 0, "state": "running"})
    audit.append({"event": "step", "id": "a", "position": 0, "state": "done"})
    audit.append(intent("b"))
    audit.append(outcome("a", "done"))
    first, second = audit.read().entries
    assert (first.id, first.result, first.state_of(0), first.state_of(1)) == ("a", "done", "done", "")
    assert (second.id, second.result) == ("b", "")


def test_only_the_owner_may_read_it(audit: Audit) -> None:
    audit.append(intent("a"))
    assert stat.S_IMODE(audit.path.stat().st_mode) == 0o600


TORN = (
    b'{"event":"outco',
    b'{"event":"outcome","id":"a","res',
    b"\xff\xfe\x00",
    b"[1]",
    b"{}",
    b'{"event":"outcome","id":"a"}',
    b'{"event":"settled","id":"a","result":"done"}',
    b'{"event":"step","id":"a","position":"x","state":"done"}',
)


@pytest.mark.parametrize("torn", TORN)
def test_a_torn_last_line_is_reported_and_the_next_event_stands_alone(audit: Audit, torn: bytes) -> None:
    audit.append(intent("a"))
    with audit.path.open("ab") as file:
        file.write(torn)
    audit.append(outcome("a", "done"))
    history = audit.read()
    assert [(e.id, e.result) for e in history.entries] == [("a", "done")]
    assert [str(problem) for problem in history.problems] == [
        f"Line 2 of the audit log {audit.path} is damaged and was skipped"
    ]


def test_nothing_that_was_written_is_ever_rewritten(audit: Audit) -> None:
    audit.append(intent("a"))
    before = audit.path.read_bytes()
    audit.append(intent("b", title="修复"))
    assert audit.path.read_bytes().startswith(before)
    assert json.loads(audit.path.read_bytes().splitlines()[1])["title"] == "修复"


def test_an_undo_marks_what_it_undid_only_when_it_succeeded(audit: Audit) -> None:
    for event in (intent("a"), outcome("a", "done"), intent("u", undoes="a"), outcome("u", "failed")):
        audit.append(event)
    assert audit.read().entries[0].undone_by == ""
    audit.append(intent("v", undoes="a"))
    audit.append(outcome("v", "done"))
    assert audit.read().entries[0].undone_by == "v"


def test_unfinished_are_those_that_no_living_process_is_busy_with(audit: Audit) -> None:
    machine = os.uname().nodename
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    audit.append(intent("dead", pid=int(ended.stdout), machine=machine))
    audit.append(intent("parent", pid=os.getppid(), machine=machine))
    audit.append(intent("id-used-again", pid=os.getppid(), machine=machine, born="another boot:7"))
    audit.append(intent("mine", pid=os.getpid(), machine=machine, run=RUN))
    audit.append(intent("earlier-with-my-pid", pid=os.getpid(), machine=machine, run="0000"))
    audit.append(intent("elsewhere", pid=os.getpid(), machine="other", run=RUN))
    audit.append(intent("lost"))
    audit.append(outcome("lost", "unknown"))
    audit.append(intent("over"))
    audit.append(outcome("over", "failed"))
    unfinished = [entry.id for entry in audit.read().unfinished()]
    assert unfinished == ["lost", "elsewhere", "earlier-with-my-pid", "id-used-again", "dead"]


def test_two_writers_do_not_mix_their_lines(audit: Audit) -> None:
    code = (
        "import sys; from pathlib import Path; from kedge.audit import Audit\n"
        "audit = Audit(Path(sys.argv[1]))\n"
        "for n in range(50): audit.append({'event': 'intent', 'id': f'{sys.argv[2]}{n}', 'x': 'y' * 5000})"
    )
    argv = [sys.executable, "-c", code, str(audit.path)]
    writers = [subprocess.Popen([*argv, name], cwd=Path(__file__).parents[2]) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    history = audit.read()
    assert len(history.entries) == 100
    assert history.problems == ()


def test_what_cannot_be_written_or_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(AuditError, match="cannot be written: Is a directory"):
        Audit(tmp_path / "audit.jsonl").append(intent("a"))
    with pytest.raises(AuditError, match="cannot be read: Is a directory"):
        Audit(tmp_path / "audit.jsonl").read()


def test_the_state_directory_is_private_and_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "deep" / "state"))
    assert audit_path() == tmp_path / "deep" / "state" / "audit.jsonl"
    assert stat.S_IMODE(state_dir().stat().st_mode) == 0o700
