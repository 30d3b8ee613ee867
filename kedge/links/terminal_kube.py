"""A terminal in a container: exec with stdin and a TTY over WebSocket, on the event loop, without a thread.

Frames as in :mod:`kedge.links.kube_exec`, and two more channels: 0 is stdin, 4 takes sizes as JSON. The socket is
non-blocking; the library's frames are used, not its sending and receiving, which may wait.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec

from kedge.i18n import Text, _
from kedge.links import kube_errors
from kedge.links.base import ExecResult
from kedge.links.kube_connection import KubeConnection
from kedge.links.kube_exec import (
    ERROR,
    STDERR,
    STDOUT,
    exec_accesses,
    exec_path,
    open_websocket,
    outcome_of,
    run_command,
)
from kedge.links.terminals import PULSE, End, Size
from kedge.model import Reason, Unknown

STDIN, RESIZE = 0, 4
FRAME = 32_768
"""Bytes of input per frame; the kubelet reads frames of up to 32 KiB."""

_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class KubeTerminals:
    """Terminals in the containers of one cluster."""

    def __init__(self, connection: KubeConnection) -> None:
        self._connection = connection
        self._open: set[KubeTerminal] = set()

    async def open(
        self, namespace: str, pod: str, container: str, command: Sequence[str], size: Size, *, deadline: float
    ) -> KubeTerminal:
        """Start a command in a container.

        The server agrees before it has asked the node: what the node says comes as the terminal's end.

        Raises:
            LinkError: the API server cannot be reached, or refuses.
        """
        query = [("container", container)] if container else []
        query += [("command", word) for word in command]
        query += [("stdin", "true"), ("stdout", "true"), ("stderr", "false"), ("tty", "true")]
        target = f"{exec_path(namespace, pod)}?{urlencode(query)}"
        step = _("opening a terminal in pod {pod}, namespace {namespace}").format(pod=pod, namespace=namespace)
        access, ends = exec_accesses(namespace)[0], time.monotonic() + deadline
        socket = await self._connection.blocking(
            partial(open_websocket, self._connection, path_and_query=target, access=access, ends=ends),
            step,
            deadline=deadline,
        )
        terminal = KubeTerminal(socket, self._connection.label, step, self._open.discard)
        self._open.add(terminal)
        terminal.resize(size)
        return terminal

    async def run(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, deadline: float, cap: int
    ) -> ExecResult:
        """Run one command without a terminal; as :meth:`kedge.links.kube.ApiLink.exec`."""
        return await run_command(self._connection, namespace, pod, container, command, deadline=deadline, cap=cap)

    def close(self) -> None:
        """End all of them."""
        for terminal in tuple(self._open):
            terminal.close()


class KubeTerminal:
    """One of them (:class:`kedge.links.terminals.Terminal`)."""

    def __init__(self, socket: Any, server: Text | str, step: Text, closed: Callable[[KubeTerminal], object]) -> None:
        self.end: End | None = None
        self._closed = closed
        self._server = server
        self._step = step
        self._loop = asyncio.get_running_loop()
        self._socket = socket
        self._raw = socket.sock
        self._raw.settimeout(0)
        self._number: int = self._raw.fileno()
        self._unsent = bytearray()
        self._channel = STDOUT
        self._wake: asyncio.Future[None] | None = None
        self._asked = 0.0
        self._pulse = self._loop.call_later(PULSE, self._ask)

    @property
    def silent_for(self) -> float:
        """Since the oldest ping without an answer."""
        return time.monotonic() - self._asked if self._asked else 0.0

    # ------------------------------------------------------------------------------------------------ output

    async def read(self) -> bytes:
        """What has come; empty at the end."""
        while self._number >= 0:
            try:
                data = self._frame()
            except _AGAIN:
                await self._until_readable()
            except _errors() as error:
                problem = kube_errors.unreachable(error, server=self._server, step=self._step).unknown
                self._over(End(problem=problem))
            else:
                if data:
                    return data
        return b""

    def _frame(self) -> bytes:
        """The output in the next frame, empty for a frame of another kind. Raises what means: not yet."""
        from websocket import ABNF

        frame = self._socket.recv_frame()
        self._asked = 0.0
        data = bytes(frame.data)
        if frame.opcode == ABNF.OPCODE_PING:
            self._queue(data, ABNF.OPCODE_PONG)
        elif frame.opcode == ABNF.OPCODE_CLOSE:
            text = _("{server} ended the connection before the exit status came, while {step}")
            self._over(End(problem=Unknown(Reason.UNREACHABLE, text.format(server=self._server, step=self._step))))
        elif frame.opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and data:
            self._channel, data = data[0], data[1:]
            return self._payload(data)
        elif frame.opcode == ABNF.OPCODE_CONT:
            return self._payload(data)
        return b""

    def _payload(self, data: bytes) -> bytes:
        if self._channel == ERROR:
            self._over(self._how(data))
        return data if self._channel in (STDOUT, STDERR) else b""

    def _how(self, status: bytes) -> End:
        try:
            code, said = outcome_of(status)
        except (msgspec.DecodeError, ValueError) as problem:
            return End(problem=kube_errors.unparsable(self._step, problem, server=self._server).unknown)
        if code is not None:
            return End(code)
        text = _("The container did not start the program: {said}").format(said=said)
        return End(problem=Unknown(Reason.SERVER_ERROR, text), said=said)

    async def _until_readable(self) -> None:
        self._wake = self._loop.create_future()
        self._loop.add_reader(self._number, self._stir)
        try:
            await self._wake
        finally:
            if self._number >= 0:
                self._loop.remove_reader(self._number)

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # ------------------------------------------------------------------------------------------------- input

    def write(self, data: bytes) -> None:
        """Send input."""
        from websocket import ABNF

        for start in range(0, len(data), FRAME):
            self._queue(bytes([STDIN]) + data[start : start + FRAME], ABNF.OPCODE_BINARY)

    def resize(self, size: Size) -> None:
        """Tell the container's runtime."""
        from websocket import ABNF

        said = json.dumps({"Width": size.columns, "Height": size.rows})
        self._queue(bytes([RESIZE]) + said.encode(), ABNF.OPCODE_BINARY)

    def _ask(self) -> None:
        from websocket import ABNF

        if self._number >= 0:
            self._asked = self._asked or time.monotonic()
            self._queue(b"", ABNF.OPCODE_PING)
            self._pulse = self._loop.call_later(PULSE, self._ask)

    def _queue(self, payload: bytes, opcode: int) -> None:
        from websocket import ABNF

        if self._number < 0:
            return
        frame = ABNF.create_frame(payload, opcode)
        waiting = bool(self._unsent)
        self._unsent += frame.format()
        if not waiting:
            self._send()

    def _send(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._raw.send(bytes(self._unsent[:FRAME]))]
        except _AGAIN:
            self._loop.add_writer(self._number, self._send)
            return
        except OSError:  # the connection is gone; whoever reads notices, too, and says so
            self._unsent.clear()
        self._loop.remove_writer(self._number)

    # --------------------------------------------------------------------------------------------------- end

    def close(self) -> None:
        """End it now."""
        self._over(End(problem=Unknown(Reason.NOT_ASKED, _("The shell was closed here"))))

    def _over(self, end: End) -> None:
        if self._number < 0:
            return
        self.end = end
        self._pulse.cancel()
        self._loop.remove_reader(self._number)
        self._loop.remove_writer(self._number)
        self._number = -1
        with suppress(OSError):
            self._socket.shutdown()
        self._stir()
        self._closed(self)


def _errors() -> tuple[type[Exception], ...]:
    from websocket import WebSocketException

    return (WebSocketException, OSError)
