"""One machine over SSH: one connection, one exec channel per batch."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from kedge.i18n import Text
from kedge.links import ssh_errors
from kedge.links.deadline import Deadline
from kedge.links.pools import Pools, run
from kedge.links.shell_host import MARGIN, Job, ShellHost
from kedge.links.ssh_channel import ChannelPipe
from kedge.links.ssh_config import Endpoint, SshTarget, route
from kedge.links.ssh_connection import Connection, Dialling
from kedge.links.ssh_dial import Dialler
from kedge.links.ssh_given import Given, NeedsAnswer
from kedge.links.ssh_sessions import Session, Sessions
from kedge.links.ssh_shared import SshShared
from kedge.links.streams import OpenedPipe
from kedge.links.terminal_ssh import SshTerminals
from kedge.model import LinkError, Reason, Unknown
from kedge.prompter import Prompter

if TYPE_CHECKING:
    import paramiko

SHELL = "/bin/sh -s"
"""What is run over SSH: the same words in every login shell, csh and fish included."""

MOST_SESSIONS = 8
"""Channels at once on one connection; OpenSSH allows ten (MaxSessions)."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between attempts to reach a host that does not answer: doubled each time, then spread by chance."""

IDLE_SECONDS = 120.0
"""Seconds without a batch after which the connection is closed: keeping it would cost a thread here and as many bytes
as making it anew for a host that is asked every five minutes."""

PERSON_PAUSE = 300.0
"""Seconds before what only a person can mend is tried again; failed logins in a row would get us banned."""

NEEDS_PERSON = frozenset({Reason.HOST_KEY, Reason.CREDENTIALS, Reason.NO_SSH, Reason.INVALID, Reason.UNSUPPORTED})


class SshLink(ShellHost):
    """Reads from one machine over SSH (:class:`kedge.links.base.HostLink`).

    The connection is made when first needed, kept, and made again after it was lost. While a host cannot be
    reached its last error is given at once until the next attempt is due, so that a dead machine costs one
    deadline, not one per question.

    Args:
        shared: what the links of one site share; without it jump hosts are this link's own.
    """

    def __init__(self, target: SshTarget, pools: Pools, prompter: Prompter, shared: SshShared | None = None) -> None:
        super().__init__(target.name, sudo=target.sudo, prompter=prompter, site=target.site)
        self.target = target
        self._own_shared = SshShared() if shared is None else None
        self._shared = shared or self._own_shared or SshShared()
        self._pools = pools
        self._given = Given()
        self._hops: tuple[Endpoint, ...] = ()
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._dialling = Dialling()
        self._nobody_is_asked = asyncio.Event()
        self._nobody_is_asked.set()
        self._questions = 0
        self._sessions = asyncio.Semaphore(MOST_SESSIONS)
        self._long = Sessions(target.name, pools, self._dial_beside)
        self._busy = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._failures = 0
        self._failed: Unknown | None = None
        self._not_before = 0.0

    @property
    def user(self) -> str:
        """The login user on the machine, as far as it is known."""
        return self._hops[-1].user if self._hops else self.target.user

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as anybody has noticed."""
        return self._connection is not None and self._connection.is_alive

    @property
    def is_idle(self) -> bool:
        """Connected, and nothing is being run."""
        return self.is_connected and self._busy == 0

    def disconnect(self) -> None:
        """Close the connection without waiting; the next batch makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _in_background(connection.close)

    def woke(self) -> None:
        """This machine has slept: the connection is dead, and a pause is over unless a person has to act."""
        self.disconnect()
        if self._failed is not None and self._failed.reason not in NEEDS_PERSON:
            self._failures, self._failed, self._not_before = 0, None, 0.0

    def retry_now(self) -> None:
        """A person wants the host tried again: forget pauses, wrong answers and what ssh_config said."""
        super().retry_now()
        self._given.start_over()
        self._failures, self._failed, self._not_before = 0, None, 0.0
        self._hops = ()

    async def close(self) -> None:
        """Close the connection; safe to call twice. A later batch would connect again."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        connection, self._connection = self._connection, None
        self._rest(False)
        self._long.close()
        self._shared.closed(self)
        if connection is not None:
            with suppress(TimeoutError):
                await run(self._pools.ssh, connection.close, 2.0, lambda: None)
        if self._own_shared is not None:
            self._own_shared.close()

    def terminals(self) -> SshTerminals:
        """Where terminals on this machine come from; they end with the link."""
        return SshTerminals(self.name, self._pools, self._long)

    # ------------------------------------------------------------------------------------------- connecting

    async def _connected(self, deadline: Deadline) -> Connection:
        """The live connection, or a new one. One attempt serves everybody who waits for it."""
        if self._connection is not None and self._connection.is_alive:
            return self._connection
        if self._connecting is None or self._connecting.done():
            if self._failed is not None and time.monotonic() < self._not_before:
                raise LinkError(self._failed)
            self._connecting = asyncio.create_task(self._connect(Deadline(deadline.left())), name=f"ssh {self.name}")
            self._connecting.add_done_callback(_look_at_result)
        connecting = self._connecting
        questions = self._questions
        while not connecting.done():
            await asyncio.wait({connecting}, timeout=deadline.left())
            if not connecting.done():
                await self._nobody_is_asked.wait()
                if questions == self._questions:
                    raise ssh_errors.timed_out(self.name, deadline, self._dialling.step)
            if questions != self._questions:
                questions = self._questions
                deadline.restart()
        if connecting.cancelled():
            raise ssh_errors.lost(self.name, self._dialling.step)
        return connecting.result()

    async def _connect(self, deadline: Deadline) -> Connection:
        try:
            connection = await self._dial_and_ask(deadline)
        except LinkError as error:
            self._failures += 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._failures - 1)) * random.uniform(0.75, 1.25)  # noqa: S311
            self._not_before = time.monotonic() + (PERSON_PAUSE if error.unknown.reason in NEEDS_PERSON else pause)
            self._failed = error.unknown
            raise
        self._failures, self._failed = 0, None
        self.stats.connections += 1
        self._connection = connection
        return connection

    async def _dial_and_ask(self, deadline: Deadline) -> Connection:
        """Dial, asking a person as often as needed; no connection and no thread waits while they think."""
        while True:
            self._dialling = dialling = Dialling()
            work = partial(self._dial, deadline.sooner(MARGIN), dialling)
            try:
                return await run(self._pools.dial, work, deadline.left(), partial(_in_background, dialling.give_up))
            except TimeoutError:
                raise ssh_errors.timed_out(self.name, deadline, dialling.step) from None
            except NeedsAnswer as need:
                self._nobody_is_asked.clear()
                try:
                    reply = await self._prompter.ask(need.question)
                finally:
                    self._questions += 1
                    self._nobody_is_asked.set()
                if not reply.accepted:
                    raise LinkError(need.refused) from None
                self._given.take(need.question, reply)
                deadline.restart()

    # ------------------------------------------------------------------------------------------ what stays open

    async def open_session(self, deadline: Deadline) -> Session:
        """A channel that stays open, apart from the sweeps' connection; raises LinkError."""
        return await self._long.open(deadline)

    async def _dial_beside(self, deadline: Deadline) -> Connection:
        """Another connection; a host that cannot be reached is not dialled again before its pause is over."""
        if self._failed is not None and time.monotonic() < self._not_before:
            raise LinkError(self._failed)
        connection = await self._dial_and_ask(deadline)
        self.stats.connections += 1
        return connection

    async def _open_pipe(self, deadline: Deadline) -> OpenedPipe:
        from kedge.links.ssh_stream import open_pipe

        session = await self.open_session(deadline)
        self.stats.channels += 1
        work = partial(open_pipe, self.name, session, SHELL, deadline)
        try:
            return await run(self._pools.ssh, work, deadline.left(), session.close_soon)
        except TimeoutError:
            session.close_soon()
            raise ssh_errors.timed_out(self.name, deadline, ssh_errors.OPENING) from None

    def _dial(self, deadline: Deadline, dialling: Dialling) -> Connection:
        hops = self._hops or route(self.target)
        self._hops = hops
        return Dialler(self.target.site, self._given, self._shared, deadline, dialling).connect(hops)

    # ---------------------------------------------------------------------------------------------- running

    async def _run(self, job: Job, deadline: Deadline) -> bytes:
        exchange = _Exchange(self, job)
        try:
            async with asyncio.timeout(deadline.left()):
                await self._sessions.acquire()
        except TimeoutError:
            raise ssh_errors.timed_out(self.name, deadline, exchange.step) from None
        self._busy += 1
        self._rest(False)
        try:
            for last in (False, True):
                connection = await self._connected(deadline)
                self._shared.used(self)
                try:
                    return await self._talk(exchange, connection, deadline)
                except _Stale as stale:  # lost while it was idle; nothing has been run yet
                    self.disconnect()
                    if last:
                        raise ssh_errors.lost(self.name, exchange.step, stale) from None
            raise AssertionError("the second attempt returns or raises")
        finally:
            self._busy -= 1
            self._sessions.release()
            self._rest(self.is_idle)

    def _rest(self, idle: bool) -> None:
        """Close the connection after a while in which nothing was run; not when ``idle`` is False."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        loop = asyncio.get_running_loop()
        self._idle_timer = loop.call_later(IDLE_SECONDS, self._unused) if idle else None

    def _unused(self) -> None:
        if self.is_idle:
            self._shared.closed(self)
            self.disconnect()

    async def _talk(self, exchange: _Exchange, connection: Connection, deadline: Deadline) -> bytes:
        work = partial(exchange.run, connection, deadline.sooner(MARGIN))
        give_up = partial(_in_background, partial(exchange.give_up, connection))
        try:
            return await run(self._pools.ssh, work, deadline.left(), give_up)
        except TimeoutError:
            if exchange.has_begun:
                return b""
            raise ssh_errors.timed_out(self.name, deadline, exchange.step) from None


class _Stale(Exception):
    """The connection turned out dead before anything was run on it."""


class _Exchange:
    """One batch on one channel, as the pool's thread sees it."""

    def __init__(self, link: SshLink, job: Job) -> None:
        self.step: Text = ssh_errors.IN_LINE
        self._link = link
        self._job = job
        self._wake: threading.Event | None = None

    @property
    def has_begun(self) -> bool:
        """The script's first frame has come: whatever happens now, there are answers."""
        return self._job.reader.batch.uid is not None

    def give_up(self, connection: Connection) -> None:
        """Make :meth:`run` return, from another thread."""
        connection.close()
        if self._wake is not None:
            self._wake.set()  # a request without an answer waits for this and for nothing else

    def run(self, connection: Connection, deadline: Deadline) -> bytes:
        """Open a channel, run the script, return what was said on stderr.

        Raises:
            LinkError: it ended before the first frame. _Stale: it never began.
        """
        import paramiko

        self.step = ssh_errors.OPENING
        try:
            channel = connection.transport.open_session(timeout=deadline.need())
        except paramiko.ChannelException as error:
            raise ssh_errors.refused_session(self._link.name, error.text) from None
        except TimeoutError:
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            if deadline.is_over:
                connection.close()
                raise TimeoutError from None
            raise _Stale(error) from None
        self._link.stats.channels += 1
        self._wake = channel.event
        with channel:
            return self._converse(channel, connection, deadline)

    def _converse(self, channel: paramiko.Channel, connection: Connection, deadline: Deadline) -> bytes:
        import paramiko

        try:
            channel.exec_command(SHELL)
            self.step = ssh_errors.RUNNING
            pipe = ChannelPipe(channel)
            self._job.talk(pipe, self._link.stats, deadline)
        except TimeoutError:
            if self.has_begun:
                return b""  # the host answers; only this batch was too long
            connection.close()
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            if self.has_begun:
                return b""
            raise ssh_errors.lost(self._link.name, self.step, error) from None
        if not self.has_begun and not connection.is_alive:
            raise ssh_errors.lost(self._link.name, self.step)
        return pipe.complaint()


def _look_at_result(task: asyncio.Task[Connection]) -> None:
    """Everybody who waited may have left; asyncio would then complain that nobody saw the error."""
    if not task.cancelled():
        task.exception()


def _in_background(close: Callable[[], object]) -> None:
    """Closing may wait for a dead peer; the event loop must not."""
    threading.Thread(target=close, name="close ssh", daemon=True).start()
