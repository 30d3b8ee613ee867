"""Somebody who types into a terminal and reads what it shows, for tests."""

from __future__ import annotations

import asyncio
import time

from kedge.links.terminals import End, Size, Terminal
from tui.terminal.cells import text_of
from tui.terminal.emulator import Emulator

PATIENCE = 30.0


class Typist:
    """Reads a terminal all the time, and shows it in an emulator."""

    def __init__(self, terminal: Terminal, columns: int = 80, rows: int = 24) -> None:
        self.terminal = terminal
        self.emulator = Emulator(columns, rows, terminal.write)
        self.received = 0
        self.tail = b""
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while data := await self.terminal.read():
            self.received += len(data)
            self.tail = (self.tail + data)[-65_536:]
            self.emulator.feed(data)
            await asyncio.sleep(0)

    @property
    def screen(self) -> str:
        screen = self.emulator.screen
        return "\n".join(text_of(screen.row(y)).rstrip() for y in range(screen.lines))

    def type(self, text: str | bytes) -> None:
        self.terminal.write(text.encode() if isinstance(text, str) else text)

    def resize(self, columns: int, rows: int) -> None:
        self.emulator.resize(columns, rows)
        self.terminal.resize(Size(columns, rows))

    async def sees(self, text: str) -> None:
        """Wait until the screen shows it."""
        until = time.monotonic() + PATIENCE
        while text not in self.screen:
            assert time.monotonic() < until, f"{text!r} never came; the screen says:\n{self.screen}"
            assert self.terminal.end is None or not self.task.done(), f"ended: {self.terminal.end}\n{self.screen}"
            await asyncio.sleep(0.02)

    async def ended(self) -> End:
        """Wait for the end."""
        await asyncio.wait_for(self.task, PATIENCE)
        assert self.terminal.end is not None
        return self.terminal.end
