"""The shared connection to one API server: credentials, transport, deadlines, and what is under way."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from kedge import __version__
from kedge.i18n import Text
from kedge.links import kube_errors
from kedge.links.base import Access, Response
from kedge.links.kube_access import access_of, check_access, describe
from kedge.links.kube_call import Call
from kedge.links.kube_credentials import Credential, source_of
from kedge.links.kube_errors import CutError, StatusError
from kedge.links.kubeconfig import ConfigError, KubeSettings, Target
from kedge.links.pools import Pools, run

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from kedge.links.kube_transport import Transport

T = TypeVar("T")

CHUNK = 65_536
_ERROR_BODY_CAP = 65_536
_SHORTEST_WAIT = 0.2
"""Seconds before a busy server is asked again, though it says that it need not take any."""
USER_AGENT = f"kedge-tui/{__version__}"


class KubeConnection:
    """What the reader, the writer, watches and streams of one site share. Thread-safe.

    Attributes:
        target: which cluster and user.
        server: its address.
        label: its address for people, with the proxy in between.
        pools: the engine's executors.
    """

    def __init__(self, target: Target, settings: KubeSettings, pools: Pools) -> None:
        """Blocks: imports the client library and reads certificates. Raises ConfigError."""
        from kedge.links.kube_transport import Transport

        self.target = target
        self.server = target.server
        self.pools = pools
        self.settings = settings
        self._source = source_of(target, settings.exec_timeout)
        self._make_transport: Callable[[Credential | None], Transport] = lambda credential: Transport(
            target, settings, credential
        )
        self._transport = self._make_transport(None)
        self.label = self._transport.label
        self._certificate = ""
        self._lock = threading.Lock()
        self._calls: set[Call] = set()
        self._closed = False

    # ------------------------------------------------------------------------------------- async, one answer

    async def request(
        self,
        method: str,
        path: str,
        access: Access,
        *,
        deadline: float,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        cap: int = 0,
        changes: bool = False,
    ) -> Response:
        """One request and its whole answer.

        A reading request is repeated, when the deadline leaves time, after 429 with Retry-After and once after a
        connection was cut; one that changes something never is.

        Args:
            cap: bytes of the body to keep; 0: all of it.
            changes: the request changes something, so after a timeout its outcome is not known.

        Raises:
            LinkError: any failure, typed.
            ValueError: ``access`` is not what the request needs (a mistake in the calling code).
        """
        check_access(access, access_of(method, path, query))
        step, ends = describe(access, path), time.monotonic() + deadline
        headers = {"Accept-Encoding": "gzip"} if method == "GET" else {}
        if body is not None:
            headers["Content-Type"] = content_type

        def exchange(call: Call) -> Response:
            opened = self.open(
                call, method, path, access, query=query, headers=headers, body=body, read_timeout=deadline
            )
            with opened as response:
                return self._whole(call, response, cap)

        again = method == "GET"
        while True:
            try:
                left = ends - time.monotonic()
                return await self.blocking(exchange, step, deadline=deadline, left=left, changes=changes)
            except CutError:
                if not again:
                    raise
                again = False
            except StatusError as error:
                wait = error.retry_after
                if changes or error.status != 429 or wait is None or time.monotonic() + wait >= ends:
                    raise
                await asyncio.sleep(max(wait, _SHORTEST_WAIT))

    async def blocking(
        self,
        work: Callable[[Call], T],
        step: Text,
        *,
        deadline: float,
        left: float | None = None,
        changes: bool = False,
    ) -> T:
        """Run blocking work for one call on the kube executor; the deadline aborts the call.

        Args:
            left: seconds that remain of ``deadline``; None: all of them.

        Raises:
            LinkError: TIMED_OUT naming the step and the deadline, or what ``work`` raised.
        """
        call = Call(step)
        seconds = deadline if left is None else left
        try:
            with self.under_way(call):
                return await run(self.pools.kube, lambda: work(call), seconds, call.abort)
        except TimeoutError:
            raise kube_errors.timed_out(call.step, deadline, server=self.label, changes=changes) from None

    # --------------------------------------------------------------------------------- blocking, any thread

    @contextlib.contextmanager
    def open(
        self,
        call: Call,
        method: str,
        path: str,
        access: Access,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        read_timeout: float | None,
    ) -> Iterator[BaseHTTPResponse]:
        """Send a request and give its 2xx response, body unread; failures inside the block are mapped, too.

        A 401 to a credential that can be renewed is answered by renewing it once.

        Raises:
            LinkError: any failure, typed.
        """
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        transport, response = self._authorized(call, method, url, headers or {}, body, read_timeout)
        try:
            with transport.errors(call):
                if not 200 <= response.status < 300:
                    raise self._status_error(response, access, call.step)
                yield response
        finally:
            # One that was read to its end has given its connection back to the pool by now; others lose it.
            response.close()

    def _authorized(
        self, call: Call, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float | None
    ) -> tuple[Transport, BaseHTTPResponse]:
        for last in (False, True):
            transport, authorization, credential = self.session(call)
            response = transport.open(
                call, method, url, headers=self.headers(authorization, headers), body=body, read_timeout=timeout
            )
            if response.status != 401 or last or not self.renew(credential):
                return transport, response
            response.close()
        raise AssertionError("unreachable")

    def session(self, call: Call) -> tuple[Transport, str, Credential | None]:
        """The transport and Authorization header to use now, and the renewable credential behind them.

        Raises:
            LinkError: CREDENTIALS: none can be had.
        """
        if self._source is None:
            return self._transport, self._transport.authorization(), None
        with call.during(self._source.step):
            credential = self._source.current()
        with self._lock:
            if credential.certificate != self._certificate:
                self._use_certificate(credential)
            return self._transport, f"Bearer {credential.token}" if credential.token else "", credential

    def _use_certificate(self, credential: Credential) -> None:
        try:
            transport = self._make_transport(credential)
        except ConfigError as error:
            raise kube_errors.credentials_error(error.text) from None
        self._transport.close()
        self._transport, self._certificate = transport, credential.certificate

    def renew(self, credential: Credential | None) -> bool:
        """The server said 401 to this credential of :meth:`session`: True when another try may do better."""
        return self._source is not None and credential is not None and self._source.reject(credential)

    def headers(self, authorization: str, more: Mapping[str, str]) -> Any:
        """All headers of a request; impersonation may repeat one, hence no dict."""
        from urllib3 import HTTPHeaderDict

        headers = HTTPHeaderDict({"User-Agent": USER_AGENT, "Accept": "application/json, */*", **more})
        if authorization:
            headers["Authorization"] = authorization
        user = self.target.user
        as_user = self.settings.as_user or str(user.get("as", ""))
        groups = self.settings.as_groups or tuple(user.get("as-groups", ()))
        as_uid = self.settings.as_uid or str(user.get("as-uid", ""))
        if as_user:
            headers["Impersonate-User"] = as_user
        if as_uid:
            headers["Impersonate-Uid"] = as_uid
        for group in groups:
            headers.add("Impersonate-Group", str(group))
        return headers

    def chunks(self, call: Call, response: BaseHTTPResponse) -> Iterator[bytes]:
        """The body as it arrives. Raises LinkError when it breaks off."""
        with self._transport.errors(call):
            while chunk := response.read1(CHUNK):
                yield chunk

    def _whole(self, call: Call, response: BaseHTTPResponse, cap: int) -> Response:
        parts: list[bytes] = []
        size = 0
        while chunk := response.read(CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if cap and size > cap:
                response.close()
                break
        body = b"".join(parts)
        return Response(
            status=response.status,
            body=body[:cap] if cap else body,
            date=parse_date(response.headers.get("Date", "")),
            seconds=call.elapsed,
            content_type=response.headers.get("Content-Type", ""),
            cut=bool(cap) and size > cap,
        )

    def _status_error(self, response: BaseHTTPResponse, access: Access, step: Text) -> StatusError:
        body = response.read(_ERROR_BODY_CAP)
        wait = parse_wait(response.headers.get("Retry-After", ""), response.headers.get("Date", ""))
        return kube_errors.status_error(
            response.status,
            body,
            access=access,
            server=self.label,
            step=step,
            retry_after=wait,
        )

    # -------------------------------------------------------------------------------------------- lifetime

    @property
    def closed(self) -> bool:
        """True after :meth:`close`."""
        return self._closed

    @contextlib.contextmanager
    def under_way(self, call: Call) -> Iterator[None]:
        """Register a call for its duration, so that :meth:`close` ends it.

        Raises:
            LinkError: the connection is closed already.
        """
        with self._lock:
            if self._closed:
                raise kube_errors.closed(call.step, server=self.label)
            self._calls.add(call)
        try:
            yield
        finally:
            with self._lock:
                self._calls.discard(call)

    def forget_idle(self) -> None:
        """Let no later call have a connection that waits in the pool now."""
        with self._lock:
            self._transport.close()

    def close(self) -> None:
        """Abort everything under way and forget idle connections. Does not block; safe to call twice."""
        with self._lock:
            self._closed = True
            calls = list(self._calls)
        for call in calls:
            call.abort()
        self._transport.close()


def parse_date(header: str) -> datetime | None:
    """The server's clock from a Date header; None when there is none that can be read."""
    try:
        seen = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return seen if seen.tzinfo is not None else seen.replace(tzinfo=UTC)


def parse_wait(header: str, date: str) -> float | None:
    """Seconds that Retry-After asks for; None when it says nothing that can be read.

    One that names a moment is measured against the answer's own Date: our clock may be wrong, or jump.
    """
    word = header.strip()
    if word.isascii() and word.isdecimal():
        return float(word)
    until, now = parse_date(word), parse_date(date)
    return None if until is None else max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
