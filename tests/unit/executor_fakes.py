"""Hosts and a cluster in memory, as far as the executor's steps see them; every command and change is kept."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kedge.audit import Audit
from kedge.execute.base import Settings
from kedge.execute.running import STILL_RUNS
from kedge.executor import Executor, Where
from kedge.i18n import Text
from kedge.links.base import Access, Answer, ExecResult, Response
from kedge.locks import ACQUIRE, HELD, RELEASE
from kedge.model import Approval, LinkError, Plan, Reason, Risk, Step, Unknown

START = datetime(2026, 11, 22, 2, 51, tzinfo=UTC)


class FakeClock:
    """Time passes only by sleeping; callbacks fire when their time has come."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._later: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += max(seconds, 0.01)
        due = [call for at, call in self._later if at <= self.passed]
        self._later = [(at, call) for at, call in self._later if at > self.passed]
        for call in due:
            call()
        await asyncio.sleep(0)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self._later.append((self.passed + seconds, call))


def lost(words: str = "the connection was lost") -> LinkError:
    return LinkError(Unknown(Reason.UNREACHABLE, Text(words)))


def missing(what: str) -> LinkError:
    return LinkError(Unknown(Reason.MISSING, Text(f"no {what}")))


@dataclass
class FakeUnit:
    active: str = "active"
    enabled: str = "enabled"
    load: str = "loaded"
    pid: int = 100
    since: int = 0
    starts_as: str = "active"

    def start(self) -> None:
        self.pid, self.since, self.active = self.pid + 1, self.since + 1, self.starts_as


@dataclass
class FakeHost:
    """One machine. ``fault`` is called before every command with its words, and may raise or change things."""

    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    units: dict[str, FakeUnit] = field(default_factory=dict)
    chains: dict[str, list[list[str]]] = field(default_factory=lambda: {"OUTPUT": []})
    locks: dict[str, str] = field(default_factory=dict)
    login: str = "oncall"
    sudo: bool = True
    commands: list[tuple[str, ...]] = field(default_factory=list)
    fault: Callable[[tuple[str, ...]], None] = lambda words: None
    after: Callable[[tuple[str, ...]], None] = lambda words: None
    now: int = 1_000_000
    still_runs: int = 0
    """How often a command that was begun is seen to run still."""

    async def run(self, argv: Sequence[str], *, deadline: float, stdin: bytes = b"", root: bool = True) -> Answer:
        words = tuple(argv)
        self.fault(words)
        if root and not self.sudo:
            return Answer("run", None, b"", b"", 0.0, sudo_denied=True)
        self.commands.append(words)
        code, out, err = self._run(words, stdin, root)
        self.after(words)
        return Answer("run", code, out.encode(), err.encode(), 0.01)

    async def read(self, path: str, *, deadline: float) -> bytes:
        self.fault(("read", path))
        try:
            return self.files[path]
        except KeyError:
            raise missing(path) from None

    async def write(self, path: str, data: bytes, *, deadline: float) -> None:
        self.fault(("write", path))
        self.commands.append(("write", path))
        self.files[path] = data
        self.after(("write", path))

    @property
    def changes(self) -> list[tuple[str, ...]]:
        """The commands that change something."""
        return [words for words in self.commands if words[0] in ("write", "cp") or _changes(words)]

    def _run(self, words: tuple[str, ...], stdin: bytes, root: bool) -> tuple[int, str, str]:
        match words:
            case ("id", "-un"):
                return 0, "root\n" if root else f"{self.login}\n", ""
            case ("cp", "-p", "--", source, target):
                self.files[target] = self.files[source]
                return 0, "", ""
            case ("sh", "-c", script, "sh", path, *rest) if script == ACQUIRE:
                return self._acquire(path, int(rest[0]), stdin.decode())
            case ("sh", "-c", script, "sh", path, token) if script == RELEASE:
                if f"token={token}" in self.locks.get(path, ""):
                    del self.locks[path]
                return 0, "", ""
            case ("sh", "-c", script) if script == STILL_RUNS:
                self.still_runs, running = max(0, self.still_runs - 1), self.still_runs
                return (0 if running else 1), "", ""
            case ("systemctl", verb, unit, *_more):
                return self._systemctl(verb, unit)
            case (tool, "-w", "5", "-t", "nat", verb, chain, *spec) if tool.startswith("iptables"):
                return self._iptables(verb, chain, list(spec))
        raise AssertionError(f"unexpected command {words}")

    def _acquire(self, path: str, ttl: int, owner: str) -> tuple[int, str, str]:
        if path in self.locks and int(self.locks[path].split("until=")[1]) > self.now:
            return HELD, self.locks[path], ""
        self.locks[path] = f"{owner}until={self.now + ttl}\n"
        return 0, "", ""

    def _systemctl(self, verb: str, name: str) -> tuple[int, str, str]:
        unit = self.units.get(name) or FakeUnit("inactive", "", "not-found", 0)
        if verb == "show":
            rows = {
                "LoadState": unit.load,
                "ActiveState": unit.active,
                "SubState": "running" if unit.active == "active" else "dead",
                "UnitFileState": unit.enabled,
                "MainPID": str(unit.pid),
                "ActiveEnterTimestamp": f"T{unit.since}",
            }
            return 0, "".join(f"{key}={value}\n" for key, value in rows.items()), ""
        match verb:
            case "restart" | "start":
                unit.start()
            case "stop":
                unit.active = "inactive"
            case "enable" | "disable":
                unit.enabled = f"{verb}d"
        return 0, "", ""

    def _iptables(self, verb: str, chain: str, spec: list[str]) -> tuple[int, str, str]:
        rules = self.chains[chain]
        match verb:
            case "-S":
                return 0, "".join([f"-P {chain} ACCEPT\n", *(f"-A {chain} {' '.join(r)}\n" for r in rules)]), ""
            case "-C":
                return (0, "", "") if spec in rules else (1, "", "iptables: Bad rule.\n")
            case "-A":
                rules.append(spec)
            case "-I":
                rules.insert(int(spec[0]) - 1, spec[1:])
            case "-D":
                rules.remove(spec)
        return 0, "", ""


def _changes(words: tuple[str, ...]) -> bool:
    if words[0] == "systemctl":
        return words[1] != "show"
    return words[0].startswith("iptables") and words[5] in ("-A", "-I", "-D")


@dataclass
class FakeKube:
    """Objects by path; merge patches; a controller that the test plays through ``on_patch``."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: list[dict[str, Any]] = field(default_factory=list)
    on_patch: Callable[[str], None] = lambda path: None
    on_create: Callable[[str], None] = lambda path: None
    fault: Callable[[str, str], None] = lambda verb, path: None
    patched: list[tuple[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    created: int = 0
    log: str = ""
    denied: set[tuple[str, str, str]] = field(default_factory=set)

    def get(self, path: str, query: Mapping[str, str] | None) -> dict[str, Any]:
        self.fault("get", path)
        if path.endswith("/pods"):
            return {"items": copy.deepcopy(self.pods)}
        if path not in self.objects:
            raise missing(path)
        return copy.deepcopy(self.objects[path])

    async def patch(
        self, path: str, access: Access, body: bytes, content_type: str, *, deadline: float, dry_run: bool = False
    ) -> Response:
        assert access.verb == "patch"
        patch = json.loads(body)
        self.fault("dry-run" if dry_run else "patch", path)
        found = copy.deepcopy(self.objects[path])
        version = patch.get("metadata", {}).get("resourceVersion")
        if version is not None and version != found["metadata"]["resourceVersion"]:
            raise LinkError(Unknown(Reason.CONFLICT, Text("somebody else changed it first")))
        spec = found.get("spec")
        merge(found, patch)
        if not dry_run:
            found["metadata"]["resourceVersion"] = str(int(found["metadata"]["resourceVersion"]) + 1)
            if spec is not None:
                found["metadata"]["generation"] = found["metadata"].get("generation", 0) + 1
            self.objects[path] = found
            self.patched.append((path, patch))
            self.on_patch(path)
            self.fault("patched", path)
        return Response(200, json.dumps(found).encode(), None, 0.01)

    async def create(
        self, path: str, access: Access, body: bytes, *, deadline: float, dry_run: bool = False
    ) -> Response:
        assert access.verb == "create"
        self.fault("dry-run" if dry_run else "create", path)
        made = json.loads(body)
        own = f"{path}/{made['metadata']['name']}"
        if own in self.objects:
            raise LinkError(Unknown(Reason.CONFLICT, Text("it exists")))
        if not dry_run:
            self.created += 1
            made["metadata"] |= {"uid": f"new{self.created}", "resourceVersion": "1"}
            self.objects[own] = made
            self.on_create(own)
        return Response(201, json.dumps(made).encode(), None, 0.01)

    async def delete(self, path: str, access: Access, *, deadline: float, precondition_uid: str = "") -> Response:
        assert access.verb == "delete"
        name = path.rpartition("/")[2]
        if path in self.objects:
            assert self.objects[path]["metadata"]["uid"] == precondition_uid
            del self.objects[path]
            return Response(200, b"{}", None, 0.01)
        pod = next(p for p in self.pods if p["metadata"]["name"] == name)
        assert pod["metadata"]["uid"] == precondition_uid
        self.pods.remove(pod)
        self.deleted.append(name)
        self.on_patch(path)
        return Response(200, b"{}", None, 0.01)


def merge(target: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """JSON merge patch, in place."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


@dataclass
class FakeWriters:
    hosts: dict[str, FakeHost] = field(default_factory=dict)
    cluster: FakeKube = field(default_factory=FakeKube)

    async def host(self, name: str) -> FakeHost:
        return self.hosts[name]

    async def kube(self) -> FakeKube:
        return self.cluster

    async def kube_can(self, access: Access) -> bool:
        self.cluster.fault("review", access.resource)
        return (access.verb, access.resource, access.subresource) not in self.cluster.denied

    async def kube_exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, deadline: float
    ) -> ExecResult:
        self.cluster.fault("exec", f"{namespace}/{pod}")
        words = " ".join(command[1:]) if command[0] == "echo" else ""
        return ExecResult(0, f"{words}\n".encode(), b"")

    async def kube_get(self, path: str, access: Access, query: Mapping[str, str] | None = None) -> bytes:
        assert access.verb in ("get", "list")
        if path.endswith("/log"):
            self.cluster.fault("log", path)
            return self.cluster.log.encode()
        return json.dumps(self.cluster.get(path, query)).encode()


@dataclass
class Bench:
    """An executor on fakes."""

    path: Path
    writers: FakeWriters
    clock: FakeClock = field(default_factory=FakeClock)
    read_only: bool = False
    who: str = "ann"

    def __post_init__(self) -> None:
        self.audit = Audit(self.path)
        self.executor = Executor(
            self.writers,
            self.audit,
            lambda: self.read_only,
            Where("plant-7", "k3s", self.who, "admin"),
            self.clock,
            Settings(find_out=10.0),
        )

    def host(self, name: str) -> FakeHost:
        return self.writers.hosts[name]


def approve(preview: Any, who: str = "ann") -> Approval:
    return Approval(preview.digest, who, "y")


def plan_of(*steps: Step, target: str = "edge1", **more: Any) -> Plan:
    defaults: dict[str, Any] = {
        "fix": "test-fix",
        "target": target,
        "title": Text("Repair it"),
        "steps": steps,
        "risk": Risk.MEDIUM,
        "impact": Text("nobody notices"),
    }
    return Plan(**{**defaults, **more})


@contextmanager
def losing(host: FakeHost, *words: str, before: bool = False, back_after: int = 2) -> Iterator[None]:
    """Lose the connection at the command that starts with ``words``: before it runs, or after; then for a while."""
    state = {"down": 0, "hit": False}

    def matches(command: tuple[str, ...]) -> bool:
        return not state["hit"] and command[: len(words)] == words

    def fault(command: tuple[str, ...]) -> None:
        if state["down"]:
            state["down"] -= 1
            raise lost()
        if before and matches(command):
            state.update(hit=True, down=back_after)
            raise lost()

    def after(command: tuple[str, ...]) -> None:
        if not before and matches(command):
            state.update(hit=True, down=back_after)
            raise lost()

    host.fault, host.after = fault, after
    try:
        yield
    finally:
        host.fault = host.after = lambda words: None
        assert state["hit"], f"{words} was never run"
