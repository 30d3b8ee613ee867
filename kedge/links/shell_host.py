"""What SSH and local links share: a batch as one script, and sudo."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from kedge.i18n import Text, _
from kedge.links.base import Answer, Command
from kedge.links.deadline import Deadline
from kedge.links.frames import Batch, FramingError, Reader
from kedge.links.pipe import NOISE_SHOWN, Pipe
from kedge.links.script import FAN_OUT, Sudo, render
from kedge.links.streams import HostStream, OpenedPipe, render_stream
from kedge.links.terminals import Terminals
from kedge.model import LinkError, Reason, Unknown
from kedge.prompter import MOST_ATTEMPTS, REFUSED, Prompter, sudo_password

MARGIN = 0.2
"""Seconds before the caller's deadline at which a script is given up, so that what has answered is kept."""


@dataclass(slots=True)
class LinkStats:
    """What a link has cost so far: shown to the user, and counted by tests."""

    connections: int = 0
    channels: int = 0
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One script on its way: what is sent and who reads the answer."""

    script: bytes
    reader: Reader
    password: str = field(default="", repr=False)

    def talk(self, pipe: Pipe, stats: LinkStats, deadline: Deadline) -> None:
        """Feed the script to the shell and its output to the reader, until the last frame or the end.

        Raises:
            TimeoutError: the deadline passed. OSError: the connection ended. FramingError: not our script's output.
        """
        self._send(pipe, self.script, stats, deadline)
        answered = False
        while not self.reader.batch.complete:
            data = pipe.receive(deadline)
            if not data:
                return
            stats.received += len(data)
            self.reader.feed(data)
            if self.reader.batch.wants_password and not answered:
                answered = True
                self._send(pipe, f"{self.password}\n".encode(), stats, deadline)

    @staticmethod
    def _send(pipe: Pipe, data: bytes, stats: LinkStats, deadline: Deadline) -> None:
        pipe.send(data, deadline)
        stats.sent += len(data)


class ShellHost(ABC):
    """A machine that commands are run on through ``sh`` (:class:`kedge.links.base.HostLink`).

    Args:
        name: for messages.
        sudo: how root commands are run when the login user is not root.
        prompter: asks for the sudo password.
        site: whose question that is.
    """

    def __init__(self, name: str, *, sudo: Sudo, prompter: Prompter, site: str, fan_out: int = FAN_OUT) -> None:
        self.name = name
        self.stats = LinkStats()
        self._sudo = sudo
        self._prompter = prompter
        self._site = site
        self._fan_out = fan_out
        self._password = REFUSED
        self._attempts = 0
        self._forgiven = 0

    @property
    @abstractmethod
    def user(self) -> str:
        """The login user, for the sudo question."""

    @abstractmethod
    async def _run(self, job: Job, deadline: Deadline) -> bytes:
        """Run the script on one new channel and return what it complained on stderr.

        Returns early, with the reader's batch incomplete, when the connection was lost or the deadline passed
        after the first frame. Raises LinkError when there was no first frame.
        """

    @abstractmethod
    async def _open_pipe(self, deadline: Deadline) -> OpenedPipe:
        """Start a ``sh -s`` that stays, apart from the batches; raises LinkError."""

    async def stream(self, command: str, *, root: bool = False, deadline: float) -> HostStream:
        """Run one long command; its output comes as it is written (:class:`kedge.links.base.HostStreams`).

        Raises:
            LinkError: it was not started within ``deadline`` seconds; NEEDS_ROOT when sudo refused.
        """
        limit = Deadline(deadline)
        if root and self._sudo is Sudo.PASSWORD and not self._password.accepted:
            await self.batch([Command("sudo", "true", root=True)], deadline=limit.left())  # asks for it, once
            limit.restart()
        password = self._password.secret if root and self._sudo is Sudo.PASSWORD and self._password.accepted else ""
        nonce = secrets.token_hex(8)
        script = render_stream(command, nonce=nonce, root=root, sudo=self._sudo, has_password=bool(password))
        stream = HostStream(self.name, command, await self._open_pipe(limit))
        await stream.start(script, nonce, password, limit)
        return stream

    @abstractmethod
    def terminals(self) -> Terminals:
        """Where terminals on this machine come from; they end with the link."""

    @abstractmethod
    async def close(self) -> None:
        """End what is running and close connections; safe to call twice."""

    def retry_now(self) -> None:
        """A person wants this machine tried again: wrong passwords so far do not count."""
        self._forgiven = self._attempts

    async def batch(self, commands: Sequence[Command], *, deadline: float) -> list[Answer]:
        """Run the commands as one script on one channel; answers come in the order of ``commands``.

        Only when sudo turns out to need a password that is not known yet, the root commands travel a second time.
        What did not answer because the connection was lost or the deadline passed has exit code None.

        Raises:
            LinkError: no command has answered.
        """
        if not commands:
            return []
        limit = Deadline(deadline)
        # `sudo -n` first: a password is asked for only when that has been refused.
        done = await self._batch(commands, limit)
        denied = _denied(commands, done)
        while denied and self._sudo is Sudo.PASSWORD and await self._ask_password(done, limit):
            more = await self._batch(denied, limit)
            done.answers |= more.answers
            done.sudo_said = more.sudo_said
            denied = _denied(denied, more)
        return done.in_order(commands)

    async def _ask_password(self, refused: Batch, limit: Deadline) -> bool:
        """Have a password to try (again); False when there is none to be had or another would not help."""
        if self._password.accepted and not _password_was_wrong(refused.sudo_said):
            return False
        self._password = REFUSED
        if self._attempts - self._forgiven >= MOST_ATTEMPTS:
            return False
        question = sudo_password(self._site, self.name, self.user, self._attempts + 1)
        reply = await self._prompter.ask(question)
        limit.restart()
        if not reply.accepted:
            return False
        self._attempts += 1
        self._password = reply
        return True

    async def _batch(self, commands: Sequence[Command], limit: Deadline) -> Batch:
        nonce = secrets.token_hex(8)
        sudo = self._sudo
        if sudo is Sudo.PASSWORD and not self._password.accepted:
            sudo = Sudo.NOPASSWD
        reader = Reader(nonce, limit=max(command.cap for command in commands) + 65_536)
        script = render(commands, nonce=nonce, sudo=sudo, fan_out=self._fan_out)
        try:
            complaint = await self._run(Job(script, reader, self._password.secret), limit)
        except FramingError as error:
            raise self._unparsable(_("{error}").format(error=error)) from None
        batch = reader.batch
        if batch.uid is None:
            said = (complaint + reader.noise).decode("utf-8", "replace").strip()[:NOISE_SHOWN]
            raise self._unparsable(
                _("the shell said: {said}").format(said=said) if said else _("the shell ended without a word")
            )
        return batch

    def _unparsable(self, why: Text) -> LinkError:
        text = _("{host} did not run the commands: {why}. Does {user} have an ordinary login shell there?")
        return LinkError(Unknown(Reason.UNPARSABLE, text.format(host=self.name, why=why, user=self.user)))


def _denied(commands: Sequence[Command], batch: Batch) -> list[Command]:
    return [c for c in commands if c.id in batch.answers and batch.answers[c.id].sudo_denied]


def _password_was_wrong(said: str) -> bool:
    """sudo's words under LC_ALL=C; anything else (not in sudoers, no sudo) is not cured by another password."""
    return "incorrect password attempt" in said or "Sorry, try again" in said
