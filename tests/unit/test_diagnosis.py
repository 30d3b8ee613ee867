"""Relations between findings: skips, explained failures, roots, paths."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kedge.diagnosis import causes, diagnose, draw_paths
from kedge.engine import Since
from kedge.i18n import _
from kedge.model import Each, Finding, Hop, Kind, Status, Verdict
from kedge.plugins import Check, Registry


def check(code: str, *, kind: Kind = Kind.EDGESTREAM, each: Each | None = None, **more: object) -> Check:
    """A check that is never run: only its relations matter here."""
    return Check(
        code=code,
        title=_("title"),
        kind=kind,
        each=each or kind.each,
        function=lambda: Verdict(Status.PASS, _("fine")),
        needs_facts=(),
        **more,  # type: ignore[arg-type]
    )


def finding(code: str, target: str, status: Status, hops: tuple[Hop, ...] = ()) -> Finding:
    """A finding as the judge gives it."""
    return Finding(code, _("title"), Kind.EDGESTREAM, target, status, _("text"), hops=hops)


def settle(checks: list[Check], *findings: Finding) -> dict[tuple[str, str], Finding]:
    """Findings by (code, target) after their relations."""
    return {(f.code, f.target): f for f in diagnose(Registry(checks=tuple(checks)), findings)}


FAIL, PASS, UNKNOWN, SKIP = Status.FAIL, Status.PASS, Status.UNKNOWN, Status.SKIP


def test_a_check_without_its_prerequisite_is_skipped_because_of_it() -> None:
    found = settle(
        [check("KE205"), check("KE206", needs=("KE205",))],
        finding("KE205", "edge1", FAIL),
        finding("KE206", "edge1", UNKNOWN),
    )
    assert (found["KE206", "edge1"].status, found["KE206", "edge1"].because) == (SKIP, "KE205")


def test_a_skip_points_at_the_root_and_not_at_the_skip_before_it() -> None:
    found = settle(
        [check("KE205"), check("KE206", needs=("KE205",)), check("KE207", needs=("KE206",))],
        finding("KE205", "edge1", FAIL),
        finding("KE206", "edge1", UNKNOWN),
        finding("KE207", "edge1", UNKNOWN),
    )
    assert found["KE207", "edge1"].because == "KE205"


def test_a_measured_consequence_stays_a_failure_and_is_no_cause() -> None:
    found = settle(
        [check("KE206"), check("KE501", explained_by=("KE206",))],
        finding("KE206", "edge1", FAIL),
        finding("KE501", "edge1", FAIL),
    )
    consequence = found["KE501", "edge1"]
    assert (consequence.status, consequence.because, consequence.because_target) == (FAIL, "KE206", "edge1")
    assert [(c.code, c.target) for c in causes(tuple(found.values()))] == [("KE206", "edge1")]


def test_what_was_measured_end_to_end_is_never_skipped() -> None:
    checks = [check("KE110", kind=Kind.CLOUDCORE), check("KE304", kind=Kind.NAT, needs=("KE110",))]
    found = settle(checks, finding("KE110", "-", FAIL), finding("KE304", "cloud1", PASS))
    assert found["KE304", "cloud1"].status is PASS


def test_a_path_check_without_evidence_is_skipped() -> None:
    checks = [check("KE110", kind=Kind.CLOUDCORE), check("KE302", kind=Kind.NAT, needs=("KE110",))]
    found = settle(checks, finding("KE110", "-", FAIL), finding("KE302", "cloud1", SKIP))
    assert found["KE302", "cloud1"].because == "KE110"


def test_one_edge_never_explains_another() -> None:
    found = settle(
        [check("KE206"), check("KE501", explained_by=("KE206",))],
        finding("KE206", "edge1", FAIL),
        finding("KE206", "edge2", PASS),
        finding("KE501", "edge2", FAIL),
    )
    assert found["KE501", "edge2"].is_cause


def test_one_edge_never_explains_another_that_was_not_judged_itself() -> None:
    found = settle(
        [check("KE206"), check("KE501", explained_by=("KE206",))],
        finding("KE206", "edge1", FAIL),
        finding("KE501", "edge2", FAIL),
    )
    assert found["KE501", "edge2"].is_cause


def test_a_cloud_host_explains_every_edge() -> None:
    found = settle(
        [check("KE302", kind=Kind.NAT), check("KE501", explained_by=("KE302",))],
        finding("KE302", "cloud1", FAIL),
        finding("KE501", "edge1", FAIL),
    )
    assert (found["KE501", "edge1"].because, found["KE501", "edge1"].because_target) == ("KE302", "cloud1")


def test_two_independent_faults_are_two_causes() -> None:
    found = settle(
        [check("KE206"), check("KE404", kind=Kind.APISERVICE)],
        finding("KE206", "edge1", FAIL),
        finding("KE404", "-", FAIL),
    )
    assert {(c.code, c.target) for c in causes(tuple(found.values()))} == {("KE206", "edge1"), ("KE404", "-")}


def test_checks_that_explain_each_other_leave_one_root() -> None:
    found = settle(
        [check("KE301", explained_by=("KE306",)), check("KE306", explained_by=("KE301",))],
        finding("KE301", "edge1", FAIL),
        finding("KE306", "edge1", FAIL),
    )
    assert sum(f.is_cause for f in found.values()) == 1


def test_the_cause_that_explains_most_comes_first() -> None:
    found = settle(
        [check("KE110", kind=Kind.CLOUDCORE), check("KE206"), check("KE501", explained_by=("KE206",))],
        finding("KE110", "-", FAIL),
        finding("KE206", "edge1", FAIL),
        finding("KE501", "edge1", FAIL),
    )
    assert [c.code for c in causes(tuple(found.values()))] == ["KE206", "KE110"]


def test_a_path_names_the_cause_behind_its_broken_hop() -> None:
    found = settle(
        [check("KE206"), check("KE306", explained_by=("KE206",))],
        finding("KE206", "edge1", FAIL, (Hop.EDGESTREAM,)),
        finding("KE306", "edge1", FAIL, (Hop.TUNNEL,)),
    )
    hops = {h.hop: (h.status, h.code) for h in draw_paths(tuple(found.values()), ["edge1"])[0].hops}
    assert hops[Hop.TUNNEL] == (FAIL, "KE206")
    assert hops[Hop.EDGESTREAM] == (FAIL, "KE206")
    assert hops[Hop.NAT] == (UNKNOWN, None)


def test_a_path_leaves_other_edges_out() -> None:
    found = [finding("KE206", "edge1", FAIL, (Hop.EDGESTREAM,)), finding("KE206", "edge2", PASS, (Hop.EDGESTREAM,))]
    hops = {h.hop: h.status for h in draw_paths(found, ["edge1", "edge2"])[1].hops}
    assert hops[Hop.EDGESTREAM] is PASS


def test_what_was_measured_before_the_api_was_lost_stands() -> None:
    checks = [check("KE101", kind=Kind.API_SERVER), check("KE112", kind=Kind.CLOUDSTREAM, needs=("KE101",))]
    found = settle(checks, finding("KE101", "-", FAIL), finding("KE112", "-", PASS))
    assert found["KE112", "-"].status is PASS


def test_what_was_never_measured_is_skipped_because_of_the_api() -> None:
    checks = [check("KE101", kind=Kind.API_SERVER), check("KE112", kind=Kind.CLOUDSTREAM, needs=("KE101",))]
    found = settle(checks, finding("KE101", "-", FAIL), finding("KE112", "-", UNKNOWN))
    assert found["KE112", "-"].because == "KE101"


def test_what_came_back_all_the_way_proves_the_hops_that_nobody_could_look_at() -> None:
    seen = (
        finding("KE206", "edge1", UNKNOWN, (Hop.EDGESTREAM,)),
        finding("KE302", "-", FAIL, (Hop.NAT,)),
        finding("KE501", "edge1", PASS),
    )
    near, far = draw_paths(seen, ["edge1", "edge2"])
    hops = {h.hop: (h.status, h.code) for h in near.hops}
    assert hops[Hop.EDGESTREAM] == (PASS, "KE501")
    assert hops[Hop.RUNTIME] == (PASS, "KE501")
    assert hops[Hop.NAT] == (FAIL, "KE302")
    assert {h.status for h in far.hops} == {UNKNOWN, FAIL}


def test_since_and_how_often_something_turned_bad_are_remembered() -> None:
    watched, start = Since(), datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    seen = []
    for minute, status in enumerate((FAIL, FAIL, PASS, FAIL)):
        (found,) = watched.stamp([finding("KE206", "edge1", status)], start + timedelta(minutes=minute))
        seen.append((found.since, found.flaps))
    later = start + timedelta(minutes=3)
    assert seen == [(start, 1), (start, 1), (None, 1), (later, 2)]
