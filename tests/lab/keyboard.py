"""The real application on the practice site, under a person's fingers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from kedge.model import Risk, Status
from kedge.workbench import Options
from lab.background import BackgroundSite
from tui.app import KedgeApp
from tui.repair import Repair, Stage
from tui.screens.fix import FixScreen
from tui.screens.fix_menu import FixMenu

PATIENCE = 90.0
BAD = (Status.FAIL, Status.WARN)


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

    async def go_to(self, code: str, target: str, *statuses: Status) -> None:
        """Wait until a finding stands so, type the filter that leaves its component, and go down to it."""
        main = self.app.main
        await self.until(lambda: main.index is not None and main.index.complete, "the first look")
        await self.until(lambda: self.status(code, target) in statuses, f"{code} {target}")
        await self.pilot.press("slash", *f"code:{code}", "enter")

        def there() -> bool:
            found = main.index.findings.get(main.tree_view.cursor, ()) if main.index is not None else ()
            return (code, target) in [(finding.code, finding.target) for finding in found]

        await self.pilot.press("g")
        for _row in range(8):  # what leads to it stands above it
            if there():
                return
            await self.pilot.press("j")
        pytest.fail(f"{code} {target} never came under the cursor; failing: {self.failing()}")

    async def choose(self, fix: str) -> None:
        """Press f, and the number that the details give this fix, as soon as all is known that its plan needs."""
        main = self.app.main
        await self.until(lambda: fix in [one.fix for one in main.numbered_fixes() if one.plan], f"an offer of {fix}")
        await self.pilot.press("f")
        await self.until(lambda: isinstance(self.app.screen, FixMenu), "the list of fixes")
        number = [one.fix for one in main.numbered_fixes()].index(fix) + 1
        await self.pilot.press(str(number))
        await self.until(lambda: isinstance(self.app.screen, FixScreen), "the dialog")

    async def confirm(self) -> Repair:
        """Read the preview, press y (or type the name), wait for the end; it must have ended well."""
        screen = self.app.screen
        assert isinstance(screen, FixScreen)
        repair = screen.repair
        await self.until(lambda: repair.stage in (Stage.SHOWN, Stage.REFUSED), "the preview")
        assert repair.stage is Stage.SHOWN, str(repair.problem)
        assert repair.plan is not None
        await self.pilot.press("y", *(repair.name if repair.plan.risk is Risk.HIGH else ""))
        if repair.plan.risk is Risk.HIGH:
            await self.pilot.press("enter")
        await self.until(lambda: repair.stage is Stage.ENDED, "the end of the change")
        assert repair.ended_well, str(repair.text)
        assert repair.outcome is not None
        assert repair.outcome.problems == ()
        return repair

    async def undo(self) -> None:
        """Press u in the dialog of a change that has ended, and confirm what it shows."""
        before = self.dialog
        await self.pilot.press("u")
        await self.until(lambda: self.dialog is not before, "the preview of the undo")
        await self.confirm()

    @property
    def dialog(self) -> Repair:
        """The change that the dialog shows."""
        screen = self.app.screen
        assert isinstance(screen, FixScreen)
        return screen.repair


@asynccontextmanager
async def keyboard(lab: BackgroundSite, **more: bool) -> AsyncIterator[Keyboard]:
    """The screen at 80x24 on this site; ``more``: options of the start."""
    app = KedgeApp(Options(config=str(lab.config_file), site="lab", **more))  # type: ignore[arg-type]
    async with app.run_test(size=(80, 24)) as pilot:
        yield Keyboard(app, pilot)
    assert app.failures == []
