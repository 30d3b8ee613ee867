"""The main job, for real: start the screen on a broken practice site, press f 1 y, watch it turn green, take it back.

The application, the engine, the links and the executor are the real ones; the site is the practice site on loopback.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fixes.update_job import ENABLE as EDGESTREAM
from kedge.executor import VerifyResult
from kedge.model import Approval, Status
from lab.background import run_in_thread
from tests.lab.keyboard import keyboard

pytestmark = pytest.mark.timeout(240)
EDGECORE = "/etc/kubeedge/config/edgecore.yaml"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "state"))
    return tmp_path / "state" / "audit.jsonl"


def events(audit: Path, kind: str) -> list[dict[str, Any]]:
    return [event for line in audit.read_text().splitlines() if (event := json.loads(line))["event"] == kind]


async def test_edgestream_is_repaired_verified_and_put_back(audit: Path) -> None:
    with run_in_thread(edges=2, faults=["edgestream-disabled"]) as lab:
        file = lab.hosts["edge1"].tree.path(EDGECORE)
        before = file.read_bytes()
        async with keyboard(lab) as person:
            await person.on_cause("KE206")
            assert person.app.main.tree_view.cursor == "edge/edge1/edgestream"
            await person.pilot.press("f", "1")
            await person.confirm()
            assert file.read_bytes() == before.replace(b"enable: false # switched", b"enable: true # switched")
            assert len(list(file.parent.glob(f"{file.name}.kedge-backup-*"))) == 1
            await person.pilot.press("escape")
            await person.until(lambda: not person.failing(), "a green tree without a key")
            await person.pilot.press("colon", *"history", "enter")
            await person.until(lambda: type(person.app.screen).__name__ == "HistoryScreen", "the history")
            await person.pilot.press("u")
            await person.confirm()
            assert file.read_bytes() == before
            await person.pilot.press("escape", "escape")
            await person.until(lambda: person.status("KE206", "edge1") is Status.FAIL, "the fault again")
    assert [event["fix"] for event in events(audit, "intent")] == ["enable-edgestream", "undo"]
    assert [event["result"] for event in events(audit, "outcome")] == ["done", "done"]
    assert [event["result"] for event in events(audit, "verify")] == ["fixed", "measured"]


async def test_the_missing_nat_rule_is_added_and_taken_out_again(audit: Path) -> None:
    with run_in_thread(edges=2, faults=["dnat-missing"]) as lab:
        async with keyboard(lab) as person:
            await person.on_cause("KE302")
            await person.pilot.press("f", "1")
            await person.confirm()
            await person.pilot.press("escape")
            await person.until(lambda: not person.failing(), "a green tree without a key")
            await person.pilot.press("colon", *"history", "enter")
            await person.until(lambda: type(person.app.screen).__name__ == "HistoryScreen", "the history")
            await person.pilot.press("u")
            await person.confirm()
            await person.pilot.press("escape", "escape")
            await person.until(lambda: person.status("KE302", "cloud1") is Status.FAIL, "the fault again")
    assert [event["fix"] for event in events(audit, "intent")] == ["add-nat-rule", "undo"]


@dataclass(frozen=True)
class Case:
    """A fault, how it shows, what repairs it, and how it shows once that is taken back; None where it cannot be."""

    fault: str
    code: str
    target: str
    fix: str
    found: Status = Status.FAIL
    back: Status | None = Status.FAIL


CASES = (
    Case("edgecore-stopped", "KE204", "edge1", "restart-edgecore"),
    Case("edgecore-not-restarted", "KE306", "edge1", "restart-edgecore", back=None),
    Case("runtime-stopped", "KE212", "edge1", "start-runtime"),
    Case("dnat-missing", "KE302", "cloud1", "add-nat-rule-for-good"),
    Case("dnat-missing", "KE302", "cloud1", "run-bundle-nat-script"),
    Case("dnat-stale-target", "KE302", "cloud1", "remove-nat-rule"),
    Case("dnat-shadowed", "KE302", "cloud1", "add-nat-rule"),
    Case("nat-manager-stuck", "KE302", "cloud1", "restart-nat-manager", back=None),
    Case("", "KE302", "cloud1", "keep-nat-rules", Status.INFO, Status.INFO),
    Case("metrics-server-down", "KE401", "-", "restart-metrics-server"),
    Case("metrics-flags-missing", "KE403", "-", "patch-metrics-server"),
    Case("metrics-image-missing", "KE402", "-", "load-metrics-image", back=Status.WARN),
    Case("apiservice-missing", "KE404", "-", "deploy-metrics-server"),
    Case("cloudstream-disabled", "KE112", "-", "enable-cloudstream"),
    Case("cloudcore-down", "KE110", "-", "restart-cloudcore"),
    Case("cloudcore-not-restarted", "KE113", "-", "restart-cloudcore", back=None),
)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.fault or 'healthy'}-{case.fix}" for case in CASES])
async def test_every_fix_is_chosen_confirmed_verified_and_undone_by_keys(audit: Path, case: Case) -> None:
    with run_in_thread(edges=1, faults=[case.fault] if case.fault else []) as lab:
        script = lab.hosts["cloud1"].tree / "data/kubeedge-cloud-1.23.1/manifests/iptables-metrics-setup.sh"
        script.write_text(script.read_text().replace("10350", "10351"))  # the guide's port would help nobody
        async with keyboard(lab) as person:
            await person.go_to(case.code, case.target, case.found)
            await person.choose(case.fix)
            repair = await person.confirm()
            assert repair.verification is not None
            assert repair.verification.result is VerifyResult.FIXED, str(repair.text)
            assert person.status(case.code, case.target) is not case.found
            assert repair.can_undo == (case.back is not None)
            if case.back is not None:
                await person.undo()
                await person.pilot.press("escape", "r")
                await person.until(lambda: person.status(case.code, case.target) is case.back, "the fault again")
    assert [event["fix"] for event in events(audit, "intent")] == [case.fix, *(["undo"] if case.back else [])]
    assert {event["how"] for event in events(audit, "intent")} <= {"key y", "typed name"}


async def test_the_functional_test_is_run_by_keys_and_leaves_nothing(audit: Path) -> None:
    with run_in_thread(edges=1) as lab:
        async with keyboard(lab) as person:
            await person.go_to("KE501", "edge1", Status.PASS)
            await person.choose("functional-test")
            repair = await person.confirm()
            assert "exec" in str(repair.steps[1].text)
            assert not repair.can_undo
    assert not [pod for pod in lab.world.pods_on("edge1") if "kedge-tui" in pod["metadata"]["name"]]


async def test_an_edge_that_ssh_does_not_reach_is_repaired_by_a_job_by_keys(audit: Path) -> None:
    with run_in_thread(edges=1, faults=["edgestream-disabled"]) as lab:
        async with keyboard(lab, no_ssh=True) as person:
            await person.go_to("KE307", "edge1", Status.FAIL)
            await person.choose("update-edges-by-job")
            repair = await person.confirm()
            assert repair.verification is not None
            assert repair.verification.result is VerifyResult.FIXED, str(repair.text)
            assert not repair.can_undo, "what the file said before is not known"
            config = lab.hosts["edge1"].tree.path(EDGECORE)
            assert "enable: true # switched" in config.read_text()
            assert repair.plan is not None
            told = replace(repair.plan.steps[0], was=((EDGESTREAM, "false"),))  # type: ignore[call-arg]
            bench = person.app.workbench
            assert bench is not None
            preview = await bench.preview(replace(repair.plan, steps=(told,), verify=()))
            again = await bench.apply(preview, Approval(preview.digest, "ann", "test"), lambda _progress: None)
            assert again.can_undo, "what was there before is known"
            undo = await bench.undo_preview(again.id)
            assert f'"{EDGESTREAM}": "false"' in undo.script()
            await bench.apply(undo, Approval(undo.digest, "ann", "test"), lambda _progress: None)
            assert "enable: false # switched" in config.read_text()


async def test_the_screen_outlives_the_api_server_and_recovers_by_itself(audit: Path) -> None:
    with run_in_thread(edges=1) as lab:
        async with keyboard(lab) as person:
            await person.until(lambda: person.status("KE101", "-") is Status.PASS, "the first look")
            components = len(person.app.main.index.views) if person.app.main.index else 0
            lab.stop_api()
            await person.until(person.app.main.header.is_stale, "the loss")
            await person.until(lambda: person.status("KE101", "-") is Status.FAIL, "the finding")
            assert person.app.main.index is not None
            assert len(person.app.main.index.views) >= components
            lab.start_api()
            await person.until(lambda: not person.app.main.header.is_stale(), "the recovery")
            await person.until(lambda: person.status("KE101", "-") is Status.PASS, "the finding")
