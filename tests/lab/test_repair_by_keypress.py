"""The main job, for real: start the screen on a broken practice site, press f 1 y, watch it turn green, take it back.

The application, the engine, the links and the executor are the real ones; the site is the practice site on loopback.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from kedge.model import Status
from kedge.workbench import Options
from lab.background import BackgroundSite, run_in_thread
from tui.app import KedgeApp
from tui.repair import Stage
from tui.screens.fix import FixScreen

pytestmark = pytest.mark.timeout(240)
PATIENCE = 90.0
BAD = (Status.FAIL, Status.WARN)
EDGECORE = "/etc/kubeedge/config/edgecore.yaml"


class Keyboard:
    """The real application under a person's fingers."""

    def __init__(self, app: KedgeApp, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"{what} never came about; failing: {self.failing()}"
            await self.pilot.pause(0.05)

    def failing(self) -> list[tuple[str, str, str]]:
        index = self.app.main.index
        found = index.picture.findings if index is not None else ()
        return [(f.code, f.target, str(f.text)) for f in found if f.status in BAD]

    def status(self, code: str, target: str) -> Status | None:
        index = self.app.main.index
        found = index.picture.findings if index is not None else ()
        return next((f.status for f in found if (f.code, f.target) == (code, target)), None)

    async def on_cause(self, code: str) -> None:
        """Wait until the first look is complete and the cursor stands on the cause, with a fix on offer."""

        def there() -> bool:
            main = self.app.main
            finding = main.details.finding
            whole = main.index is not None and main.index.complete
            return whole and finding is not None and finding.code == code and bool(main.numbered_fixes())

        await self.until(there, f"{code} under the cursor")

    async def confirm(self) -> None:
        """Read the preview, press y, wait for the end; it must have ended well."""
        screen = self.app.screen
        assert isinstance(screen, FixScreen)
        await self.until(lambda: screen.repair.stage in (Stage.SHOWN, Stage.REFUSED), "the preview")
        assert screen.repair.stage is Stage.SHOWN, str(screen.repair.problem)
        await self.pilot.press("y")
        await self.until(lambda: screen.repair.stage is Stage.ENDED, "the end of the change")
        assert screen.repair.ended_well, str(screen.repair.text)


@asynccontextmanager
async def keyboard(lab: BackgroundSite) -> AsyncIterator[Keyboard]:
    app = KedgeApp(Options(config=str(lab.config_file), site="lab"))
    async with app.run_test(size=(80, 24)) as pilot:
        yield Keyboard(app, pilot)
    assert app.failures == []


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
    assert [event["result"] for event in events(audit, "verify")] == ["fixed"]


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
