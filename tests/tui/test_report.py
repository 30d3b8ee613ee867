"""``i`` or ``:report``: what is shown is what ``kedge-tui report`` prints, and copying gives the Markdown itself."""

from __future__ import annotations

from kedge import incident
from tests.tui.conftest import Opener
from tui.screens.report import ReportScreen


async def test_the_report_is_shown_copied_and_left(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        await desk.press("i")
        await desk.until(lambda: isinstance(desk.app.screen, ReportScreen))
        await desk.pilot.pause()
        screen = desk.app.screen
        assert isinstance(screen, ReportScreen)
        index = desk.app.main.index
        assert index is not None
        assert screen.plain_text() == incident.as_markdown(index.picture, ())
        assert "## What is broken, and why" in desk.text
        assert "EdgeStream is disabled on edge1" in desk.text
        await desk.press("c")
        await desk.until(lambda: bool(desk.toasts))
        await desk.press("escape")
        assert desk.app.screen is desk.app.main
