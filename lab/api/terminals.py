"""pods/exec with stdin and a TTY: a real shell on a real terminal, in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from pathlib import Path

from aiohttp import WSMsgType, web

from lab.hosts import processes
from lab.hosts.processes import Streams

SHELLS = frozenset({"sh", "ash", "bash", "dash"})
"""Programs that are run for real; anything else a container has is answered by the world."""

_STDIN, _STDOUT, _RESIZE, _CLOSE = 0, 1, 4, 255
_CHUNK = 16_384


def is_shell(argv: list[str]) -> bool:
    """Whether a command is one that a person would sit in front of."""
    return argv[0].rpartition("/")[2] in SHELLS


async def converse(socket: web.WebSocketResponse, argv: list[str], pod: str) -> int:
    """Run a shell until it ends or the client goes; gives its exit code, 128 and more for a signal."""
    with tempfile.TemporaryDirectory(prefix="kedge-lab-") as folder:
        home = Path(folder)
        (home / ".bashrc").write_text(f"PS1='root@{pod}:/# '\n")
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "TERM": "xterm", "HOSTNAME": pod,
                       "PS1": "# ", "ENV": "", "LANG": "C.UTF-8"}  # fmt: skip
        process, streams = await processes.start_on_terminal(argv, environment, home, 80, 24)
        typing = asyncio.create_task(_type(socket, streams))
        showing = asyncio.create_task(_show(socket, streams))
        try:
            await asyncio.wait({typing, showing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if process.returncode is None and not showing.done():
                processes.end_session(process.pid)  # the client has gone
            status = await process.wait()
            for task in (typing, showing):
                task.cancel()
            await asyncio.gather(typing, showing, return_exceptions=True)
            streams.close()
        return status if status >= 0 else 128 - status


async def _show(socket: web.WebSocketResponse, streams: Streams) -> None:
    with contextlib.suppress(ConnectionResetError):
        while data := await streams.stdout.read(_CHUNK):
            await socket.send_bytes(bytes([_STDOUT]) + data)


async def _type(socket: web.WebSocketResponse, streams: Streams) -> None:
    async for message in socket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel == _STDIN:
            with contextlib.suppress(OSError):
                await streams.stdin.write(data)
        elif channel == _RESIZE:
            size = json.loads(data)
            streams.resize(int(size["Width"]), int(size["Height"]))
        elif channel == _CLOSE:
            return
