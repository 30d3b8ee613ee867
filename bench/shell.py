"""Measures shells: how fast output is shown, how long keys wait meanwhile, and what typing adds to the link's own time.

``python bench/shell.py``. Floods come from local terminals: what is measured is the emulator and the screen, not a
network. Typing is measured on a real sshd of loopback, beside plain ssh in tmux on the same server, in the same run.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))  # run by path, as `make bench` does

from textual.app import App, ComposeResult

from bench.shell_tmux import typed_in_tmux
from kedge.links.terminal_local import LocalTerminals
from kedge.links.terminals import Size, Terminal
from tests.real.ssh_people import link_to
from tests.real.sshd import running
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


async def typed(app: Bench, terminal: Terminal) -> tuple[float, float]:
    """Milliseconds from a key to its echo, and to the painted character: medians of 50 each, in turns."""
    app.terminal = terminal
    painted = asyncio.Event()
    render = app.view.render_line
    app.view.render_line = lambda y: (painted.set(), render(y))[1]  # type: ignore[method-assign]
    bare: list[float] = []
    shown: list[float] = []
    for _key in range(50):
        began = time.perf_counter()
        terminal.write(b"x")
        await terminal.read()
        bare.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.05)
        painted.clear()
        began = time.perf_counter()
        app.view.type(b"x")
        await app.view.feed(await terminal.read())
        await painted.wait()
        shown.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.05)
    terminal.close()
    del app.view.render_line
    return median(bare), median(shown)


async def echo(app: Bench, terminals: LocalTerminals) -> None:
    """What typing costs here, over SSH, and over plain ssh in tmux."""
    link, painted = await typed(app, await terminals.open(["cat"], Size(120, 40), deadline=10))
    print(f"typed echo here:            the link {link:5.1f} ms, painted after {painted:5.1f} ms")
    with TemporaryDirectory(prefix="kedge-bench-") as folder, running(Path(folder) / "sshd") as server:
        async with link_to(server) as ssh:
            opened = await ssh.terminals().open(["cat"], Size(120, 40), deadline=30)
            link, painted = await typed(app, opened)
        print(f"typed echo over SSH:        the link {link:5.1f} ms, painted after {painted:5.1f} ms")
        beside = await asyncio.get_running_loop().run_in_executor(None, typed_in_tmux, server)
    print(f"typed echo, ssh in tmux:                      shown after {beside:5.1f} ms")


def memory() -> float:
    """Megabytes that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def main() -> None:
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    app, terminals = Bench(), LocalTerminals("here")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.view.focus()
        before = memory()
        for name, command in FLOODS.items():
            await flood(app, terminals, name, command)
        print(f"memory: {before:.0f} MB before the floods, {memory():.0f} MB after, with 10,000 lines of scrollback")
        await echo(app, terminals)
    terminals.close()


if __name__ == "__main__":
    asyncio.run(main())
