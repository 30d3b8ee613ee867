"""EdgeCore as a process on one edge: its loaded configuration, its hub connection, its tunnel (facts 1.7, 4.3)."""

from __future__ import annotations

from typing import Protocol

from lab.world_cloudcore import CloudCore, Tunnel
from lab.world_configs import ConfigError, EdgeConfig, split_server
from lab.world_host import EDGECORE_CONFIG, Host
from lab.world_logs import klog
from lab.world_network import Reach

UNIT = "edgecore"


class Surroundings(Protocol):
    """What an EdgeCore can reach and read."""

    cloudcore: CloudCore | None
    epoch: int
    """Grows whenever something changed that an edge could notice at once."""

    def clock(self) -> float:
        """Seconds since the epoch."""

    def read_config(self, host: Host) -> str:
        """The text of edgecore.yaml now; raises FileNotFoundError."""

    def reach(self, source: Host, address: str, port: int) -> Reach:
        """What a TCP connect from `source` meets."""

    def passing(self, tunnel: Tunnel) -> bool:
        """Whether bytes travel through a tunnel."""

    def resetting(self, tunnel: Tunnel) -> bool:
        """Whether the edge's packets are answered by a reset."""

    def tunnel_accepted(self, tunnel: Tunnel) -> None:
        """CloudStream has taken a tunnel: the node's port follows."""


class EdgeCore:
    """The process, while it runs and between its runs.

    Attributes:
        config: what the running process loaded, or None when it does not run.
        tunnel: its connection to the tunnel port, dead or alive.
        hub_connected: whether it is connected to CloudHub.
        broken: why the last start failed, or None.
        lease_due: when its lease is to be renewed next.
    """

    def __init__(self, host: Host, world: Surroundings, retry: float, crash_backoff: float) -> None:
        self.host = host
        self.config: EdgeConfig | None = None
        self.tunnel: Tunnel | None = None
        self.hub_connected = False
        self.broken: str | None = None
        self.lease_due = 0.0
        self._world = world
        self._retry = retry
        self._crash_backoff = crash_backoff
        self._epoch = -1
        self._next_dial = 0.0
        self._next_hub = 0.0
        self._next_start = float("inf")
        self._local_port = 40000 + sum(map(ord, host.name)) % 5000

    @property
    def running(self) -> bool:
        """Whether the process runs and has its configuration."""
        return self.config is not None

    def adopt(self, config: EdgeConfig) -> None:
        """Be running with a known configuration: how the site begins."""
        self.config = config

    # -- systemd

    def started(self) -> None:
        """The process starts and reads its configuration, once."""
        try:
            config = EdgeConfig.parse(self._world.read_config(self.host))
        except FileNotFoundError:
            self._crash(f"failed to read configfile {EDGECORE_CONFIG}: no such file or directory")
            return
        except ConfigError as problem:
            self._crash(str(problem))
            return
        self.broken, self._next_start, self.config = None, float("inf"), config
        self._next_dial = self._next_hub = self._world.clock()
        for module in ("twin", "edged", "websocket", "metamanager", "taskmanager"):
            self.log("I", "module.go:90", f"Module {module} registered successfully")
        if config.stream_enabled:
            self.log("I", "module.go:90", "Module edgestream registered successfully")
        else:
            self.log("W", "module.go:93", "Module edgestream is disabled, do not register")
        if config.edged_enabled:
            self.log("I", "server.go:209", '"Starting to listen read-only" address="127.0.0.1" port=10350')

    def stopped(self) -> None:
        """The process has ended; its sockets are closed, which the cloud only notices if packets pass."""
        self.config = None
        self.broken = None
        self._next_start = float("inf")
        self._drop_hub()
        if self.tunnel is not None:
            self._close(self.tunnel)

    def _crash(self, why: str) -> None:
        self.log("F", "server.go:90", why)
        self.host.fail_service(UNIT, 1)
        self.stopped()
        self.broken = why
        self._next_start = self._world.clock() + self._crash_backoff

    # -- time

    def step(self) -> None:
        """Do what is due: restart after a crash, keep the hub connection and the tunnel."""
        now = self._world.clock()
        if self._epoch == self._world.epoch and now < min(self._next_start, self._next_hub, self._next_dial):
            return
        self._epoch = self._world.epoch
        self._act(now)
        if self.hub_connected or self.config is None:
            self._next_hub = float("inf")
        if self.config is None or not self.config.stream_enabled or self.tunnel is not None:
            self._next_dial = float("inf")

    def _act(self, now: float) -> None:
        if now >= self._next_start:
            self._next_start = float("inf")
            self.host.retry_service(UNIT)
        if self.tunnel is not None:
            self._watch(self.tunnel, now)
        if self.config is None:
            return
        self._keep_hub(self.config, now)
        if self.config.stream_enabled and self.tunnel is None and now >= self._next_dial:
            self._next_dial = now + self._retry
            self._dial(self.config.stream_server, now)

    def _keep_hub(self, config: EdgeConfig, now: float) -> None:
        if self.hub_connected:
            if self._reach(config.hub_server) is not Reach.OPEN:
                self._drop_hub()
                self._next_hub = now + self._retry
                self.log("E", "edgehub.go:119", "connection is broken, will reconnect after 30s")
        elif now >= self._next_hub:
            self._next_hub = now + self._retry
            reached = self._reach(config.hub_server)
            if reached is Reach.OPEN and self._is_hub(config.hub_server):
                self.hub_connected = True
                self.lease_due = 0.0
                self.log("I", "websocket.go:93", "Websocket connect to cloud access successful")
                if self._world.cloudcore is not None:
                    self._world.cloudcore.connected(self.host.name)
            else:
                problem = _dial_text(config.hub_server, reached)
                self.log("E", "ws.go:84", f"dial websocket error({problem}), response message: ")

    def _drop_hub(self) -> None:
        if self.hub_connected:
            self.hub_connected = False
            if self._world.cloudcore is not None:
                self._world.cloudcore.disconnected(self.host.name)

    def _is_hub(self, server: str) -> bool:
        cloudcore = self._world.cloudcore
        return cloudcore is not None and split_server(server)[1] == cloudcore.config.hub_port

    def _watch(self, tunnel: Tunnel, now: float) -> None:
        if tunnel.edge_open and tunnel.cloud_open:
            if self._world.passing(tunnel):
                tunnel.dead_since = None
            elif self._world.resetting(tunnel):
                self._close(tunnel)
            elif tunnel.dead_since is None:
                tunnel.dead_since = now
        elif self._world.passing(tunnel):
            self._close(tunnel)
        if not tunnel.edge_open:
            self.tunnel = None
            self._next_dial = now + self._retry

    def _close(self, tunnel: Tunnel) -> None:
        """The edge's end closes; the cloud's end too, if it can still be told."""
        if tunnel.edge_open and self.running:
            cause = "websocket: close 1006 (abnormal closure): unexpected EOF"
            self.log("E", "tunnel.go:180", f"Read Message error {cause}")
            self.log("I", "tunnel.go:172", "Close tunnel session successfully")
            self.log("E", "edgestream.go:114", f"TLSClientConnect error {cause}")
        tunnel.edge_open = False
        cloudcore = self._world.cloudcore
        if tunnel.cloud_open and self._world.passing(tunnel) and cloudcore is not None:
            cloudcore.lost(tunnel)
        self.tunnel = None

    def _dial(self, server: str, now: float) -> None:
        self.log("I", "edgestream.go:121", "Start a new tunnel stream connection ...")
        self.log("I", "edgestream.go:131", f"get node local IP address successfully: {self.host.address}")
        reached = self._reach(server)
        cloudcore = self._world.cloudcore
        if reached is Reach.OPEN and cloudcore is not None and split_server(server)[1] == cloudcore.config.tunnel_port:
            self._local_port += 7
            self.tunnel = Tunnel(self.host.name, self.host.address, self._local_port, now)
            cloudcore.accept(self.tunnel)
            self._world.tunnel_accepted(self.tunnel)
            return
        problem = "websocket: bad handshake" if reached is Reach.OPEN else _dial_text(server, reached)
        self.log("E", "edgestream.go:147", f"dial wss://{server}/v1/kubeedge/connect error {problem}")
        self.log("E", "edgestream.go:114", f"TLSClientConnect error {problem}")

    def _reach(self, server: str) -> Reach:
        try:
            address, port = split_server(server)
        except ValueError:
            return Reach.UNRESOLVED
        return self._world.reach(self.host, address, port)

    def log(self, level: str, place: str, text: str) -> None:
        """One line in the unit's journal."""
        pid = self.host.service(UNIT).main_pid
        priority = {"I": 6, "W": 4, "E": 3, "F": 2}[level]
        self.host.log(UNIT, klog(level, self._world.clock(), pid, place, text), priority)


def _dial_text(server: str, reached: Reach) -> str:
    host = server.rpartition(":")[0]
    return {
        Reach.OPEN: "websocket: bad handshake",
        Reach.REFUSED: f"dial tcp {server}: connect: connection refused",
        Reach.FILTERED: f"dial tcp {server}: i/o timeout",
        Reach.NO_ROUTE: f"dial tcp {server}: connect: no route to host",
        Reach.UNRESOLVED: f"dial tcp: lookup {host}: no such host",
    }[reached]
