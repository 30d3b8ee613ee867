"""Sources that answer straight from a world: no sockets, no SSH, no shells, and a clock that only tests move.

What a host's tool or the API server would say is computed by the very functions behind the practice site's commands
and handlers, so that a look at a site costs milliseconds and every pair of faults can be judged.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from kedge.asks import (
    Ask,
    CaFingerprint,
    Certificate,
    Clock,
    DiskFree,
    File,
    FileStat,
    HostAsk,
    HttpGet,
    Images,
    Journal,
    Login,
    Nat,
    Proc,
    Root,
    Service,
    Sockets,
    Tcp,
    TlsPeer,
)
from kedge.config import HostSettings, SiteSettings
from kedge.engine import Engine, SiteName
from kedge.i18n import Text
from kedge.links import kube_errors
from kedge.links.base import Access, ExecResult, Response, WatchEvent
from kedge.links.kube_access import access_of, check_access, describe
from kedge.model import Cost, LinkError, Observation, Reason, Unknown
from kedge.model import Role as KedgeRole
from kedge.plugins import Registry
from kedge.sources.base import NoSource, Source, no_ssh
from kedge.sources.kube import KubeSource
from lab import errors
from lab.api import create_app
from lab.api.app import _dispatch
from lab.hosts.standins import TOOLS
from lab.hosts.tools.calls import Call, UsageError
from lab.world import World
from lab.world_access import EVERYTHING, Request, User
from lab.world_edged import ExecRefused
from lab.world_host import Host, MemoryFiles, Role
from lab.world_network import Reach
from lab.world_path import PathError
from lab.world_settings import Ports, Settings

TOKEN = "token"
SERVER = "https://127.0.0.1:6443"


class DatedFiles(MemoryFiles):
    """Files of hosts with the times that FileStat tells."""

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[tuple[str, str], float] = {}

    def write_text(self, host: str, path: str, text: str, at: float) -> None:
        """Replace the file, modified at ``at``."""
        super().write_text(host, path, text, at)
        self.written[host, path] = at


# --------------------------------------------------------------------------------------------- Kubernetes


class _Transport:
    """A connection whose client goes away the first time somebody waits for it: the request hangs."""

    def __init__(self) -> None:
        self.gone = False

    def is_closing(self) -> bool:
        self.gone = True
        return True

    def get_extra_info(self, key: str, default: Any = None) -> Any:
        return default


@dataclass(frozen=True)
class _Asked:
    """As much of a request as handlers look at which answer in one piece."""

    app: web.Application
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    transport: _Transport
    method: str = "GET"
    content_type: str = ""

    @property
    def query_string(self) -> str:
        return urlencode(self.query)

    async def read(self) -> bytes:
        return b""


class _Writer:
    """Keeps what a handler writes."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.output_size = self.buffer_size = 0
        self.length: int | None = None

    async def write_headers(self, status_line: str, headers: Mapping[str, str]) -> None:
        pass

    def send_headers(self) -> None:
        pass

    async def write(self, chunk: bytes) -> None:
        self.body += chunk

    async def write_eof(self, chunk: bytes = b"") -> None:
        self.body += chunk

    async def drain(self) -> None:
        pass

    def enable_chunking(self) -> None:
        pass

    def enable_compression(self, *args: Any) -> None:
        pass


class WorldLink:
    """The Kubernetes link of a world (:class:`kedge.links.base.KubeLink`)."""

    server = SERVER

    def __init__(self, world: World, user: str = TOKEN) -> None:
        self._world = world
        self._app = create_app(world)
        self._token = user
        self.calls = 0

    async def get(
        self, path: str, access: Access, *, deadline: float, query: Mapping[str, str] | None = None, cap: int = 0
    ) -> Response:
        check_access(access, access_of("GET", path, query))
        status, body = await self._ask(path, access, deadline, query)
        if not 200 <= status < 300:
            step = describe(access, path)
            raise kube_errors.status_error(status, body, access=access, server=self.server, step=step)
        date = datetime.fromtimestamp(self._world.clock(), UTC)
        return Response(status, body[:cap] if cap else body, date, 0.0, cut=bool(cap) and len(body) > cap)

    async def _ask(
        self, path: str, access: Access, deadline: float, query: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        self.calls += 1
        step = describe(access, path)
        if not self._world.api_up:
            raise kube_errors.unreachable(ConnectionRefusedError(), server=self.server, step=step)
        transport, writer = _Transport(), _Writer()
        headers = {"Authorization": f"Bearer {self._token}"}
        request: Any = _Asked(self._app, path, query or {}, headers, transport)
        if path.endswith("/log"):  # streamed, so aiohttp itself has a part in it
            target = f"{path}?{urlencode(query or {})}"
            request = make_mocked_request(
                "GET",
                target,
                headers,
                app=self._app,
                transport=transport,
                writer=writer,  # type: ignore[arg-type]
            )
            request._read_bytes = b""
        try:
            answer = await _dispatch(request)
        except errors.ApiError as problem:
            return problem.code, json.dumps(problem.status()).encode()
        if transport.gone:
            raise kube_errors.timed_out(step, deadline, server=self.server)
        body = answer.body if isinstance(answer, web.Response) else bytes(writer.body)
        return answer.status, body if isinstance(body, bytes) else b""

    def watch(
        self,
        path: str,
        access: Access,
        decode: Callable[[bytes], Any],
        on_event: Callable[[WatchEvent], None],
        *,
        query: Mapping[str, str] | None = None,
    ) -> Callable[[], None]:
        task = asyncio.ensure_future(self._list(path, access, decode, on_event))
        return lambda: task.cancel() and None

    async def _list(
        self, path: str, access: Access, decode: Callable[[bytes], Any], on_event: Callable[[WatchEvent], None]
    ) -> None:
        """Lists once: a look at a standing world needs no more."""
        try:
            got = await self.get(path, access, deadline=1.0)
        except LinkError as error:
            on_event(WatchEvent("LOST", error=error.unknown))
            return
        items = json.loads(got.body)["items"]
        on_event(WatchEvent("RELISTED", tuple(decode(json.dumps(item).encode()) for item in items)))

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, deadline: float
    ) -> ExecResult:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        access = Access("create", "", "pods", "exec", namespace)
        got = await self.get(path, Access("get", "", "pods", namespace=namespace), deadline=deadline)
        if not await self.can_i(access, deadline=deadline):
            body = json.dumps(errors.forbidden("oncall", "create", "pods/exec", "", namespace, pod).status()).encode()
            raise kube_errors.status_error(403, body, access=access, server=self.server, step=Text("executing"))
        try:
            inner = f"/exec/{namespace}/{pod}/{container}"
            result = self._world.path.exec(json.loads(got.body)["spec"]["nodeName"], inner, list(command))
        except ExecRefused as problem:
            return ExecResult(None, b"", b"", str(problem))
        except PathError as problem:
            if not str(problem):
                raise kube_errors.timed_out(Text("executing"), deadline, server=self.server) from None
            return ExecResult(None, b"", b"", f'error sending request: Post "https://{pod}": {problem}')
        if result.failure:
            return ExecResult(None, b"", b"", result.failure)
        return ExecResult(result.code, result.stdout.encode(), result.stderr.encode())

    async def can_i(self, access: Access, *, deadline: float) -> bool:
        if not self._world.api_up:
            raise kube_errors.unreachable(ConnectionRefusedError(), server=self.server, step=Text("asking for rights"))
        self.calls += 1
        resource = "/".join(filter(None, (access.resource, access.subresource)))
        asked = Request(access.verb, access.group, resource, access.namespace)
        return access.resource.startswith("/") or self._world.access.allowed(
            self._world.access.tokens[self._token], asked
        )

    def stream_log(self, path: str, access: Access, *, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


# -------------------------------------------------------------------------------------------------- hosts

_CERTIFICATE = """\
subject=O = system:nodes, CN = system:node:{name}
issuer=O = KubeEdge, CN = KubeEdge
notBefore={before} GMT
notAfter={after} GMT
sha256 Fingerprint=AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB
"""
_AUTHORITY = """\
subject=O = KubeEdge, CN = KubeEdge
issuer=O = KubeEdge, CN = KubeEdge
notBefore={before} GMT
notAfter={after} GMT
sha256 Fingerprint=12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12:12
"""
_BASH = {
    Reach.REFUSED: "Connection refused",
    Reach.NO_ROUTE: "No route to host",
    Reach.UNRESOLVED: "Name or service not known",
}
_ROOM = {
    "load": "0.10 0.12 0.09 1/312 4711\n8000.00 15000.00\n",
    "memory": "MemTotal: 4046412 kB\nMemFree: 2046412 kB\nMemAvailable: 3046412 kB\n",
    "pids": "32768\n",
}
_DAY = 86400


class WorldHost:
    """One machine of a world as a source (:class:`kedge.sources.base.Source`), asked as root."""

    def __init__(self, world: World, host: Host) -> None:
        self.name = host.name
        self._world = world
        self._host = host

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        problem = self._unreachable()
        if problem is not None:
            return [Observation(ask, self.name, "", error=problem) for ask in asks]
        return [self._answer(ask) for ask in asks if isinstance(ask, HostAsk)]

    def _unreachable(self) -> Unknown | None:
        if not self._host.network_up:
            return Unknown(Reason.TIMED_OUT, Text(f"{self.name} did not answer within 15 s"))
        if not self._host.reachable:
            return Unknown(Reason.UNREACHABLE, Text(f"{self.name} refuses connections on port 22"))
        return None

    def _answer(self, ask: HostAsk) -> Observation:
        code, out, err = self._say(ask)
        at = datetime.fromtimestamp(self._world.clock(), UTC)
        return Observation(ask, self.name, ask.render(), at, 0.0, code, out, err)

    def _say(self, ask: HostAsk) -> tuple[int, str, str]:
        found = 127, "", f"sh: 1: {ask.render().split()[0]}: not found\n"
        match ask:
            case Service() | Journal() | Nat() | Images():
                found = self._tool(shlex.split(ask.render()))
            case Sockets(kind):
                found = self._tool(["ss", "-ltnp"] if kind == "listening" else ["ss", "-tnpo", "state", "established"])
            case File(path):
                found = self._file(path)
            case FileStat(path):
                found = self._stat(path)
            case Tcp(address, port):
                found = self._tcp(address, port)
            case HttpGet(url):
                found = self._http(url)
            case Certificate() | TlsPeer() | CaFingerprint():
                found = self._openssl(ask)
            case Login() | Root() | Clock() | DiskFree() | Proc():
                found = 0, self._constant(ask), ""
        return found

    def _constant(self, ask: HostAsk) -> str:
        """What is the same whatever ails a site, time aside."""
        match ask:
            case Login():
                return "root\n"
            case Clock():
                return f"{int(self._world.clock())}\n"
            case Proc(of):
                return _ROOM[of]
            case DiskFree(_path, of):
                unit = "Inodes IUsed IFree IUse%" if of == "inodes" else "1024-blocks Used Available Capacity"
                return f"Filesystem {unit} Mounted on\n/dev/sda1 100000 20000 80000 20% /\n"
        return ""

    def _tool(self, words: list[str]) -> tuple[int, str, str]:
        tool = TOOLS.get(words[0])
        if tool is None or (words[0] in ("crictl", "k3s") and "k3s" not in self._host.services):
            return 127, "", f"sh: 1: {words[0]}: not found\n"
        try:
            reply = tool(Call(words[0], tuple(words[1:]), "root", Path("/"), self._host, Path("/")))
        except UsageError as problem:
            return problem.code, "", problem.text
        return reply.code, reply.out, reply.err

    def _file(self, path: str) -> tuple[int, str, str]:
        try:
            return 0, self._world.files.read_text(self.name, path), ""
        except FileNotFoundError:
            return 1, "", f"cat: {path}: No such file or directory\n"

    def _stat(self, path: str) -> tuple[int, str, str]:
        files = self._world.files
        at = files.written.get((self.name, path)) if isinstance(files, DatedFiles) else None
        if at is None and path.endswith(".crt"):
            at = self._world.hosts[self.name].booted
        if at is None:
            return 1, "", f"stat: cannot statx '{path}': No such file or directory\n"
        return 0, f"{path} {int(at)} 4096 root 644\n", ""

    def _tcp(self, address: str, port: int) -> tuple[int, str, str]:
        reached = self._world.reach(self._host, address, port)
        if reached is Reach.OPEN:
            return 0, "", ""
        if reached is Reach.FILTERED:
            return 124, "", ""
        return 1, "", f"bash: connect: {_BASH[reached]}\nbash: line 1: /dev/tcp/{address}/{port}: {_BASH[reached]}\n"

    def _http(self, url: str) -> tuple[int, str, str]:
        parts = urlsplit(url)
        port = parts.port or 80
        if port not in self._world.listening_ports(self._host):
            return 7, "\n000", f"curl: (7) Failed to connect to {parts.hostname} port {port} after 0 ms\n"
        answer = self._world.edged(self._host).get(parts.path or "/")
        return 0, f"{answer.body}\n{answer.status}", ""

    def _openssl(self, ask: Certificate | TlsPeer | CaFingerprint) -> tuple[int, str, str]:
        now = self._world.clock()
        dates = {
            "before": f"{datetime.fromtimestamp(now - 30 * _DAY, UTC):%b %d %H:%M:%S %Y}",
            "after": f"{datetime.fromtimestamp(now + 300 * _DAY, UTC):%b %d %H:%M:%S %Y}",
        }
        if isinstance(ask, Certificate):
            text = _AUTHORITY if ask.path.endswith("rootCA.crt") else _CERTIFICATE
            return (0, text.format(name=self.name, **dates), "") if self._host.role is Role.EDGE else (1, "", "")
        if isinstance(ask, CaFingerprint):
            url = urlsplit(ask.url)
            reached = self._world.reach(self._host, url.hostname or "", url.port or 0)
            return (0, _AUTHORITY.format(**dates), "") if reached is Reach.OPEN else (1, "", "curl: (7) refused\n")
        address, _colon, port = ask.address.rpartition(":")
        reached = self._world.reach(self._host, address, int(port))
        if reached is not Reach.OPEN:
            return 1, "" if not ask.cert else "connect:errno=111\n", ""
        if not ask.cert:
            return 0, _AUTHORITY.format(**dates), ""
        return 0, "---\nHTTP/1.1 404 Not Found\n", ""


# --------------------------------------------------------------------------------------------------- a site

STEP = 0.5
ROLES = {Role.CLOUD: (KedgeRole.APISERVER, KedgeRole.CLOUDCORE), Role.EDGE: (KedgeRole.EDGE,)}


class WorldSite:
    """A world under a clock that only tests move, and an engine that looks at it.

    Args:
        edges: how many.
        seed: of the world's names and uids; worlds of one process need different ones, for the reading of pods is
            remembered by uid and resourceVersion.
        ssh: False where no machine can be looked at from inside.
    """

    def __init__(self, registry: Registry, *, edges: int = 2, seed: int = 1, ssh: bool = True) -> None:
        self._ssh = ssh
        self.now = 1795340000.0
        settings = Settings(edges=edges, seed=seed)
        self.world = World(Ports(), settings, files=DatedFiles(), clock=lambda: self.now)
        self.world.access.tokens = {TOKEN: User("oncall")}
        self.world.access.allow("oncall", EVERYTHING)
        self._registry = registry
        self.run(2)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _step in range(round(seconds / STEP)):
            self.now += STEP
            self.world.tick()

    async def look(self, costs: Sequence[Cost] = tuple(Cost), *, settings: SiteSettings | None = None) -> Engine:
        """Look at everything once; the hosts are in the config file, as on the practice site."""
        kubernetes = KubeSource(WorldLink(self.world))
        engine = Engine(
            SiteName("world"), self._registry, settings or self.settings(), kubernetes, self._host, deadline=5.0
        )
        await engine.look(costs)
        await kubernetes.close()
        return engine

    def settings(self) -> SiteSettings:
        """The config file of the site."""
        if not self._ssh:
            return SiteSettings()
        entries = [
            HostSettings(match=host.name, address="127.0.0.1", port=22, roles=ROLES[host.role])
            for host in self.world.hosts.values()
        ]
        return SiteSettings(hosts=tuple(entries))

    def _host(self, name: str) -> Source:
        return WorldHost(self.world, self.world.hosts[name]) if self._ssh else NoSource(name, no_ssh(name))
