"""What was shown and closed is let go of: a night of keys must not fill the memory."""

from __future__ import annotations

import gc

from textual.widget import Widget

from tests.tui.conftest import Opener
from tui.screens.help import HelpScreen

ROUNDS = 4


def alive(kind: type[Widget]) -> int:
    gc.collect()
    return sum(isinstance(one, kind) for one in gc.get_objects())


async def test_closed_screens_are_let_go_of(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("question_mark", "escape")
        screens, widgets = alive(HelpScreen), alive(Widget)
        for _round in range(ROUNDS):
            await desk.press("question_mark", "escape", "tab", "tab")
        await desk.until(lambda: alive(HelpScreen) <= screens + 1, "closing help")
        await desk.until(lambda: alive(Widget) <= widgets + 10, "forgetting what stood on it")
