"""The Kubernetes API as a source: watched lists kept live, everything else asked when it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from kedge.asks import Api, Ask, Events, PodExec, PodLog, Rights
from kedge.i18n import _
from kedge.k8s import DecodeError, decode_one
from kedge.links.base import Access, KubeLink, Response, WatchEvent
from kedge.model import LinkError, Observation, Reason, Unknown
from kedge.sources.base import KUBERNETES
from kedge.sources.mask import masked

CALL_SECONDS = 10.0
LOG_SECONDS = 8.0
EXEC_SECONDS = 15.0
LOG_CAP = 65_536

_LOST = frozenset({Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.SERVER_ERROR})
RIGHTS_AT_ONCE = 4
RIGHTS_SECONDS = 60.0
"""How long the answer to one question about rights is believed: roles change rarely, reviews cost the server."""


@dataclass(slots=True)
class _Watched:
    """One watched kind: what is there now, and how its watch stands."""

    ask: Api
    objects: dict[tuple[str, str], Any] = field(default_factory=dict)
    listed: asyncio.Event = field(default_factory=asyncio.Event)
    complete: bool = False
    problem: Unknown | None = None
    at: datetime | None = None
    stop: Callable[[], None] = lambda: None


class KubeSource:
    """Answers API asks over a link.

    Args:
        link: the connection.
        on_change: called on the event loop with the path of a watched list that changed or was lost.
    """

    def __init__(self, link: KubeLink, on_change: Callable[[str], None] = lambda path: None) -> None:
        self.name = KUBERNETES
        self._link = link
        self.on_change = on_change
        self._watched: dict[str, _Watched] = {}
        self._offset = timedelta()
        self._rights: dict[Access, tuple[bool, float]] = {}
        self.last_seen: datetime | None = None
        """When the API last answered anything, by our clock."""

    @property
    def problem(self) -> Unknown | None:
        """Why the API is lost: the reason that every watch gives; None while any is up, or only denied."""
        problems = [watched.problem for watched in self._watched.values()]
        lost = [problem for problem in problems if problem is not None and problem.reason in _LOST]
        return lost[0] if lost and None not in problems else None

    @property
    def watches(self) -> int:
        """How many lists are being watched."""
        return len(self._watched)

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        """One observation per ask; each call has its own deadline within the given one."""
        return list(await asyncio.gather(*(self._one(ask, deadline) for ask in asks)))

    async def _one(self, ask: Ask, deadline: float) -> Observation:
        started = asyncio.get_running_loop().time()
        try:
            seen = await self._answer(ask, deadline)
        except LinkError as error:
            seen = Observation(ask, KUBERNETES, _what(ask), self._now(), error=error.unknown)
        return replace(seen, seconds=asyncio.get_running_loop().time() - started)

    async def _answer(self, ask: Ask, deadline: float) -> Observation:
        if isinstance(ask, Rights):
            return await self._review(ask, min(deadline, CALL_SECONDS))
        if isinstance(ask, PodExec):
            return await self._exec(ask, min(deadline, EXEC_SECONDS))
        if isinstance(ask, PodLog):
            limit = min(deadline, LOG_SECONDS)
            got = await self._link.get(ask.path, ask.access, deadline=limit, query=ask.query, cap=LOG_CAP)
            return self._response(ask, got)
        if isinstance(ask, Events):
            limit = min(deadline, CALL_SECONDS)
            return self._response(ask, await self._link.get(ask.path, ask.access, deadline=limit, query=ask.query))
        if not isinstance(ask, Api):
            raise TypeError(f"Kubernetes is not asked {ask!r}")
        if ask.watched:
            return await self._list(ask, deadline)
        access = ask.access or Access("get", "", ask.path)
        return self._response(ask, await self._link.get(ask.path, access, deadline=min(deadline, CALL_SECONDS)))

    def _response(self, ask: Ask, got: Response) -> Observation:
        self.last_seen = datetime.now(UTC)
        if got.date is not None:
            self._offset = got.date - self.last_seen
        seen = Observation(
            ask,
            KUBERNETES,
            _what(ask),
            got.date or self._now(),
            exit_code=got.status,
            stdout=masked(got.body.decode("utf-8", "replace")),
            cut=got.cut,
            address=self._link.server,
        )
        if not isinstance(ask, Api) or ask.of is None:
            return seen
        try:
            return replace(seen, objects=(decode_one(got.body, ask.of),))
        except DecodeError as error:
            text = _("The answer of {server} to {path} cannot be read: {error}")
            said = text.format(server=self._link.server, path=ask.path, error=error)
            return replace(seen, error=Unknown(Reason.UNPARSABLE, said))

    async def _exec(self, ask: PodExec, deadline: float) -> Observation:
        result = await self._link.exec(ask.namespace, ask.pod, ask.container, ask.command, deadline=deadline)
        return Observation(
            ask,
            KUBERNETES,
            ask.what(),
            self._now(),
            exit_code=result.exit_code,
            stdout=result.stdout.decode("utf-8", "replace"),
            stderr=result.stderr.decode("utf-8", "replace") or result.error,
            error=None if result.exit_code is not None else _not_started(ask, result.error),
        )

    async def _review(self, ask: Rights, deadline: float) -> Observation:
        """One review for each right that was not asked about lately, some at a time."""
        slots = asyncio.Semaphore(RIGHTS_AT_ONCE)
        clock = asyncio.get_running_loop().time

        async def line(access: Access) -> str:
            known = self._rights.get(access)
            if known is None or clock() - known[1] > RIGHTS_SECONDS:
                async with slots:
                    known = self._rights[access] = (await self._link.can_i(access, deadline=deadline), clock())
            resource = "/".join(filter(None, (access.resource, access.subresource)))
            words = ("yes" if known[0] else "no", access.verb, resource, access.group or "-", access.namespace or "-")
            return " ".join(words)

        lines = await asyncio.gather(*map(line, ask.accesses))
        return Observation(ask, KUBERNETES, ask.what(), self._now(), exit_code=200, stdout="\n".join(lines))

    def stream_log(self, path: str, access: Access, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Raw chunks of a pod log; raises LinkError from the iterator."""
        return self._link.stream_log(path, access, query=query)

    # ------------------------------------------------------------------------------------------------ watches

    async def _list(self, ask: Api, deadline: float) -> Observation:
        watched = self._watched.get(ask.path) or self._watch(ask)
        try:
            async with asyncio.timeout(deadline):
                await watched.listed.wait()
        except TimeoutError:
            text = _("{server} did not answer within {seconds:g} s while listing {path}")
            said = text.format(server=self._link.server, seconds=deadline, path=ask.path)
            return Observation(ask, KUBERNETES, ask.what(), error=Unknown(Reason.TIMED_OUT, said))
        error = None if watched.complete else watched.problem
        objects = tuple(watched.objects.values())
        return Observation(ask, KUBERNETES, ask.what(), watched.at, exit_code=200, error=error, objects=objects)

    def _watch(self, ask: Api) -> _Watched:
        watched = self._watched[ask.path] = _Watched(ask)
        loop = asyncio.get_running_loop()

        def arrived(event: WatchEvent) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._apply, watched, event)

        access = ask.access or Access("list", "", ask.path)
        watched.stop = self._link.watch(ask.path, access, _decoder(ask.of), arrived)
        return watched

    def _apply(self, watched: _Watched, event: WatchEvent) -> None:
        """Take one change in; runs on the event loop."""
        if event.type == "LOST":
            watched.problem = event.error
        else:
            watched.problem = None
            self.last_seen = datetime.now(UTC)
            watched.at = self._now()
        if event.type == "RELISTED":
            watched.objects = {_key(thing): thing for thing in event.objects}
            watched.complete = True
        elif event.type == "DELETED":
            for thing in event.objects:
                watched.objects.pop(_key(thing), None)
        else:
            watched.objects.update((_key(thing), thing) for thing in event.objects)
        if watched.complete or watched.problem is not None:
            watched.listed.set()
        self.on_change(watched.ask.path)

    def woke(self) -> None:
        """This machine has slept: connect anew."""
        self._link.renew()

    def _now(self) -> datetime:
        """Our clock, moved to the API server's."""
        return datetime.now(UTC) + self._offset

    async def close(self) -> None:
        """Stop watching and close the link."""
        for watched in self._watched.values():
            watched.stop()
        await self._link.close()


def _key(thing: Any) -> tuple[str, str]:
    return (thing.metadata.namespace or "", thing.metadata.name or "")


def _decoder(of: Any) -> Callable[[bytes], Any]:
    """Reads one object of a watch; its error is the one that links expect."""

    def read(body: bytes) -> Any:
        try:
            return decode_one(body, of)
        except DecodeError as error:
            raise msgspec.DecodeError(str(error)) from error

    return read


def _what(ask: Ask) -> str:
    return ask.what() if isinstance(ask, Api | Events | PodLog | PodExec | Rights) else repr(ask)


def _not_started(ask: PodExec, why: str) -> Unknown:
    text = _("`{command}` could not be started in {pod}: {why}")
    return Unknown(Reason.SERVER_ERROR, text.format(command=" ".join(ask.command), pod=ask.pod, why=why))
