"""A check that could disturb runs when a person stands on it, asks, and has read what may come of it."""

from __future__ import annotations

from kedge.model import Kind, Status
from tests.tui.conftest import Opener
from tests.tui.sites import CLOUD, FakeWorkbench, finding, picture, whole
from tui.screens.confirm import Confirm

SKIPPED = finding("KE502", Kind.KUBECTL, "edge1", Status.SKIP, "not run: intrusive")


async def test_it_runs_once_after_a_yes_and_never_without(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.fixed_picture = picture((*CLOUD, *whole("edge1"), SKIPPED))
    async with at_desk((100, 30)) as desk:
        desk.app.main.tree_view.select("edge/edge1/kubectl")
        await desk.until(lambda: "KE502" in desk.details)
        await desk.press("r")
        assert not isinstance(desk.app.screen, Confirm)  # from the tree it asks again what it may ask
        await desk.press("enter", "G", "r")
        await desk.until(lambda: isinstance(desk.app.screen, Confirm))
        assert "an exec can crash EdgeCore" in desk.text
        await desk.press("escape", "r")
        await desk.until(lambda: isinstance(desk.app.screen, Confirm))
        assert bench.execs == []
        await desk.press("y")
        await desk.until(lambda: "kubectl exec works" in desk.toasts)
        assert bench.execs == ["edge1"]
