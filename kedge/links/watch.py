"""One kind, listed and watched for ever on a daemon thread.

List in pages, watch from the list's resourceVersion with bookmarks, go on from the last version seen when the
stream ends, list again when the server no longer keeps that version (410, as status or as ERROR event). See
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kedge.i18n import _
from kedge.links import kube_errors
from kedge.links.base import Access, WatchEvent
from kedge.links.kube_access import describe
from kedge.links.kube_call import Call
from kedge.links.kube_connection import CHUNK, KubeConnection
from kedge.links.kube_errors import CutError, StatusError
from kedge.model import LinkError, Reason, Unknown

LONGEST_WAIT = 120.0
"""Most seconds of Retry-After that are believed: a mistaken proxy must not switch a watch off for a day."""

TOO_MANY_REQUESTS = 429

_CHANGES = ("ADDED", "MODIFIED", "DELETED")


@dataclass(frozen=True, slots=True)
class WatchTimes:
    """Seconds and sizes of a watch.

    Attributes:
        server: range of ``timeoutSeconds``: the server ends each watch after so long, spread over time.
        quiet: a stream without a byte for so long is opened anew. Servers send a bookmark about every minute,
            so this is how fast a connection that died silently behind a load balancer is noticed.
        answer: how long a list, or the start of a watch, may take to begin to answer.
        backoff: first and longest pause between failed attempts; each is spread by half.
        settled: a watch that lasted so long, or brought anything, starts the back-off over.
        page: objects per list page.
    """

    server: tuple[int, int] = (240, 300)
    quiet: float = 100.0
    answer: float = 30.0
    backoff: tuple[float, float] = (0.5, 30.0)
    settled: float = 5.0
    page: int = 500


class _ListMeta(msgspec.Struct, frozen=True):
    resourceVersion: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Meta(msgspec.Struct, frozen=True):
    resourceVersion: str = ""


class _Versioned(msgspec.Struct, gc=False):
    metadata: _Meta = _Meta()


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


# Built once, here: msgspec 0.22 crashes when two threads look at a type for the first time.
_PAGES = msgspec.json.Decoder(_Page)
_EVENTS = msgspec.json.Decoder(_Event)
_VERSIONS = msgspec.json.Decoder(_Versioned)


class Watch:
    """A list+watch of one path. ``on_event`` is called on the watch's own thread and must not block for long."""

    def __init__(
        self,
        connection: KubeConnection,
        path: str,
        access: Access,
        decode: Callable[[bytes], Any],
        on_event: Callable[[WatchEvent], None],
        query: Mapping[str, str],
        times: WatchTimes,
    ) -> None:
        self._connection = connection
        self._path = path
        self._access = access
        self._decode = decode
        self._on_event = on_event
        self._query = dict(query)
        self._times = times
        self._stopped = threading.Event()
        self._renewed = threading.Event()
        """Ends a pause: set by :meth:`renew` and :meth:`stop`."""
        self._call: Call | None = None
        self._version = ""
        """Where to go on from; empty: list first."""
        self._lost = False
        self._brought = False
        self._excused = False
        """One connection was cut since the last answer: the next failure is a loss."""
        self._whole_list = False
        """A continue token expired between two pages: ask for everything at once next time."""
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"watch {path}", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread soon, whatever it waits for. Never blocks; an event being delivered may still arrive."""
        self._stopped.set()
        self._renewed.set()
        call = self._call
        if call is not None:
            call.abort()

    def renew(self) -> None:
        """Leave the present connection and pauses, and go on at once. Never blocks; safe from any thread."""
        self._renewed.set()
        call = self._call
        if call is not None:
            call.abort()

    # ---------------------------------------------------------------------------------------- the thread

    def _run(self) -> None:
        try:
            self._watch_on()
        finally:
            if not self._stopped.is_set() and not self._connection.closed:
                # Only a mistake in the program gets here. The exception goes its way; nobody may go on believing
                # in a picture that nothing keeps up to date.
                text = _("watching {path} ended by a mistake in the program; see the log").format(path=self._path)
                self._on_event(WatchEvent("LOST", error=Unknown(Reason.UNPARSABLE, text)))

    def _watch_on(self) -> None:
        while not self._stopped.is_set() and not self._connection.closed:
            started, self._brought = time.monotonic(), False
            self._renewed.clear()
            if self._stopped.is_set():  # it was set between the two lines above
                return
            try:
                if not self._version:
                    self._list()
                self._follow()
                pause = 0.0
            except LinkError as error:
                if self._stopped.is_set():
                    return
                pause = self._failed(error)
            if self._renewed.is_set():
                continue
            if self._brought or time.monotonic() - started >= self._times.settled:
                self._failures = 0
            elif not pause:
                pause = self._backoff()  # accepted and ended at once: do not spin
            self._renewed.wait(pause)

    def _failed(self, error: LinkError) -> float:
        """Note a failure; how long to pause."""
        gone = error.unknown.reason is Reason.GONE
        busy = isinstance(error, StatusError) and error.status == TOO_MANY_REQUESTS
        if gone or (error.unknown.reason in (Reason.UNPARSABLE, Reason.SERVER_ERROR) and not busy):
            self._version = ""  # not for a server that is overloaded: lists are the dearest that it can be asked
        if self._renewed.is_set():
            return 0.0  # we ended it ourselves
        excused, self._excused = isinstance(error, CutError) and not self._excused, True
        if not gone and not excused and not self._lost:
            self._lost = True
            self._on_event(WatchEvent("LOST", error=error.unknown))
        asked = error.retry_after if isinstance(error, StatusError) else None
        return max(self._backoff(), min(asked or 0.0, LONGEST_WAIT))

    def _backoff(self) -> float:
        first, longest = self._times.backoff
        pause = min(longest, first * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return pause * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load

    def _answered(self) -> None:
        self._excused = False
        if self._lost:
            self._lost = False
            self._on_event(WatchEvent("BACK"))

    def _begin(self, verb: str) -> tuple[Call, Access]:
        access = replace(self._access, verb=verb)
        call = self._call = Call(describe(access, self._path))
        if self._stopped.is_set():
            call.abort()
        return call, access

    # ----------------------------------------------------------------------------------------------- list

    def _list(self) -> None:
        objects: list[Any] = []
        page = _Page(_ListMeta())
        try:
            for page in self._pages():
                objects.extend(self._decode(bytes(item)) for item in page.items or ())
        except LinkError as error:
            self._whole_list = error.unknown.reason is Reason.GONE
            raise
        except msgspec.DecodeError as error:
            raise self._unparsable(error) from error
        self._whole_list = False
        self._version = page.metadata.resourceVersion
        self._on_event(WatchEvent("RELISTED", tuple(objects)))

    def _pages(self) -> Iterator[_Page]:
        query = dict(self._query)
        if not self._whole_list:
            query["limit"] = str(self._times.page)
        while True:
            page = _PAGES.decode(self._page(query))
            yield page
            if not page.metadata.continue_:
                return
            query["continue"] = page.metadata.continue_

    def _page(self, query: Mapping[str, str]) -> bytes:
        call, access = self._begin("list")
        headers = {"Accept-Encoding": "gzip"}
        timeout = self._times.answer
        with (
            self._connection.under_way(call),
            self._connection.open(
                call, "GET", self._path, access, query=query, headers=headers, read_timeout=timeout
            ) as response,
        ):
            self._answered()
            return b"".join(iter(lambda: response.read(CHUNK), b""))

    # ---------------------------------------------------------------------------------------------- watch

    def _follow(self) -> None:
        """Watch until the server ends the stream, or it breaks or goes quiet: whether the server is lost, the next
        attempt tells."""
        call, access = self._begin("watch")
        query = {
            **self._query,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(random.randint(*self._times.server)),  # noqa: S311 - spreads load
        }
        timeout = self._times.answer
        with (
            self._connection.under_way(call),
            self._connection.open(call, "GET", self._path, access, query=query, read_timeout=timeout) as response,
        ):
            self._answered()
            call.read_timeout(self._times.quiet)
            try:
                for lines in _lines(self._connection.chunks(call, response)):
                    self._apply(lines)
            except msgspec.DecodeError as error:
                raise self._unparsable(error) from error
            except LinkError as error:
                if error.unknown.reason not in (Reason.UNREACHABLE, Reason.TIMED_OUT):
                    raise

    def _apply(self, lines: Iterable[bytes]) -> None:
        """Hand on the events of some lines; runs of one type go together."""
        kind, batch = "", list[Any]()
        for line in lines:
            event = _EVENTS.decode(line)
            if batch and event.type != kind:
                self._on_event(WatchEvent(kind, tuple(batch)))
                batch = []
            if event.type == "ERROR":
                raise self._refused(event.object)
            kind = event.type
            if kind in _CHANGES:
                batch.append(self._decode(bytes(event.object)))
            self._version = _VERSIONS.decode(event.object).metadata.resourceVersion
            self._brought = True
        if batch:
            self._on_event(WatchEvent(kind, tuple(batch)))

    def _refused(self, status: msgspec.Raw) -> LinkError:
        seen = kube_errors.STATUSES.decode(status)
        step = describe(replace(self._access, verb="watch"), self._path)
        return kube_errors.status_error(
            seen.code or 500, bytes(status), access=self._access, server=self._connection.label, step=step
        )

    def _unparsable(self, error: msgspec.DecodeError) -> LinkError:
        text = _("{server} sent an object of {path} that cannot be read: {error}")
        text = text.format(server=self._connection.label, path=self._path, error=str(error))
        return LinkError(Unknown(Reason.UNPARSABLE, text))


def _lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Whole lines, as many at a time as have arrived."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        end = rest.rfind(b"\n")
        if end >= 0:
            lines = bytes(rest[:end]).split(b"\n")
            del rest[: end + 1]
            yield [line for line in lines if line.strip()]
