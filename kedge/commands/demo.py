"""``kedge-tui demo``: a broken practice site and the screen on it, in one command.

The site runs in a process of its own, so that its work never slows the screen down, and it ends with it.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import click

from kedge.commands.common import stop
from kedge.exit_codes import Exit
from kedge.i18n import _
from kedge.state import VARIABLE

START_SECONDS = 20.0


@click.command("demo")
@click.option("--fault", "faults", multiple=True, default=("edgestream-disabled",), show_default=True)
@click.option("--edges", type=click.IntRange(1, 1000), default=2, show_default=True)
@click.option("--latency", default="0ms", show_default=True, help="Added to every round trip, e.g. 150ms.")
def command(faults: tuple[str, ...], edges: int, latency: str) -> None:
    """Open the TUI on a broken practice site; nothing outside this machine is touched."""
    for number in (signal.SIGHUP, signal.SIGTERM):  # a closed terminal leaves nothing behind either
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    with tempfile.TemporaryDirectory(prefix="kedge-demo-") as scratch:
        folder = Path(scratch) / "site"
        os.environ[VARIABLE] = str(Path(scratch) / "state")  # practice is no entry in anybody's history
        lab = _start_lab(folder, Path(scratch) / "lab.log", faults, edges, latency)
        signal.signal(signal.SIGHUP, lambda _number, _frame: _hang_up(lab, scratch))
        try:
            code = importlib.import_module("tui.app").run(config=str(folder / "config.yaml"), site="lab")
        finally:
            _end(lab)
    sys.exit(code)


def _start_lab(folder: Path, log: Path, faults: tuple[str, ...], edges: int, latency: str) -> subprocess.Popen[bytes]:
    """Start the practice site and wait until it says that it is ready."""
    chosen = [word for fault in faults for word in ("--fault", fault)]
    argv = [sys.executable, "-m", "kedge", "lab", *chosen, "--edges", str(edges), "--latency", latency]
    with log.open("wb") as output:
        lab = subprocess.Popen(
            [*argv, "--dir", str(folder)], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    deadline = time.monotonic() + START_SECONDS
    while b"End it:" not in log.read_bytes():
        if lab.poll() is not None or time.monotonic() > deadline:
            _end(lab)
            said = log.read_text(errors="replace").strip() or "-"
            stop(_("The practice site did not start: {said}").format(said=said), Exit.INTERNAL)
        time.sleep(0.05)
    return lab


def _hang_up(lab: subprocess.Popen[bytes], scratch: str) -> NoReturn:
    """Leave nothing behind, and go at once.

    The screen must not be ended in an orderly way here: what it writes to a terminal that is gone is never taken, so
    it would wait for ever.
    """
    _end(lab)
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(128 + signal.SIGHUP)


def _end(lab: subprocess.Popen[bytes]) -> None:
    if lab.poll() is None:
        lab.send_signal(signal.SIGTERM)
        try:
            lab.wait(timeout=5)
        except subprocess.TimeoutExpired:
            lab.kill()
            lab.wait()
