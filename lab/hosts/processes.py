"""Processes that a host's SSH sessions start: each in its own session, ended when its channel closes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_STAT_SESSION = 3
"""Index of the session id among the fields of /proc/PID/stat that follow the command name."""


class Descriptor:
    """One end of a pipe or terminal, read and written without blocking the loop."""

    def __init__(self, number: int) -> None:
        self._number = number
        os.set_blocking(number, False)

    async def read(self, size: int) -> bytes:
        """Some bytes; empty when nobody holds the other end any more."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return os.read(self._number, size)
            except BlockingIOError:
                await self._until(loop.add_reader, loop.remove_reader)
            except OSError as error:
                if error.errno != errno.EIO:  # what Linux says once the last program has left a terminal
                    raise
                return b""

    async def write(self, data: bytes) -> None:
        """All of ``data``. Raises OSError when nobody reads."""
        loop = asyncio.get_running_loop()
        while data:
            try:
                data = data[os.write(self._number, data) :]
            except BlockingIOError:
                await self._until(loop.add_writer, loop.remove_writer)

    async def _until(self, watch: Callable[..., object], unwatch: Callable[[int], object]) -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        watch(self._number, wake)
        try:
            await ready
        finally:
            unwatch(self._number)

    def close(self) -> None:
        """Give it back; safe to call twice."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1


@dataclass(frozen=True, slots=True)
class Streams:
    """Our ends of a process's standard streams. On a terminal all three are one, and ``resize`` works."""

    stdin: Descriptor
    stdout: Descriptor
    stderr: Descriptor | None
    resize: Callable[[int, int], None] = lambda _columns, _rows: None

    def close(self) -> None:
        """Give all of them back."""
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()


async def start_piped(
    argv: Sequence[str], environment: Mapping[str, str], folder: Path
) -> tuple[asyncio.subprocess.Process, Streams]:
    """Start ``argv`` as the leader of a new session with three pipes. Raises OSError."""
    (stdin, typed), (read_out, stdout), (read_err, stderr) = os.pipe(), os.pipe(), os.pipe()
    ours = Streams(Descriptor(typed), Descriptor(read_out), Descriptor(read_err))
    return await _start(argv, environment, folder, (stdin, stdout, stderr), ours), ours


async def start_on_terminal(
    argv: Sequence[str], environment: Mapping[str, str], folder: Path, columns: int, rows: int
) -> tuple[asyncio.subprocess.Process, Streams]:
    """Start ``argv`` as the leader of a new session that a new terminal controls. Raises OSError.

    A session gets its controlling terminal when its leader opens one, so a shell opens it by name first.
    """
    master, slave = os.openpty()

    def resize(columns: int, rows: int) -> None:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    resize(columns, rows)
    terminal = Descriptor(master)
    ours = Streams(terminal, terminal, None, resize)
    opening = ["/bin/sh", "-c", 'exec <>"$0" >&0 2>&0 && exec "$@"', os.ttyname(slave)]
    return await _start([*opening, *argv], environment, folder, (slave, slave, slave), ours), ours


async def _start(
    argv: Sequence[str], environment: Mapping[str, str], folder: Path, theirs: tuple[int, int, int], ours: Streams
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=theirs[0],
            stdout=theirs[1],
            stderr=theirs[2],
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    except OSError:
        ours.close()
        raise
    finally:
        for number in set(theirs):
            os.close(number)


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
