"""CloudCore's TCP ports, for real: TLS with the right certificates, open, refused or filtered as the world has it."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from aiohttp import web

from lab.pki import Authority
from lab.ports import LOOPBACK, LoopbackPort
from lab.tls_gate import TlsGate
from lab.world_network import Listener, Reach

StreamHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_NOT_A_WEBSOCKET = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    b"Bad Request\nwebsocket: the client is not using the websocket protocol: 'upgrade' token not found in "
    b"'Connection' header\n"
)
"""CloudCore's answer to a client that passed TLS but does not speak EdgeCore's protocol."""


_log = logging.getLogger(__name__)


class CloudListeners:
    """The ports of CloudCore on 127.0.0.1, by the names that :class:`~lab.world_network.Listener` gives them.

    Args:
        names: ports to reserve; their numbers are known from then on, see :meth:`number`.
        kubeedge: the authority of CloudHub and of the tunnel.
        folder: where key material may be written.
        stream: answers a request to the stream port.
    """

    def __init__(
        self,
        names: Iterable[str],
        kubeedge: Authority,
        folder: Path,
        stream: StreamHandler,
    ) -> None:
        self._reserved = {name: LoopbackPort() for name in names}
        self._ports = {port.number: port for port in self._reserved.values()}
        self._gates: set[TlsGate] = set()
        self._shown: dict[int, tuple[str, Reach]] = {}
        self._kubeedge = kubeedge
        self._contexts = _contexts(kubeedge, folder)
        self._servers: dict[str, web.Server] = {
            "stream": web.Server(stream),
            "https": web.Server(self._hub_https),
        }

    def number(self, name: str) -> int:
        """The port reserved under a name."""
        return self._reserved[name].number

    async def follow_world(self, listeners: Iterable[Listener]) -> None:
        """Bring the real ports into the state that the world describes; every other port of ours is refused."""
        wanted = {listener.port: (listener.name, listener.state) for listener in listeners}
        for number, port in self._ports.items():
            if number not in wanted and self._shown.pop(number, None) is not None:
                port.refuse()
        for number, shown in wanted.items():
            if self._shown.get(number) != shown:
                await self._show(number, *shown)
                self._shown[number] = shown

    async def _show(self, number: int, name: str, state: Reach) -> None:
        port = self._ports.get(number)
        if port is None:  # the administrator moved the port in the ConfigMap
            try:
                port = self._ports[number] = LoopbackPort(number)
            except OSError as error:
                _log.warning("CloudCore cannot listen on 127.0.0.1:%d, another program has it: %s", number, error)
                return
        if state is Reach.OPEN:
            context = self._contexts[name]
            server = self._servers.get(name)
            if server is not None:
                await port.open(server, context)
            else:
                await port.open(lambda: TlsGate(context, _NOT_A_WEBSOCKET, self._gates))
        elif state is Reach.REFUSED:
            port.refuse()
        else:
            port.filter()

    async def close(self) -> None:
        """Close connections and give the ports back."""
        for port in self._ports.values():
            port.close()
        for gate in tuple(self._gates):
            gate.cut()
        for server in self._servers.values():
            await server.shutdown(timeout=0.1)

    async def _hub_https(self, request: web.BaseRequest) -> web.StreamResponse:
        """CloudHub's HTTPS port: the authority's certificate is public, everything else is not ours to give."""
        if request.path == "/ca.crt":
            return web.Response(body=self._kubeedge.der, content_type="application/octet-stream")
        return web.Response(status=404, text="404: Page Not Found")


def _contexts(kubeedge: Authority, folder: Path) -> dict[str, ssl.SSLContext]:
    """Who shows which certificate, and who demands one (facts 1.5, 1.6, 7)."""
    folder.mkdir(parents=True, exist_ok=True)
    stream = Authority("cloudcore-ca", days=365).issue(
        "cloudcore", dns=["cloudcore.kubeedge", "cloudcore.kubeedge.svc"]
    )
    hub = kubeedge.issue("KubeEdge", organizations=["KubeEdge"], ips=[LOOPBACK], days=100 * 364)
    stream_file = stream.write_chain(folder / "stream.pem")
    hub_file = hub.write_chain(folder / "hub.pem")
    contexts = {"stream": _server(stream_file), "https": _server(hub_file)}
    for name in ("tunnel", "hub"):
        context = _server(hub_file)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=kubeedge.pem.decode())
        contexts[name] = context
    return contexts


def _server(chain: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain)
    return context
