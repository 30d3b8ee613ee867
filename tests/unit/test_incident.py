"""The incident report tells what is broken, why, what was done by whom, and what is left to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kedge import incident
from kedge.audit import Entry
from kedge.i18n import _
from kedge.model import Finding, Hop, HopState, Kind, NodePath, Status
from kedge.picture import Picture

NOW = datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC)
CAUSE = Finding(
    "KE206",
    _("EdgeStream enabled"),
    Kind.EDGESTREAM,
    "edge1",
    Status.FAIL,
    _("EdgeStream is <b>disabled</b>"),
    seen="enable: false",
    since=NOW,
    fixes=("enable-edgestream",),
)
LOGS = replace(CAUSE, code="KE501", kind=Kind.KUBECTL, because="KE206", because_target="edge1", fixes=())
BLIND = replace(CAUSE, code="KE302", kind=Kind.NAT, target="cloud1", status=Status.UNKNOWN, fixes=())


def picture(*findings: Finding) -> Picture:
    path = NodePath("edge1", (HopState(Hop.EDGESTREAM, Status.FAIL if findings else Status.PASS, "KE206"),))
    return Picture(
        "plant-7", "k3s", "", NOW, findings=findings, causes=tuple(f for f in findings if f.is_cause), paths=(path,)
    )


def change(at: str, site: str = "plant-7") -> Entry:
    intent = {"site": site, "at": at, "title": "Restart edgecore", "target": "edge1", "who": {"os": "mei"}}
    return Entry("20261122-1", intent, outcome={"result": "done"}, verify={"result": "not fixed"})


@pytest.mark.parametrize("tell", [incident.as_short, incident.as_markdown])
def test_an_incident_has_its_cause_its_changes_and_its_rest(tell: object) -> None:
    assert callable(tell)
    text = tell(picture(CAUSE, LOGS, BLIND), [change("2026-11-22T02:40:00Z")])
    assert "1 cause; logs and exec do not reach edge1" in text
    assert "2026-11-22T02:40:00Z mei: Restart edgecore (edge1): done, not fixed" in text
    assert "kedge-tui fix enable-edgestream --node edge1 --dry-run" in text
    assert "1 check could not be judged" in text


def test_markdown_says_since_when_and_what_follows_and_quotes_markup() -> None:
    text = incident.as_markdown(picture(CAUSE, LOGS), ())
    assert "since: 2026-11-22T02:51:09Z" in text
    assert "therefore: KE501 edge1" in text
    assert r"EdgeStream is \<b\>disabled" in text


def test_changes_elsewhere_and_of_last_week_are_not_told() -> None:
    old, other = change("2026-11-15T02:40:00Z"), change("2026-11-22T02:40:00Z", site="plant-8")
    assert incident.changes_of(picture(CAUSE), [old, other]) == ()


def test_a_site_that_works_has_little_to_tell() -> None:
    assert incident.as_short(picture(), ()) == (
        "plant-7 2026-11-22T02:51:09Z: nothing is broken as far as it could be judged\n"
    )
