"""The screens as they look: compared with pictures that a person has looked at.

``pytest tests/tui/test_snapshots.py --snapshot-update`` makes them anew; look at the SVG files before committing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from kedge.picture import Picture
from kedge.workbench import Options
from tests.tui.sites import CLOUD, NOW, FakeWorkbench, broken, down, picture, whole
from tui.app import KedgeApp
from tui.repair import Stage
from tui.screens.fix import FixScreen
from tui.widgets.line_view import LineView

SMALL, LARGE = (80, 24), (120, 40)
TURNS = 1500
Act = Callable[[Pilot[Any]], Awaitable[None]]
Snap = Callable[..., bool]


async def ready(pilot: Pilot[Any]) -> None:
    """Wait for the first picture, and take the blinking out of the cursor."""
    app = pilot.app
    assert isinstance(app, KedgeApp)
    while app.main.index is None:
        await pilot.pause(0.01)
    await settled(pilot)


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until everything that scrolls lines has made them for its width, and the screen stays as it is.

    Lines are made when a size is known, sizes when a screen is laid out, and the state of a repair is told by a worker:
    on a busy machine one pause is over before the last of them.
    """
    before = ""
    for _turn in range(TURNS):
        await pilot.pause(0.02)
        views = pilot.app.screen.query(LineView)
        now = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        if now == before and all(view.lines for view in views):
            return
        before = now
    raise AssertionError("the screen never settled")


def pressing(*keys: str) -> Act:
    async def act(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press(*keys)
        await settled(pilot)

    return act


async def previewed(pilot: Pilot[Any]) -> None:
    await pressing("f", "1")(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, FixScreen)
    while screen.repair.stage is not Stage.SHOWN:
        await pilot.pause(0.01)
    await settled(pilot)


async def repaired(pilot: Pilot[Any]) -> None:
    await previewed(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, FixScreen)
    await pilot.press("y")
    while screen.repair.stage is not Stage.ENDED:
        await pilot.pause(0.01)
    await settled(pilot)


async def light(pilot: Pilot[Any]) -> None:
    await ready(pilot)
    pilot.app.theme = "textual-light"
    await settled(pilot)


HOSTILE = picture(
    (*CLOUD, *broken("edge-[b]x[/b]-生产线-" + "long-" * 12 + "0042"), *whole("edge2")),
    ("edge-[b]x[/b]-生产线-" + "long-" * 12 + "0042", "edge2"),
    site="工厂七号",
)
LOST = picture(links=(down(seconds=34, retry_at=NOW + timedelta(seconds=3)), down("edge2", 80)))

SCREENS: dict[str, tuple[tuple[int, int], Act, Picture | None]] = {
    "main-80x24": (SMALL, ready, None),
    "main-120x40": (LARGE, ready, None),
    "main-light": (SMALL, light, None),
    "details-focused": (LARGE, pressing("g", "enter", "j"), None),
    "faults-only": (SMALL, pressing("z"), None),
    "disconnected": (LARGE, pressing("g"), LOST),
    "hostile-names": (SMALL, ready, HOSTILE),
    "preview-80x24": (SMALL, previewed, None),
    "preview-120x40": (LARGE, previewed, None),
    "repaired": (SMALL, repaired, None),
    "no-edges": (SMALL, ready, picture(CLOUD, ())),
    "too-small": ((50, 12), ready, None),
    "evidence": (SMALL, pressing("e"), None),
    "help": (LARGE, pressing("question_mark"), None),
}


def app_of(tmp_path: Path, shown: Picture | None, **options: Any) -> KedgeApp:
    bench = FakeWorkbench(tmp_path)
    bench.fixed_picture = replace(shown, serial=1) if shown is not None else None
    return KedgeApp(Options(**options), clock=lambda: NOW, make=bench.made)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, snap_compare: Snap, tmp_path: Path) -> None:
    size, act, shown = SCREENS[name]
    assert snap_compare(app_of(tmp_path, shown), terminal_size=size, run_before=act)


def test_without_colours(snap_compare: Snap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app_of(tmp_path, None), terminal_size=SMALL, run_before=ready)


def test_ascii_only(snap_compare: Snap, tmp_path: Path) -> None:
    assert snap_compare(app_of(tmp_path, None, ascii_only=True), terminal_size=SMALL, run_before=previewed)
