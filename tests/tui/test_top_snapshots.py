"""The panes of ``t`` as they look: compared with pictures that a person has looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from kedge.model import Kind, Status
from kedge.workbench import Options
from tests.tui.sites import CLOUD, NOW, FakeWorkbench, broken, finding, picture, whole
from tests.tui.test_snapshots import LARGE, SMALL, Act, Snap, ready
from tests.tui.top_desk import desk
from tui.app import KedgeApp
from tui.widgets.virtual_table import VirtualTable

KE503 = finding(
    "KE503", Kind.KUBECTL, "edge1", Status.FAIL, "kubectl top shows <unknown> for edge1",
    because="KE206", because_target="edge1",
)  # fmt: skip


def opened(select: str, *keys: str) -> Act:
    """Open the pane for a component and press keys in it."""

    async def act(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        app = pilot.app
        assert isinstance(app, KedgeApp)
        app.main.tree_view.select(select)
        await pilot.pause()
        await pilot.press("t")
        pane: Any = app.main.dock.active
        while not pane.query(VirtualTable) or not pane.table.has_focus or not pane.table.keys:
            await pilot.pause(0.01)
        await pilot.press(*keys)
        pane.redraw()
        await pilot.pause()
        pane.redraw()  # what the machines of gaps have said meanwhile
        await pilot.pause()

    return act


SCREENS = {
    "nodes-80x24": (SMALL, opened("site")),
    "pods-120x40": (LARGE, opened("site", "v", "plus")),
    "machine-80x24": (SMALL, opened("edge/edge1")),
    "machine-120x40": (LARGE, opened("edge/edge1")),
}


def app_of(tmp_path: Path, **options: Any) -> KedgeApp:
    bench = FakeWorkbench(tmp_path)
    bench.desk = desk()
    bench.fixed_picture = picture((*CLOUD, *broken("edge1"), KE503, *whole("edge2")))
    return KedgeApp(Options(**options), clock=lambda: NOW, make=bench.made)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, snap_compare: Snap, tmp_path: Path) -> None:
    size, act = SCREENS[name]
    assert snap_compare(app_of(tmp_path), terminal_size=size, run_before=act)


def test_ascii_without_colours(snap_compare: Snap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app_of(tmp_path, ascii_only=True), terminal_size=SMALL, run_before=opened("edge/edge1"))
