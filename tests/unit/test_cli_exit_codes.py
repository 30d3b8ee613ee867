"""One exit code for one situation, whatever the format; and every format is one valid document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner, Result

from kedge.commands import check as check_command
from kedge.commands.looks import Look
from kedge.exit_codes import Exit
from kedge.i18n import _
from kedge.model import Evidence, Finding, Hop, HopState, Kind, NodePath, Reason, Status, Verdict
from kedge.picture import Picture
from kedge.plugins import Check, Registry
from kedge.report_formats import FORMATS

NOW = datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC)
HOSTILE = 'x <b>|"\\ \x1b[31m\x00'

EDGE = Finding(
    "KE206",
    _("EdgeStream enabled"),
    Kind.EDGESTREAM,
    "edge1",
    Status.PASS,
    _("EdgeStream of {node} said: {words}").format(node="edge1", words=HOSTILE),
    expected="enable: true",
    seen=HOSTILE,
    evidence=(Evidence("edge1", "cat /etc/kubeedge/config/edgecore.yaml", NOW, 48),),
    fixes=("enable-edgestream",),
)
OTHER = replace(EDGE, target="edge2")
LOGS = replace(EDGE, code="KE501", kind=Kind.KUBECTL)
API = replace(EDGE, code="KE101", kind=Kind.API_SERVER, target="-", fixes=())


def registry() -> Registry:
    """The checks that the findings come from."""

    def check(code: str, kind: Kind) -> Check:
        return Check(code, _("t"), kind, kind.each, lambda: Verdict(Status.PASS, _("ok")), ())

    return Registry(
        checks=(check("KE101", Kind.API_SERVER), check("KE206", Kind.EDGESTREAM), check("KE501", Kind.PODS))
    )


def look(*findings: Finding, complete: bool = True) -> Look:
    """One look that found these."""
    causes = tuple(f for f in findings if f.is_cause)
    paths = (NodePath("edge1", (HopState(Hop.TUNNEL, Status.FAIL, "KE206"),)),)
    return Look(
        Picture("plant-7", "k3s", "https://c:6443", NOW, findings=findings, causes=causes, paths=paths), complete
    )


def as_status(finding: Finding, status: Status, **more: Any) -> Finding:
    return replace(finding, status=status, **more)


BROKEN = as_status(EDGE, Status.FAIL)
BLIND = as_status(EDGE, Status.UNKNOWN, reason=Reason.NO_SSH)
SITUATIONS: dict[str, tuple[Look, tuple[str, ...], Exit]] = {
    "healthy": (look(API, EDGE, OTHER), (), Exit.OK),
    "a failure": (look(API, BROKEN, OTHER), (), Exit.FAILURE),
    "a failure, told to exit 0": (look(API, BROKEN), ("--exit-zero",), Exit.OK),
    "a failure that is not shown": (look(API, BROKEN), ("--show", "pass"), Exit.FAILURE),
    "a failure elsewhere": (look(API, BROKEN, OTHER), ("--node", "edge2"), Exit.OK),
    "a consequence, its cause elsewhere": (
        look(BROKEN, as_status(LOGS, Status.FAIL, because="KE206", because_target="edge1")),
        ("KE5*",),
        Exit.FAILURE,
    ),
    "the API is down": (
        look(as_status(API, Status.FAIL), as_status(EDGE, Status.SKIP, because="KE101")),
        (),
        Exit.FAILURE,
    ),
    "the API is down, one node asked for": (
        look(as_status(API, Status.FAIL), as_status(EDGE, Status.SKIP, because="KE101", because_target="-")),
        ("--node", "edge1"),
        Exit.FAILURE,
    ),
    "a warning": (look(API, as_status(EDGE, Status.WARN)), (), Exit.OK),
    "a warning that counts": (look(API, as_status(EDGE, Status.WARN)), ("--fail-on", "warn"), Exit.WARNING),
    "no edge could be judged": (look(API, BLIND), (), Exit.UNJUDGED),
    "one edge could": (look(API, BLIND, OTHER), (), Exit.OK),
    "one edge could, strictly": (look(API, BLIND, OTHER), ("--strict",), Exit.UNJUDGED),
    "time was up": (look(API, BLIND, OTHER, complete=False), (), Exit.UNJUDGED),
    "no edge was asked for": (look(API, BLIND), ("KE101",), Exit.OK),
    "no edge at all": (look(API), (), Exit.UNJUDGED),
}
MISTAKES = {
    "no such check": ("KE9*",),
    "no such node": ("--node", "edge9"),
    "no such status": ("--show", "bad"),
    "no such option": ("--nope",),
    "no such recording": ("--recording", "/nonexistent"),
}


@dataclass(frozen=True)
class Desk:
    """Where a command is run on whatever look lies there."""

    run: Callable[[Look, list[str]], Result]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(check_command, "discover", registry)

    def run(found: Look, words: list[str]) -> Result:
        monkeypatch.setattr(check_command, "_live", lambda *_arguments: found)
        return CliRunner().invoke(check_command.command, words)

    return Desk(run)


def parsed_prometheus(text: str) -> list[str]:
    sample = re.compile(r'^[a-z_]+\{([a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\} \d+$')
    lines = [line for line in text.splitlines() if not line.startswith("# ")]
    assert all(sample.match(line) for line in lines), text
    return lines


VALID: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "yaml": yaml.safe_load,
    "ndjson": lambda text: [json.loads(line) for line in text.splitlines()],
    "junit": ET.fromstring,
    "prom": parsed_prometheus,
}


@pytest.mark.parametrize("output", sorted(FORMATS))
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_situation_has_one_exit_code_in_every_format(desk: Desk, situation: str, output: str) -> None:
    found, options, code = SITUATIONS[situation]
    ran = desk.run(found, ["-o", output, *options])
    assert ran.exit_code == code, ran.output
    assert ran.stdout.endswith("\n")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", ran.stdout), "a control character reached the terminal"
    VALID.get(output, str)(ran.stdout)


@pytest.mark.parametrize("output", sorted(FORMATS))
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_exit_2_a_sentence_and_no_document(desk: Desk, mistake: str, output: str) -> None:
    ran = desk.run(look(API, EDGE), ["-o", output, *MISTAKES[mistake]])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.strip()
    assert "Traceback" not in ran.stderr


def test_time_that_was_up_is_said(desk: Desk) -> None:
    ran = desk.run(look(API, EDGE, complete=False), ["--timeout", "1.5"])
    assert "not everything answered within 1.5 s" in ran.stderr


def test_structured_formats_hold_the_same_document(desk: Desk) -> None:
    found = look(API, BROKEN)
    document = json.loads(desk.run(found, ["-o", "json"]).stdout)
    assert yaml.safe_load(desk.run(found, ["-o", "yaml"]).stdout) == document
    lines = [json.loads(line) for line in desk.run(found, ["-o", "ndjson"]).stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["report", "cause", "result", "result", "path"]
    assert all(line["site"] == "plant-7" and line["generatedAt"] == "2026-11-22T02:51:09Z" for line in lines)
    assert {**lines[2], **document["results"][0]} == lines[2]


def test_what_is_shown_does_not_change_what_is_counted(desk: Desk) -> None:
    document = json.loads(desk.run(look(API, BROKEN, OTHER), ["-o", "json", "--show", "fail,warn"]).stdout)
    assert [result["status"] for result in document["results"]] == ["fail"]
    assert (document["summary"]["pass"], document["summary"]["fail"]) == (2, 1)


def test_globs_and_nodes_pick_results_and_the_causes_that_explain_them(desk: Desk) -> None:
    consequence = as_status(LOGS, Status.FAIL, because="KE206", because_target="edge1")
    other = as_status(API, Status.FAIL)
    document = json.loads(desk.run(look(other, BROKEN, OTHER, consequence), ["-o", "json", "ke50?"]).stdout)
    assert [result["code"] for result in document["results"]] == ["KE501"]
    assert [cause["code"] for cause in document["causes"]] == ["KE206"]


def test_junit_counts_what_it_holds(desk: Desk) -> None:
    text = desk.run(look(API, BROKEN, as_status(OTHER, Status.UNKNOWN)), ["-o", "junit"]).stdout
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("3", "1", "1")
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("type") == "KE206"
    assert "fixes: enable-edgestream" in (failure.text or "")


def test_prometheus_has_the_cause_and_the_counts(desk: Desk) -> None:
    lines = parsed_prometheus(desk.run(look(API, BROKEN), ["-o", "prom"]).stdout)
    assert 'kedge_tui_cause{site="plant-7",context="k3s",code="KE206",target="edge1"} 1' in lines
    assert 'kedge_tui_results{site="plant-7",context="k3s",status="fail"} 1' in lines


def test_a_silent_host_says_why_once_in_the_table(desk: Desk) -> None:
    more = [replace(BLIND, code=code) for code in ("KE206", "KE501")]
    lines = [line for line in desk.run(look(API, *more), []).stdout.splitlines() if line.startswith("? unknown KE")]
    assert len(lines) == 1
    assert "KE206" in lines[0]
    assert lines[0].endswith("(so is KE501)")
