"""Facts in, verdicts out: only what changed is judged again, and nothing unknown reaches a check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from kedge.asks import File
from kedge.i18n import _
from kedge.judge import Judge
from kedge.model import SITE, Cost, Each, Kind, Observation, Reason, Status, Unknown, Verdict
from kedge.plugins import All, Check, Maybe, Registry, check, failed, passed
from kedge.store import FactStore


@dataclass(frozen=True)
class Switch:
    """A fact of an edge."""

    on: bool


@dataclass(frozen=True)
class Site:
    """A fact of the site."""

    name: str


@check("KE901", _("switch"), on=Kind.EDGESTREAM)
def plain(switch: Switch, site: Site) -> Verdict:
    """Takes both."""
    return passed(_("on")) if switch.on else failed(_("off"), line=3)


@check("KE902", _("maybe"), on=Kind.EDGESTREAM)
def maybe(switch: Maybe[Switch]) -> Verdict:
    """Judges absence itself."""
    return failed(_("gone")) if isinstance(switch, Unknown) else passed(_("there"))


@check("KE903", _("all"), on=Kind.CLOUDCORE)
def everyone(switches: All[Switch]) -> Verdict:
    """Looks at every edge."""
    return passed(_("{count} on").format(count=sum(s.on for s in switches.known().values())))


@check("KE904", _("intrusive"), on=Kind.KUBECTL, cost=Cost.INTRUSIVE)
def intrusive(site: Site) -> Verdict:
    """Needs something that no sweep asks."""
    return passed(_("ran"))


@check("KE905", _("broken"), on=Kind.CLOUDCORE)
def broken(site: Site) -> Verdict:
    """Has a bug."""
    raise KeyError("oops")


@check("KE906", _("hosts"), on=Kind.NAT)
def of_hosts(target: str, switch: Switch) -> Verdict:
    """Runs over API-server hosts."""
    return passed(_("{name}").format(name=target))


EDGES = {Each.EDGE: ("edge1", "edge2")}


def judge(*checks: Check) -> Judge:
    """A judge of these checks."""
    return Judge(Registry(checks=checks))


def one(found: Any, code: str, target: str) -> Any:
    """The finding of a code and target."""
    return next(f for f in found if (f.code, f.target) == (code, target))


@pytest.fixture
def store() -> FactStore:
    """Two edges, one of them off."""
    store = FactStore()
    store.put(Site, SITE, Site("plant"))
    store.put(Switch, "edge1", Switch(False), [Observation("ask", "edge1", "cat file")])
    store.put(Switch, "edge2", Switch(True))
    return store


def test_a_check_gets_its_targets_fact_else_the_sites(store: FactStore) -> None:
    found = judge(plain).evaluate(store, EDGES)
    assert [f.status for f in found] == [Status.FAIL, Status.PASS]


def test_evidence_is_what_the_facts_were_read_from(store: FactStore) -> None:
    evidence = one(judge(plain).evaluate(store, EDGES), "KE901", "edge1").evidence
    assert [(e.source, e.what, e.line) for e in evidence] == [("edge1", "cat file", 3)]


def test_an_unknown_fact_makes_the_check_unknown_with_its_reason(store: FactStore) -> None:
    store.put(Switch, "edge1", Unknown(Reason.DENIED, _("denied")))
    finding = one(judge(plain).evaluate(store, EDGES), "KE901", "edge1")
    assert (finding.status, finding.reason, str(finding.text)) == (Status.UNKNOWN, Reason.DENIED, "denied")


def test_a_fact_that_nobody_asked_for_is_unknown_not_asked() -> None:
    finding = judge(plain).evaluate(FactStore(), {Each.EDGE: ("edge1",)})[0]
    assert (finding.status, finding.reason) == (Status.UNKNOWN, Reason.NOT_ASKED)


def test_maybe_reaches_the_check(store: FactStore) -> None:
    store.put(Switch, "edge1", Unknown(Reason.MISSING, _("no file")))
    assert one(judge(maybe).evaluate(store, EDGES), "KE902", "edge1").status is Status.FAIL


def test_all_holds_every_target(store: FactStore) -> None:
    assert str(judge(everyone).evaluate(store, EDGES)[0].text) == "1 on"


def test_a_changed_fact_runs_only_the_checks_that_read_it(store: FactStore) -> None:
    judging = judge(plain, maybe, everyone, broken)
    judging.evaluate(store, EDGES)
    before = judging.ran
    store.put(Switch, "edge1", Switch(True))
    found = judging.evaluate(store, EDGES)
    assert judging.ran - before == 3  # KE901 and KE902 of edge1, KE903 of the site
    assert one(found, "KE901", "edge1").status is Status.PASS


def test_an_equal_fact_runs_nothing(store: FactStore) -> None:
    judging = judge(plain, maybe, everyone)
    judging.evaluate(store, EDGES)
    before = judging.ran
    store.put(Switch, "edge1", Switch(False))
    judging.evaluate(store, EDGES)
    assert judging.ran == before


def test_a_changed_site_fact_runs_every_target(store: FactStore) -> None:
    judging = judge(plain)
    judging.evaluate(store, EDGES)
    store.put(Site, SITE, Site("other"))
    judging.evaluate(store, EDGES)
    assert judging.ran == 4


def test_a_host_that_left_leaves_no_finding(store: FactStore) -> None:
    judging = judge(plain)
    judging.evaluate(store, EDGES)
    assert [f.target for f in judging.evaluate(store, {Each.EDGE: ("edge2",)})] == ["edge2"]


def test_what_is_intrusive_is_a_skip_until_it_was_asked(store: FactStore) -> None:
    store.forget(Site, SITE)
    finding = judge(intrusive).evaluate(store, EDGES)[0]
    assert (finding.status, str(finding.text)[:18]) == (Status.SKIP, "not run: intrusive")


def test_a_bug_in_a_check_is_unknown_and_takes_nothing_else_away(store: FactStore) -> None:
    found = judge(broken, everyone).evaluate(store, EDGES)
    assert one(found, "KE905", SITE).status is Status.UNKNOWN
    assert one(found, "KE903", SITE).status is Status.PASS


def test_without_any_such_host_the_check_says_what_it_could_not_see(store: FactStore) -> None:
    finding = judge(of_hosts).evaluate(store, EDGES)[0]
    assert (finding.target, finding.status) == (SITE, Status.UNKNOWN)
    assert "roles: [apiserver]" in str(finding.text)


def test_a_check_may_ask_for_its_target(store: FactStore) -> None:
    store.put(Switch, "cloud1", Switch(True))
    finding = judge(of_hosts).evaluate(store, {Each.APISERVER_HOST: ("cloud1",)})[0]
    assert str(finding.text) == "cloud1"


def test_what_a_host_tells_again_makes_its_evidence_newer_and_runs_nothing(store: FactStore) -> None:
    judging, early, late = judge(plain), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    store.put(Switch, "edge1", Switch(False), (Observation(File("/x"), "edge1", "cat", early),))
    first = one(judging.evaluate(store, EDGES), "KE901", "edge1")
    ran = judging.ran
    store.put(Switch, "edge1", Switch(False), (Observation(File("/x"), "edge1", "cat", late),))
    again = one(judging.evaluate(store, EDGES), "KE901", "edge1")
    assert judging.ran == ran
    assert (first.evidence[0].at, again.evidence[0].at) == (early, late)
    assert first.evidence[0].line == again.evidence[0].line == 3
