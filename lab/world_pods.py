"""Pods from birth to death: the scheduler, and the kubelets that start and stop containers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.objects import NODES, PODS, Object, WatchEvent, timestamp
from lab.objects_pods import (
    container_status,
    host_ports,
    is_terminating,
    set_ready,
    started_status,
    unschedulable_status,
)
from lab.world_configs import ConfigError
from lab.world_exits import Exit, end_container, told_status
from lab.world_host import Host, Image, Role
from lab.world_logs import LogSource, Workload

if TYPE_CHECKING:
    from lab.world import World

Key = tuple[str, str]
_NO_VICTIMS = "No preemption victims found for incoming pod"
_NOT_HELPFUL = "Preemption is not helpful for scheduling"
_PULL_PERIOD = 12.0


@dataclass(frozen=True, slots=True)
class Program:
    """What a pod's containers run, where it matters to the site; a plain workload needs none of it.

    Attributes:
        log: what they write, instead of a workload's lines.
        stop: called once when the pod is gone.
        ready: whether the readiness probe passes; None means at once.
    """

    log: LogSource | None = None
    stop: Callable[[], None] | None = None
    ready: Callable[[], bool] | None = None


@dataclass(slots=True)
class Running:
    """The containers of one pod on its node."""

    node: str
    due: float
    logs: dict[str, LogSource] = field(default_factory=dict)
    previous: dict[str, LogSource] = field(default_factory=dict)
    exited: dict[str, Exit] = field(default_factory=dict)
    restarts: int = 0
    pull_attempts: int = 0
    stop: Callable[[], None] | None = None
    ready: Callable[[], bool] | None = None


class Pods:
    """Moves every pod towards what its spec asks for. Settled pods cost nothing per tick."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unsettled: dict[Key, None] = {}
        self._born: dict[Key, int] = {}
        self._leaving: dict[Key, float] = {}
        self._by_node: dict[str, dict[Key, None]] = {}
        self.running: dict[Key, Running] = {}
        world.store.subscribe(self._seen)

    def _seen(self, event: WatchEvent) -> None:
        if event.kind is not PODS:
            return
        meta = event.object["metadata"]
        key = (meta["namespace"], meta["name"])
        node = event.object["spec"].get("nodeName", "")
        if event.type == "DELETED":
            for index in (self._unsettled, self._born, self._leaving, self._by_node.get(node, {})):
                index.pop(key, None)
            self._stop(key)
            return
        if event.type == "ADDED":
            self._born[key] = event.revision
        if node:
            self._by_node.setdefault(node, {})[key] = None
        if event.type == "ADDED" or is_terminating(event.object):
            self._unsettled[key] = None

    def on_node(self, node: str) -> list[Object]:
        """The pods bound to a node, by name."""
        store = self._world.store
        found = (store.find(PODS, *key) for key in sorted(self._by_node.get(node, {})))
        return [pod for pod in found if pod is not None]

    def wake(self, node: str = "") -> None:
        """Look again at the pods of a node that are not running; its images or its runtime changed."""
        for pod in self.on_node(node):
            if pod["status"]["phase"] == "Pending":
                self._unsettled[pod["metadata"]["namespace"], pod["metadata"]["name"]] = None

    def step(self) -> None:
        """Do what is due."""
        for key in sorted(self._unsettled, key=lambda key: self._born.get(key, 0)):
            pod = self._world.store.find(PODS, *key)
            if pod is None:
                self._unsettled.pop(key, None)
            elif is_terminating(pod):
                self._terminate(key, pod)
            elif not pod["spec"].get("nodeName"):
                self._schedule(key, pod)
            else:
                self._run(key, pod)

    # -- the scheduler

    def _schedule(self, key: Key, pod: Object) -> None:
        world, now = self._world, self._world.clock()
        wanted = host_ports(pod)
        no_ports: list[str] = []
        others = 0
        for node in sorted(
            world.store.list(NODES), key=lambda item: len(self._by_node.get(item["metadata"]["name"], {}))
        ):
            name = node["metadata"]["name"]
            if not selects(pod["spec"], node):
                others += 1
            elif wanted & self._taken_ports(name):
                no_ports.append(name)
            else:
                self._bind(key, name)
                return
        total = len(no_ports) + others
        message = _unschedulable(total, len(no_ports), others)
        status = unschedulable_status(pod["spec"], message, now)
        old = pod["status"].get("conditions")
        if not old or old[0]["message"] != message:
            world.store.put(PODS, *key, "kube-scheduler", status=status)
            world.event(pod, "Warning", "FailedScheduling", message, "default-scheduler")

    def _taken_ports(self, node: str) -> set[int]:
        taken: set[int] = set()
        for pod in self.on_node(node):
            taken |= host_ports(pod)
        return taken

    def _bind(self, key: Key, node: str) -> None:
        world = self._world
        bound = world.store.change(PODS, *key, lambda draft: draft["spec"].update(nodeName=node), "kube-scheduler")
        self._unsettled[key] = None
        world.event(
            bound, "Normal", "Scheduled", f"Successfully assigned {key[0]}/{key[1]} to {node}", "default-scheduler"
        )

    # -- the kubelet

    def _run(self, key: Key, pod: Object) -> None:
        world, now = self._world, self._world.clock()
        host = world.hosts.get(pod["spec"]["nodeName"])
        if host is None or not world.kubelet_works(host):
            return
        running = self.running.get(key)
        if running is None:
            self.running[key] = Running(host.name, now + world.settings.pod_start)
            self._report(key, pod, host, {"waiting": {"reason": "ContainerCreating"}})
            return
        if running.exited:
            self._start_again(key, pod, host, running)
            return
        if running.logs:
            if running.ready is not None and running.ready():
                self._mark_ready(key, running, host)
            return
        if now < running.due:
            return
        missing = [item["image"] for item in pod["spec"]["containers"] if self.image(host, item["image"]) is None]
        if missing:
            self._fail_pull(key, pod, host, running, missing[0])
        else:
            self._start(key, pod, host, running)

    @staticmethod
    def image(host: Host, name: str) -> Image | None:
        """The image a container asks for, if the host's runtime has it."""
        for candidate in (name, f"docker.io/{name}", f"docker.io/library/{name}"):
            found = host.images.get(candidate) or host.images.get(candidate + ":latest")
            if found is not None:
                return found
        return None

    def _fail_pull(self, key: Key, pod: Object, host: Host, running: Running, image: str) -> None:
        world = self._world
        running.pull_attempts += 1
        running.due = world.clock() + _PULL_PERIOD / 4
        repository, _, tag = image.rpartition(":")
        registry, _, path = repository.partition("/")
        cause = (
            f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to do request: '
            f'Head "https://{registry}/v2/{path}/manifests/{tag}": dial tcp: lookup {registry} on 10.255.255.53:53: '
            f"read udp {host.address}:46771->10.255.255.53:53: i/o timeout"
        )
        if running.pull_attempts % 4 == 1:
            reason, message = "ErrImagePull", cause
            world.event(pod, "Warning", "Failed", f'Failed to pull image "{image}": {cause}', "kubelet", host.name)
        else:
            reason, message = "ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {cause}'
            world.event(pod, "Normal", "BackOff", f'Back-off pulling image "{image}"', "kubelet", host.name)
        self._report(key, pod, host, {"waiting": {"reason": reason, "message": message}})

    def _start(self, key: Key, pod: Object, host: Host, running: Running) -> None:
        world, now = self._world, self._world.clock()
        try:
            program = world.run_program(pod)
        except ConfigError as problem:
            running.restarts += 1
            running.due = now + world.settings.crash_backoff
            text = f"back-off {world.settings.crash_backoff:.0f}s restarting failed container: {problem}"
            last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": timestamp(now)}}
            self._report(key, pod, host, {"waiting": {"reason": "CrashLoopBackOff", "message": text}}, last)
            return
        for number, item in enumerate(pod["spec"]["containers"]):
            offset = sum(map(ord, pod["metadata"]["uid"])) + number
            running.logs[item["name"]] = program.log if program.log is not None else Workload(now, offset)
            shown = f'Container image "{item["image"]}" already present on machine and can be accessed by the pod'
            world.event(pod, "Normal", "Pulled", shown, "kubelet", host.name)
            world.event(pod, "Normal", "Started", "Container started", "kubelet", host.name)
        running.stop, running.ready = program.stop, program.ready
        running.due = now
        self._report(key, pod, host, {"running": {"startedAt": timestamp(now)}}, ready=program.ready is None)
        if program.ready is None:
            self._unsettled.pop(key, None)

    def _mark_ready(self, key: Key, running: Running, host: Host) -> None:
        pod = self._world.store.get(PODS, *key)
        states = [{**state, "ready": True} for state in pod["status"]["containerStatuses"]]
        status = started_status(pod, states, host.address, self._world.clock(), ready=True)
        self._write(key, status, host)
        self._unsettled.pop(key, None)

    def _report(
        self, key: Key, pod: Object, host: Host, state: Object, last: Object | None = None, *, ready: bool = False
    ) -> None:
        running = self.running[key]
        known = {status["name"]: status for status in pod["status"].get("containerStatuses", ())}
        states = []
        for item in pod["spec"]["containers"]:
            image = self.image(host, item["image"])
            is_up = "running" in state
            identity = self._world.store.hexadecimal() if is_up else ""
            states.append(
                container_status(
                    item["name"], image.name if image else item["image"], state, ready=ready,
                    image_id=image.digest if is_up and image else "", container_id=identity, restarts=running.restarts,
                    last_state=last or known.get(item["name"], {}).get("lastState"),
                )
            )  # fmt: skip
        phase = "Running" if "running" in state else "Pending"
        status = started_status(pod, states, host.address, self._world.clock(), ready=ready, phase=phase)
        self._write(key, status, host)

    def _write(self, key: Key, status: Object, host: Host) -> None:
        manager = "cloudcore" if host.role is Role.EDGE else "kubelet"
        self._world.store.put(PODS, *key, manager, status=status)

    def exit(self, key: Key, container: str, code: int) -> None:
        """A container's process ends; its kubelet starts it again. Raises KeyError when it does not run."""
        end_container(self._world, self.running[key], container, code)
        self._unsettled[key] = None

    def _start_again(self, key: Key, pod: Object, host: Host, running: Running) -> None:
        status = told_status(self._world, pod, running, host)
        if status is not None:
            self._write(key, status, host)
        if not running.exited and running.ready is None:
            self._unsettled.pop(key, None)

    def begin(self, key: Key) -> None:
        """Put a pod into the state it reaches when all goes well, at once: how the site begins."""
        pod = self._world.store.get(PODS, *key)
        host = self._world.hosts[pod["spec"]["nodeName"]]
        running = self.running[key] = Running(host.name, self._world.clock())
        self._start(key, pod, host, running)

    # -- the end

    def _terminate(self, key: Key, pod: Object) -> None:
        world = self._world
        host = world.hosts.get(pod["spec"].get("nodeName", ""))
        grace = pod["metadata"].get("deletionGracePeriodSeconds", 30)
        if host is not None and grace > 0:
            if not world.kubelet_works(host):
                return
            begun = self._leaving.setdefault(key, world.clock())
            if world.clock() < begun + world.settings.pod_stop:
                return
        world.store.delete(PODS, *key)

    def _stop(self, key: Key) -> None:
        running = self.running.pop(key, None)
        if running is not None and running.stop is not None:
            running.stop()

    def node_lost(self, node: str, lost: bool) -> None:
        """The node controller's mark on the pods of a node that stopped (or resumed) reporting."""
        now = self._world.clock()
        for pod in self.on_node(node):
            if pod["status"]["phase"] == "Running":
                key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
                status = set_ready(pod["status"], not lost, now)
                self._world.store.put(PODS, *key, "kube-controller-manager", status=status)


def selects(spec: Object, node: Object) -> bool:
    """Whether nodeSelector, required node affinity and taints let a pod onto a node."""
    labels: dict[str, Any] = node["metadata"].get("labels", {})
    if any(labels.get(key) != value for key, value in spec.get("nodeSelector", {}).items()):
        return False
    required = (
        spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    )
    terms = required.get("nodeSelectorTerms", ())
    if terms and not any(_term(term, labels, node["metadata"]["name"]) for term in terms):
        return False
    tolerated = spec.get("tolerations", ())
    taints = [taint for taint in node["spec"].get("taints", ()) if taint["effect"] != "PreferNoSchedule"]
    return all(any(_tolerates(toleration, taint) for toleration in tolerated) for taint in taints)


def _term(term: Object, labels: dict[str, Any], name: str) -> bool:
    return all(_expression(e, labels) for e in term.get("matchExpressions", ())) and all(
        name in e["values"] for e in term.get("matchFields", ())
    )


def _expression(expression: Object, labels: dict[str, Any]) -> bool:
    key, operator = expression["key"], expression["operator"]
    if operator == "DoesNotExist":
        return key not in labels
    if operator == "Exists":
        return key in labels
    inside = labels.get(key) in expression.get("values", ())
    return inside if operator == "In" else not inside


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("key") not in (None, taint["key"]):
        return False
    return toleration.get("effect") in (None, "", taint["effect"])


def _unschedulable(total: int, no_ports: int, others: int) -> str:
    reasons, victims = [], []
    if no_ports:
        reasons.append(f"{no_ports} node(s) didn't have free ports for the requested pod ports")
        victims.append(f"{no_ports} {_NO_VICTIMS}")
    if others:
        reasons.append(f"{others} node(s) didn't match Pod's node affinity/selector")
        victims.append(f"{others} {_NOT_HELPFUL}")
    return (
        f"0/{total} nodes are available: {', '.join(reasons)}. no new claims to deallocate, preemption: 0/{total} "
        f"nodes are available: {', '.join(victims)}."
    )
