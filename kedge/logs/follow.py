"""Follows one source of a log through everything that happens to it, and says so between the lines.

A container is read through the API; where that gives an error, nothing at all or only the edge's own complaint, it
is read from the node over SSH, with the reason, and through the API again when that works.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC

from kedge.facts.kubectl import Outcome
from kedge.i18n import Text, _
from kedge.links.base import HostStream
from kedge.logs.breaks import Pauses, gap
from kedge.logs.files import container_command
from kedge.logs.kubectl import outcome_of_body
from kedge.logs.lines import CriReader, LineKind, LogLine, Splitter, moment, read_stamped
from kedge.logs.resume import Resume
from kedge.logs.sources import ContainerLog, Source, UnitLog
from kedge.logs.units import HOST_STARTED, UnitReader, unit_command
from kedge.logs.ways import FollowState, Way, Ways
from kedge.model import LinkError, Reason

START_SECONDS = 15.0
SILENT_SECONDS = 6.0
"""An API stream of a node whose logs are known to fail gets so long to say anything."""

RETRY_FIRST, RETRY_MOST = 1.0, 30.0
LOOK_AGAIN = 3.0
"""Seconds between two looks at whether the API serves a node's logs again."""

ASK_AGAIN = 12.0
"""Seconds between two tries of a node's logs while they are read over SSH."""

API_FIRST, API_MOST = 5.0, 120.0
"""Seconds after which the API is tried again where no finding tells when it serves a log."""

BUDGET = 20 << 20
"""Bytes of one source after which a person is asked whether to read on: what comes from an edge comes over its link,
and the tunnel is made for little (the guide's advice)."""

AGAIN_LINES = 2000
"""Lines asked for where a source cannot begin at a time."""

FINAL = frozenset({Reason.DENIED, Reason.INVALID, Reason.CREDENTIALS})
"""Reasons that trying again does not cure."""


class _Silent(Exception):
    """The API gave nothing where something should be."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class Follower:
    """One source.

    Args:
        number: goes into every line.
        sink: gets lines as they come, on the event loop.
        tail: how many lines to begin with. since: seconds to look back instead.
    """

    def __init__(
        self,
        source: Source,
        number: int,
        ways: Ways,
        sink: Callable[[Sequence[LogLine]], None],
        *,
        tail: int = 200,
        since: int | None = None,
    ) -> None:
        self.source = source
        self.state = FollowState()
        self._number = number
        self._ways = ways
        self._sink = sink
        self._tail = tail
        self._since = since
        self._resume = Resume()
        self._reader = UnitReader()
        self._pauses = Pauses()
        self._lost_at = 0.0
        self._told = ""
        self._restarts: int | None = None
        self._away = False
        self._api_patience = API_FIRST
        self._allowed = BUDGET
        self._go_on = asyncio.Event()

    async def run(self) -> None:
        """Follow until the source is gone for good, or cancelled."""
        pause = RETRY_FIRST
        while True:
            before = self.state.received
            if await self._once():
                break
            pause = RETRY_FIRST if self.state.received > before else min(pause * 2, RETRY_MOST)
            await asyncio.sleep(pause)
        self.state.way, self.state.ended = Way.NONE, True

    def go_on(self) -> None:
        """Read on although much has come already."""
        self._go_on.set()

    async def _mind_budget(self) -> None:
        if self.state.received < self._allowed:
            return
        self._allowed += BUDGET
        self._mark(
            _("{size} MiB of {name} were read; F reads on").format(
                size=self.state.received >> 20, name=self.source.name
            )
        )
        self.state.waits = True
        self._go_on.clear()
        await self._go_on.wait()
        self.state.waits = False

    async def _once(self) -> bool:
        """One attempt, to its end; True when no further one makes sense."""
        try:
            if isinstance(self.source, UnitLog):
                await self._unit(self.source)
            else:
                await self._container(self.source)
        except LinkError as error:
            self._lost(error.unknown.text)
            return error.unknown.reason in FINAL
        return self.state.ended

    # --------------------------------------------------------------------------------------------- containers

    async def _container(self, log: ContainerLog) -> None:
        try:
            await self._through_api(log)
            return
        except LinkError as error:
            if error.unknown.reason is Reason.MISSING and self._ways.is_running(log) is None:
                self._mark(_("{name} is gone").format(name=log.name))
                self.state.ended = True
                return
            if error.unknown.reason in FINAL:
                raise
            why = error.unknown.text
        except _Silent as silent:
            why = silent.text
        await self._through_node(log, why)

    async def _through_api(self, log: ContainerLog) -> None:
        self._resume.again()
        stream = self._ways.pod_log(log, self._query(log))
        splitter, got = Splitter(), False
        self.state.way, self.state.because = Way.API, ""
        try:
            while True:
                chunk = await self._next(stream, log)
                if not chunk:
                    break
                lines = splitter.feed(chunk)
                if not got:
                    self._refuse_complaint(lines)
                got = True
                self._take(lines, read_stamped, len(chunk))
                await self._mind_budget()
        finally:
            await _closed(stream)
        rest = splitter.end()
        if not got:
            self._refuse_complaint(rest)
        self._take(rest, read_stamped, 0)
        self._api_ended(log, got or bool(rest))

    async def _next(self, stream: AsyncIterator[bytes], log: ContainerLog) -> bytes:
        """The next chunk, empty at the end. A log may have nothing to say, so silence is trusted unless logs of the
        node fail or this one never paused so long; then they are tried at that moment, for a finding may be old.
        """
        began, has_asked = time.monotonic(), False
        waiting = asyncio.ensure_future(_piece(stream))
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=LOOK_AGAIN)
                silent = time.monotonic() - began
                doubted = not has_asked and self._pauses.is_odd(silent)
                failing = silent >= SILENT_SECONDS and self._ways.broken(log.node) is not None
                if waiting.done() or not (doubted or failing):
                    continue
                has_asked = True
                if await self._ways.ask_anew(log.node) is not None and not waiting.done():
                    silent = time.monotonic() - began
                    raise _Silent(_("the API server has given nothing for {seconds} s").format(seconds=round(silent)))
            self._pauses.spoke(time.monotonic() - began)
            return waiting.result()
        finally:
            waiting.cancel()
            await asyncio.wait({waiting})

    def _refuse_complaint(self, raw: Sequence[bytes]) -> None:
        """The edge's own error comes as the text of the log, with HTTP 200 (facts 1.7)."""
        if not raw:
            return
        text = b"\n".join(raw).decode("utf-8", "replace")
        outcome, line = outcome_of_body(text)
        if outcome in (Outcome.KUBELET_ERROR, Outcome.RUNTIME_DOWN):
            if self._told != line:
                self._told = line
                self._sink([LogLine(line, "", self._number, LineKind.ERROR)])
            raise _Silent(_("the edge answered with an error instead of the log"))

    def _api_ended(self, log: ContainerLog, got: bool) -> None:
        running = self._ways.is_running(log)
        if log.previous:
            self._mark(_("end of the log of the previous container"))
            self.state.ended = True
        elif running is None:
            self._mark(_("{name} is gone").format(name=log.name))
            self.state.ended = True
        elif not got and running:  # a log that is followed stays open
            raise _Silent(_("the API server answered with nothing, though the container runs"))
        elif not running:
            self._lost(_("{name} has ended").format(name=log.name))

    def _query(self, log: ContainerLog) -> dict[str, str]:
        query = {"container": log.container, "timestamps": "true"}
        query |= {"previous": "true"} if log.previous else {"follow": "true"}
        if self._resume.stamp:
            return query | {"sinceTime": self._resume.second}
        if self._since is not None:
            return query | {"sinceSeconds": str(self._since)}
        return query | {"tailLines": str(self._tail)}

    async def _through_node(self, log: ContainerLog, why: Text) -> None:
        """Read the node's own file until the API serves it again. Logs of the node are tried anew meanwhile, so the
        cause is told when it is known, and the way back is found soon.
        """
        broken = self._ways.broken(log.node)
        reason = _("{code}: {text}").format(code=broken.code, text=broken.text) if broken is not None else why
        asking = asyncio.ensure_future(self._keep_asking(log.node, 0.0 if broken is None else ASK_AGAIN))
        try:
            stream = await self._open_file(log)
            self._mark_once(_("read over SSH, because the API does not give it: {why}").format(why=reason))
            self.state.because = broken.code if broken is not None else ""
            await self._from_file(log, stream)
        except LinkError as error:
            self._lost(
                _("not through the API: {why}; nor over SSH: {other}").format(why=reason, other=error.unknown.text)
            )
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    async def _keep_asking(self, node: str, first: float) -> None:
        await asyncio.sleep(first)
        while True:
            await self._ways.ask_anew(node)
            await asyncio.sleep(ASK_AGAIN)

    async def _open_file(self, log: ContainerLog) -> HostStream:
        lines = AGAIN_LINES if self._resume.stamp else self._tail
        folder, since = self._ways.pod_logs_folder(log.node), moment(self._resume.stamp)
        command = container_command(log, folder, lines, since, self._since)
        return await self._ways.host_stream(log.node, command)

    async def _from_file(self, log: ContainerLog, stream: HostStream) -> None:
        self._resume.again()
        self.state.way, self._away = Way.SSH, True
        due = time.monotonic() + self._api_patience
        self._api_patience = min(self._api_patience * 2, API_MOST)
        if await self._from_host(stream, CriReader().read, lambda: self._may_serve_again(log, due)):
            return
        if stream.exit_code == 0 and log.previous:
            self._mark(_("end of the log of the previous container"))
            self.state.ended = True
        elif stream.exit_code:
            said = stream.complaint or str(stream.exit_code)
            self._lost(_("the log file on {node} cannot be read: {words}").format(node=log.node, words=said))

    def _may_serve_again(self, log: ContainerLog, due: float) -> bool:
        """The finding that kept us here is gone; where there was none, the API is tried again now and then."""
        broken = self._ways.broken(log.node)
        if broken is None:
            return bool(self.state.because) or time.monotonic() >= due
        if broken.code != self.state.because:
            self.state.because = broken.code
            self._mark(_("the cause is {code}: {text}").format(code=broken.code, text=broken.text))
        return False

    # -------------------------------------------------------------------------------------------------- hosts

    async def _unit(self, log: UnitLog) -> None:
        reader, nonce, since = self._reader, secrets.token_hex(8), ""
        if (last := moment(self._resume.stamp)) is not None:
            since = f"{last.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        command = unit_command(log, self._tail, nonce, since=since, ago=self._since, place=reader.place)
        stream = await self._ways.host_stream(log.host, command)
        if reader.place is None:  # a file goes on at the very byte
            self._resume.again()
        reader.begin(nonce)
        self.state.way = Way.SSH
        await self._from_host(stream, reader.read, lambda: False)
        said = stream.complaint or _("it ended with {code}").format(code=stream.exit_code)
        self._lost(_("{what} on {host}: {said}").format(what=log.what, host=log.host, said=said))

    async def _from_host(
        self, stream: HostStream, read: Callable[[bytes, int], LogLine | None], enough: Callable[[], bool]
    ) -> bool:
        """Take in what a host prints; True when ``enough`` ended it."""
        splitter, reader = Splitter(), aiter(stream)
        waiting: asyncio.Future[bytes] | None = None
        try:
            while not enough():
                waiting = waiting or asyncio.ensure_future(_piece(reader))
                await asyncio.wait({waiting}, timeout=LOOK_AGAIN)
                if not waiting.done():
                    continue
                chunk, waiting = waiting.result(), None
                if not chunk:
                    self._take(splitter.end(), read, 0)
                    return False
                self._take(splitter.feed(chunk), read, len(chunk))
                await self._mind_budget()
            return True
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.wait({waiting})
            await stream.aclose()

    # -------------------------------------------------------------------------------------------------- lines

    def _take(self, raw: Iterable[bytes], read: Callable[[bytes, int], LogLine | None], size: int) -> None:
        self.state.received += size
        before = self._resume.stamp
        lines = (read(line, self._number) for line in raw)
        fresh = list(self._resume.fresh(line for line in lines if line is not None))
        if fresh:
            for said in self._turns(before, fresh[0].stamp):
                self._mark(said, fresh[0].stamp)
            self._sink(fresh)

    def _turns(self, before: str, now: str) -> Iterator[Text]:
        """What happened between the last line and these."""
        if self._away and self.state.way is Way.API:
            self._away, self._told, self._api_patience = False, "", API_FIRST
            yield _("through the API again")
        was_lost, self._lost_at = self._lost_at, 0.0
        if was_lost:
            self._told = ""
            yield _("reconnected after {seconds} s").format(seconds=round(time.monotonic() - was_lost))
        restarts = self._restarted()
        if restarts:
            yield _("the container was restarted, {count} times by now").format(count=restarts)
        if self._resume.has_gap:
            self._resume.has_gap = False
            # What the API ends without a break, it ended with the container: nothing came between it and the next one.
            if self.state.way is not Way.API or (was_lost and not restarts):
                yield gap(before, now)
        if self._reader.booted and (self._reader.place is not None or not self._resume.saw_before):
            self._reader.booted = False  # a journal that remembers tells it itself, in its place
            yield HOST_STARTED

    def _restarted(self) -> int:
        """How often the container was started, when that is news, which may be some lines late; else 0. A node's files
        tell it themselves.
        """
        if self.state.way is not Way.API or not isinstance(self.source, ContainerLog) or self.source.previous:
            return 0
        count, before = self._ways.restarts(self.source), self._restarts
        self._restarts = count
        return count if before is not None and count is not None and count > before else 0

    def _lost(self, why: Text) -> None:
        if not self._lost_at:
            self._lost_at = time.monotonic()
        self.state.way = Way.NONE
        self._mark_once(why)

    def _mark_once(self, text: Text) -> None:
        """A remark that is the same as the last one is not repeated with every attempt."""
        if str(text) != self._told:
            self._told = str(text)
            self._mark(text)

    def _mark(self, text: Text, stamp: str = "") -> None:
        self._sink([LogLine(str(text), stamp or self._resume.stamp, self._number, LineKind.MARK, text)])


async def _piece(stream: AsyncIterator[bytes]) -> bytes:
    """The next piece, empty at the end."""
    return await anext(stream, b"")


async def _closed(stream: AsyncIterator[bytes]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
