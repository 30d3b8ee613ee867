"""What happens inside one SSH channel: bytes to and from a process, signals, the exit status, the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncssh

from lab.hosts import processes
from lab.hosts.processes import Descriptor, Streams

_CHUNK = 65_536

Channel = asyncssh.SSHServerProcess[bytes]


async def run(channel: Channel, argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
    """Run ``argv`` until it ends or the client goes, on a terminal if the client asked for one."""
    if channel.term_type:
        columns, rows = channel.term_size[:2]
        process, streams = await processes.start_on_terminal(argv, environment, folder, columns, rows)
    else:
        process, streams = await processes.start_piped(argv, environment, folder)
    finishing = asyncio.ensure_future(_finish(channel, process, streams))
    typing = asyncio.ensure_future(_type(channel, streams, process.pid))
    try:
        await channel.wait_closed()
    finally:
        if process.returncode is None:
            processes.end_session(process.pid)
        for task in (finishing, typing):
            task.cancel()
        await asyncio.gather(finishing, typing, return_exceptions=True)
        streams.close()
        await process.wait()


async def _finish(channel: Channel, process: asyncio.subprocess.Process, streams: Streams) -> None:
    """Deliver all output, then the exit status."""
    carrying = [_carry(streams.stdout, channel.stdout)]
    if streams.stderr is not None:
        carrying.append(_carry(streams.stderr, channel.stderr))
    await asyncio.gather(*carrying)
    status = await process.wait()
    if status < 0:
        channel.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
    else:
        channel.exit(status)


async def _carry(source: Descriptor, target: asyncssh.SSHWriter[bytes]) -> None:
    """Move output to the client, no faster than it reads."""
    with contextlib.suppress(OSError, asyncssh.Error):  # the client has gone
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()


async def _type(channel: Channel, streams: Streams, leader: int) -> None:
    """Move the client's input, signals and window sizes to the process."""
    with contextlib.suppress(OSError, asyncssh.Error):  # the process has closed its input
        while True:
            try:
                chunk = await channel.stdin.read(_CHUNK)
            except asyncssh.TerminalSizeChanged as changed:
                streams.resize(changed.width, changed.height)
                continue
            except asyncssh.BreakReceived:
                _signal(leader, "INT")
                continue
            except asyncssh.SignalReceived as received:
                _signal(leader, received.signal)
                continue
            if not chunk:
                break
            await streams.stdin.write(chunk)
    if not channel.term_type:
        streams.stdin.close()


def _signal(leader: int, name: str) -> None:
    """Send a signal, named without SIG, to the process group of a session's leader."""
    number = getattr(signal, f"SIG{name}", None)
    if number is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)
