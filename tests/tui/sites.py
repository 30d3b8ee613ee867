"""Pictures made by hand, and a workbench in memory behind which a real executor works on fake hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from kedge.asks import Api, File, Service
from kedge.config import Config
from kedge.i18n import Text, _
from kedge.k8s import Node
from kedge.model import (
    LOGS_PATH,
    SITE,
    Approval,
    Evidence,
    Finding,
    Hop,
    HopState,
    Kind,
    NodePath,
    Observation,
    Plan,
    Reason,
    Risk,
    Status,
    Unknown,
)
from kedge.picture import ComponentView, LinkInfo, LinkState, Picture
from kedge.proposals import Proposal
from kedge.steps import EditYaml, ServiceAction
from kedge.tree import because
from kedge.workbench import NothingOpen, Options
from tests.unit.executor_fakes import Bench, FakeHost, FakeUnit, FakeWriters

NOW = datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC)
CONFIG = "/etc/kubeedge/config/edgecore.yaml"
BEFORE = b"# of edge1\nmodules:\n  edgeHub:\n    token: abc.def\n  edgeStream:\n    enable: false  # off\n"
AFTER = BEFORE.replace(b"enable: false", b"enable: true")


def evidence(source: str, ask: Any, what: str, stdout: str, line: int = 0) -> Evidence:
    seen = Observation(ask, source, what, NOW, 0.031, 0, stdout)
    return Evidence(source, what, NOW, line, seen)


def config_of(node: str, line: int = 0) -> Evidence:
    return evidence(node, File(CONFIG), f"cat -- {CONFIG}", BEFORE.decode().replace("abc.def", "***"), line)


def finding(code: str, kind: Kind, target: str, status: Status, text: str, **more: Any) -> Finding:
    return Finding(code, Text(f"about {code}"), kind, target, status, Text(text), **more)


def broken(node: str = "edge1") -> tuple[Finding, ...]:
    """EdgeStream is off, with two consequences."""
    return (
        finding(
            "KE206",
            Kind.EDGESTREAM,
            node,
            Status.FAIL,
            f"EdgeStream is disabled on {node}",
            expected="modules.edgeStream.enable: true",
            seen="modules.edgeStream.enable: false",
            since=NOW - timedelta(minutes=9),
            evidence=(
                evidence("kubernetes", Api("/api/v1/nodes", Node), "GET /api/v1/nodes", "{}"),
                config_of(node, 6),
                evidence(node, Service("edgecore"), "systemctl show edgecore", "ActiveState=active\n"),
            ),
            fixes=("enable-edgestream",),
            hops=(Hop.EDGESTREAM,),
        ),
        finding("KE207", Kind.EDGESTREAM, node, Status.PASS, "EdgeStream server is 10.99.0.10:10004"),
        finding(
            "KE306",
            Kind.TUNNEL,
            node,
            Status.FAIL,
            f"EdgeCore on {node} holds no tunnel",
            because="KE206",
            because_target=node,
            hops=(Hop.TUNNEL,),
        ),
        finding(
            "KE501",
            Kind.KUBECTL,
            node,
            Status.FAIL,
            f"kubectl logs prints nothing for {node}",
            because="KE206",
            because_target=node,
            evidence=(config_of(node),),
        ),
    )


def whole(node: str) -> tuple[Finding, ...]:
    return (
        finding("KE206", Kind.EDGESTREAM, node, Status.PASS, f"EdgeStream is enabled on {node}"),
        finding("KE207", Kind.EDGESTREAM, node, Status.PASS, "EdgeStream server is 10.99.0.10:10004"),
        finding("KE306", Kind.TUNNEL, node, Status.PASS, f"EdgeCore on {node} holds a tunnel"),
        finding("KE501", Kind.KUBECTL, node, Status.PASS, f"kubectl logs works for {node}"),
    )


CLOUD = (
    finding("KE101", Kind.API_SERVER, SITE, Status.PASS, "The API server answers"),
    finding("KE110", Kind.CLOUDCORE, SITE, Status.PASS, "CloudCore runs"),
    finding("KE111", Kind.CLOUDSTREAM, SITE, Status.PASS, "CloudStream is enabled"),
    finding("KE302", Kind.NAT, "cloud1", Status.PASS, "The rule for 10351 leads to CloudStream"),
)

_CLOUD_VIEWS = (
    ("cloud/apiserver", "cloud", "API server v1.36.2", "KE101"),
    ("cloud/cloudcore", "cloud", "CloudCore 1/1", "KE110"),
    ("cloud/cloudcore/cloudstream", "cloud/cloudcore", "CloudStream 10003", "KE111"),
    ("cloud/nat", "cloud", "NAT rules", "KE302"),
)


def picture(
    findings: Iterable[Finding] | None = None, edges: Sequence[str] = ("edge1", "edge2"), **more: Any
) -> Picture:
    """A site called plant-7: by default edge1 is broken and edge2 is whole."""
    if findings is None:
        findings = (*CLOUD, *broken("edge1"), *whole("edge2"))
    found = tuple(sorted(findings, key=lambda f: (f.code, f.target)))
    links = (
        LinkInfo("kubernetes", LinkState.UP, NOW - timedelta(seconds=2)),
        LinkInfo("cloud1", LinkState.UP, NOW),
        *(LinkInfo(edge, LinkState.UP, NOW) for edge in edges),
    )
    defaults: dict[str, Any] = {
        "site": "plant-7",
        "context": "k3s",
        "server": "https://10.99.0.10:6443",
        "taken": NOW,
        "components": _components(found, edges),
        "findings": found,
        "causes": tuple(f for f in found if f.is_cause),
        "paths": tuple(_path(found, edge) for edge in edges),
        "links": links,
    }
    return Picture(**{**defaults, **more})


def _components(findings: Sequence[Finding], edges: Sequence[str]) -> tuple[ComponentView, ...]:
    places = [("site", "", "plant-7", SITE), ("cloud", "site", "Cloud", SITE)]
    known = {f.code for f in findings}
    places += [(id, parent, label, SITE) for id, parent, label, code in _CLOUD_VIEWS if code in known]
    places.append(("edge", "site", f"Edge {len(edges)}", SITE))
    for edge in edges:
        places.append((f"edge/{edge}", "edge", edge, edge))
        kinds = dict.fromkeys(
            f.kind for f in findings if f.target == edge and f.kind.place.startswith("edge/{target}/")
        )
        places += [(kind.component(edge), f"edge/{edge}", str(kind.title), edge) for kind in kinds]
    return tuple(_view(findings, *place) for place in places)


def _view(findings: Sequence[Finding], id: str, parent: str, label: str, target: str) -> ComponentView:
    own = [f for f in findings if f.component == id]
    below = [f for f in findings if id in ("site", f.component) or f.component.startswith(f"{id}/")]
    worst = max(below, key=lambda f: (f.status.rank, f.is_cause), default=None)
    return ComponentView(
        id,
        parent,
        Text("{name}").format(name=label),
        target,
        max((f.status for f in own), key=lambda s: s.rank, default=Status.SKIP),
        worst.status if worst else Status.SKIP,
        (because(worst) if worst.because else worst.text) if worst and worst.status.rank > Status.INFO.rank else None,
        follows=(worst.because or "") if worst else "",
    )


def _path(findings: Sequence[Finding], edge: str) -> NodePath:
    def state(hop: Hop) -> HopState:
        here = [f for f in findings if hop in f.hops and f.target in (edge, SITE)]
        worst = max(here, key=lambda f: f.status.rank, default=None)
        if worst is None:
            return HopState(hop, Status.PASS)
        return HopState(hop, worst.status, worst.because or worst.code)

    front = (HopState(Hop.METRICS_SERVER, Status.PASS), HopState(Hop.APISERVICE, Status.PASS))
    hops = tuple(state(hop) for hop in LOGS_PATH)
    return NodePath(edge, hops, (*front, *hops))


def down(name: str = "kubernetes", seconds: float = 34, **more: Any) -> LinkInfo:
    why = Unknown(Reason.UNREACHABLE, _("10.99.0.10:6443 refuses connections: nothing listens there"))
    return LinkInfo(name, LinkState.DOWN, NOW - timedelta(seconds=seconds), why, **more)


def enable_edgestream(node: str = "edge1", risk: Risk = Risk.MEDIUM, **more: Any) -> Plan:
    edit = EditYaml(node, CONFIG, (("modules.edgeStream.enable", True),), (("modules.edgeStream.enable", False),))
    defaults: dict[str, Any] = {
        "fix": "enable-edgestream",
        "target": node,
        "title": Text("Enable EdgeStream and restart edgecore"),
        "steps": (edit, ServiceAction(node, "edgecore", "restart")),
        "risk": risk,
        "impact": Text("edgecore restarts on {node}; its pods keep running").format(node=node),
        "verify": ("KE206", "KE306"),
        "answers": ("KE206",),
    }
    return Plan(**{**defaults, **more})


@dataclass
class FakeSite:
    """What a front end asks of a live site; remembers what it was asked."""

    bench: FakeWorkbench

    def __post_init__(self) -> None:
        self.engine = SimpleNamespace(registry=SimpleNamespace(checks=()), site=SimpleNamespace(name="plant-7"))
        self.looked_at: list[frozenset[str]] = []
        self.reruns: list[tuple[str, ...] | None] = []

    def picture(self) -> Picture:
        return replace(self.bench.current(), read_only=self.bench.read_only)

    def changed(self) -> None:
        self.bench.show()

    def look_at(self, targets: Iterable[str]) -> None:
        self.looked_at.append(frozenset(targets))

    async def rerun(self, targets: Sequence[str] | None = None) -> None:
        self.reruns.append(None if targets is None else tuple(targets))

    async def recheck(self, codes: Sequence[str], target: str) -> tuple[Finding, ...]:
        self.bench.show()
        return tuple(f for f in self.picture().findings if f.code in codes and f.target == target)

    @contextmanager
    def doing(self, text: Text) -> Iterator[None]:
        yield

    async def close(self) -> None:
        self.bench.closed = True


class FakeWorkbench:
    """A :class:`kedge.workbench.Workbench` over fake hosts; the executor is the real one.

    Attributes:
        plan: what is offered for KE206; None offers nothing.
        gate: held by a test to keep ``apply`` or ``verify`` waiting.
    """

    def __init__(self, scratch: Path, *, read_only: bool = False) -> None:
        self.host = FakeHost("edge1", files={CONFIG: BEFORE}, units={"edgecore": FakeUnit()})
        self.fakes = Bench(scratch / "audit.jsonl", FakeWriters({"edge1": self.host}), read_only=read_only)
        self.options = Options()
        self.config = Config()
        self.site: FakeSite | None = None
        self.shells: Any = None
        self.plan: Plan | None = enable_edgestream()
        self.fixed_picture: Picture | None = None
        self.desk: Any = None
        self.error: Exception | None = None
        self.end: asyncio.Future[None] | None = None
        self.closed = False
        self.opened = 0
        self.execs: list[str] = []
        self.before_apply: Callable[[], Any] | None = None
        self.before_verify: Callable[[], Any] | None = None
        self._show: Callable[[Picture], None] = lambda picture: None

    @property
    def top(self) -> Any:
        if self.desk is None:
            raise NothingOpen("No site is open")
        return self.desk

    def made(self, options: Options, prompter: Any) -> FakeWorkbench:
        """What the application calls instead of the real class."""
        self.options, self.prompter = options, prompter
        self.fakes.read_only = self.fakes.read_only or options.read_only
        return self

    def intrusive(self, shown: Finding) -> Text | None:
        """KE502 is the one that never runs by itself."""
        return Text("an exec can crash EdgeCore") if shown.code == "KE502" else None

    async def run_intrusive(self, shown: Finding) -> tuple[Finding, ...]:
        """It works, and is counted."""
        self.execs.append(shown.target)
        return (replace(shown, status=Status.PASS, text=Text("kubectl exec works")),)

    @property
    def read_only(self) -> bool:
        return self.fakes.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self.fakes.read_only = value

    def current(self) -> Picture:
        """As the fake host is: repaired when its file says so."""
        if self.fixed_picture is not None:
            return self.fixed_picture
        if self.host.files[CONFIG] == AFTER:
            return picture((*CLOUD, *whole("edge1"), *whole("edge2")))
        return picture()

    def show(self, shown: Picture | None = None) -> None:
        """Hand the front end a picture."""
        if shown is not None:
            self.fixed_picture = shown
        if self.site is not None:
            self._show(self.site.picture())

    async def open(self, on_picture: Callable[[Picture], None]) -> None:
        self.opened += 1
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.site = FakeSite(self)
        self._show = on_picture
        self.show()

    async def ended(self) -> None:
        self.end = asyncio.get_running_loop().create_future()
        await self.end

    async def close(self) -> None:
        self.closed = True

    def proposals(self, finding: Finding) -> tuple[Proposal, ...]:
        if self.plan is None or "enable-edgestream" not in finding.fixes:
            return ()
        return (Proposal("enable-edgestream", self.plan.title, self.plan.risk, self.plan),)

    @property
    def executor(self) -> Any:
        if self.site is None:
            raise NothingOpen("nothing is open")
        return self.fakes.executor

    async def preview(self, plan: Plan) -> Any:
        return await self.executor.preview(plan)

    async def apply(self, preview: Any, approval: Approval, progress: Any, stop: Any = lambda: False) -> Any:
        if self.before_apply is not None:
            await self.before_apply()
        return await self.executor.apply(preview, approval, progress, stop)

    async def verify(self, outcome: Any, before: Any, tell: Any = lambda text: None) -> Any:
        if self.before_verify is not None:
            await self.before_verify()
        assert self.site is not None
        return await self.executor.verify(outcome, self.site.recheck, before, tell)

    async def undo_preview(self, id: str) -> Any:
        return await self.executor.undo_preview(id)

    async def history(self) -> Any:
        return await self.executor.history()

    def objects(self) -> Any:
        raise NothingOpen("No object can be read here: this is no live site")
