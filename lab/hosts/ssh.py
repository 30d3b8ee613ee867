"""One SSH server per host: public-key login, real bash in the host's directory tree, SFTP, terminals, jump."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from lab.hosts import sessions
from lab.hosts.link import LinkQuality, SlowRelay
from lab.ports import LoopbackPort, PortState

_FAREWELL = 0.5
"""Seconds that a connection gets to end by itself once its line is cut."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in to a host, and what the session finds there."""

    users: tuple[str, ...]
    key: asyncssh.SSHKey
    home: Path
    shell: str
    environment: Mapping[str, str] = field(default_factory=dict)


class HostServer:
    """The SSH server of one host. Connections start from nothing: an idle host costs one listening socket.

    Args:
        prepare: called before each connection is served.
    """

    def __init__(
        self, host_key: asyncssh.SSHKey, account: Account, quality: LinkQuality, prepare: Callable[[], None]
    ) -> None:
        self._prepare = prepare
        self.port = LoopbackPort()
        self.quality = quality
        self.channels_opened = 0
        self._host_key = host_key
        self._account = account
        self._options: asyncssh.SSHServerConnectionOptions | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._tasks: dict[asyncio.Future[None], socket.socket | SlowRelay] = {}

    async def become(self, state: PortState) -> None:
        """Accept connections, refuse them or let them hang; leaving the open state drops the present ones."""
        if state is self.port.state:
            return
        if state is PortState.OPEN:
            await self.port.open(lambda: _Accepted(self))
            return
        if state is PortState.REFUSED:
            self.port.refuse()
        else:
            self.port.filter()
        await self._drop_connections()

    async def close(self) -> None:
        """End every session with everything it started, and give the port back."""
        self.port.close()
        await self._drop_connections()

    async def _drop_connections(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()
        # Whoever is still being greeted ends by itself when the line is cut; cancelled in between, asyncssh would
        # leave the transport behind that it has just made.
        greeted = {task: line for task, line in self._tasks.items() if isinstance(line, socket.socket)}
        for line in greeted.values():
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        if greeted:
            await asyncio.wait(greeted, timeout=_FAREWELL)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def serve(self, accepted: socket.socket) -> None:
        """Take over an accepted connection."""
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.quality.perfect:
            relay = SlowRelay(accepted, self.quality)
            self._spawn(relay.run(), relay)
            accepted = relay.server_end
        self._spawn(self._converse(accepted), accepted)

    async def _converse(self, connected: socket.socket) -> None:
        """Speak SSH until the client goes."""
        self._prepare()
        if self._options is None:
            self._options = self._make_options()
        with contextlib.suppress(OSError, asyncssh.Error):  # a port scan, a refused login, a client that went away
            connection = await asyncssh.run_server(connected, options=self._options)
            await connection.wait_closed()

    def _make_options(self) -> asyncssh.SSHServerConnectionOptions:
        return asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: _Login(self._account, self._connections),
            server_host_keys=[self._host_key],
            process_factory=self._session,
            sftp_factory=_Sftp,
            encoding=None,
            line_editor=False,
            gss_host=None,
            login_timeout=30,
        )

    def _spawn(self, coroutine: Coroutine[None, None, None], connected: socket.socket | SlowRelay) -> None:
        """Run a task that has sockets; they are closed with it, even if it never got to run."""
        task = asyncio.ensure_future(coroutine)
        self._tasks[task] = connected
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        task.add_done_callback(lambda _task: connected.close())

    async def _session(self, channel: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run what an exec or shell request asks for, until it ends or its channel closes."""
        self.channels_opened += 1
        argv, environment = self._command_line(channel), self._environment(channel)
        await sessions.run(channel, argv, environment, self._account.home)

    def _command_line(self, channel: asyncssh.SSHServerProcess[bytes]) -> list[str]:
        shell = self._account.shell
        if channel.command is not None:
            return [shell, "-c", channel.command]
        if channel.term_type:
            return [shell, "--noprofile", "--rcfile", str(self._account.home / ".bashrc"), "-i"]
        return [shell, "--noprofile", "--norc"]

    def _environment(self, channel: asyncssh.SSHServerProcess[bytes]) -> dict[str, str]:
        user = str(channel.get_extra_info("username"))
        environment = {**self._account.environment, "USER": user, "LOGNAME": user}
        wanted = {k: v for k, v in channel.env.items() if k == "LANG" or k.startswith("LC_")}
        if channel.term_type:
            wanted["TERM"] = channel.term_type
        return environment | wanted


class _Login(asyncssh.SSHServer):
    """Accepts the site's one key for the host's users; forwards connections as a jump host does."""

    def __init__(self, account: Account, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._account = account
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username in self._account.users and key.public_data == self._account.key.public_data

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


class _Sftp(asyncssh.SFTPServer):
    """Ends with an exit status, which scp insists on."""

    def exit(self) -> None:
        self.channel.exit(0)


class _Accepted(asyncio.Protocol):
    """Hands the socket of a new connection over to the SSH server."""

    def __init__(self, server: HostServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connected: socket.socket = transport.get_extra_info("socket")
        taken = socket.socket(fileno=os.dup(connected.fileno()))
        taken.setblocking(False)
        transport.pause_reading()  # type: ignore[attr-defined]
        transport.close()
        self._server.serve(taken)
