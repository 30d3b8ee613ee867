"""The API server as a process: certificates, a port that stays the same, up or down."""

from __future__ import annotations

import ssl
from pathlib import Path

from aiohttp import web

from lab.api import create_app
from lab.pki import Authority
from lab.ports import LOOPBACK, LoopbackPort, PortState
from lab.world import World

_PATIENCE = 0.1
"""Seconds that open requests are given to end when the server goes down."""


class ApiServer:
    """Serves a world's API over HTTPS. Client certificates of its own authority log in as their subject.

    Args:
        folder: where its key may be written.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = Authority("kubernetes-ca")
        self._port = LoopbackPort()
        self._runner: web.AppRunner | None = None
        self._restarts = 0
        self._tls = _context(self.authority, folder)

    @property
    def number(self) -> int:
        """Its port."""
        return self._port.number

    @property
    def url(self) -> str:
        """What a kubeconfig calls ``server``."""
        return f"https://{LOOPBACK}:{self.number}"

    async def follow_world(self, world: World) -> None:
        """Listen, or be gone with every open connection cut."""
        is_up = self._port.state is PortState.OPEN
        if is_up and world.api_restarts != self._restarts:
            self._port.refuse()
            await self._end_requests()
            is_up = False
        self._restarts = world.api_restarts
        if world.api_up and not is_up:
            self._runner = web.AppRunner(create_app(world), shutdown_timeout=_PATIENCE, handle_signals=False)
            await self._runner.setup()
            server = self._runner.server
            assert server is not None  # noqa: S101  # setup() has made it
            await self._port.open(server, self._tls)
        elif is_up and not world.api_up:
            self._port.refuse()
            await self._end_requests()

    async def close(self) -> None:
        """End requests and give the port back."""
        self._port.close()
        await self._end_requests()

    async def _end_requests(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def _context(authority: Authority, folder: Path) -> ssl.SSLContext:
    folder.mkdir(parents=True, exist_ok=True)
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    chain = authority.issue("kube-apiserver", dns=names, ips=[LOOPBACK]).write_chain(folder / "apiserver.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority.pem.decode())
    context.load_cert_chain(chain)
    return context
