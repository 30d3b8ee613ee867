"""Runs ``kedge-tui`` as a script or a person does: its own process, with or without a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from kedge.cli import cli

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What ``-o json`` printed."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def command(*words: object) -> list[str]:
    """The command line of a run."""
    return [sys.executable, "-m", "kedge", *map(str, words)]


def kedge(*words: object, **environ: str) -> Ran:
    """Run it without a terminal."""
    ran = subprocess.run(
        command(*words),
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def in_process(*words: object) -> Ran:
    """Run it in this process: for what ends before anything is dialled."""
    ran = CliRunner().invoke(cli, [*map(str, words)], prog_name="kedge-tui")
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


def at_a_terminal(*words: object, question: str, answer: str) -> Ran:
    """Run it with keyboard and stderr on a terminal, and answer one question there."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        command(*words),
        cwd=ROOT,
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    os.close(theirs)
    said, answered, until = b"", False, time.monotonic() + PATIENCE
    try:
        while (piece := _read(ours, until)) is not None:
            said += piece
            if not answered and question.encode() in said:
                os.write(ours, answer.encode())
                answered = True
        out, _err = running.communicate(timeout=max(1.0, until - time.monotonic()))
    finally:
        running.kill()
        running.wait()
        os.close(ours)
    return Ran(running.returncode, out, said.decode())


def _read(descriptor: int, until: float) -> bytes | None:
    """The next piece, None when the other side has closed the terminal."""
    ready, _writable, _failed = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
    if not ready:
        raise TimeoutError("the command neither asked nor ended")
    try:
        return os.read(descriptor, 65_536) or None
    except OSError:  # Linux says EIO at the end of a terminal
        return None
