"""What the engine and the executor expect of a link.

Reading and writing are separate protocols on purpose: the engine is given readers only; writers are handed
to the executor and to nothing else, so that an auditor finds one place where anything is changed.

Every method is async outside and blocking inside, on the engine's own executors (kube-io, ssh-io). Every
call takes a ``deadline`` in seconds and raises :class:`kedge.model.LinkError` with a typed
:class:`kedge.model.Unknown`, never a library's exception.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a batch script.

    Attributes:
        id: what the caller finds the answer by.
        shell: POSIX sh text, already quoted.
        timeout: seconds after which this command alone is killed.
        root: needs root; run through sudo when the login user is not root.
        cap: bytes kept of each of stdout and stderr.
        stdin: what the command reads; nothing when empty. Never a password.
    """

    id: str
    shell: str
    timeout: float = 10.0
    root: bool = False
    cap: int = 262_144
    stdin: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command of a batch answered.

    Attributes:
        exit_code: 124 when its own timeout killed it; None when the script ended before it ran.
        at: the host's own clock when the command started (UTC).
        cut: output was longer than the cap.
        sudo_denied: it needed root and sudo refused; nothing was run.
    """

    id: str
    exit_code: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    at: datetime | None = None
    cut: bool = False
    sudo_denied: bool = False
    timed_out: bool = False


class HostLink(Protocol):
    """Reads from one machine, over SSH or locally. One exec channel per :meth:`batch`."""

    name: str

    async def batch(self, commands: Sequence[Command], *, deadline: float) -> list[Answer]:
        """Run the commands as one script on one channel; answers come in the order of ``commands``."""
        ...

    async def close(self) -> None:
        """Close the connection; safe to call twice."""
        ...


class HostStream(Protocol):
    """The output of one long command, as it comes; iterate over it, and close it when it is no longer looked at.

    Attributes:
        exit_code: once the output has ended; None before, and when the connection broke off.
        complaint: the first of what came on stderr, once the output has ended.
        received: bytes so far. heard: ``time.monotonic()`` when the last of them came.
    """

    exit_code: int | None
    complaint: str
    received: int
    heard: float

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces of stdout; a reader that falls behind holds the command back. Raises LinkError when it breaks off."""
        ...

    async def aclose(self) -> None:
        """Stop reading and end the command, without waiting; safe to call twice."""
        ...


class HostStreams(Protocol):
    """A link that runs long commands."""

    async def stream(self, command: str, *, root: bool = False, deadline: float) -> HostStream:
        """Run ``command`` (POSIX sh text, already quoted) until it ends or its stream is closed.

        It runs apart from the batches. ``deadline`` is for the start. Raises LinkError.
        """
        ...


class HostWriter(Protocol):
    """Changes one machine. Only the executor holds one."""

    name: str

    async def run(self, argv: Sequence[str], *, deadline: float, stdin: bytes = b"", root: bool = True) -> Answer:
        """Run one command (quoted here), as root through sudo when ``root`` and the login user is not."""
        ...

    async def read(self, path: str, *, deadline: float) -> bytes:
        """The raw bytes of a file, unmasked, in memory only."""
        ...

    async def write(self, path: str, data: bytes, *, deadline: float) -> None:
        """Replace a file: written beside, synced, mode/owner/SELinux label kept, renamed."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """The right a Kubernetes call needs; every call carries one and RBAC is computed from them."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """A Kubernetes API answer: HTTP status, body bytes, and the server's clock from the Date header.

    ``cut``: the body was longer than the cap that was asked for.
    """

    status: int
    body: bytes
    date: datetime | None
    seconds: float
    content_type: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change of a watched kind.

    ``type`` is RELISTED (``objects`` holds all), ADDED, MODIFIED, DELETED, LOST (``error`` is the Unknown that says
    why; what was seen before is stale from now on) or BACK (answers again; a RELISTED follows where needed).
    """

    type: str
    objects: tuple[Any, ...] = ()
    error: Any = None


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What one command in a container did.

    ``exit_code`` is None when it could not be started; ``error`` then says why. ``cut``: output exceeded the cap.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    error: str = ""
    cut: bool = False


class KubeLink(Protocol):
    """Reads from a Kubernetes API server. Raw bytes out: no model classes."""

    server: str

    async def get(
        self,
        path: str,
        access: Access,
        *,
        deadline: float,
        query: Mapping[str, str] | None = None,
        cap: int = 0,
    ) -> Response:
        """GET ``path``. Non-2xx raises LinkError with the typed reason of the Status body."""
        ...

    def watch(
        self,
        path: str,
        access: Access,
        decode: Callable[[bytes], Any],
        on_event: Callable[[WatchEvent], None],
        *,
        query: Mapping[str, str] | None = None,
    ) -> Callable[[], None]:
        """List+watch ``path`` on a daemon thread for ever; returns the function that stops it.

        ``query`` may hold label and field selectors. ``on_event`` is called on the watch's own thread.
        """
        ...

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, deadline: float
    ) -> ExecResult:
        """Run one command in a container over WebSocket."""
        ...

    async def can_i(self, access: Access, *, deadline: float) -> bool:
        """SelfSubjectAccessReview for one right."""
        ...

    def stream_log(self, path: str, access: Access, *, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Follow a pod log; yields raw chunks until the stream ends or the iterator is closed."""
        ...

    def renew(self) -> None:
        """Connections are dead, whatever they say (this machine has slept): watch on over new ones. Never blocks."""
        ...

    async def close(self) -> None:
        """Stop watches and close sockets; safe to call twice."""
        ...


class KubeWriter(Protocol):
    """Changes Kubernetes objects. Only the executor holds one."""

    async def patch(
        self, path: str, access: Access, body: bytes, content_type: str, *, deadline: float, dry_run: bool = False
    ) -> Response:
        """PATCH with the given content type."""
        ...

    async def create(
        self, path: str, access: Access, body: bytes, *, deadline: float, dry_run: bool = False
    ) -> Response:
        """POST an object."""
        ...

    async def delete(self, path: str, access: Access, *, deadline: float, precondition_uid: str = "") -> Response:
        """DELETE an object, only if it still has the given uid."""
        ...
