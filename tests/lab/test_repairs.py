"""Every fault that has a fix, driven end to end on the practice site: found, repaired, verified, undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fixes.update_job import ENABLE as EDGESTREAM
from kedge.executor import Outcome, Preview, Refused, Result, VerifyResult
from kedge.model import Approval, Finding, Status
from kedge.picture import Picture
from kedge.prompter import RefusingPrompter
from kedge.proposals import Proposal
from kedge.workbench import Options, Workbench
from lab.background import BackgroundSite, run_in_thread

BAD = (Status.FAIL, Status.WARN)
PATIENCE = 90.0
pytestmark = pytest.mark.timeout(240)
GREEN = (Status.PASS, Status.INFO, Status.WARN)


class Desk:
    """A workbench on a practice site, and what it shows."""

    def __init__(self, lab: BackgroundSite, **more: bool) -> None:
        options = Options(config=str(lab.config_file), accept_new_host_keys=True, **more)  # type: ignore[arg-type]
        self.bench = Workbench(options, RefusingPrompter(accept_new_host_keys=True))
        self._news = asyncio.Condition()
        self._picture: Picture | None = None

    def show(self, picture: Picture) -> None:
        self._picture = picture
        asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self._picture.findings if self._picture else ()

    def find(self, code: str, target: str, statuses: tuple[Status, ...]) -> Finding | None:
        here = (f for f in self.findings if (f.code, f.target) == (code, target))
        return next((f for f in here if f.status in statuses), None)

    async def wait_for(self, code: str, target: str, *statuses: Status) -> Finding:
        """The finding as soon as it has one of the statuses."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: self.find(code, target, statuses) is not None)
        found = self.find(code, target, statuses)
        assert found is not None
        return found

    async def preview(self, finding: Finding, fix: str) -> Preview:
        """What a fix would do, as soon as everything is known that its plan needs."""

        def proposal() -> Proposal:
            return next(found for found in self.bench.proposals(finding) if found.fix == fix)

        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: proposal().plan is not None)
        except TimeoutError:
            pytest.fail(str(proposal().why_not))
        plan = proposal().plan
        assert plan is not None
        return await self.bench.preview(plan)

    async def apply(self, preview: Preview) -> Outcome:
        outcome = await self.bench.apply(preview, Approval(preview.digest, "ann", "test"), lambda _progress: None)
        assert outcome.result is Result.DONE, str(outcome.text)
        assert outcome.problems == ()
        return outcome


@asynccontextmanager
async def desk_at(lab: BackgroundSite, **more: bool) -> AsyncIterator[Desk]:
    desk = Desk(lab, **more)
    await desk.bench.open(desk.show)
    try:
        yield desk
    finally:
        await desk.bench.close()


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("fault", "code", "target", "fix", "undoable"),
    [
        ("edgestream-disabled", "KE206", "edge1", "enable-edgestream", True),
        ("edgecore-stopped", "KE204", "edge1", "restart-edgecore", True),
        ("edgecore-not-restarted", "KE306", "edge1", "restart-edgecore", False),
        ("runtime-stopped", "KE212", "edge1", "start-runtime", True),
        ("dnat-missing", "KE302", "cloud1", "add-nat-rule", True),
        ("dnat-missing", "KE302", "cloud1", "add-nat-rule-for-good", True),
        ("dnat-stale-target", "KE302", "cloud1", "remove-nat-rule", True),
        ("dnat-shadowed", "KE302", "cloud1", "add-nat-rule", True),
        ("metrics-server-down", "KE401", "-", "restart-metrics-server", True),
        ("metrics-flags-missing", "KE403", "-", "patch-metrics-server", True),
        ("apiservice-missing", "KE404", "-", "deploy-metrics-server", True),
        ("cloudstream-disabled", "KE112", "-", "enable-cloudstream", True),
        ("cloudcore-down", "KE110", "-", "restart-cloudcore", True),
    ],
)
async def test_found_repaired_verified_and_undone(fault: str, code: str, target: str, fix: str, undoable: bool) -> None:
    with run_in_thread(edges=1, faults=[fault]) as lab:
        async with desk_at(lab) as desk:
            finding = await desk.wait_for(code, target, Status.FAIL)
            before = desk.findings
            outcome = await desk.apply(await desk.preview(finding, fix))
            verification = await desk.bench.verify(outcome, before)
            assert verification.result is VerifyResult.FIXED, str(verification.text)
            await desk.wait_for(code, target, *GREEN)
            assert outcome.can_undo == undoable
            if undoable:
                undone = await desk.apply(await desk.bench.undo_preview(outcome.id))
                assert not (await desk.bench.history()).unfinished()
                await desk.bench.site.recheck([code], target)  # type: ignore[union-attr]
                await desk.wait_for(code, target, Status.FAIL)
                assert undone.can_undo


async def test_an_image_is_loaded_from_the_bundle_and_the_waiting_pod_made_anew() -> None:
    with run_in_thread(edges=1, faults=["metrics-image-missing"]) as lab:
        async with desk_at(lab) as desk:
            finding = await desk.wait_for("KE402", "-", Status.FAIL)
            preview = await desk.preview(finding, "load-metrics-image")
            assert "images import" in preview.script()
            outcome = await desk.apply(preview)
            verification = await desk.bench.verify(outcome, desk.findings)
            assert verification.result is VerifyResult.FIXED, str(verification.text)
            await desk.apply(await desk.bench.undo_preview(outcome.id))
            await desk.wait_for("KE402", "-", *BAD)  # a pod that runs already keeps running


async def test_the_bundles_own_script_adds_the_rule_once_it_names_the_right_port() -> None:
    with run_in_thread(edges=1, faults=["dnat-missing"]) as lab:
        script = lab.hosts["cloud1"].tree / "data/kubeedge-cloud-1.23.1/manifests/iptables-metrics-setup.sh"
        script.write_text(script.read_text().replace("10350", "10351"))
        async with desk_at(lab) as desk:
            finding = await desk.wait_for("KE302", "cloud1", Status.FAIL)
            preview = await desk.preview(finding, "run-bundle-nat-script")
            assert "cloudcore_ip=${1:?usage" in preview.steps[0].body
            outcome = await desk.apply(preview)
            verification = await desk.bench.verify(outcome, desk.findings)
            assert verification.result is VerifyResult.FIXED, str(verification.text)
            await desk.apply(await desk.bench.undo_preview(outcome.id))
            await desk.bench.site.recheck(["KE302"], "cloud1")  # type: ignore[union-attr]
            await desk.wait_for("KE302", "cloud1", Status.FAIL)


@pytest.mark.parametrize(
    ("fault", "result", "said"),
    [("", Result.DONE, ""), ("edgestream-disabled", Result.FAILED, "logs: nothing came back; exec: ")],
)
async def test_the_functional_test_tells_what_works_and_leaves_nothing(fault: str, result: Result, said: str) -> None:
    with run_in_thread(edges=1, faults=[fault] if fault else []) as lab:
        async with desk_at(lab) as desk:
            await desk.wait_for("KE204", "edge1", Status.PASS)
            finding = await desk.wait_for("KE501", "edge1", Status.FAIL if fault else Status.PASS)
            preview = await desk.preview(finding, "functional-test")
            outcome = await desk.bench.apply(preview, Approval(preview.digest, "ann", "test"), lambda _progress: None)
            assert outcome.result is result, str(outcome.text)
            assert said in str(outcome.text)
            assert not outcome.can_undo
    assert not [pod for pod in lab.world.pods_on("edge1") if "kedge-tui" in pod["metadata"]["name"]]


async def test_a_rule_that_somebody_typed_is_kept_over_reboots() -> None:
    with run_in_thread(edges=1) as lab:
        async with desk_at(lab) as desk:
            finding = await desk.wait_for("KE302", "cloud1", Status.INFO)
            outcome = await desk.apply(await desk.preview(finding, "keep-nat-rules"))
            verification = await desk.bench.verify(outcome, desk.findings)
            assert verification.result is VerifyResult.FIXED, str(verification.text)
            await desk.wait_for("KE302", "cloud1", Status.PASS)
            unit = lab.hosts["cloud1"].tree.path("/etc/systemd/system/kedge-tui-nat.service")
            assert "--dport 10351 -j DNAT" in unit.read_text()
            await desk.apply(await desk.bench.undo_preview(outcome.id))
            assert not unit.exists()


async def test_an_edge_that_ssh_does_not_reach_is_repaired_by_a_job_of_kubeedge() -> None:
    with run_in_thread(edges=1, faults=["edgestream-disabled"]) as lab:
        async with desk_at(lab, no_ssh=True) as desk:
            finding = await desk.wait_for("KE307", "edge1", Status.FAIL)
            outcome = await desk.apply(await desk.preview(finding, "update-edges-by-job"))
            verification = await desk.bench.verify(outcome, desk.findings)
            assert verification.result is VerifyResult.FIXED, str(verification.text)
            assert not outcome.can_undo, "what was there before is not known"
            config = lab.hosts["edge1"].tree.path("/etc/kubeedge/config/edgecore.yaml")
            assert "enable: true # switched" in config.read_text()
            told = replace(outcome.plan.steps[0], was=((EDGESTREAM, "false"),))  # type: ignore[call-arg]
            again = await desk.apply(await desk.bench.preview(replace(outcome.plan, steps=(told,), verify=())))
            assert again.can_undo, "what was there before is known"
            undo = await desk.bench.undo_preview(again.id)
            assert f'"{EDGESTREAM}": "false"' in undo.script()
            await desk.apply(undo)
            assert "enable: false # switched" in config.read_text()


async def test_two_faults_one_behind_the_other() -> None:
    with run_in_thread(edges=1, faults=["edgestream-disabled", "dnat-missing"]) as lab:
        async with desk_at(lab) as desk:
            finding = await desk.wait_for("KE206", "edge1", Status.FAIL)
            outcome = await desk.apply(await desk.preview(finding, "enable-edgestream"))
            verification = await desk.bench.verify(outcome, desk.findings)
            assert verification.result is VerifyResult.NEXT_CAUSE, str(verification.text)
            assert verification.next_cause == ("KE302", "cloud1")


async def test_a_stuck_rollout_ends_and_says_what_it_loaded() -> None:
    with run_in_thread(edges=1, faults=["cloudstream-disabled-restart-stuck"]) as lab:
        async with desk_at(lab) as desk:
            finding = await desk.wait_for("KE110", "-", Status.FAIL)
            preview = await desk.preview(finding, "restart-cloudcore")
            assert "CloudStream is off" in str(preview.plan.impact)
            outcome = await desk.apply(preview)
            verification = await desk.bench.verify(outcome, desk.findings)
            assert verification.result is VerifyResult.NEXT_CAUSE, str(verification.text)
            assert verification.next_cause == ("KE112", "-")


async def test_read_only_changes_nothing() -> None:
    with run_in_thread(edges=1, faults=["edgestream-disabled"]) as lab:
        config = lab.hosts["edge1"].tree / "etc/kubeedge/config"
        before = {path.name: path.read_bytes() for path in config.iterdir()}
        async with desk_at(lab, read_only=True) as desk:
            finding = await desk.wait_for("KE206", "edge1", Status.FAIL)
            preview = await desk.preview(finding, "enable-edgestream")
            assert "systemctl restart edgecore" in preview.script()
            with pytest.raises(Refused, match="read-only"):
                await desk.apply(preview)
        assert {path.name: path.read_bytes() for path in config.iterdir()} == before
