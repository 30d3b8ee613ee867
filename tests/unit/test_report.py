"""The machine-readable verdict and the exit codes: frozen names, English, the same in every format."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kedge.exit_codes import Exit, exit_code
from kedge.i18n import _
from kedge.model import Evidence, Finding, Hop, HopState, Kind, NodePath, Reason, Status, Verdict
from kedge.picture import Picture
from kedge.plugins import Check, Registry
from kedge.report import as_json_text, as_table

NOW = datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC)

FINDING = Finding(
    code="KE206",
    title=_("EdgeStream enabled"),
    kind=Kind.EDGESTREAM,
    target="edge1",
    status=Status.FAIL,
    text=_("EdgeStream is disabled"),
    expected="modules.edgeStream.enable: true",
    seen="modules.edgeStream.enable: false",
    seconds=0.003,
    evidence=(Evidence("edge1", "/etc/kubeedge/config/edgecore.yaml", NOW),),
    fixes=("enable-edgestream",),
)


def picture(*findings: Finding) -> Picture:
    """A picture of these findings."""
    return Picture(
        site="plant-7",
        context="k3s",
        server="https://cloud:6443",
        taken=NOW,
        findings=findings,
        causes=tuple(f for f in findings if f.is_cause),
        paths=(NodePath("edge1", (HopState(Hop.TUNNEL, Status.FAIL, "KE206"),)),),
    )


def edge_checks() -> Registry:
    """One check that speaks of edges, one that does not."""

    def check(code: str, kind: Kind) -> Check:
        return Check(code, _("t"), kind, kind.each, lambda: Verdict(Status.PASS, _("ok")), ())

    return Registry(checks=(check("KE206", Kind.EDGESTREAM), check("KE101", Kind.API_SERVER)))


def test_the_document_has_exactly_the_promised_names() -> None:
    document = json.loads(as_json_text(picture(FINDING)))
    assert document["apiVersion"] == "kedge-tui/v1"
    assert document["generatedAt"] == "2026-11-22T02:51:09Z"
    assert document["summary"] == {"pass": 0, "info": 0, "warn": 0, "fail": 1, "skip": 0, "unknown": 0}
    assert document["causes"] == [{"code": "KE206", "target": "edge1", "message": "EdgeStream is disabled"}]
    assert document["paths"][0]["hops"] == [{"hop": "tunnel", "status": "fail", "code": "KE206"}]
    promised = {
        "code": "KE206",
        "title": "EdgeStream enabled",
        "component": "edge/edge1/edgestream",
        "target": "edge1",
        "status": "fail",
        "message": "EdgeStream is disabled",
        "expected": "modules.edgeStream.enable: true",
        "seen": "modules.edgeStream.enable: false",
        "because": None,
        "since": None,
        "durationMs": 3,
        "evidence": [{"source": "edge1", "what": "/etc/kubeedge/config/edgecore.yaml", "at": "2026-11-22T02:51:09Z"}],
        "fixes": ["enable-edgestream"],
    }
    assert promised.items() <= document["results"][0].items()


def test_a_hostile_name_stays_on_its_line() -> None:
    table = as_table(picture(replace(FINDING, target="edge1\n\x1b[31mroot")))
    assert "\x1b" not in table
    assert "edge1 ⏎ root" in table


@pytest.mark.parametrize(
    ("status", "options", "code"),
    [
        (Status.PASS, {}, Exit.OK),
        (Status.FAIL, {}, Exit.FAILURE),
        (Status.WARN, {}, Exit.OK),
        (Status.WARN, {"fail_on": "warn"}, Exit.WARNING),
        (Status.UNKNOWN, {}, Exit.UNJUDGED),
        (Status.UNKNOWN, {"strict": True}, Exit.UNJUDGED),
        (Status.SKIP, {}, Exit.UNJUDGED),
    ],
)
def test_exit_codes_of_one_edge_finding(status: Status, options: dict[str, object], code: Exit) -> None:
    found = picture(replace(FINDING, status=status))
    assert exit_code(found, edge_checks(), **options) is code  # type: ignore[arg-type]


def test_an_edge_that_was_judged_makes_it_ok_although_another_is_unknown() -> None:
    found = picture(replace(FINDING, status=Status.PASS), replace(FINDING, target="edge2", status=Status.UNKNOWN))
    assert exit_code(found, edge_checks()) is Exit.OK
    assert exit_code(found, edge_checks(), strict=True) is Exit.UNJUDGED


def test_a_cloud_that_was_judged_says_nothing_about_edges() -> None:
    cloud = replace(FINDING, code="KE101", kind=Kind.API_SERVER, target="-", status=Status.PASS)
    assert exit_code(picture(cloud), edge_checks()) is Exit.UNJUDGED


def test_what_was_not_asked_is_no_judgement() -> None:
    skipped = replace(FINDING, status=Status.SKIP, reason=Reason.NOT_ASKED)
    assert exit_code(picture(skipped), edge_checks()) is Exit.UNJUDGED
