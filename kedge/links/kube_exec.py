"""One command in a container, over WebSocket with the ``v5``/``v4.channel.k8s.io`` subprotocol.

Not ``kubernetes.stream.stream()``: it patches the shared client and keeps all output for ever. And not
``create_websocket``: it drops impersonation headers and takes no timeout. Frames: the first byte is the channel
(1 stdout, 2 stderr, 3 a Status with how it ended); shapes as recorded in recordings/api-behaviour.json.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec

from kedge.i18n import Text, _
from kedge.links import kube_errors
from kedge.links.base import Access, ExecResult
from kedge.links.kube_call import Call
from kedge.links.kube_connection import KubeConnection
from kedge.links.kube_errors import StatusError
from kedge.model import LinkError, Reason, Unknown

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
OUTPUT_CAP = 1_048_576
STDOUT, STDERR, ERROR = 1, 2, 3


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""


class _Details(msgspec.Struct):
    causes: list[_Cause] = []


class _Outcome(msgspec.Struct):
    """The Status that ends an exec."""

    status: str
    message: str = ""
    reason: str = ""
    details: _Details | None = None


# Built once, here: msgspec 0.22 crashes when two threads look at a type for the first time.
_OUTCOMES = msgspec.json.Decoder(_Outcome)


def exec_accesses(namespace: str) -> tuple[Access, Access]:
    """The rights exec needs: servers judge a WebSocket by its GET, those from 1.35 on as ``create``."""
    return (
        Access("create", "", "pods", "exec", namespace),
        Access("get", "", "pods", "exec", namespace),
    )


def exec_path(namespace: str, pod: str) -> str:
    """The API path of exec for a pod."""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/exec"


async def run_command(
    connection: KubeConnection,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    *,
    deadline: float,
    cap: int,
) -> ExecResult:
    """Run ``command`` without stdin and TTY; see :meth:`kedge.links.kube.ApiLink.exec`."""
    path = exec_path(namespace, pod)
    query = [("container", container)] if container else []
    query += [("command", word) for word in command]
    query += [("stdout", "true"), ("stderr", "true"), ("stdin", "false"), ("tty", "false")]
    step = _("running {command} in pod {pod}, namespace {namespace}").format(
        command=" ".join(command)[:80], pod=pod, namespace=namespace
    )
    access = exec_accesses(namespace)[0]
    ends = time.monotonic() + deadline

    def work(call: Call) -> ExecResult:
        socket = open_websocket(connection, call, f"{path}?{urlencode(query)}", access, ends=ends)
        try:
            return _Frames(cap).read(socket, call, connection, ends)
        finally:
            socket.shutdown()

    return await connection.blocking(work, step, deadline=deadline)


def open_websocket(connection: KubeConnection, call: Call, path_and_query: str, access: Access, *, ends: float) -> Any:
    """A connected ``websocket.WebSocket``, with the connection's TLS, proxy, credentials and impersonation.

    Raises:
        LinkError: any failure, typed; the server's refusal as ``StatusError``.
    """
    import websocket

    from kedge.links.kube_transport import socket_options

    url = "ws" + (connection.server + path_and_query).removeprefix("http")
    for last in (False, True):
        transport, authorization, credential = connection.session(call)
        headers = connection.headers(authorization, {"Sec-WebSocket-Protocol": ",".join(PROTOCOLS)})
        options = {
            "header": [f"{name}: {value}" for name, value in headers.items()],
            "timeout": max(0.1, ends - time.monotonic()),
            "sockopt": socket_options(),
            "suppress_origin": True,
            "redirect_limit": 0,  # a redirect would carry the credentials to wherever it points
            **_proxy_options(transport.configuration),
        }
        opened: Any = websocket.WebSocket(sslopt=_tls_options(transport.configuration), skip_utf8_validation=True)
        try:
            with contextlib.ExitStack() as undo:
                undo.callback(opened.shutdown)
                call.hold(opened, None)
                opened.connect(url, **options)
                call.hold(opened, opened.sock)
                if opened.getstatus() != 101:
                    raise _refused(opened.getstatus(), b"", access, connection.label, call.step)
                undo.pop_all()
                return opened
        except websocket.WebSocketBadStatusException as error:
            if error.status_code == 401 and not last and connection.renew(credential):
                continue
            body = bytes(error.resp_body or b"")
            raise _refused(error.status_code, body, access, connection.label, call.step) from None
        except (websocket.WebSocketException, OSError) as error:
            raise _broken(error, call, connection.label) from None
    raise AssertionError("unreachable")


def _tls_options(configuration: Any) -> dict[str, Any]:
    if not configuration.verify_ssl:
        options: dict[str, Any] = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    else:
        options = {"cert_reqs": ssl.CERT_REQUIRED}
        if configuration.ssl_ca_cert:
            options["ca_certs"] = configuration.ssl_ca_cert
    if configuration.cert_file:
        options["certfile"], options["keyfile"] = configuration.cert_file, configuration.key_file
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    return options


def _proxy_options(configuration: Any) -> dict[str, Any]:
    if not configuration.proxy:
        return {"http_no_proxy": ["*"]}  # already decided: websocket-client must not look at the environment
    proxy = urlsplit(configuration.proxy)
    options: dict[str, Any] = {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port}
    options["http_no_proxy"] = ["nothing.invalid"]  # as above; an empty list would mean the environment's
    if proxy.scheme.startswith("socks"):
        options["proxy_type"] = proxy.scheme
    if proxy.username:
        options["http_proxy_auth"] = (unquote(proxy.username), unquote(proxy.password or ""))
    return options


def _refused(status: int, body: bytes, access: Access, server: Text | str, step: Text) -> StatusError:
    return kube_errors.status_error(status, body, access=access, server=server, step=step)


def _broken(error: Exception, call: Call, server: Text | str) -> LinkError:
    from websocket import WebSocketTimeoutException

    if call.aborted:
        return kube_errors.closed(call.step, server=server)
    if isinstance(error, (TimeoutError, WebSocketTimeoutException)):
        return kube_errors.timed_out(call.step, round(call.elapsed, 1), server=server)
    return kube_errors.unreachable(error, server=server, step=call.step)


class _Frames:
    """Collects what a command says until its Status comes."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._out = {STDOUT: bytearray(), STDERR: bytearray()}
        self._cut = False

    def read(self, socket: Any, call: Call, connection: KubeConnection, ends: float) -> ExecResult:
        from websocket import ABNF, WebSocketException

        while True:
            try:
                socket.settimeout(max(0.001, ends - time.monotonic()))
                opcode, data = socket.recv_data(control_frame=True)
            except (WebSocketException, OSError) as error:
                raise _broken(error, call, connection.label) from None
            if opcode == ABNF.OPCODE_CLOSE:
                text = _("{server} ended the connection before the exit status came, while {step}")
                text = text.format(server=connection.label, step=call.step)
                raise LinkError(Unknown(Reason.UNREACHABLE, text))
            if opcode not in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) or not data:
                continue
            channel, payload = data[0], data[1:]
            if channel == ERROR:
                return self._result(payload, call.step, connection.label)
            if channel in self._out:
                self._keep(self._out[channel], payload)

    def _keep(self, kept: bytearray, payload: bytes) -> None:
        room = self._cap - len(kept)
        kept += payload[:room]
        self._cut = self._cut or len(payload) > room

    def _result(self, status: bytes, step: Text, server: Text | str) -> ExecResult:
        try:
            code, error = outcome_of(status)
        except (msgspec.DecodeError, ValueError) as problem:
            raise kube_errors.unparsable(step, problem, server=server) from None
        return ExecResult(code, bytes(self._out[STDOUT]), bytes(self._out[STDERR]), error, cut=self._cut)


def outcome_of(status: bytes) -> tuple[int | None, str]:
    """:func:`exit_code` of the Status message that ends an exec. Raises msgspec.DecodeError, ValueError."""
    return exit_code(_OUTCOMES.decode(status))


def exit_code(outcome: _Outcome) -> tuple[int | None, str]:
    """The exit code of a finished command; None and why for one that could not be started."""
    if outcome.status == "Success":
        return 0, ""
    causes = outcome.details.causes if outcome.details else []
    for cause in causes:
        if outcome.reason == "NonZeroExitCode" and cause.reason == "ExitCode":
            return int(cause.message), ""
    return None, outcome.message
