"""Which endpoint answered, and evidence of whole families that is kept and renewed."""

from __future__ import annotations

from dataclasses import dataclass

from checks.apiserver import api_server_is_reachable
from kedge.asks import File
from kedge.facts.apiserver import ApiServer
from kedge.i18n import _
from kedge.judge import Judge
from kedge.model import Each, Kind, Observation, Verdict
from kedge.plugins import All, Registry, check, passed
from kedge.store import FactStore


@dataclass(frozen=True)
class Lamp:
    """A fact of an edge."""

    on: bool


@check("KE901", _("lamps"), on=Kind.EDGESTREAM)
def lamps(all_lamps: All[Lamp]) -> Verdict:
    """Of every edge, looks at all."""
    return passed(_("{count} on").format(count=sum(lamp.on for lamp in all_lamps.known().values())))


def seen(text: str) -> list[Observation]:
    return [Observation(File("/lamp"), "edge", f"cat /lamp: {text}")]


def test_evidence_of_a_family_follows_every_change_of_it() -> None:
    store, judge = FactStore(), Judge(Registry(checks=(lamps,)))
    targets = {Each.EDGE: ("a", "b")}
    store.put(Lamp, "a", Lamp(True), seen("first"))
    store.put(Lamp, "b", Lamp(True), seen("other"))
    assert [e.what for e in judge.evaluate(store, targets)[0].evidence] == ["cat /lamp: first", "cat /lamp: other"]
    store.put(Lamp, "a", Lamp(False), seen("later"))
    found = judge.evaluate(store, targets)
    assert [e.what for e in found[1].evidence] == ["cat /lamp: later", "cat /lamp: other"]
    store.forget(Lamp, "b")
    assert [e.what for e in judge.evaluate(store, targets)[0].evidence] == ["cat /lamp: later"]


def test_targets_that_leave_and_come_back_in_another_order_are_judged() -> None:
    store, judge = FactStore(), Judge(Registry(checks=(lamps,)))
    store.put(Lamp, "a", Lamp(True), seen("x"))
    for names in (("a", "b"), ("b",), ("c", "b", "a"), ("a", "b", "c")):
        found = judge.evaluate(store, {Each.EDGE: names})
        assert [finding.target for finding in found] == sorted(names)


def test_ke101_names_the_endpoint_that_answered() -> None:
    said = api_server_is_reachable.function(ApiServer("v1.36.2", "", 0.034, "https://10.99.0.10:6443"))
    assert isinstance(said, Verdict)
    assert str(said.seen) == "https://10.99.0.10:6443 in 0.03 s"
