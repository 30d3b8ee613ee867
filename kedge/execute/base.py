"""What a step handler is, and what it works with."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from kedge.i18n import Text, _
from kedge.links.base import Access, Answer, ExecResult, HostWriter, KubeWriter
from kedge.links.kube_access import access_of
from kedge.links.pools import DaemonExecutor, run
from kedge.model import LinkError, Reason, Step, Unknown
from kedge.steps import title_of

T = TypeVar("T")
S = TypeVar("S", bound=Step)

Tell = Callable[[Text], None]
"""Receives what is going on inside a step."""

LOST = frozenset({Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.SERVER_ERROR})
"""Reasons after which it is not known whether a change was made."""

DECLINED = frozenset({Reason.DENIED, Reason.MISSING, Reason.GONE, Reason.CONFLICT, Reason.INVALID})
"""Reasons with which the API server itself says that it did not do what one call asked for."""


_THREADS = DaemonExecutor("executor", 2)
"""For parsing, diffing and disk writes; shared by all sites, its threads start when first needed."""

_SHOWN = 160
"""A longer command line is named by its program alone."""


class Refused(Exception):
    """The executor does not do it, and nothing was changed. ``text`` says why and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class StepFailed(Exception):
    """A step did not do what it should; it is not done. ``text`` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class Declined(StepFailed):
    """sudo does not let this user run it: this very command was not run."""


class Writers(Protocol):
    """Where the executor gets the links that may change something. Made by the composition root.

    Every method raises LinkError when there is no such link.
    """

    async def host(self, name: str) -> HostWriter:
        """The writer of one host."""
        ...

    async def kube(self) -> KubeWriter:
        """The writer of the Kubernetes API."""
        ...

    async def kube_get(self, path: str, access: Access, query: Mapping[str, str] | None = None) -> bytes:
        """Read one object or list, so that what was planned on can be compared with what is there."""
        ...

    async def kube_can(self, access: Access) -> bool:
        """Whether this user has a right, asked of the API server."""
        ...

    async def kube_exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, deadline: float
    ) -> ExecResult:
        """Run one command in a container."""
        ...


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def now(self) -> datetime:
        """UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Settings:
    """Times, in seconds.

    Attributes:
        command: for one command or API call; service: for one systemctl verb (systemd gives a stop 90 s).
        find_out: how long a lost link may stay away before the outcome is called unknown.
        poll: between two looks at something that takes time.
        stuck: how long a new pod may be unschedulable before a rollout is called stuck.
        settle: how long another cause must explain a red check before it is called the next cause, and how long
            a warning is given to pass.
        lock: life of a lock; a plan that waits for rollouts adds their time.
        cooldown: how long the same fix of the same target rests after it was done: what it restarted comes up first.
    """

    command: float = 30.0
    service: float = 120.0
    find_out: float = 60.0
    poll: float = 1.0
    stuck: float = 15.0
    settle: float = 10.0
    lock: int = 600
    cooldown: float = 15.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One step as shown to a person, with what was seen while looking.

    Attributes:
        body: the unified diff or the exact command lines; secrets are masked.
        user: as whom it runs there.
        notes: what else to know: where the backup will be, that there is nothing to do.
        shell: the same as POSIX shell.
        pin: what must be found again before anything is changed; JSON values.
        seen: what an undo or a later look needs; may change without harm; JSON values.
        idle: the wanted state is there already; the step will do nothing.
    """

    step: Step
    title: Text
    body: str
    shell: str
    user: Text | str = ""
    notes: tuple[Text, ...] = ()
    pin: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] = field(default_factory=dict)
    idle: bool = False


@dataclass(frozen=True, slots=True)
class LockPath:
    """A directory that is made on a host to keep others away; a mere name is one in the host's folder for locks."""

    on: str
    path: str


class Hands:
    """The writers with deadlines, errors as sentences, and threads for what takes longer than a blink."""

    def __init__(
        self, writers: Writers, clock: Clock, settings: Settings, read_only: Callable[[], bool] = lambda: False
    ) -> None:
        self.writers = writers
        self.clock = clock
        self.settings = settings
        self.read_only = read_only

    async def work(self, function: Callable[[], T], seconds: float = 30.0) -> T:
        """Run parsing, diffing and disk writes off the event loop."""
        return await run(_THREADS, function, seconds, lambda: None)

    async def run(
        self, on: str, argv: Sequence[str], *, seconds: float = 0.0, stdin: bytes = b"", root: bool = True
    ) -> Answer:
        """Run one command whose exit code matters to the caller.

        Raises:
            LinkError: the link is lost, or the command did not end in time: what it did is not known.
            Declined: sudo refused; nothing was run.
        """
        deadline = seconds or self.settings.command
        writer = await self.writers.host(on)
        answer = await writer.run(argv, deadline=deadline, stdin=stdin, root=root)
        if answer.sudo_denied:
            raise Declined(_("sudo on {host} refuses {command} to this user").format(host=on, command=argv[0]))
        if answer.timed_out or answer.exit_code is None:
            sentence = _("{command} on {host} did not end within {seconds} s")
            unknown = Unknown(Reason.TIMED_OUT, sentence.format(command=argv[0], host=on, seconds=round(deadline)))
            raise LinkError(unknown)
        return answer

    async def must(self, on: str, argv: Sequence[str], *, seconds: float = 0.0, root: bool = True) -> Answer:
        """Run one command that must succeed; StepFailed with its own words when it does not."""
        answer = await self.run(on, argv, seconds=seconds, root=root)
        if answer.exit_code != 0:
            raise StepFailed(
                _("{command} on {host} failed with exit code {code}: {words}").format(
                    command=_short(argv), host=on, code=answer.exit_code, words=words_of(answer)
                )
            )
        return answer

    async def read(self, on: str, path: str) -> bytes:
        """The raw bytes of a file, in memory only."""
        writer = await self.writers.host(on)
        return await writer.read(path, deadline=self.settings.command)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One API object or list."""
        body = await self.writers.kube_get(path, access_of("GET", path, query), query)
        found: dict[str, Any] = json.loads(body)
        return found

    async def read_text(self, path: str, query: Mapping[str, str]) -> str:
        """Text that the API answers with: a log."""
        body = await self.writers.kube_get(path, access_of("GET", path, query), query)
        return body.decode(errors="replace")

    async def exec(self, namespace: str, pod: str, container: str, command: Sequence[str]) -> ExecResult:
        """Run one command in a container."""
        return await self.writers.kube_exec(namespace, pod, container, command, deadline=self.settings.command)

    async def patch(self, path: str, body: object, content_type: str, *, dry_run: bool = False) -> dict[str, Any]:
        """Patch one object; the object as it is afterwards."""
        writer = await self.writers.kube()
        data = json.dumps(body).encode()
        answer = await writer.patch(
            path, access_of("PATCH", path), data, content_type, deadline=self.settings.command, dry_run=dry_run
        )
        found: dict[str, Any] = json.loads(answer.body)
        return found


class Handler(Generic[S]):
    """What the executor can do with one kind of step. Handlers keep no state: everything is in ``Shown``.

    Attributes:
        one_call: its change is a single call, so where the API server or sudo declines it nothing was changed.
    """

    one_call: bool = False

    async def look(self, step: S, hands: Hands, at: datetime) -> Shown:
        """Read the present state and say exactly what would be done; raises Refused and LinkError."""
        raise NotImplementedError

    async def change(self, step: S, shown: Shown, hands: Hands, tell: Tell) -> None:
        """Do it; raises StepFailed, or LinkError when it is not known what was done."""
        raise NotImplementedError

    async def settle(self, step: S, shown: Shown, hands: Hands) -> bool | None:
        """After a lost link: True when it was done, False when not, None when neither is what is there."""
        raise NotImplementedError

    async def follow(self, step: S, shown: Shown, hands: Hands, tell: Tell) -> None:
        """Wait until what was changed has taken effect; raises StepFailed."""

    def undo(self, step: S, shown: Shown) -> tuple[Step, ...]:
        """The steps that take it back; none when there is nothing to take back."""
        return ()

    def locks(self, step: S) -> tuple[LockPath, ...]:
        """What to lock while it runs; none for objects, which resourceVersion guards."""
        return ()

    def rights(self, step: S) -> tuple[Access, ...]:
        """The Kubernetes rights it needs."""
        return ()


async def patiently(hands: Hands, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again while the link is lost, until :attr:`Settings.find_out` has passed; then raises LinkError."""
    until = hands.clock.monotonic() + hands.settings.find_out
    while True:
        try:
            return await ask()
        except LinkError as error:
            if error.unknown.reason not in LOST or hands.clock.monotonic() >= until:
                raise
            await hands.clock.sleep(hands.settings.poll)


def words_of(answer: Answer) -> str:
    """The first lines of what a command complained about; iptables puts comments in front."""
    text = (answer.stderr or answer.stdout).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return "; ".join(lines[:3]) or "no message"


def _short(argv: Sequence[str]) -> str:
    whole = shlex.join(argv)
    return whole if len(whole) <= _SHOWN else argv[0]


def shown(step: Step, body: str, shell: str, **more: Any) -> Shown:
    """A step as shown, titled by itself."""
    return Shown(step, title_of(step), body, shell, **more)
