"""The history reads back whatever the audit log still holds, what never ended first."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kedge.audit import Audit
from kedge.commands.history import command
from kedge.state import audit_path

DEAD = {"machine": "elsewhere", "pid": 1}


@pytest.fixture
def audit() -> Audit:
    found = Audit(audit_path())
    for id, title in (("a", "First"), ("b", "Second"), ("c", "Third")):
        found.append(
            {
                "event": "intent",
                "id": id,
                "at": f"2026-11-22T02:51:0{ord(id) - ord('a')}Z",
                "who": {"os": "ann", "kube": "oncall", "approved": "ann"},
                "how": "tty",
                "site": "plant-7",
                "context": "k3s",
                "fix": "some-fix",
                "target": "edge1",
                "title": title,
                "steps": [{"title": "Do it"}],
                **DEAD,
            }
        )
    for id in ("a", "c"):
        found.append({"event": "outcome", "id": id, "result": "done", "text": "done"})
    return found


def test_the_unfinished_come_first_then_the_newest(audit: Audit) -> None:
    ran = CliRunner().invoke(command, ["-o", "json"])
    found = json.loads(ran.stdout)
    assert (ran.exit_code, found["unfinished"]) == (0, ["b"])
    assert [(c["id"], c["unfinished"]) for c in found["changes"]] == [("b", True), ("c", False), ("a", False)]
    assert found["changes"][1]["who"] == {"os": "ann", "kube": "oncall", "approved": "ann"}


def test_the_table_says_what_to_do_about_an_unfinished_change(audit: Audit) -> None:
    first, hint, *_rest = CliRunner().invoke(command, []).stdout.splitlines()
    assert first.startswith("b  ")
    assert first.endswith("unfinished")
    assert "kedge-tui undo b" in hint


def test_a_torn_last_line_is_reported_and_the_rest_is_read(audit: Audit) -> None:
    with audit.path.open("ab") as file:
        file.write(b'{"event":"outco')
    ran = CliRunner().invoke(command, ["-o", "json"])
    found = json.loads(ran.stdout)
    assert (ran.exit_code, len(found["changes"])) == (0, 3)
    assert "is damaged and was skipped" in found["problems"][0]
    assert "is damaged and was skipped" in ran.stderr


def test_an_entry_of_another_version_may_lack_fields(audit: Audit) -> None:
    audit.append({"event": "intent", "id": "d"})
    assert CliRunner().invoke(command, []).exit_code == 0
    assert json.loads(CliRunner().invoke(command, ["-o", "json"]).stdout)["changes"][0]["id"] == "d"


def test_a_hostile_title_stays_on_its_line(audit: Audit) -> None:
    audit.append({"event": "intent", "id": "e", "title": "x\n\x1b[31mred"})
    shown = CliRunner().invoke(command, []).stdout
    assert "\x1b" not in shown
    assert "x ⏎ red" in shown


def test_nothing_ever_changed_is_said() -> None:
    ran = CliRunner().invoke(command, [])
    assert (ran.exit_code, ran.stdout) == (0, "Nothing was ever changed from this machine\n")


def test_shells_follow_the_changes_with_who_where_and_how_each_ended(audit: Audit) -> None:
    begin = {"event": "shell-begin", "at": "2026-11-22T02:51:09Z", "who": {"os": "ann"}, "site": "plant-7", **DEAD}
    audit.append({**begin, "id": "s1", "target": "edge1", "way": "host", "command": []})
    audit.append({"event": "shell-end", "id": "s1", "at": "2026-11-22T02:52:09Z", "code": 3, "seconds": 60.0})
    audit.append({**begin, "id": "s2", "target": "a/b/c", "way": "runtime", "command": ["cat", "x\x1b[2J\n"]})
    lines = CliRunner().invoke(command, []).stdout.splitlines()
    assert "  plant-7/a/b/c  cat x" in lines[-2]
    assert lines[-2].endswith(" (runtime)  end unknown")
    assert "\x1b" not in lines[-2]
    assert lines[-1] == "s1  2026-11-22T02:51:09Z  ann  plant-7/edge1  shell (host)  exit code 3"
    first, last = json.loads(CliRunner().invoke(command, ["-o", "json"]).stdout)["shells"]
    assert (first["id"], first["how"], first["ended"]) == ("s2", "end unknown", None)
    assert (last["code"], last["seconds"], last["who"]) == (3, 60.0, {"os": "ann"})
