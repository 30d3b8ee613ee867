"""How a running site is changed from another process: one JSON line each way on a loopback port.

The port and a secret are in ``control.json`` in the site's folder, readable by its owner only.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from lab.ports import LOOPBACK

FILE = "control.json"

PREFIX = "kedge-lab-"
"""Folders of sites that were given none begin like this."""

_PATIENCE = 10.0
"""Seconds that a client waits for a site to answer."""

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class ControlError(Exception):
    """The site did not do what it was asked; the text says why and what to do."""


class ControlServer:
    """Answers requests with ``handler``, whose LookupError and ValueError texts go back to the client."""

    def __init__(self, folder: Path, handler: Handler) -> None:
        self._file = folder / FILE
        self._handler = handler
        self._secret = secrets.token_hex(16)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, and write the file that tells where."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        port = self._server.sockets[0].getsockname()[1]
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps({"port": port, "secret": self._secret, "pid": os.getpid()}))

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            answer = await self._answer(await reader.readuntil(b"\n"))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> Mapping[str, Any]:
        try:
            request = json.loads(line)
            if not hmac.compare_digest(str(request["secret"]), self._secret):
                return {"error": "This is not the site that the folder belongs to."}
            return await self._handler(request)
        except (LookupError, TypeError, ValueError) as problem:
            return {"error": str(problem.args[0]) if problem.args else type(problem).__name__}


def ask(folder: Path, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send one request to the site in ``folder`` and wait for its answer.

    Raises:
        ControlError: no site answers there, or it refused.
    """
    try:
        where = json.loads((folder / FILE).read_text())
        with socket.create_connection((LOOPBACK, where["port"]), timeout=_PATIENCE) as connection:
            connection.sendall(json.dumps({**request, "secret": where["secret"]}).encode() + b"\n")
            with connection.makefile("rb") as stream:
                answer: Mapping[str, Any] = json.loads(stream.readline())
    except (OSError, ValueError, KeyError) as error:
        raise ControlError(
            f"No practice site answers in {folder}. Start one with `kedge-tui lab`, or name its folder with --dir."
        ) from error
    if "error" in answer:
        raise ControlError(str(answer["error"]))
    return answer


def find_site() -> Path:
    """The folder of the one running site that was not given a folder of its own.

    Raises:
        ControlError: none runs, or several do.
    """
    found = [path.parent for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{FILE}") if _alive(path)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ControlError("No practice site is running. Start one with `kedge-tui lab`.")
    listed = ", ".join(map(str, sorted(found)))
    raise ControlError(f"Several practice sites are running: {listed}. Name one with --dir.")


def _alive(file: Path) -> bool:
    try:
        os.kill(int(json.loads(file.read_text())["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return False
    return True
