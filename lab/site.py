"""The running practice site: the world, the Kubernetes API in front of it, the machines behind SSH.

In a program that has a loop::

    async with LabSite(edges=2, faults=["edgestream-disabled"]) as lab:
        lab.kubeconfig, lab.config_file, lab.hosts["edge1"].tree

From anywhere else (see :mod:`lab.background`)::

    with run_in_thread(edges=2) as lab:
        lab.set_fault("edgecore-stopped", True, edge="edge1")
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import functools
import logging
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncssh
from aiohttp import web

from lab import config, faults
from lab.apiserver import ApiServer
from lab.control import PREFIX, ControlServer
from lab.faults_site import LIMITED_USER
from lab.hosts.machine import Equipment, Machine
from lab.hosts.pod_logs import PodLogFiles
from lab.hosts.standins import StandIns
from lab.hosts.tree import AUTHORITY, CERTIFICATES, HostTree, TreeFiles, link_programs
from lab.listeners import CloudListeners
from lab.pki import Authority
from lab.ports import LoopbackPort
from lab.world import World
from lab.world_access import EVERYTHING, User
from lab.world_host import Host, Role
from lab.world_path import Ended, NoAnswer
from lab.world_settings import METRICS_IMAGE, Ports, Settings, edge_name

TICK = 0.1
"""Seconds between two looks of the world at its clock."""

_log = logging.getLogger(__name__)


class LabError(Exception):
    """The site cannot be started or changed as asked; the text says why and what to do."""


class LabSite:
    """A practice site on this machine's loopback, from entering the context to leaving it.

    Args:
        edges: number of edge nodes.
        faults: faults that are there from the start: ``name``, or ``name:edge2`` (edge1 otherwise).
        latency: seconds added to a round trip of every link.
        loss: share of packets lost on every link, 0 to 1.
        folder: where to keep its files; must be empty or not exist. A fresh temporary folder otherwise.
        settings: pace and size in detail; ``edges`` counts when this is not given.

    Attributes (once entered):
        dir: the folder of the site; removed at the end.
        files: kubeconfig, config.yaml, ssh_config and so on.
        world: the world model; touch it on the site's loop only.
        hosts: the machines by name.
        life: the task that keeps time running; it ends early only with an error, which leaving the context raises.
    """

    def __init__(
        self,
        *,
        edges: int = 2,
        faults: Sequence[str] = (),
        latency: float = 0.0,
        loss: float = 0.0,
        folder: Path | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings or Settings(edges=edges)
        self._faults = tuple(faults)
        self._latency, self._loss = latency, loss
        self._wanted_folder = folder
        self._stack = contextlib.AsyncExitStack()
        self._wake = asyncio.Event()
        self._following = asyncio.Lock()
        self._active: dict[str, None] = {}
        self.hosts: dict[str, Machine] = {}

    # -- what a client needs

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig with the context ``lab``."""
        return self.files.kubeconfig

    @property
    def config_file(self) -> Path:
        """The inventory, with the site ``lab``."""
        return self.files.config

    # -- life

    async def __aenter__(self) -> Self:
        async with self._stack:
            await self._start()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        shell = shutil.which("bash")
        if shell is None:
            raise LabError("The practice site runs real bash on its machines, and bash was not found on PATH.")
        self.dir = _make_folder(self._wanted_folder)
        self._stack.callback(_remove, self.dir)
        self.files = config.SiteFiles.below(self.dir)
        self._kubeedge = Authority("KubeEdge")
        self._api = ApiServer(self.dir / "pki")
        self._stack.push_async_callback(self._api.close)
        self._listeners = CloudListeners(
            ("hub", "https", "stream", "tunnel"), self._kubeedge, self.dir / "pki", self._stream
        )
        self._stack.push_async_callback(self._listeners.close)
        self.world = self._make_world()
        await self._start_machines(shell)
        config.write_ssh_files(self.files, self.hosts.values())
        config.write_inventory(self.files, self.hosts.values())
        self._admit_user()
        for fault in self._faults:
            name, _colon, edge = fault.partition(":")
            self._apply_fault(name, on=True, edge=edge or None)
        self.world.on_change.append(lambda _topic: self._wake.set())
        await self.settle()
        control = ControlServer(self.dir, self._control)
        await control.start()
        self._stack.push_async_callback(control.close)
        self.life = asyncio.create_task(self._live(), name="practice site")
        self._stack.push_async_callback(_cancelled, self.life)

    def _make_world(self) -> World:
        self._spare = [LoopbackPort(), LoopbackPort()]
        for port in self._spare:
            self._stack.callback(port.close)
        number = self._listeners.number
        ports = Ports(
            api=self._api.number,
            hub=number("hub"),
            https=number("https"),
            stream=number("stream"),
            tunnel=number("tunnel"),
            quic=self._spare[0].number,
            metrics=self._spare[1].number,
        )
        world = World(ports, self._settings, files=TreeFiles(self.dir / "hosts"), clock=time.time)
        world.latency, world.loss = self._latency, self._loss
        return world

    def _admit_user(self) -> None:
        """One user, who may do everything until a fault takes rights away, and the kubeconfig that names it."""
        token = secrets.token_urlsafe(24)
        self.world.access.tokens = {token: User(LIMITED_USER)}
        self.world.access.allow(LIMITED_USER, EVERYTHING)
        config.write_kubeconfig(self.kubeconfig, self._api.url, self._api.authority.pem, {"token": token})

    async def _start_machines(self, shell: str) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519", comment="practice site")
        self.files.identity.touch(mode=0o600)
        self.files.identity.write_bytes(key.export_private_key("openssh"))
        programs = self.dir / "bin"
        link_programs(programs)
        stand_ins = StandIns(shell)
        await stand_ins.start()
        self._stack.push_async_callback(stand_ins.close)
        equipment = Equipment(programs, stand_ins, key, shell)
        for host in self.world.hosts.values():
            machine = Machine(
                host,
                self.dir / "hosts" / host.name,
                equipment,
                local_http=functools.partial(self._local_http, host),
                furnish=functools.partial(self._furnish, host),
                pods=functools.partial(self.world.pods_on, host.name),
            )
            self._stack.push_async_callback(machine.close)
            self.hosts[host.name] = machine
        self._pod_logs = PodLogFiles(self.world, self.hosts)

    def _furnish(self, host: Host, tree: HostTree) -> None:
        """The files that make a machine a cloud host or an edge."""
        if host.role is Role.CLOUD:
            tree.add_bundle(METRICS_IMAGE, self.world.ports.stream)
            return
        credential = self._kubeedge.issue(f"system:node:{host.name}", organizations=["system:nodes"])
        names = [AUTHORITY, f"{CERTIFICATES}/server.crt", f"{CERTIFICATES}/server.key"]
        for name, data in zip(names, (credential.authority, credential.certificate, credential.key), strict=True):
            tree.write(name, data, mode=0o600)
        tree.date_back(names, host.service("edgecore").active_enter - 60)

    # -- keeping up with the world

    async def _live(self) -> None:
        while True:
            self.world.tick()
            await self._follow()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._wake.wait()
            self._wake.clear()

    async def settle(self) -> None:
        """Let what was changed in the world take effect on the real ports before going on."""
        self.world.tick()
        await self._follow()

    async def _follow(self) -> None:
        async with self._following:
            await self._api.follow_world(self.world)
            await self._listeners.follow_world(self.world.want_listeners())
            for machine in self.hosts.values():
                await machine.follow_world(self.world.latency, self.world.loss)
            self._pod_logs.step()

    # -- changing it

    async def set_fault(self, name: str, on: bool, edge: str | None = None) -> None:
        """Switch a fault of the catalogue. Raises LabError for a name or an edge that does not exist."""
        self._apply_fault(name, on=on, edge=edge)
        await self.settle()

    def _apply_fault(self, name: str, *, on: bool, edge: str | None) -> None:
        try:
            fault = faults.find(name)
        except faults.UnknownFault:
            near = difflib.get_close_matches(name, list(faults.KNOWN), 1)
            hint = f"Did you mean {near[0]}?" if near else "`kedge-tui lab faults` lists them."
            raise LabError(f"There is no fault {name}. {hint}") from None
        edge = edge or edge_name(1)
        if edge not in self.world.edges:
            raise LabError(f"There is no edge {edge}; this site has {', '.join(list(self.world.edges)[:5])}.")
        label = f"{name}:{edge}" if fault.per_edge else name
        if on:
            faults.apply(self.world, name, edge)
            self._active[label] = None
        else:
            faults.clear(self.world, name, edge)
            self._active.pop(label, None)

    def active_faults(self) -> list[str]:
        """The faults that were switched on and not off again, as ``name`` or ``name:edge``.

        What was repaired by hand meanwhile is still listed; what is wrong now is ``lab.truth.causes(world)``.
        """
        return list(self._active)

    async def _control(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What ``kedge-tui lab fault`` asks for."""
        if request.get("do") != "fault":
            raise LookupError(f"A practice site cannot do {request.get('do')!r}.")
        try:
            await self.set_fault(str(request["name"]), bool(request["on"]), request.get("edge"))
        except LabError as problem:
            raise LookupError(str(problem)) from problem
        return {"faults": self.active_faults()}

    async def stop_api(self) -> None:
        """Take the API server down: its port is refused, open connections break."""
        self.world.api_up = False
        await self.settle()

    async def start_api(self) -> None:
        """Bring the API server back on the same port."""
        self.world.api_up = True
        await self.settle()

    # -- answers of the world to real requests

    def _local_http(self, host: Host, port: int, target: str) -> tuple[int, str] | None:
        if port not in self.world.listening_ports(host):
            return None
        answer = self.world.edged(host).get(target)
        return answer.status, answer.body

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        """CloudStream's HTTPS port, asked directly (facts 1.5)."""
        forwarded = request.headers.get("X-Forwarded-Uri", "").split("/")
        node = forwarded[4] if forwarded[1:4] == ["api", "v1", "nodes"] and len(forwarded) > 4 else ""
        try:
            answer = self.world.stream_get(request.raw_path, host=request.headers.get("Host", ""), node=node)
        except NoAnswer:
            await asyncio.Event().wait()  # until the client gives up, as with a dead tunnel (facts 0.8)
        except Ended:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        return web.Response(status=answer.status, text=answer.body, headers={"Content-Type": answer.content_type})


def _make_folder(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if any(wanted.iterdir()):
            raise LabError(f"{wanted} is not empty. The practice site removes its folder at the end; name a new one.")
    except OSError as error:
        raise LabError(f"{wanted} cannot be used: {error.strerror or error}.") from error
    wanted.chmod(0o700)
    return wanted.resolve()


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        _log.warning("The folder of the practice site, %s, could not be removed: %s", folder, error)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
