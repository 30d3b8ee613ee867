"""A terminal that is closed under the demo: its window, or the machine of the one who looked."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

from tests.lab.headless import ROOT, command

PATIENCE = 60.0


def test_the_demo_ends_with_its_terminal_and_leaves_nothing(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm-256color"}
    demo = subprocess.Popen(
        command("demo"), cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        _reads_until(ours, b"KE206")
        os.close(ours)
        for number in (signal.SIGHUP, signal.SIGCONT):  # what a shell or tmux sends when its terminal goes
            os.kill(demo.pid, number)
        assert demo.wait(PATIENCE) == 128 + signal.SIGHUP
        assert list(tmp_path.glob("kedge-demo-*")) == []
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()


def _reads_until(terminal: int, wanted: bytes) -> None:
    seen, end = b"", time.monotonic() + PATIENCE
    while wanted not in seen:
        assert time.monotonic() < end, seen[-2000:]
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536)
