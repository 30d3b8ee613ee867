"""How fast the log view takes lines in, beside Textual's own RichLog and Log; how long a key and a search take.

    python -m bench.logs [LINES]

Prints lines a second, the time from a key to its effect while lines pour in (median and 95th percentile), the time
of a search over a full ring, and the memory that a full ring takes. Figures depend on the machine; compare columns.
"""

from __future__ import annotations

import asyncio
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Log, RichLog

from kedge.logs.lines import Splitter, read_stamped
from tui.logs.look import Look
from tui.logs.view import LogView

BATCH = 300
RING = 100_000


class Stage(App[None]):
    """One widget over the whole screen; keys are counted."""

    CSS = "LogView { height: 1fr; }"
    BINDINGS = [("j", "pressed", "count")]  # noqa: RUF012 - Textual's form

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.pressed = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield self.widget

    def action_pressed(self) -> None:
        self.pressed.set()

    def failed(self, error: BaseException, where: str) -> None:
        raise error


def chunk(first: int, count: int) -> bytes:
    """Lines of about 200 bytes as the API sends them."""
    text = "I1122 09:42:26.733454       1 streamserver.go:177] request number %08d " + "x" * 110
    return b"".join(
        b"2026-11-22T09:42:26.733454123Z " + (text % n).encode() + b"\n" for n in range(first, first + count)
    )


async def pour(stage: Stage, pilot: object, feed: Callable[[bytes], None], lines: int) -> tuple[float, list[float]]:
    """Lines a second, and how long keys took meanwhile."""
    delays: list[float] = []
    chunks = [chunk(n, BATCH) for n in range(0, lines, BATCH)]

    async def press() -> None:
        while True:
            await asyncio.sleep(0.05)
            stage.pressed.clear()
            began = time.perf_counter()
            stage.simulate_key("j")
            await stage.pressed.wait()
            delays.append(time.perf_counter() - began)

    presser = asyncio.create_task(press())
    began = time.perf_counter()
    for piece in chunks:
        feed(piece)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    seconds = time.perf_counter() - began
    await asyncio.sleep(0.2)
    presser.cancel()
    return lines / seconds, delays


def feeder(widget: Widget) -> Callable[[bytes], None]:
    splitter = Splitter()
    if isinstance(widget, LogView):
        return lambda data: widget.add([read_stamped(raw, 0) for raw in splitter.feed(data)])
    if isinstance(widget, Log):
        return lambda data: (widget.write_lines([raw.decode() for raw in splitter.feed(data)]), None)[1]
    assert isinstance(widget, RichLog)

    def rich(data: bytes) -> None:
        for raw in splitter.feed(data):
            widget.write(raw.decode())

    return rich


async def measure(name: str, make: Callable[[], Widget], lines: int) -> Widget:
    widget = make()
    stage = Stage(widget)
    async with stage.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        rate, delays = await pour(stage, pilot, feeder(widget), lines)
        p95 = statistics.quantiles(delays, n=20)[-1] if len(delays) > 1 else max(delays, default=0.0)
        middle = statistics.median(delays) if delays else 0.0
        print(
            f"{name:<10}{lines:>9,} lines {rate:>12,.0f} lines/s   key {middle * 1e3:7.1f} ms, p95 {p95 * 1e3:7.1f} ms"
        )
        if isinstance(widget, LogView):
            await searched(widget)
    return widget


async def searched(view: LogView) -> None:
    for sought in ("number 0009", "number 0+9.*7"):
        longest, began = 0.0, time.perf_counter()
        view.find(re.compile(sought, re.IGNORECASE))
        while view.is_busy:
            asked = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - asked)
        seconds, found = time.perf_counter() - began, len(view.matches)
        said = f"search of {len(view.ring):,} lines for {sought!r}: {seconds * 1e3:.0f} ms, {found:,} found"
        print(f"{'':<10}{said}; the screen waited {longest * 1e3:.0f} ms at most")


def memory(lines: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    view = LogView(Look())
    kept = [read_stamped(raw, 0) for first in range(0, lines, BATCH) for raw in Splitter().feed(chunk(first, BATCH))]
    view.ring.extend(kept)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{'ring':<10}{len(view.ring):>9,} lines take {(after - before) / 1024:.0f} MiB")


def main(arguments: Sequence[str]) -> None:
    lines = int(arguments[0]) if arguments else 100_000
    memory(RING)
    asyncio.run(measure("LogView", lambda: LogView(Look()), lines))
    asyncio.run(measure("Log", lambda: Log(max_lines=RING), lines))
    asyncio.run(measure("RichLog", lambda: RichLog(max_lines=RING), min(lines, 20_000)))


if __name__ == "__main__":
    main(sys.argv[1:])
