"""How a change without the screen ends: its exit code, its target, and what is said when nothing is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kedge.commands.change import Change, code_of
from kedge.commands.fix import Usage, choose_target, nothing_wrong
from kedge.executor import Outcome, Preview, Result, Verification, VerifyResult
from kedge.exit_codes import Exit
from kedge.i18n import _
from kedge.model import Finding, Host, Kind, Plan, Risk, Status
from kedge.plugins import Fix, NotApplicable

FIX = Fix("mend", _("Mend it"), ("KE206",), Risk.LOW, ("KE206",), (), 1.0, lambda: NotApplicable(_("no")), ())
PLAN = Plan("mend", "edge1", _("Mend it"), (), Risk.LOW, _("nobody notices"))
ENGINE: Any = SimpleNamespace(
    hosts=(Host("edge1", frozenset()), Host("edge2", frozenset()), Host("cloud1", frozenset()))
)


def finding(target: str, status: Status, **more: Any) -> Finding:
    """One finding that the fix would answer."""
    return Finding("KE206", _("t"), Kind.EDGESTREAM, target, status, _("off"), fixes=("mend",), **more)


@pytest.mark.parametrize(
    ("result", "verified", "code"),
    [
        (Result.DONE, VerifyResult.FIXED, Exit.OK),
        (Result.DONE, VerifyResult.NEXT_CAUSE, Exit.OK),
        (Result.DONE, VerifyResult.NOTHING, Exit.OK),
        (Result.DONE, VerifyResult.NOT_FIXED, Exit.NOT_VERIFIED),
        (Result.DONE, VerifyResult.WORSE, Exit.NOT_VERIFIED),
        (Result.DONE, VerifyResult.NOT_VERIFIED, Exit.NOT_VERIFIED),
        (Result.FAILED, None, Exit.FAILURE),
        (Result.STOPPED, None, Exit.INTERRUPTED),
        (Result.UNKNOWN, None, Exit.NOT_VERIFIED),
    ],
)
def test_applied_and_verified_are_two_things(result: Result, verified: VerifyResult | None, code: Exit) -> None:
    outcome = Outcome("id", PLAN, result, (), _("so"), can_undo=False)
    verification = None if verified is None else Verification(verified, _("so"))
    assert code_of(outcome, verification) is code


def test_the_document_is_whole_whatever_became_of_the_change() -> None:
    bare = Change("fix", "mend").ended(Exit.FAILURE, _("refused"))
    assert json.loads(json.dumps(bare.document()))["plan"] is None
    full = Change("fix", "mend", preview=Preview(PLAN, (), datetime(2026, 11, 22, tzinfo=UTC)))
    full.outcome = Outcome("id", PLAN, Result.DONE, (), _("so"), can_undo=False)
    full.verification = Verification(VerifyResult.NEXT_CAUSE, _("so"), next_cause=("KE302", "cloud1"))
    document = json.loads(json.dumps(full.ended(Exit.OK, _("so")).document()))
    assert document.keys() == bare.document().keys()
    assert document["verification"]["nextCause"] == {"code": "KE302", "target": "cloud1"}


def test_the_only_target_is_taken_several_must_be_named() -> None:
    one = [finding("edge1", Status.FAIL), finding("edge2", Status.PASS)]
    assert choose_target(FIX, "", one, ENGINE) == "edge1"
    with pytest.raises(Usage, match="edge1, edge2; choose one"):
        choose_target(FIX, "", [finding("edge1", Status.FAIL), finding("edge2", Status.WARN)], ENGINE)


@pytest.mark.parametrize(("named", "sentence"), [("edge9", "no node or host edge9"), ("cloud1", "not for cloud1")])
def test_a_target_that_cannot_be_meant_is_a_mistake_of_the_command_line(named: str, sentence: str) -> None:
    with pytest.raises(Usage, match=sentence):
        choose_target(FIX, named, [finding("edge1", Status.FAIL)], ENGINE)


@pytest.mark.parametrize(
    ("found", "code", "sentence"),
    [
        (finding("edge1", Status.PASS), Exit.OK, "Nothing to repair: KE206"),
        (finding("edge1", Status.UNKNOWN), Exit.UNJUDGED, "not known: KE206: off"),
        (finding("edge1", Status.SKIP, because="KE204"), Exit.FAILURE, "because of KE204"),
        (replace(finding("edge1", Status.FAIL), fixes=()), Exit.FAILURE, "KE206 is fail"),
    ],
)
def test_why_nothing_is_done_decides_the_exit_code(found: Finding, code: Exit, sentence: str) -> None:
    change = nothing_wrong(Change("fix", "mend", target="edge1"), FIX, [found])
    assert change.code is code
    assert sentence in str(change.text)
