"""Repairs of the practice site without a screen: what is told when one is not enough. The rest is done by keypress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kedge.executor import Outcome, Preview, Refused, Result, VerifyResult
from kedge.model import Approval, Finding, Status
from kedge.picture import Picture
from kedge.prompter import RefusingPrompter
from kedge.proposals import Proposal
from kedge.workbench import Options, Workbench
from lab.background import BackgroundSite, run_in_thread

PATIENCE = 90.0
pytestmark = pytest.mark.timeout(240)


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


async def test_the_functional_test_tells_what_does_not_work_and_leaves_nothing() -> None:
    with run_in_thread(edges=1, faults=["edgestream-disabled"]) as lab:
        async with desk_at(lab) as desk:
            await desk.wait_for("KE204", "edge1", Status.PASS)
            finding = await desk.wait_for("KE501", "edge1", Status.FAIL)
            preview = await desk.preview(finding, "functional-test")
            outcome = await desk.bench.apply(preview, Approval(preview.digest, "ann", "test"), lambda _progress: None)
            assert outcome.result is Result.FAILED, str(outcome.text)
            assert "logs: nothing came back; exec: " in str(outcome.text)
            assert not outcome.can_undo
    assert not [pod for pod in lab.world.pods_on("edge1") if "kedge-tui" in pod["metadata"]["name"]]


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
