"""Measures shells: how fast output is shown, how long keys wait meanwhile, and what typing adds to the link's own time.

``python bench/shell.py``. The terminals are local ones: what is measured is the emulator and the screen, not a network.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))  # run by path, as `make bench` does

from textual.app import App, ComposeResult

from kedge.links.terminal_local import LocalTerminals
from kedge.links.terminals import Size, Terminal
from tui.widgets.terminal_view import TerminalView

LIMIT = 30.0
FLOODS = {
    "yes | head -c 50M": "yes | head -c 50000000",
    "log lines, 50 MB": "yes 'I1122 02:51:07.123456 1 server.go:42] a line, as long as they are' | head -c 50000000",
    "find /": "find / -xdev 2>/dev/null",
    "repainting, 30 per second": "for i in $(seq 150); do printf '\\033[H\\033[3%dm' $((i % 8)); "
    'seq -f "line $i %g" 1000 1035; sleep 0.033; done',
}


class Bench(App[None]):
    """One terminal that fills the screen."""

    terminal: Terminal

    def compose(self) -> ComposeResult:
        yield TerminalView(self.send, lambda columns, rows: None)

    def send(self, data: bytes) -> None:
        """To the terminal that is measured now."""
        self.terminal.write(data)

    @property
    def view(self) -> TerminalView:
        return self.query_one(TerminalView)


async def lateness(stop: asyncio.Event) -> list[float]:
    """How late the event loop is, in milliseconds, asked every 10 ms: what a key has to wait."""
    late: list[float] = []
    while not stop.is_set():
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        late.append((time.perf_counter() - began - 0.01) * 1000)
    return late


async def flood(app: Bench, terminals: LocalTerminals, name: str, command: str) -> None:
    app.terminal = terminal = await terminals.open(["sh", "-c", command], Size(120, 40), deadline=10)
    stop, began, size = asyncio.Event(), time.perf_counter(), 0
    watching = asyncio.create_task(lateness(stop))
    while time.perf_counter() - began < LIMIT and (data := await terminal.read()):
        size += len(data)
        await app.view.feed(data)
    seconds = time.perf_counter() - began
    terminal.close()
    stop.set()
    late = await watching
    p95 = quantiles(late, n=20)[-1] if len(late) > 1 else 0.0
    print(f"{name:<28}{size / 1e6:7.1f} MB{seconds:7.1f} s{size / seconds / 1e6:7.2f} MB/s   "
          f"loop late: p95 {p95:5.1f} ms, worst {max(late):5.1f} ms")  # fmt: skip


async def echo(app: Bench, terminals: LocalTerminals) -> None:
    """From a key to the painted character, and the same without emulator and screen."""
    app.terminal = terminal = await terminals.open(["cat"], Size(120, 40), deadline=10)
    bare: list[float] = []
    for _key in range(50):
        began = time.perf_counter()
        terminal.write(b"x")
        await terminal.read()
        bare.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.02)
    painted = asyncio.Event()
    render = app.view.render_line
    app.view.render_line = lambda y: (painted.set(), render(y))[1]  # type: ignore[method-assign]
    shown: list[float] = []
    for _key in range(50):
        painted.clear()
        began = time.perf_counter()
        app.view.type(b"x")
        await app.view.feed(await terminal.read())
        await painted.wait()
        shown.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.05)
    terminal.close()
    print(f"typed echo: the link {median(bare):.1f} ms, painted after {median(shown):.1f} ms (median of 50)")


async def main() -> None:
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    app, terminals = Bench(), LocalTerminals("here")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.view.focus()
        for name, command in FLOODS.items():
            await flood(app, terminals, name, command)
        await echo(app, terminals)
    terminals.close()


if __name__ == "__main__":
    asyncio.run(main())
