"""The Kubernetes link: raw reads from one API server, by watch and by single requests.

Nothing here imports the ``kubernetes`` package until :func:`connect_kube` runs, so that the first screen does
not wait for it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import msgspec

from kedge.i18n import _
from kedge.links import kube_errors
from kedge.links.base import Access, ExecResult, Response, WatchEvent
from kedge.links.kube_access import access_of, check_access, describe
from kedge.links.kube_call import Call
from kedge.links.kube_connection import KubeConnection
from kedge.links.kube_exec import OUTPUT_CAP, run_command
from kedge.links.kube_log import follow
from kedge.links.kubeconfig import ConfigError, KubeSettings, Target, find_target
from kedge.links.pools import Pools, run
from kedge.links.watch import Watch, WatchTimes

__all__ = ["ApiLink", "ConfigError", "KubeSettings", "Target", "connect_kube"]

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_LOAD_SECONDS = 60.0


async def connect_kube(settings: KubeSettings, pools: Pools) -> ApiLink:
    """Find the kubeconfig and get ready. No request is sent, no credential plugin run: an unreachable server or
    a failing plugin shows in the first call, as a finding and not as the end of the program.

    Raises:
        ConfigError: no usable kubeconfig, or no such context.
    """

    def load() -> KubeConnection:
        return KubeConnection(find_target(settings), settings, pools)

    try:
        return ApiLink(await run(pools.kube, load, _LOAD_SECONDS, lambda: None))
    except TimeoutError:
        text = _("reading the kubeconfig took more than {seconds} s; is it on a file system that hangs?")
        raise ConfigError(text.format(seconds=f"{_LOAD_SECONDS:g}")) from None


class ApiLink:
    """The :class:`kedge.links.base.KubeLink` over HTTPS.

    Attributes:
        connection: what a writer is built on; only the executor does that.
        server: address of the API server.
        target: which context, cluster and user; ``target.insecure`` is to be shown.
    """

    def __init__(self, connection: KubeConnection, times: WatchTimes | None = None) -> None:
        self.connection = connection
        self.server = connection.server
        self.target = connection.target
        self._times = times or WatchTimes()
        self._watches: set[Watch] = set()

    @property
    def account(self) -> str:
        """Who acts, for the audit log: the user of the kubeconfig, and whom they impersonate."""
        wanted = self.connection.settings.as_user or str(self.target.user.get("as", ""))
        return f"{self.target.user_name} as {wanted}" if wanted else self.target.user_name

    async def get(
        self,
        path: str,
        access: Access,
        *,
        deadline: float,
        query: Mapping[str, str] | None = None,
        cap: int = 0,
    ) -> Response:
        """GET ``path`` (percent-encoded). ``cap`` keeps that many bytes of the body; ``Response.cut`` tells.

        Raises:
            LinkError: any failure, typed; non-2xx as ``StatusError`` with the reason of the Status body.
        """
        return await self.connection.request("GET", path, access, deadline=deadline, query=query, cap=cap)

    def watch(
        self,
        path: str,
        access: Access,
        decode: Callable[[bytes], Any],
        on_event: Callable[[WatchEvent], None],
        *,
        query: Mapping[str, str] | None = None,
    ) -> Callable[[], None]:
        """List and watch ``path`` on a daemon thread until the returned function is called.

        Needs ``list`` and ``watch``; ``access`` may name either. ``decode`` gets the JSON of one object and may
        raise ``msgspec.DecodeError``; ``on_event`` is called on the watch's thread. Events: see WatchEvent.
        """
        for verb in ("list", "watch"):
            if access.verb == verb:
                check_access(access, access_of("GET", path, {"watch": "1"} if verb == "watch" else None))
                break
        else:
            raise ValueError(f"a watch needs list and watch, not {access.verb}")
        watch = Watch(self.connection, path, access, decode, on_event, dict(query or {}), self._times)
        self._watches.add(watch)
        watch.start()

        def stop() -> None:
            self._watches.discard(watch)
            watch.stop()

        return stop

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        deadline: float,
        cap: int = OUTPUT_CAP,
    ) -> ExecResult:
        """Run one command in a container over WebSocket; ``cap`` bytes are kept of each of stdout and stderr.

        Needs ``create pods/exec`` (and ``get`` on servers before 1.35, which judge a WebSocket by its GET).

        Raises:
            LinkError: the command could not be asked for, or the connection broke before its exit status came.
        """
        return await run_command(self.connection, namespace, pod, container, command, deadline=deadline, cap=cap)

    async def can_i(self, access: Access, *, deadline: float) -> bool:
        """Whether this user has a right, by SelfSubjectAccessReview (every authenticated user may ask).

        Raises:
            LinkError: any failure, typed.
        """
        if access.resource.startswith("/"):
            spec = {"nonResourceAttributes": {"verb": access.verb, "path": access.resource}}
        else:
            attributes = {
                "verb": access.verb,
                "group": access.group,
                "resource": access.resource,
                "subresource": access.subresource,
                "namespace": access.namespace,
            }
            spec = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
        body = json.dumps(review).encode()
        needed = access_of("POST", _REVIEWS)
        answer = await self.connection.request("POST", _REVIEWS, needed, deadline=deadline, body=body)
        try:
            return _REVIEW.decode(answer.body).status.allowed
        except msgspec.DecodeError as error:
            raise kube_errors.unparsable(describe(needed, _REVIEWS), error, server=self.connection.label) from None

    def stream_log(self, path: str, access: Access, *, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Raw chunks of a pod log (``query`` says follow, container, tailLines …) until it ends or is closed.

        A reader that falls behind holds the stream back. Close the iterator (``aclose``) to stop following.

        Raises:
            LinkError: from the iterator: the log cannot be had, or the stream broke off.
        """
        check_access(access, access_of("GET", path, query))
        return follow(self.connection, Call(describe(access, path)), path, access, query)

    def renew(self) -> None:
        """Watch on over new connections, from where the old ones had got to. Never blocks."""
        self.connection.forget_idle()
        for watch in tuple(self._watches):
            watch.renew()

    def shut(self) -> None:
        """What :meth:`close` does, from any thread. Never blocks."""
        for watch in tuple(self._watches):
            watch.stop()
        self.connection.close()

    async def close(self) -> None:
        """Stop watches and streams, abort calls under way, close sockets. Safe to call twice."""
        self.shut()


class _ReviewStatus(msgspec.Struct):
    allowed: bool


class _Review(msgspec.Struct):
    status: _ReviewStatus


# Built once, here: msgspec 0.22 crashes when two threads look at a type for the first time.
_REVIEW = msgspec.json.Decoder(_Review)
