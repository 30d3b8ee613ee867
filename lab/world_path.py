"""The data path of logs, exec and metrics: API server → NAT → CloudStream → tunnel → edged → runtime (facts 1).

Nothing here is decided by a fault's name: each hop looks at the state of the world. What a request meets is an
`Answer`, or one of the exceptions below; the API turns them into the texts of facts 4.4.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lab.objects import NODES, PODS, Object
from lab.world_cloudcore import CloudCore, Tunnel
from lab.world_edgecore import EdgeCore
from lab.world_edged import Answer, ExecRefused, not_found_page
from lab.world_exec import ExecResult
from lab.world_host import Host, Role
from lab.world_network import Reach
from lab.world_settings import CLOUD, CLOUD_ADDRESS

if TYPE_CHECKING:
    from lab.world import World

KEPT_ALIVE = 90.0
"""How long an idle connection of Go's HTTP transport is kept; a NAT rule only meets new connections (facts 11)."""

KUBELET_PORT = 10250
"""Where a kubelet listens if its node says nothing else (facts 1.1)."""

_STREAM_ROUTES = ("/containerLogs/", "/exec/", "/attach/", "/stats", "/metrics")
_SYSTEM_TEXT = {
    Reach.REFUSED: "connect: connection refused",
    Reach.FILTERED: "i/o timeout",
    Reach.NO_ROUTE: "connect: no route to host",
}


class PathError(Exception):
    """A request that got no HTTP answer."""


class DialFailed(PathError):
    """No connection; the text is Go's, without the request in front (`dial tcp …: connect: connection refused`)."""


class NoAnswer(PathError):
    """The request hangs: nothing comes, nothing ends, until the caller gives up."""


class Ended(PathError):
    """The connection was closed where an answer was expected (`unexpected EOF`)."""


class Client(enum.StrEnum):
    """Who opens connections to kubelets."""

    API_SERVER = "kube-apiserver"
    METRICS_SERVER = "metrics-server"


@dataclass(slots=True)
class _Kept:
    cloudcore: CloudCore
    until: float


class DataPath:
    """Requests to kubelets, as the API server and metrics-server make them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[tuple[Client, str], _Kept] = {}

    def forget_connections(self) -> None:
        """Close every kept-alive connection, as a restart of the API server and metrics-server does."""
        self._kept.clear()

    # -- the caller's side

    def request(
        self,
        node: str,
        target: str,
        *,
        client: Client = Client.API_SERVER,
        fresh: bool = False,
        by_name: bool = True,
        port: int | None = None,
    ) -> Answer:
        """GET `target` (path and query) from a node's kubelet.

        Args:
            fresh: open a new connection whatever is kept alive (exec does).
            by_name: look metrics up by node name, as the API server's proxy does, and not by address (facts 0.10).
            port: dial this one and not what the node's status says.

        Raises:
            DialFailed, NoAnswer, Ended.
        """
        backend = self._connect(node, client, fresh, port)
        if isinstance(backend, Host):
            return self._world.edged(backend).get(target)
        address = self.address_of(self._world.store.get(NODES, "", node))
        return self.stream_request(backend, target, host="" if by_name else address, node=node if by_name else "")

    def exec(self, node: str, path: str, argv: list[str]) -> ExecResult:
        """Run a command in a container; `path` is `/exec/NS/POD/CONTAINER`. Always over a new connection.

        Raises:
            DialFailed, NoAnswer, Ended, ExecRefused.
        """
        backend = self._connect(node, Client.API_SERVER, fresh=True)
        _, _, namespace, pod, container = path.split("/")
        if isinstance(backend, Host):
            return self._world.edged(backend).exec(namespace, pod, container, argv)
        tunnel = self._pod_session(backend, path)
        if tunnel is None:
            raise ExecRefused("unable to upgrade connection: ")
        if not tunnel.cloud_open:
            self._closed_session(backend, tunnel, "exec")
            raise Ended("unexpected EOF")
        edge = self._edge_behind(tunnel)
        result = self._world.edged(edge.host).exec(namespace, pod, container, argv)
        backend.served("APIServer_ExecConnection", tunnel.node)
        return result

    def endpoint(self, node: str, port: int | None = None) -> str:
        """`https://<InternalIP>:<kubelet port>` of a node, as the API server dials it."""
        found = self._world.store.get(NODES, "", node)
        return f"https://{self.address_of(found)}:{port or self.port_of(found)}"

    @staticmethod
    def address_of(node: Object) -> str:
        """The preferred address: InternalIP."""
        addresses = node["status"]["addresses"]
        return next(str(entry["address"]) for entry in addresses if entry["type"] == "InternalIP")

    @staticmethod
    def port_of(node: Object) -> int:
        """status.daemonEndpoints.kubeletEndpoint.Port, 10250 if it is not set (facts 1.1)."""
        return int(node["status"].get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port") or KUBELET_PORT)

    def _connect(self, node: str, client: Client, fresh: bool, asked: int | None = None) -> CloudCore | Host:
        world = self._world
        found = world.store.get(NODES, "", node)
        address, port = self.address_of(found), asked or self.port_of(found)
        own = world.hosts.get(node)
        if own is not None and own.role is Role.CLOUD:
            return own
        key = (client, f"{address}:{port}")
        kept = self._kept.get(key)
        if kept is not None and not fresh and kept.cloudcore is world.cloudcore and world.clock() < kept.until:
            kept.until = world.clock() + KEPT_ALIVE
            return kept.cloudcore
        backend = self._dial(address, port, client)
        if not fresh:
            self._kept[key] = _Kept(backend, world.clock() + KEPT_ALIVE)
        return backend

    def _dial(self, address: str, port: int, client: Client) -> CloudCore:
        """A new connection from the API server's host; raises DialFailed."""
        world = self._world
        cloud = world.hosts[CLOUD]
        chain = "OUTPUT" if client is Client.API_SERVER or world.metrics_on_host_network else "PREROUTING"
        translated = cloud.translate(chain, address, port)
        shown = f"dial tcp {address}:{port}: "
        if translated is None:
            # The edge's kubelet port is open on its loopback only: whoever gets there is refused (facts 4.4).
            reached = world.network.reach(cloud, address, port)
            raise DialFailed(shown + _SYSTEM_TEXT.get(reached, _SYSTEM_TEXT[Reach.REFUSED]))
        target_address, _, target_port = translated.rpartition(":")
        reached = world.network.reach(cloud, target_address, int(target_port))
        if reached is not Reach.OPEN:
            raise DialFailed(shown + _SYSTEM_TEXT.get(reached, _SYSTEM_TEXT[Reach.NO_ROUTE]))
        cloudcore = world.cloudcore
        if cloudcore is None or target_address != CLOUD_ADDRESS:
            raise DialFailed(shown + _SYSTEM_TEXT[Reach.REFUSED])
        if int(target_port) == cloudcore.config.tunnel_port:
            raise DialFailed("remote error: tls: certificate required")
        if int(target_port) != cloudcore.config.stream_port:
            raise DialFailed("tls: first record does not look like a TLS handshake")
        return cloudcore

    # -- CloudStream

    def stream_request(self, cloudcore: CloudCore, target: str, *, host: str = "", node: str = "") -> Answer:
        """What port 10003 answers to GET `target`; `host` is the Host header, `node` the name in X-Forwarded-Uri.

        Raises NoAnswer, and Ended for exec into a closed session.
        """
        path = urlsplit(target).path
        if not path.startswith(_STREAM_ROUTES):
            return not_found_page()
        if path.startswith(("/stats", "/metrics")):
            tunnel = self._session(cloudcore, node or host, "Failed to get metrics, err: ", "streamserver.go:177")
            connection = "APIServer_MetricsConnection"
        else:
            tunnel = self._pod_session(cloudcore, path)
            connection = "APIServer_LogsConnection"
        if tunnel is None:
            return Answer(500, "")
        if not tunnel.cloud_open:
            self._closed_session(cloudcore, tunnel, "container logs")
            if path.startswith(("/exec/", "/attach/")):
                raise Ended("unexpected EOF")
            return Answer(200, "")
        answer = self._through(tunnel, target)
        cloudcore.served(connection, tunnel.node)
        return answer

    @staticmethod
    def _closed_session(cloudcore: CloudCore, tunnel: Tunnel, what: str) -> None:
        where = f"Tunnel session [{tunnel.node}]"
        cause = f"add apiServer connection into {where} error the tunnel connection of {where} has closed"
        cloudcore.write("E", "streamserver.go:154", f"Failed to get {what}, err: {cause}")

    def _session(self, cloudcore: CloudCore, key: str, what: str, place: str) -> Tunnel | None:
        for tunnel in (cloudcore.sessions.get(key), cloudcore.session_by_address(key)):
            if tunnel is not None:
                return tunnel
        cloudcore.write("E", place, f"{what}can not find {key} session ")
        return None

    def _pod_session(self, cloudcore: CloudCore, path: str) -> Tunnel | None:
        _, _, namespace, pod, *_ = [*path.split("/"), "", ""]
        found = self._world.store.find(PODS, namespace, pod)
        what = {"exec": "exec", "atta": "attach"}.get(path[1:5], "container logs")
        if found is None:
            cause = f'can not get session key: get pod {namespace}/{pod} failed: pods "{pod}" not found'
            cloudcore.write("E", "streamserver.go:120", f"Failed to get {what}, err: {cause}")
            return None
        key = found["spec"].get("nodeName", "")
        prefix = "" if what == "container logs" else f"{what}: "
        return self._session(cloudcore, key, f"Failed to get {what}, err: {prefix}", "streamserver.go:132")

    # -- the tunnel and the edge

    def _through(self, tunnel: Tunnel, target: str) -> Answer:
        """Relay to edged; its HTTP status does not travel (facts 1.7). Raises NoAnswer."""
        edge = self._edge_behind(tunnel)
        edge.log("I", "edgedlogconnection.go:141", "receive stop signal, so stop logs scan ...")
        answer = self._world.edged(edge.host).get(target)
        return replace(answer, status=200)

    def _edge_behind(self, tunnel: Tunnel) -> EdgeCore:
        """The EdgeCore that answers through a tunnel; raises NoAnswer when bytes or edged do not come through."""
        edge = self._world.edges[tunnel.node]
        if not self._world.passing(tunnel) or not tunnel.edge_open:
            raise NoAnswer
        if edge.config is None or not edge.config.edged_enabled:
            raise NoAnswer  # edged does not answer, and the edge never tells the cloud (facts 0.8)
        return edge

    def passing_check(self, node: str) -> Callable[[], bool | None]:
        """For a stream that stays open: True while bytes travel, None while it hangs, False once it has ended."""
        world = self._world
        host = world.hosts.get(node)
        if host is not None and host.role is Role.CLOUD:
            return lambda: True
        cloudcore = world.cloudcore
        tunnel = cloudcore.sessions.get(node) if cloudcore is not None else None

        def check() -> bool | None:
            if cloudcore is not world.cloudcore or tunnel is None or not tunnel.cloud_open:
                return False
            return True if world.passing(tunnel) and tunnel.edge_open else None

        return check
