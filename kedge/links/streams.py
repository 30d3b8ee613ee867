"""One long command on a host, its output as it comes: a journal that is followed, a loop that measures.

A stream has a connection of its own (:mod:`kedge.links.ssh_sessions`): what a sweep does to its connection when a
deadline passes must not cut off what a person is looking at.
"""

from __future__ import annotations

import shlex
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path

from kedge.i18n import Text, _
from kedge.links.deadline import Deadline
from kedge.links.handoff import Handoff
from kedge.links.pipe import NOISE_SHOWN, Pipe
from kedge.links.script import Sudo
from kedge.model import LinkError, Reason, Unknown

_GUARD = "".join(
    line
    for line in Path(__file__).with_name("guard.sh").read_text(encoding="utf-8").splitlines(keepends=True)
    if not line.startswith("#")
)

_SCRIPT = """\
{{
export LC_ALL=C TZ=UTC PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
unset ENV CDPATH
printf '\\n#%s up\\n' {nonce}
if [ "$(id -u)" = 0 ]; then set --; else set -- {raise_}; fi
exec "$@" /bin/sh -c {guard} sh {command} {nonce}
}}
"""

_PATIENCE = 2.0
"""Seconds between two looks at whether anybody still reads."""

_DEAD_SECONDS = 15.0
"""A host that does not answer for so long is gone; TCP alone notices after a quarter of an hour."""

_MOST_BEFORE = 65_536
"""Bytes of a login banner that are looked through for the mark."""


def render_stream(command: str, *, nonce: str, root: bool, sudo: Sudo, has_password: bool) -> bytes:
    """What is fed to ``sh -s``; after the mark ``up`` it may want the password on a line, after ``go`` it is output."""
    raised = {
        Sudo.NONE: (),
        Sudo.NOPASSWD: ("sudo", "-n", "--"),
        Sudo.PASSWORD: ("sudo", "-S", "-p", "", "--") if has_password else ("sudo", "-n", "--"),
    }[sudo]
    words = shlex.join(raised) if root else ""
    text = _SCRIPT.format(nonce=nonce, raise_=words, guard=shlex.quote(_GUARD), command=shlex.quote(command))
    return text.encode("utf-8", "surrogateescape")


class OpenedPipe(ABC):
    """A running ``sh -s`` that stays; every method blocks but :meth:`end`."""

    pipe: Pipe

    @property
    def silent_for(self) -> float:
        """Seconds that the host has not answered whether it is there; 0 while it answers, or needs not be asked."""
        return 0.0

    @abstractmethod
    def exit_code(self) -> int | None:
        """Of the command, once its output has ended; None when it was never told."""

    @abstractmethod
    def end(self) -> None:
        """Make the other side stop; safe from any thread, and twice."""

    @abstractmethod
    def dispose(self) -> None:
        """Give everything back."""


class HostStream:
    """The output of one long command (:class:`kedge.links.base.HostStream`)."""

    def __init__(self, host: str, command: str, opened: OpenedPipe) -> None:
        self.host, self.command = host, command
        self.exit_code: int | None = None
        self.complaint = ""
        self.received = 0
        self.heard = time.monotonic()
        self._opened = opened
        self._handoff = Handoff()
        self._is_left = False

    async def start(self, script: bytes, nonce: str, password: str, deadline: Deadline) -> None:
        """Run it and wait for the mark; raises LinkError with what was said instead."""
        name = f"stream {self.host}"
        threading.Thread(target=self._run, args=(script, nonce, password, deadline), name=name, daemon=True).start()
        try:
            await self._handoff.get()
        except BaseException:  # cancelled too: whoever gave up the start must not leave the command running
            await self.aclose()
            raise

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        data = await self._handoff.get()
        if not data:
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        """Stop reading and end the command; never waits for it. Safe to call twice."""
        if not self._is_left:
            self._is_left = True
            self._handoff.leave()
            self._opened.end()

    # -------------------------------------------------------------------------------------------- the thread

    def _run(self, script: bytes, nonce: str, password: str, deadline: Deadline) -> None:
        error: LinkError | None = None
        try:
            self._read(script, nonce, password, deadline)
        except TimeoutError:
            text = _("{host}: timed out after {seconds} s while starting `{command}`")
            error = self._failed(Reason.TIMED_OUT, text, seconds=deadline.told)
        except (OSError, EOFError) as problem:
            text = _("The connection to {host} was lost while `{command}` ran: {error}")
            error = self._failed(Reason.UNREACHABLE, text, error=str(problem) or type(problem).__name__)
        except LinkError as problem:
            error = problem
        finally:
            self._opened.dispose()
        self._handoff.end(error)

    def _read(self, script: bytes, nonce: str, password: str, deadline: Deadline) -> None:
        pipe = self._opened.pipe
        pipe.send(script, deadline)
        rest = self._until(f"\n#{nonce} up\n".encode(), b"", deadline)
        if password:
            pipe.send(f"{password}\n".encode(), deadline)
        rest = self._until(f"\n#{nonce} go\n".encode(), rest, deadline)
        if not self._handoff.put(b"started"):
            return
        if rest and not self._keep(rest):
            return
        while not self._is_left:
            try:
                data = pipe.receive(Deadline(_PATIENCE))
            except TimeoutError:
                if (silent := self._opened.silent_for) > _DEAD_SECONDS:
                    raise EOFError(f"it has not answered for {silent:.0f} s") from None
                continue
            if not data:
                self.exit_code = self._opened.exit_code()
                self.complaint = _words(pipe.complaint())
                if self.exit_code is None:
                    raise EOFError("it ended without an exit code")
                return
            if not self._keep(data):
                return

    def _until(self, mark: bytes, seen: bytes, deadline: Deadline) -> bytes:
        """Read up to the mark; gives what came behind it."""
        pipe = self._opened.pipe
        while mark not in seen:
            data = pipe.receive(deadline)
            if not data or len(seen) > _MOST_BEFORE:
                raise self._not_started(pipe.complaint() + seen)
            seen += data
        return seen.split(mark, 1)[1]

    def _keep(self, data: bytes) -> bool:
        self.heard = time.monotonic()
        self.received += len(data)
        return self._handoff.put(data)

    def _not_started(self, said: bytes) -> LinkError:
        words = _words(said)
        if "sudo" in words:
            text = _("`{command}` on {host} needs root, and sudo refused it: {words}")
            return self._failed(Reason.NEEDS_ROOT, text, words=words)
        text = _("{host} did not run `{command}`: {words}")
        return self._failed(Reason.UNPARSABLE, text, words=words or _("the shell ended without a word"))

    def _failed(self, reason: Reason, text: Text, **params: object) -> LinkError:
        filled = text.format(host=self.host, command=self.command.splitlines()[0], **params)
        return LinkError(Unknown(reason, filled))


def _words(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())[:NOISE_SHOWN]
