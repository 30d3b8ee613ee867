"""A night in some minutes: random faults, keys, sizes and repairs on a practice site, and what it leaves behind.

The practice site runs in a process of its own. The same seed presses the same keys. It fails for an exception, for a
thread, task or socket that outlives the application, and for memory that grows by more than a fifth after the first
third of the time.

    python -m bench.soak [minutes] [seed]
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from kedge.workbench import Options
from lab.control import ControlError, ask
from tui.app import KedgeApp
from tui.aside import aside

FAULTS = (
    "edgestream-disabled",
    "cloudstream-disabled",
    "dnat-missing",
    "edgecore-stopped",
    "cloudcore-down",
    "metrics-server-down",
    "api-down",
    "host-unreachable",
    "edge-offline",
    "half-open-tunnel",
    "rbac-limited",
)
KEYS = (
    *"jjjkkkgGmMzrRfyeodyncq[]}{+?12lstpx",
    *("enter", "space", "tab", "escape", "escape", "escape", "left", "right", "pagedown", "pageup", "ctrl+p", "ctrl+c"),
)
TYPED = ("/edge1", "/status:fail", "/(", ":sort status", ":node edge2", ":history", ":problems", ":nothing", ":theme")
SIZES = ((120, 40), (80, 24), (200, 60), (50, 12), (60, 16))
GROWTH = 1.2
POOLS = ("kube-io", "ssh-io", "judge", "executor", "save-log")
"""Bounded pools of daemon threads, kept for as long as the process lives."""

SETTLE_SECONDS = 20.0


class Site:
    """The practice site, in its own process."""

    def __init__(self, scratch: Path) -> None:
        self.folder = scratch / "site"
        argv = [sys.executable, "-m", "kedge", "lab", "--edges", "4", "--dir", str(self.folder)]
        self._log = (scratch / "lab.log").open("wb")
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + 60
        while b"End it:" not in (scratch / "lab.log").read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((scratch / "lab.log").read_text())
            time.sleep(0.1)
        self.known = {name for name in FAULTS if self.switch(name, False)}

    def switch(self, fault: str, on: bool) -> bool:
        """Turn a fault on or off; False when this site has no such fault."""
        for edge in (None, "edge1"):
            try:
                ask(self.folder, {"do": "fault", "name": fault, "on": on, "edge": edge})
            except ControlError:
                continue
            return True
        return False

    def end(self) -> None:
        """Stop it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        self._log.close()


class Soak:
    """One run.

    Attributes:
        wrong: what must not have happened, in words.
    """

    def __init__(self, site: Site, minutes: float, seed: int) -> None:
        self.site = site
        self.seconds = minutes * 60
        self.random = random.Random(seed)  # noqa: S311 - the same seed has to press the same keys
        self.done: dict[str, int] = {}
        self.wrong: list[str] = []

    async def run(self) -> None:
        """Open the application, torment it, close it, and look at what is left."""
        before = left()
        app = KedgeApp(Options(config=str(self.site.folder / "config.yaml"), site="lab", accept_new_host_keys=True))
        async with app.run_test(size=SIZES[0], notifications=True) as pilot:
            await self._torment(app, pilot)
        self.wrong += [f"raised: {type(error).__name__}: {error}" for error in app.failures]
        await self._compare(before)

    async def _torment(self, app: KedgeApp, pilot: Pilot[Any]) -> None:
        started = time.monotonic()
        early = 0
        while (passed := time.monotonic() - started) < self.seconds:
            await self._something(app, pilot)
            if not app.is_running or app._exit:
                self.wrong.append(f"the application ended by itself after {passed:.0f} s")
                return
            if not early and passed > self.seconds / 3:
                early = resident()
        now = resident()
        print(f"memory after a third {early // 1024} kB, at the end {now // 1024} kB")
        if early and now > early * GROWTH:
            self.wrong.append(f"memory grew from {early // 1024} to {now // 1024} kB")

    async def _something(self, app: KedgeApp, pilot: Pilot[Any]) -> None:
        chance = self.random.random()
        if chance < 0.02 and self.site.known:
            name, on = self.random.choice(sorted(self.site.known)), self.random.random() < 0.5
            self._count(f"fault {'on' if on else 'off'}")
            await aside(lambda: self.site.switch(name, on))
        elif chance < 0.04:
            self._count("size")
            await pilot.resize_terminal(*self.random.choice(SIZES))
        elif chance < 0.08:
            self._count("typed")
            for character in self.random.choice(TYPED):
                await pilot.press(_NAMED.get(character, character))
            await pilot.press("enter")
        elif chance < 0.085:
            self._count("reopened")
            app.open_site()
        else:
            self._count("key")
            key = self.random.choice(KEYS)
            if key == "q" and app.screen is app.main:
                return  # that would be the end
            await pilot.press(_NAMED.get(key, key))
        await asyncio.sleep(0.02)

    def _count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    async def _compare(self, before: dict[str, set[str]]) -> None:
        """What is still there some seconds after the end."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            gc.collect()
            more = {kind: found - before[kind] for kind, found in left().items()}
            if not any(more.values()):
                return
            await asyncio.sleep(0.5)
        self.wrong += [f"left behind: {kind}: {', '.join(sorted(found))}" for kind, found in more.items() if found]


_NAMED = {
    "?": "question_mark", "/": "slash", ":": "colon", "[": "left_square_bracket", "]": "right_square_bracket",
    "{": "left_curly_bracket", "}": "right_curly_bracket", "+": "plus", " ": "space", "(": "left_parenthesis",
}  # fmt: skip


def left() -> dict[str, set[str]]:
    """Threads that are not the bounded pools', tasks, and sockets of this process."""
    threads = {thread.name for thread in threading.enumerate() if not thread.name.startswith(POOLS)}
    tasks = {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    return {"threads": threads, "tasks": tasks, "sockets": sockets()}


def sockets() -> set[str]:
    """Open sockets by inode, where the system tells."""
    found = set()
    folder = Path("/proc/self/fd")
    for entry in folder.iterdir() if folder.exists() else ():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def resident() -> int:
    """Memory of this process in bytes; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """0 when nothing went wrong."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(prefix="kedge-soak-") as scratch:
        os.environ["KEDGE_TUI_STATE"] = str(Path(scratch) / "state")
        os.chdir(scratch)
        site = Site(Path(scratch))
        try:
            soak = Soak(site, minutes, seed)
            asyncio.run(soak.run())
        finally:
            site.end()
    print(
        f"seed {seed}, {minutes:g} min: " + ", ".join(f"{count} x {what}" for what, count in sorted(soak.done.items()))
    )
    for sentence in soak.wrong:
        print(sentence)
    print("nothing went wrong" if not soak.wrong else f"{len(soak.wrong)} things went wrong")
    return bool(soak.wrong)


if __name__ == "__main__":
    sys.exit(main())
