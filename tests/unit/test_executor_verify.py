"""Verification: what became of the fault, told apart from what came to light behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kedge.executor import Outcome, Result, VerifyResult
from kedge.i18n import Text
from kedge.model import Finding, Kind, Status
from tests.unit.executor_fakes import Bench, FakeWriters, plan_of


def finding(code: str, status: Status = Status.PASS, because: str | None = None, target: str = "edge1") -> Finding:
    return Finding(code, Text(code), Kind.EDGESTREAM, target, status, Text(f"{code} is {status}"), because=because)


FAIL, PASS = Status.FAIL, Status.PASS


class Site:
    """Findings by time: each entry holds from its second on."""

    def __init__(self, bench: Bench, *story: tuple[float, list[Finding]]) -> None:
        self.bench, self.story, self.asked = bench, story, list[tuple[str, ...]]()

    async def recheck(self, codes: Sequence[str], target: str) -> list[Finding]:
        self.asked.append(tuple(codes))
        assert target == "edge1"
        now = [findings for at, findings in self.story if at <= self.bench.clock.passed][-1]
        return [f for f in now if f.code in codes]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "audit.jsonl", FakeWriters())


def outcome(verify: tuple[str, ...] = ("KE206", "KE306"), expect: tuple[str, ...] = ()) -> Outcome:
    plan = plan_of(verify=verify, expect=expect, answers=("KE206",), verify_seconds=60.0)
    return Outcome("id-1", plan, Result.DONE, (), Text("done"), True)


GREEN = [finding("KE206"), finding("KE306")]


async def test_green_after_a_while_is_fixed(bench: Bench) -> None:
    site = Site(bench, (0, [finding("KE206"), finding("KE306", FAIL)]), (7, GREEN))
    before = [finding("KE206", FAIL), finding("KE306", FAIL, "KE206"), finding("KE999")]
    found = await bench.executor.verify(outcome(), site.recheck, before)
    assert found.result is VerifyResult.FIXED
    assert 7 <= found.seconds <= 9
    assert [f.code for f in found.before] == ["KE206", "KE306"]
    assert [f.status for f in found.after] == [PASS, PASS]


async def test_a_warning_is_green_but_is_given_time_to_pass(bench: Bench) -> None:
    warned = [finding("KE206", Status.WARN), finding("KE306", Status.INFO)]
    found = await bench.executor.verify(outcome(), Site(bench, (0, warned)).recheck)
    assert found.result is VerifyResult.FIXED
    assert "Still a warning: KE206 on edge1" in str(found.text)
    assert 10 <= found.seconds < 12
    found = await bench.executor.verify(outcome(), Site(bench, (0, warned), (bench.clock.passed + 4, GREEN)).recheck)
    assert str(found.text) == "Fixed; green again: KE206, KE306"


async def test_still_red_at_the_deadline_is_not_fixed(bench: Bench) -> None:
    site = Site(bench, (0, [finding("KE206", FAIL), finding("KE306", FAIL, "KE206")]))
    found = await bench.executor.verify(outcome(), site.recheck, [finding("KE206", FAIL)])
    assert found.result is VerifyResult.NOT_FIXED
    assert 60 <= found.seconds < 63
    assert "KE206 on edge1" in str(found.text)


async def test_red_by_another_cause_that_stays_is_the_next_cause(bench: Bench) -> None:
    site = Site(bench, (0, [finding("KE206"), finding("KE306", FAIL, "KE303")]))
    found = await bench.executor.verify(outcome(), site.recheck)
    assert found.result is VerifyResult.NEXT_CAUSE
    assert found.next_cause == ("KE303", "edge1")
    assert found.seconds < 20


async def test_what_follows_from_the_same_cause_as_before_is_not_fixed(bench: Bench) -> None:
    red = [finding("KE206", FAIL, "KE205"), finding("KE306")]
    found = await bench.executor.verify(outcome(), Site(bench, (0, red)).recheck, red)
    assert found.result is VerifyResult.NOT_FIXED
    assert "KE206 on edge1 still follows from KE205 on edge1; repair that first" in str(found.text)
    found = await bench.executor.verify(outcome(), Site(bench, (0, red)).recheck, [finding("KE206", FAIL)])
    assert found.result is VerifyResult.NEXT_CAUSE, "that came to light only now"


async def test_a_cause_that_passes_by_is_not_the_next_one(bench: Bench) -> None:
    restarting = [finding("KE206"), finding("KE306", FAIL, "KE204")]
    site = Site(bench, (0, restarting), (6, [finding("KE206"), finding("KE306", FAIL)]), (8, restarting), (15, GREEN))
    assert (await bench.executor.verify(outcome(), site.recheck)).result is VerifyResult.FIXED


async def test_an_expected_check_that_fails_names_what_is_next(bench: Bench) -> None:
    site = Site(bench, (0, [*GREEN, finding("KE501", FAIL, "KE302")]))
    found = await bench.executor.verify(outcome(expect=("KE501",)), site.recheck)
    assert found.result is VerifyResult.NEXT_CAUSE
    assert found.next_cause == ("KE302", "edge1")


async def test_an_expected_check_that_cannot_be_judged_does_no_harm(bench: Bench) -> None:
    site = Site(bench, (0, [*GREEN, finding("KE501", Status.SKIP)]))
    assert (await bench.executor.verify(outcome(expect=("KE501",)), site.recheck)).result is VerifyResult.FIXED


async def test_expected_checks_wait_for_the_verified_ones(bench: Bench) -> None:
    site = Site(bench, (0, [finding("KE206", FAIL), finding("KE306", FAIL)]), (5, [*GREEN, finding("KE501")]))
    await bench.executor.verify(outcome(expect=("KE501",)), site.recheck)
    assert site.asked[-1] == ("KE501",)
    assert set(site.asked[:-1]) == {("KE206", "KE306")}


async def test_what_was_green_and_is_now_a_cause_is_worse(bench: Bench) -> None:
    site = Site(bench, (0, [finding("KE206"), finding("KE306", FAIL)]))
    found = await bench.executor.verify(outcome(), site.recheck, [finding("KE206", FAIL), finding("KE306")])
    assert found.result is VerifyResult.WORSE
    assert not found.result.is_good


@pytest.mark.parametrize("findings", [[finding("KE206", Status.UNKNOWN), finding("KE306")], [finding("KE306")]])
async def test_what_cannot_be_measured_is_not_called_fixed(bench: Bench, findings: list[Finding]) -> None:
    found = await bench.executor.verify(outcome(), Site(bench, (0, findings)).recheck)
    assert found.result is VerifyResult.NOT_VERIFIED


async def test_the_answer_is_audited(bench: Bench) -> None:
    bench.audit.append({"event": "intent", "id": "id-1", "steps": []})
    await bench.executor.verify(outcome(), Site(bench, (0, GREEN)).recheck, [finding("KE206", FAIL)])
    entry = bench.audit.read().entry("id-1")
    assert entry is not None
    assert entry.verify is not None
    assert entry.verify["result"] == "fixed"
    assert [f["status"] for f in entry.verify["before"]] == ["fail"]


async def test_what_was_taken_back_is_measured_once(bench: Bench) -> None:
    red = [finding("KE206", FAIL), finding("KE306", FAIL, "KE206")]
    site = Site(bench, (0, red))
    found = await bench.executor.verify(outcome(verify=(), expect=("KE206", "KE306")), site.recheck, GREEN)
    assert found.result is VerifyResult.MEASURED
    assert found.result.is_good
    assert "its checks now: KE206 fail, KE306 fail" in str(found.text)
    assert [f.status for f in (*found.before, *found.after)] == [PASS, PASS, FAIL, FAIL]
    assert len(site.asked) == 1


async def test_a_plan_that_names_nothing_has_nothing_to_verify(bench: Bench) -> None:
    found = await bench.executor.verify(outcome(verify=()), Site(bench).recheck)
    assert found.result is VerifyResult.NOTHING
