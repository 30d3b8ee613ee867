"""An application on a fake workbench; whatever it raises fails the test unless the test takes it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.keys import _character_to_key
from textual.pilot import Pilot

from kedge.workbench import Options
from tests.tui.sites import NOW, FakeWorkbench
from tui.app import KedgeApp

PATIENCE = 30.0
"""Seconds; a busy machine is slow, not wrong."""

Opener = Callable[..., AbstractAsyncContextManager["Desk"]]


class ToldApp(KedgeApp):
    """Remembers its toasts: on a busy machine they are gone before a test looks."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.said: list[str] = []

    def notify(self, message: str, **more: Any) -> None:
        self.said.append(message)
        super().notify(message, **more)


class Desk:
    """A person at the keyboard, and what stands on the screen."""

    def __init__(self, app: ToldApp, pilot: Pilot[Any], bench: FakeWorkbench) -> None:
        self.app, self.pilot, self.bench = app, pilot, bench

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type characters, as they are."""
        await self.press(*(_character_to_key(character) for character in text))

    async def command(self, text: str) -> None:
        """Enter a ``:`` command."""
        await self.press("colon")
        await self.type(text)
        await self.press("enter")

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        """Let the application work until something holds."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"{what or 'it'} never came about; the screen says:\n{self.text}"
            await self.pilot.pause(0.01)

    @property
    def text(self) -> str:
        """The screen as text."""
        screen = self.app.screen
        lines = [strip.text for strip in screen._compositor.render_strips()]
        return "\n".join(line.rstrip() for line in lines)

    @property
    def details(self) -> str:
        """The details pane as one line of text."""
        return " ".join(" ".join(line.text for line in self.app.main.details.lines).split())

    @property
    def toasts(self) -> list[str]:
        """What toasts said, oldest first."""
        return self.app.said


@pytest.fixture
def bench(tmp_path: Path) -> FakeWorkbench:
    return FakeWorkbench(tmp_path)


@pytest.fixture
def at_desk(bench: FakeWorkbench, tmp_path: Path) -> Opener:
    """Opens the application: ``async with at_desk(size=(80, 24)) as desk``."""

    @asynccontextmanager
    async def open(
        size: tuple[int, int] = (120, 40), *, failures: bool = False, wait: bool = True, **options: Any
    ) -> AsyncIterator[Desk]:
        app = ToldApp(Options(**options), log_path=tmp_path / "kedge-tui.log", clock=lambda: NOW, make=bench.made)
        async with app.run_test(size=size, notifications=True) as pilot:
            desk = Desk(app, pilot, bench)
            if wait:
                await desk.until(lambda: app.main.index is not None)
            await pilot.pause()
            yield desk
        if not failures:
            assert app.failures == []

    return open
