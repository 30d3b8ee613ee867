"""The world of a practice site: one cloud host, its edges, and the cluster they form. No I/O, no time of its own.

How to use it::

    world = World(Ports(...), Settings(edges=3), files=files, clock=time.time)
    world.on_change.append(callback)        # callback(topic): "listeners", "api", "hosts"
    world.tick()                            # every 100-500 ms; everything that takes time happens here

    edge = world.host("edge1")
    edge.restart_service("edgecore")        # reads its configuration again through `files`
    edge.service("edgecore").journal        # what journalctl shows
    edge.established(), edge.listening()    # what ss shows
    cloud = world.host("cloud1")
    cloud.firewall["nft"].append("nat", "OUTPUT", "-p tcp --dport 10351 -j DNAT --to-destination 127.0.0.1:10003")
    cloud.rules_changed()
    cloud.firewall["nft"].save(world.clock(), ("nat",))      # iptables-save -t nat
    world.want_listeners()                  # which ports must be open, refused or filtered now
    world.stream_get("/containerLogs/…")    # what the stream port answers to curl
    world.edged(edge).get("/healthz")       # what 127.0.0.1:10350 of that edge answers to curl
    world.path.request("edge1", "/containerLogs/…")          # what the API server gets

Cause and effect follow from state alone; a fault (lab.faults) only changes state in the way a person or an accident
would. What is wrong at any moment is `lab.truth.causes(world)`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime

from lab import world_bootstrap
from lab.metrics import MetricsServer
from lab.objects import CONFIGMAPS, EVENTS, NODES, PODS, Object, Store, timestamp
from lab.world_access import Access
from lab.world_cloudcore import CloudCore, Tunnel
from lab.world_configs import ConfigError
from lab.world_edgecore import UNIT, EdgeCore
from lab.world_edged import Answer, Edged
from lab.world_exec import run_in_container
from lab.world_host import EDGECORE_CONFIG, Host, HostFiles, MemoryFiles, Role
from lab.world_jobs import Jobs
from lab.world_logs import LogSource, Recorded
from lab.world_nat_manager import NatManager
from lab.world_network import Listener, Network, Reach, Tls
from lab.world_nodes import Nodes
from lab.world_path import DataPath, NoAnswer
from lab.world_pods import Pods, Program
from lab.world_services import Services
from lab.world_settings import CLOUD, CLOUD_ADDRESS, TUNNEL_PORT, ApiTrouble, Ports, Settings
from lab.world_sockets import connections_of, listeners_of
from lab.world_workloads import Workloads

_TUNNEL_RECORD = "tunnelportrecord.kubeedge.io"


class World:
    """Everything that is true of the site.

    Attributes:
        store: the cluster's objects (lab.objects).
        hosts: machines by name; `edges` the EdgeCore processes of those that are edges.
        cloudcore: the running CloudCore process, or None.
        metrics: the running metrics-server process, or None.
        path: the data path of logs, exec and metrics.
        access: users and rights.
        api_up: whether the API server listens (False: the runner closes its port).
        api_restarts: how often its process was killed and started again.
        latency, loss: of every link, in seconds and as a share of 1; the servers apply them.
        on_change: called with a topic after something changed that servers must follow.
    """

    def __init__(
        self, ports: Ports, settings: Settings | None = None, *, files: HostFiles | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.ports = ports
        self.settings = settings or Settings()
        self.files: HostFiles = files or MemoryFiles()
        self._source = clock
        self._lag = 0.0
        self.store = Store(self.clock, self.settings.history, self.settings.seed)
        self.access = Access()
        self.hosts: dict[str, Host] = {}
        self.edges: dict[str, EdgeCore] = {}
        self.cloudcore: CloudCore | None = None
        self.metrics: MetricsServer | None = None
        self.metrics_on_host_network = True
        self._api_up = True
        self._api_trouble = ApiTrouble.NONE
        self.api_restarts = 0
        self.latency = 0.0
        self.loss = 0.0
        self.on_change: list[Callable[[str], None]] = []
        self.quiet = True
        self.epoch = 0
        self._busy = False
        self._events: dict[tuple[str, str, str], str] = {}
        self._listeners: tuple[Listener, ...] = ()
        self.pods = Pods(self)
        self.workloads = Workloads(self)
        self.nodes = Nodes(self)
        self.services = Services(self)
        self.nat_manager = NatManager(self)
        self.jobs = Jobs(self)
        self.path = DataPath(self)
        self.network = Network(self.hosts, self.listening_ports)
        world_bootstrap.build(self)
        self.quiet = False

    # -- time

    def clock(self) -> float:
        """Seconds since the epoch."""
        return self._source() - self._lag

    def look_back(self, seconds: float) -> None:
        """While the site is built its clock lags, so that it has a past; 0 ends that."""
        self._lag = seconds

    def tick(self) -> None:
        """Let everything happen that is due. Call it often; it is cheap when nothing is."""
        if self._busy:
            return
        self._busy = True
        try:
            for edge in self.edges.values():
                edge.step()
            if self.metrics is not None:
                self.metrics.step(self)
            self.workloads.step()
            self.pods.step()
            self.workloads.step()
            self.nodes.step()
            self.services.step()
            self.jobs.step()
        finally:
            self._busy = False
        self._announce_listeners()

    def changed(self, topic: str) -> None:
        """Tell whoever listens."""
        for callback in tuple(self.on_change):
            callback(topic)

    @staticmethod
    def created_at(obj: Object) -> float:
        """When an object was made, in seconds since the epoch."""
        return datetime.fromisoformat(str(obj["metadata"]["creationTimestamp"])).timestamp()

    # -- machines

    def host(self, name: str) -> Host:
        """A machine by name. Raises KeyError."""
        return self.hosts[name]

    def add_host(self, host: Host) -> None:
        """Used while the site is built."""
        host.restarting = self._service_changed
        host.changed = self._host_changed
        host.listeners = lambda machine: listeners_of(self, machine)
        host.connections = lambda machine: connections_of(self, machine)
        self.hosts[host.name] = host
        if host.role is Role.EDGE:
            self.edges[host.name] = EdgeCore(host, self, self.settings.retry, self.settings.crash_backoff)

    def _service_changed(self, host: Host, unit: str, action: str) -> None:
        if unit == UNIT and host.name in self.edges:
            edge = self.edges[host.name]
            edge.started() if action == "start" else edge.stopped()

    def _host_changed(self, host: Host) -> None:
        self.epoch += 1
        self.pods.wake(host.name)
        self.tick()
        self.changed("hosts")

    def read_config(self, host: Host) -> str:
        """The text of an edge's edgecore.yaml now; raises FileNotFoundError."""
        return self.files.read_text(host.name, EDGECORE_CONFIG)

    def write_config(self, host: Host, text: str) -> None:
        """Replace an edge's edgecore.yaml; nothing reads it before EdgeCore starts again."""
        self.files.write_text(host.name, EDGECORE_CONFIG, text, self.clock())

    def edged(self, host: Host) -> Edged:
        """The kubelet's HTTP handlers of a machine."""
        return Edged(self, host)

    # -- network

    @property
    def api_up(self) -> bool:
        """Whether the API server listens."""
        return self._api_up

    @api_up.setter
    def api_up(self, up: bool) -> None:
        if up != self._api_up:
            self._api_up = up
            self.changed("api")

    @property
    def api_trouble(self) -> ApiTrouble:
        """What ails the API server while it is up."""
        return self._api_trouble

    @api_trouble.setter
    def api_trouble(self, trouble: ApiTrouble) -> None:
        self._api_trouble = trouble
        self.changed("api")

    def restart_api(self) -> None:
        """Kill it; whoever supervises it starts it again at once."""
        self.api_restarts += 1
        self.changed("api")

    def reach(self, source: Host, address: str, port: int) -> Reach:
        """What a TCP connect from a machine meets, DNAT aside."""
        return self.network.reach(source, address, port)

    def passing(self, tunnel: Tunnel) -> bool:
        """Whether packets of a tunnel get through, in both directions."""
        edge, cloud = self.hosts[tunnel.node], self.hosts[CLOUD]
        if tunnel.stalled or not edge.network_up or not cloud.network_up:
            return False
        return cloud.inbound(self._tunnel_port) == "ACCEPT"

    def resetting(self, tunnel: Tunnel) -> bool:
        """Whether a packet filter answers the edge's packets with a reset."""
        up = self.hosts[tunnel.node].network_up and not tunnel.stalled
        return up and self.hosts[CLOUD].inbound(self._tunnel_port) == "REJECT"

    @property
    def _tunnel_port(self) -> int:
        return self.cloudcore.config.tunnel_port if self.cloudcore is not None else self.ports.tunnel

    def listening_ports(self, host: Host) -> frozenset[int]:
        """TCP ports that processes of a machine have open."""
        return frozenset(socket.local[1] for socket in host.listening())

    def want_listeners(self) -> tuple[Listener, ...]:
        """How each real port of the cloud host should behave now. Announced as topic `listeners` when it changes."""
        cloud, config = self.hosts[CLOUD], self.cloudcore.config if self.cloudcore is not None else None
        serving: dict[int, str] = {}
        if config is not None:
            serving = {config.hub_port: "hub", config.https_port: "https"}
            if config.stream_enabled:
                serving |= {config.stream_port: "stream", config.tunnel_port: "tunnel"}
        numbers = {
            self.ports.hub: "hub",
            self.ports.https: "https",
            self.ports.stream: "stream",
            self.ports.tunnel: "tunnel",
        }
        listeners = []
        for port in dict.fromkeys([*numbers, *serving]):
            name = serving.get(port) or numbers[port]
            verdict = cloud.inbound(port)
            if verdict == "DROP" or not cloud.network_up:
                state = Reach.FILTERED
            elif port in serving and verdict == "ACCEPT":
                state = Reach.OPEN
            else:
                state = Reach.REFUSED
            tls = Tls.CLIENT_CERTIFICATE if name in ("tunnel", "hub") else Tls.SERVER
            listeners.append(Listener(name, CLOUD, port, state, tls))
        return tuple(listeners)

    def _announce_listeners(self) -> None:
        wanted = self.want_listeners()
        if wanted != self._listeners:
            self._listeners = wanted
            self.changed("listeners")

    def stream_get(self, target: str, *, host: str = "", node: str = "") -> Answer:
        """What the stream port answers to a direct request such as curl's. Raises NoAnswer, Ended."""
        if self.cloudcore is None or not self.cloudcore.config.stream_enabled:
            raise NoAnswer
        return self.path.stream_request(self.cloudcore, target, host=host.partition(":")[0], node=node)

    # -- programs in pods

    def run_program(self, pod: Object) -> Program:
        """Start what a pod's containers run. Raises ConfigError when it exits at once."""
        labels = pod["metadata"].get("labels", {})
        name = pod["metadata"]["name"]
        if labels.get("kubeedge") == "cloudcore":
            configmap = self.store.find(CONFIGMAPS, "kubeedge", "cloudcore")
            if configmap is None or "cloudcore.yaml" not in configmap.get("data", {}):
                raise ConfigError("open /etc/kubeedge/config/cloudcore.yaml: no such file or directory")
            pid = self.hosts[CLOUD].new_pid()
            self.epoch += 1
            cloudcore = self.cloudcore = CloudCore(name, configmap["data"]["cloudcore.yaml"], pid, self.clock)
            return Program(cloudcore.log, lambda: self._cloudcore_ended(cloudcore))
        if labels.get("k8s-app") == "metrics-server":
            self.metrics_on_host_network = bool(pod["spec"].get("hostNetwork"))
            args = [arg for item in pod["spec"]["containers"] for arg in item.get("args", ())]
            metrics = self.metrics = MetricsServer(name, args, self.settings.scrape_interval, self.clock)
            return Program(metrics.log, lambda: self._metrics_ended(metrics), lambda: metrics.ready)
        command = pod["spec"]["containers"][0].get("command") or []
        if command:
            return Program(self._output(command, str(pod["spec"].get("hostname") or name)))
        return Program()

    def _output(self, command: list[str], hostname: str) -> Recorded:
        """What a command writes at its start; none of them ends."""
        now, log = self.clock(), Recorded()
        for line in run_in_container(command, hostname, now).stdout.splitlines():
            log.add(now, line)
        return log

    def _cloudcore_ended(self, cloudcore: CloudCore) -> None:
        for tunnel in cloudcore.sessions.values():
            tunnel.cloud_open = False
        self.epoch += 1
        if self.cloudcore is cloudcore:
            self.cloudcore = None

    def _metrics_ended(self, metrics: MetricsServer) -> None:
        if self.metrics is metrics:
            self.metrics = None

    def tunnel_accepted(self, tunnel: Tunnel) -> None:
        """CloudStream writes its port to the node whose tunnel it accepts (facts 1.2)."""
        port = self.tunnel_ports().get(CLOUD_ADDRESS, TUNNEL_PORT)
        node = self.store.find(NODES, "", tunnel.node)
        if node is not None and self.path.port_of(node) != port:
            endpoint = {"kubeletEndpoint": {"Port": port}}
            self.store.change(
                NODES, "", tunnel.node, lambda draft: draft["status"].update(daemonEndpoints=endpoint), "cloudcore"
            )

    def tunnel_ports(self) -> dict[str, int]:
        """CloudCore address to kubelet port, from ConfigMap `tunnelport`."""
        configmap = self.store.find(CONFIGMAPS, "kubeedge", "tunnelport")
        record = (configmap or {"metadata": {}})["metadata"].get("annotations", {}).get(_TUNNEL_RECORD, "{}")
        entries: dict[str, int] = json.loads(record).get("ipTunnelPort", {})
        return entries

    def kubelet_works(self, host: Host) -> bool:
        """Whether a machine's kubelet hears the API server and can start and stop containers."""
        if not host.is_active("containerd"):
            return False
        edge = self.edges.get(host.name)
        return host.network_up if edge is None else edge.running and edge.hub_connected

    # -- pods

    def pods_on(self, node: str) -> list[Object]:
        """The pods bound to a node."""
        return self.pods.on_node(node)

    def log_of(self, pod: Object, container: str) -> LogSource | None:
        """What a container has written since it started, or None if it does not run."""
        running = self.pods.running.get((pod["metadata"]["namespace"], pod["metadata"]["name"]))
        return running.logs.get(container) if running is not None else None

    def previous_log(self, pod: Object, container: str) -> LogSource | None:
        """The same of its predecessor."""
        running = self.pods.running.get((pod["metadata"]["namespace"], pod["metadata"]["name"]))
        return running.previous.get(container) if running is not None else None

    def exit_container(self, namespace: str, pod: str, container: str, code: int = 1) -> None:
        """A container's process ends; its kubelet starts it again. Raises KeyError when it does not run."""
        self.pods.exit((namespace, pod), container, code)

    def create_pod(self, pod: Object, manager: str, *, dry_run: bool = False) -> Object:
        """Add a pod; the scheduler and a kubelet take it from there."""
        return self.store.create(PODS, pod, manager, dry_run=dry_run)

    def delete_pod(self, namespace: str, name: str, grace: int | None = None) -> Object:
        """Begin (or with grace 0 end) a pod's deletion; returns its last version. Raises 404."""
        pod = self.store.get(PODS, namespace, name)
        if not pod["spec"].get("nodeName") or grace == 0:
            return self.store.delete(PODS, namespace, name)
        seconds = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
        stamp = timestamp(self.clock() + seconds)

        def mark(draft: Object) -> None:
            draft["metadata"].setdefault("deletionTimestamp", stamp)
            draft["metadata"]["deletionGracePeriodSeconds"] = seconds

        return self.store.change(PODS, namespace, name, mark, "kube-apiserver")

    def event(
        self, about: Object, type_: str, reason: str, message: str, component: str, host: str = "", kind: str = "Pod"
    ) -> None:
        """Write an Event, or count one that was written before."""
        if self.quiet:
            return
        meta = about["metadata"]
        namespace = meta.get("namespace", "default")
        key = (meta["uid"], reason, message)
        stamp = timestamp(self.clock())
        known = self._events.get(key)
        if known is not None and self.store.find(EVENTS, namespace, known) is not None:
            self.store.change(
                EVENTS, namespace, known,
                lambda draft: draft.update(lastTimestamp=stamp, count=draft["count"] + 1), component,
            )  # fmt: skip
            return
        involved = {"kind": kind, "namespace": meta.get("namespace"), "name": meta["name"], "uid": meta["uid"]}
        involved |= {"apiVersion": "v1", "resourceVersion": meta["resourceVersion"]}
        name = f"{meta['name']}.{self.store.hexadecimal(16)}"
        self._events[key] = name
        source = {"component": component, **({"host": host} if host else {})}
        body = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {field: value for field, value in involved.items() if value is not None},
            "reason": reason, "message": message, "source": source, "firstTimestamp": stamp, "lastTimestamp": stamp,
            "count": 1, "type": type_, "eventTime": None, "reportingComponent": component, "reportingInstance": host,
        }  # fmt: skip
        self.store.create(EVENTS, body, component)
