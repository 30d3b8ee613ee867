"""Plugins of third parties stand beside the built-in ones, never in their place."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from kedge.asks import Clock
from kedge.i18n import Text
from kedge.model import Kind, Role, Verdict
from kedge.plugins import check, passed, probe
from kedge.registry import build, discover


def module_of(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An importable module that holds a check with the code of a built-in one."""

    def anything_goes() -> Verdict:
        return passed(Text("x"))

    anything_goes.__module__ = name
    module = ModuleType(name)
    vars(module)["own"] = check("KE206", Text("EdgeStream"), on=Kind.EDGESTREAM)(anything_goes)
    monkeypatch.setitem(sys.modules, name, module)
    return module


@pytest.mark.parametrize("first", [True, False], ids=["theirs-first", "theirs-last"])
def test_no_package_takes_the_place_of_a_built_in_check(first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module_of("other_checks", monkeypatch)
    theirs = EntryPoint("aaa", "other_checks", "kedge_tui.checks")
    ours = EntryPoint("builtin", "checks", "kedge_tui.checks")
    registry = discover([theirs, ours] if first else [ours, theirs])
    [kept] = [one for one in registry.checks if one.code == "KE206"]
    assert kept.function.__module__ == "checks.edgestream"
    said = "KE206 of other_checks is left out: checks.edgestream has a plugin of that name already"
    assert said in [str(problem) for problem in registry.problems]


def test_a_probe_that_nothing_reads_is_left_out_and_named() -> None:
    @probe(Role.EDGE, every=60.0)
    def unread(host: object) -> Clock:
        return Clock()

    registry = build([unread])
    assert registry.probes == ()
    assert [str(problem) for problem in registry.problems] == [
        f"The probe {unread.name} is left out: nothing reads its answer (.parse)"
    ]
