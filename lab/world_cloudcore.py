"""CloudCore as a running process: its loaded configuration, its tunnel sessions, its log (facts 1.5, 1.6, 4.1, 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.world_configs import CloudConfig
from lab.world_logs import Recorded, klog

BYTES_PER_SECOND_UNSENT = 25
"""How fast the Send-Q of a dead tunnel grows, from pings alone (a real site: about 3.7 KB in 150 s)."""


@dataclass(slots=True)
class Tunnel:
    """One TCP connection from an edge to the tunnel port; each end may think it open or closed on its own.

    Attributes:
        stalled: something on the way swallows packets, whatever the packet filters say.
        dead_since: when data stopped passing although both ends are open, or None.
    """

    node: str
    address: str
    local_port: int
    opened: float
    edge_open: bool = True
    cloud_open: bool = True
    stalled: bool = False
    dead_since: float | None = None

    def send_queue(self, now: float) -> int:
        """Bytes that the edge has sent and nobody acknowledged."""
        return 0 if self.dead_since is None else int((now - self.dead_since) * BYTES_PER_SECOND_UNSENT)


class CloudCore:
    """One CloudCore process, from the start of its container to its end."""

    def __init__(self, pod: str, text: str, pid: int, clock: Callable[[], float]) -> None:
        """Start with the ConfigMap's text as it is now. Raises ConfigError."""
        self.config = CloudConfig.parse(text)
        self.text = text
        self.pod = pod
        self.pid = pid
        self.started = clock()
        self.log = Recorded()
        self.sessions: dict[str, Tunnel] = {}
        self._by_address: dict[str, Tunnel] = {}
        self._clock = clock
        self._messages = 0
        self._greet()

    def accept(self, tunnel: Tunnel) -> None:
        """A tunnel was opened; an older one of the same node is forgotten."""
        self.sessions[tunnel.node] = self._by_address[tunnel.address] = tunnel
        self.write(
            "I", "tunnelserver.go:139", f"get a new tunnel agent hostname {tunnel.node}, internalIP {tunnel.address}"
        )

    def session_by_address(self, address: str) -> Tunnel | None:
        """Sessions are also kept by the edge's InternalIP; the last writer wins (facts 1.6)."""
        return self._by_address.get(address)

    def lost(self, tunnel: Tunnel) -> None:
        """The connection under a session ended; the session itself stays (facts 1.6)."""
        tunnel.cloud_open = False
        cause = "websocket: close 1006 (abnormal closure): unexpected EOF"
        self.write("E", "session.go:68", f"get Tunnel session [{tunnel.node}] reader error {cause}")

    def forget(self, node: str) -> None:
        """As if this process had never seen a tunnel of the node."""
        tunnel = self.sessions.pop(node, None)
        if tunnel is not None:
            self._by_address.pop(tunnel.address, None)

    def connected(self, node: str) -> None:
        """An edge's hub connection came up."""
        self.write(
            "I", "message_handler.go:143", f"edge node {node} for project e632aba927ea4ac2b575ec1603d56f10 connected"
        )

    def disconnected(self, node: str) -> None:
        """An edge's hub connection went away."""
        self.write(
            "I", "message_handler.go:155", f"edge node {node} for project e632aba927ea4ac2b575ec1603d56f10 disConnected"
        )

    def served(self, connection: str, node: str) -> None:
        """The normal life of one request through the tunnel, with its benign `E` at the end (facts 0.9)."""
        self._messages += 1
        who = f"{connection} MessageID {self._messages}"
        where = f"Tunnel session [{node}]"
        self.write("I", "session.go:128", f"Add a new apiserver connection {who} in to {where}")
        self.write("I", "session.go:139", f"Delete a apiserver connection {who} from {where}")
        self.write("I", "streamserver.go:214", f"Delete {who} from {where}")
        verb = {"APIServer_LogsConnection": "container logs", "APIServer_MetricsConnection": "metrics"}.get(
            connection, "exec"
        )
        end = f"{who} find edge peer done, so stop this connection"
        self.write(
            "E", "streamserver.go:177", f"Failed to get {verb}, err: apiconnection Serve {who} in {where} error {end}"
        )

    def write(self, level: str, place: str, text: str) -> None:
        """One line of the log."""
        now = self._clock()
        self.log.add(now, klog(level, now, 1, place, text))

    def _greet(self) -> None:
        self.write("I", "server.go:98", "Version: v1.23.1")
        self.write("I", "monitor.go:98", "starting monitor server on addr: 127.0.0.1:9091")
        for module in ("cloudhub", "edgecontroller", "devicecontroller", "taskmanager", "synccontroller"):
            self.write("I", "module.go:90", f"Module {module} registered successfully")
        if self.config.stream_enabled:
            self.write("I", "module.go:90", "Module cloudStream registered successfully")
        else:
            self.write("W", "module.go:93", "Module cloudStream is disabled, do not register")
        self.write("W", "module.go:93", "Module router is disabled, do not register")
        self.write("I", "server.go:66", "Starting cloudhub websocket server")
        if self.config.stream_enabled:
            self.write("I", "tunnelserver.go:172", "Succeed in loading TunnelCA from CloudHub")
            self.write("I", "tunnelserver.go:188", "Succeed in loading TunnelCert and Key from CloudHub")
            self.write("I", "tunnelserver.go:208", "Prepare to start tunnel server ...")
            self.write("I", "streamserver.go:407", "Prepare to start stream server ...")
