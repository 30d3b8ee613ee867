"""What was shown and closed is let go of: a night of keys must not fill the memory."""

from __future__ import annotations

import gc

from textual.widget import Widget
from textual.widgets._footer import FooterKey

from tests.tui.conftest import Opener
from tui.screens.help import HelpScreen

ROUNDS = 4


def alive(kind: type[Widget]) -> int:
    gc.collect()
    return sum(isinstance(one, kind) for one in gc.get_objects())


async def test_closed_screens_and_the_keys_of_the_footer_before_are_let_go_of(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("question_mark", "escape")
        screens, keys = alive(HelpScreen), alive(FooterKey)
        for _round in range(ROUNDS):
            await desk.press("question_mark", "escape", "tab", "tab")
        await desk.until(lambda: alive(HelpScreen) <= screens + 1, "closing help")
        shown = len(desk.app.screen.query(FooterKey))
        await desk.until(lambda: alive(FooterKey) <= keys + 2 * shown, "forgetting keys")
