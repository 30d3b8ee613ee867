"""verify says that a point works only where it was measured, and that it fails wherever something it needs does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kedge.commands.verify import as_table, code_of, points_document
from kedge.eight_points import POINTS, counted, results
from kedge.exit_codes import Exit
from kedge.i18n import _
from kedge.model import Finding, Kind, Status
from kedge.picture import Picture

NOW = datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC)
SITE_CODES = {"KE110": Kind.CLOUDCORE, "KE112": Kind.CLOUDSTREAM, "KE401": Kind.METRICS_SERVER}
EDGE_CODES = ("KE201", "KE501", "KE502", "KE503", "KE504")


def finding(code: str, target: str, kind: Kind, status: Status = Status.PASS) -> Finding:
    said = _("{code} of {target}").format(code=code, target=target)
    return Finding(code, _("t"), kind, target, status, said, seen=f"seen {code}")


def working(*edges: str) -> dict[tuple[str, str], Finding]:
    found = [finding(code, "-", kind) for code, kind in SITE_CODES.items()]
    found += [finding(code, edge, Kind.KUBECTL) for code in EDGE_CODES for edge in edges]
    found.append(finding("KE302", "cloud1", Kind.NAT))
    return {(one.code, one.target): one for one in found}


def picture(*edges: str, **changes: Status) -> Picture:
    """A working site but for these: ``KE501_edge1=Status.FAIL``."""
    found = working(*edges)
    for name, status in changes.items():
        code, _sep, target = name.partition("_")
        place = (code, target or "-")
        found[place] = replace(found.get(place) or finding(code, place[1], Kind.EDGESTREAM), status=status)
    causes = tuple(one for one in found.values() if one.is_cause)
    return Picture("plant-7", "k3s", "", NOW, findings=tuple(found.values()), causes=causes)


def test_all_eight_hold_on_a_working_site() -> None:
    found = results(picture("edge1", "edge2"))
    assert counted(found) == (8, 0, 0)
    assert code_of(found) is Exit.OK
    assert {result.point for result in found} == set(POINTS)
    assert "All eight points were tested and work" in as_table(picture("edge1"), results(picture("edge1")))


@pytest.mark.parametrize(
    ("changes", "counts", "code"),
    [
        ({"KE501_edge2": Status.FAIL}, (7, 1, 0), Exit.FAILURE),
        ({"KE502_edge1": Status.SKIP}, (7, 0, 1), Exit.UNJUDGED),
        ({"KE504_edge1": Status.UNKNOWN}, (7, 0, 1), Exit.UNJUDGED),
        ({"KE206_edge1": Status.FAIL}, (7, 1, 0), Exit.FAILURE),
        ({"KE404": Status.FAIL}, (7, 1, 0), Exit.FAILURE),
        ({"KE302_cloud1": Status.WARN}, (8, 0, 0), Exit.OK),
    ],
)
def test_one_that_fails_or_was_not_tested_counts(
    changes: dict[str, Status], counts: tuple[int, int, int], code: Exit
) -> None:
    found = results(picture("edge1", "edge2", **changes))
    assert counted(found) == counts
    assert code_of(found) is code


def test_rules_nobody_could_see_are_proven_by_the_logs_that_came_through_them() -> None:
    unseen = picture("edge1", "edge2", KE302_cloud1=Status.UNKNOWN)
    assert counted(results(unseen)) == (8, 0, 0)
    broken = picture("edge1", "edge2", KE302_cloud1=Status.UNKNOWN, KE501_edge2=Status.FAIL)
    assert counted(results(broken)) == (6, 1, 1)


def test_a_site_without_edges_is_not_a_working_one() -> None:
    found = results(picture())
    assert code_of(found) is Exit.UNJUDGED
    assert as_table(picture(), found).count("no edge node is known") == 4


def test_the_document_says_of_every_point_whether_it_works() -> None:
    seen = picture("edge1", KE501_edge1=Status.FAIL, KE502_edge1=Status.SKIP)
    points = json.loads(json.dumps(points_document(seen, results(seen))))["points"]
    assert {(one["point"], one["works"]) for one in points if one["target"] == "edge1"} == {
        ("edge-node", True),
        ("logs", False),
        ("exec", None),
        ("top", True),
    }
