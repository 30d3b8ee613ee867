"""What vim, less, top and tmux print, recorded at 80x24; tmux, fed the same bytes, showed what is expected.

vim searches, edits, splits and scrolls; less pages and searches; top changes its colours and bars;
htop shows its tree, its help and its setup, and searches; tmux splits.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.terminal.cells import text_of
from tui.terminal.emulator import Emulator

RECORDED = Path(__file__).parent / "terminal_output"


@pytest.mark.parametrize("size", [1, 17, 65_536])
@pytest.mark.parametrize("program", ["vim", "less", "top", "htop", "tmux"])
def test_a_program_looks_as_in_another_terminal(program: str, size: int) -> None:
    data = (RECORDED / f"{program}.out").read_bytes()
    expected = [line.rstrip() for line in (RECORDED / f"{program}.txt").read_text(encoding="utf-8").splitlines()]
    emulator = Emulator(80, 24)
    for start in range(0, len(data), size):
        emulator.feed(data[start : start + size])
    screen = emulator.screen
    shown = [text_of(screen.row(y)).rstrip() for y in range(screen.lines)]
    assert shown[: len(expected)] == expected
    assert not any(shown[len(expected) :])
