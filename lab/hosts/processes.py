"""Processes that a host's SSH sessions start: each in its own session, ended when its channel closes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_STAT_SESSION = 3
"""Index of the session id among the fields of /proc/PID/stat that follow the command name."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process and our ends of its standard streams, as descriptors that the caller owns; a terminal is all three."""

    process: asyncio.subprocess.Process
    stdin: int
    stdout: int
    stderr: int | None


async def start(
    argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, terminal: bool = False
) -> Started:
    """Start ``argv`` as the leader of a new session, on three pipes or on a new terminal.

    Raises:
        OSError: the program could not be started.
    """
    if terminal:
        ours, theirs = os.openpty()
        ends = [(ours, theirs)]
        streams = (theirs, theirs, theirs)
    else:
        (stdin, ours), *outputs = os.pipe(), os.pipe(), os.pipe()
        ends = [(ours, stdin), *outputs]
        streams = (stdin, outputs[0][1], outputs[1][1])
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    except OSError:
        for ours, _theirs in ends:
            os.close(ours)
        raise
    finally:
        for _ours, theirs in ends:
            os.close(theirs)
    if terminal:
        return Started(process, ends[0][0], os.dup(ends[0][0]), None)
    return Started(process, ends[0][0], ends[1][0], ends[2][0])


def end_session(leader: int) -> None:
    """Kill the process and everything that it started, also what moved to a process group of its own.

    ``timeout`` does that move, so that killing the leader's group alone would leave its command running. Call
    it while the leader has not been reaped: its id cannot belong to somebody else then.
    """
    for pid in _members(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _members(leader: int) -> list[int]:
    """Ids of the processes in the leader's session, the leader excluded."""
    return _members_by_proc(leader) if (_PROC / "self/stat").exists() else _members_by_ps(leader)


def _members_by_proc(leader: int) -> list[int]:
    found = []
    for entry in os.listdir(_PROC):
        if entry.isdigit() and int(entry) != leader and _session_of(entry) == leader:
            found.append(int(entry))
    return found


def _session_of(pid: str) -> int:
    try:
        text = (_PROC / pid / "stat").read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return -1
    return int(text.rpartition(")")[2].split()[_STAT_SESSION])


def _members_by_ps(leader: int) -> list[int]:
    """Descendants, for systems without /proc."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        pid, parent = map(int, line.split())
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    pending = [leader]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found
