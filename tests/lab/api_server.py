"""A practice site's API on a free loopback port, with the certificates and the kubeconfig that clients need."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
import yaml
from aiohttp import web

from lab.api import create_app
from lab.pki import Authority
from lab.world import Ports, Settings, World
from lab.world_access import EVERYTHING, User

TOKEN = "oncall-token"
LIMITED = "limited-token"
_GOODBYE = 0.05
"""Seconds that the server waits for a client's TLS close_notify, which urllib3 never sends."""


class Api:
    """The running server; calls into the world go through `do`, so that only the server's thread touches it."""

    def __init__(
        self, folder: Path, world: World, loop: asyncio.AbstractEventLoop, port: int, ca: Path, authority: Authority
    ) -> None:
        self.folder = folder
        self.authority = authority
        self.world = world
        self.url = f"https://127.0.0.1:{port}"
        self.ca = ca
        self._loop = loop
        self.pool = urllib3.PoolManager(ca_certs=str(ca), retries=False, maxsize=8, block=False)

    def do(self, action: Callable[[World], Any]) -> Any:
        """Run `action(world)` on the server's thread, let the world react, and return what it returned."""

        async def run() -> Any:
            result = action(self.world)
            self.world.tick()
            return result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        content_type: str = "application/json",
        timeout: float = 10.0,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """One request; the answer is read."""
        sent = {"Content-Type": content_type, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        return self.pool.request(method, self.url + path, body=data, headers=sent, timeout=timeout)

    def get(self, path: str, **options: Any) -> Any:
        """GET and decode."""
        answer = self.call("GET", path, **options)
        return json.loads(answer.data)

    def kubectl(self, *args: str, timeout: float = 30.0, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
        """The real kubectl against this server, caches kept inside the test's folder."""
        config = self.folder / f"kubeconfig-{token}"
        if not config.exists():
            config.write_text(yaml.safe_dump(self._kubeconfig(token)))
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(config)}
        return subprocess.run(
            ["kubectl", *args], capture_output=True, text=True, timeout=timeout, env=environment, check=False
        )

    def _kubeconfig(self, token: str) -> dict[str, Any]:
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        return {
            "apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "oncall", "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "oncall"}}],
        }  # fmt: skip

    def pod(self, node: str, name: str = "") -> str:
        """The name of a pod on a node, of the workload called `name` if given."""
        pods = self.do(lambda world: world.pods_on(node))
        return next(str(p["metadata"]["name"]) for p in pods if p["metadata"]["name"].startswith(name))


@contextmanager
def serve(folder: Path, settings: Settings | None = None) -> Iterator[Api]:
    """Run an API until the block ends. Users: `oncall` may do everything, `limited` nothing."""
    authority = Authority("kubernetes-ca")
    chain = authority.issue("kube-apiserver", dns=["localhost"], ips=["127.0.0.1"]).write_chain(folder / "api.pem")
    ca = folder / "ca.crt"
    ca.write_bytes(authority.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ca))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(chain)
    ready: list[Api] = []
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        world = World(Ports(), settings)
        world.access.tokens = {TOKEN: User("oncall"), LIMITED: User("limited")}
        world.access.allow("oncall", EVERYTHING)
        runner = web.AppRunner(create_app(world), shutdown_timeout=0.1)
        await runner.setup()
        assert runner.server is not None
        server = await loop.create_server(runner.server, "127.0.0.1", 0, ssl=context, ssl_shutdown_timeout=_GOODBYE)
        port = server.sockets[0].getsockname()[1]
        ready.append(Api(folder, world, loop, port, ca, authority))
        started.set()
        while not stop.is_set():
            world.tick()
            try:
                await asyncio.wait_for(stop.wait(), 0.05)
            except TimeoutError:
                continue
        server.close()
        await runner.cleanup()
        await asyncio.sleep(2 * _GOODBYE)  # TLS transports tell nobody when they have closed

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    if not started.wait(10):
        raise RuntimeError("the API did not start")
    try:
        yield ready[0]
    finally:
        ready[0].pool.clear()
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
