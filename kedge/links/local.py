"""This machine: the same batch through a local shell."""

from __future__ import annotations

import getpass
import os
import select
import signal
import subprocess
from contextlib import suppress
from functools import partial

from kedge.i18n import Text, _
from kedge.links.deadline import Deadline
from kedge.links.pools import Pools, run
from kedge.links.script import Sudo
from kedge.links.shell_host import MARGIN, Job, ShellHost
from kedge.links.streams import OpenedPipe
from kedge.links.terminal_local import LocalTerminals
from kedge.model import LinkError, Reason, Unknown
from kedge.prompter import Prompter

SHELL = ("/bin/sh", "-s")
PIECE = 65_536
COMPLAINT_KEPT = 4096
PATIENCE = 3.0
"""Seconds that a shell gets to remove its directory and go."""


class LocalLink(ShellHost):
    """Reads from this machine (:class:`kedge.links.base.HostLink`)."""

    def __init__(
        self, name: str, pools: Pools, prompter: Prompter, *, sudo: Sudo = Sudo.NOPASSWD, site: str = ""
    ) -> None:
        super().__init__(name, sudo=sudo, prompter=prompter, site=site)
        self._pools = pools
        self._running: set[subprocess.Popen[bytes]] = set()
        self._terminals = LocalTerminals(name)

    @property
    def user(self) -> str:
        """Whoever runs this program."""
        return getpass.getuser()

    def terminals(self) -> LocalTerminals:
        """Where terminals on this machine come from; they end with the link."""
        return self._terminals

    async def close(self) -> None:
        """End what is running; safe to call twice."""
        self._terminals.close()
        _end_all(list(self._running))

    async def _run(self, job: Job, deadline: Deadline) -> bytes:
        started: list[subprocess.Popen[bytes]] = []
        work = partial(self._talk, job, deadline.sooner(MARGIN), started)
        try:
            return await run(self._pools.ssh, work, deadline.left(), partial(_end_all, started))
        except TimeoutError:
            if job.reader.batch.uid is not None:
                return b""
            text = _("{host}: timed out after {seconds} s while running commands on this machine")
            raise _failed(Reason.TIMED_OUT, text.format(host=self.name, seconds=deadline.told)) from None

    async def _open_pipe(self, deadline: Deadline) -> OpenedPipe:
        started: list[subprocess.Popen[bytes]] = []
        work = partial(self._start, started)
        try:
            process = await run(self._pools.ssh, work, deadline.left(), partial(_end_all, started))
        except TimeoutError:
            text = _("{host}: timed out after {seconds} s while running commands on this machine")
            raise _failed(Reason.TIMED_OUT, text.format(host=self.name, seconds=deadline.told)) from None
        return LocalPipe(process, self._running)

    def _start(self, started: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(
                SHELL,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            text = _("{host}: {shell} cannot be started: {error}")
            raise _failed(Reason.NO_TOOL, text.format(host=self.name, shell=SHELL[0], error=error.strerror)) from None
        started.append(process)
        self._running.add(process)
        self.stats.channels += 1
        return process

    def _talk(self, job: Job, deadline: Deadline, started: list[subprocess.Popen[bytes]]) -> bytes:
        process = self._start(started)
        pipe = ProcessPipe(process)
        try:
            job.talk(pipe, self.stats, deadline)
        except TimeoutError:
            if job.reader.batch.uid is None:
                raise
        except BrokenPipeError:
            pass  # the shell ended before it had read everything; what it said is in the complaint
        finally:
            _reap(process, is_leaving=job.reader.batch.complete)
            complaint = pipe.complaint()
            pipe.close()
            self._running.discard(process)
        return complaint


class ProcessPipe:
    """A local shell's stdin and stdout; its stderr is read beside them. Blocking."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._streams = [stream for stream in (process.stdin, process.stdout, process.stderr) if stream is not None]
        self._in, self._out, self._err = (stream.fileno() for stream in self._streams)
        os.set_blocking(self._in, False)
        os.set_blocking(self._err, False)
        self._stderr = b""
        self._poll = select.poll()
        for descriptor in (self._out, self._err):
            self._poll.register(descriptor, select.POLLIN | select.POLLHUP)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Write all of it. Raises TimeoutError, OSError."""
        room = select.poll()
        room.register(self._in, select.POLLOUT)
        view = memoryview(data)
        while view:
            room.poll(deadline.need() * 1000)
            with suppress(BlockingIOError):
                view = view[os.write(self._in, view) :]

    def receive(self, deadline: Deadline) -> bytes:
        """The next piece of stdout, empty at its end. Raises TimeoutError, OSError."""
        while True:
            for descriptor, _event in self._poll.poll(deadline.need() * 1000):
                data = os.read(descriptor, PIECE)
                if descriptor == self._out:
                    return data
                self._stderr = (self._stderr + data)[:COMPLAINT_KEPT]
                if not data:
                    self._poll.unregister(descriptor)

    def complaint(self) -> bytes:
        """The first of what came on stderr, including what nobody has waited for."""
        with suppress(BlockingIOError):
            self._stderr = (self._stderr + os.read(self._err, PIECE))[:COMPLAINT_KEPT]
        return self._stderr

    def close(self) -> None:
        """Close our ends."""
        for stream in self._streams:
            stream.close()


class LocalPipe(OpenedPipe):
    """A local shell that stays."""

    def __init__(self, process: subprocess.Popen[bytes], running: set[subprocess.Popen[bytes]]) -> None:
        self.pipe = self._pipe = ProcessPipe(process)
        self._process = process
        self._running = running

    def exit_code(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(PATIENCE)
        return None

    def end(self) -> None:
        """Close its stdin: the guard ends the command then, also one that runs as root."""
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()

    def dispose(self) -> None:
        self.end()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe.close()
        self._running.discard(self._process)


def _end_all(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the shell to stop: it kills what it has started and removes its directory."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)


def _reap(process: subprocess.Popen[bytes], *, is_leaving: bool) -> None:
    """Wait until the shell has tidied up; one that does not go is killed."""
    if not is_leaving:
        _end(process)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failed(reason: Reason, text: Text) -> LinkError:
    return LinkError(Unknown(reason, text))
