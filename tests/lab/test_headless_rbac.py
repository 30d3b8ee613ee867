"""The roles of ``kedge-tui rbac``, held against what goes over the wire to a practice site."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kedge import objects, rbac
from kedge.commands.live import SWEEP
from kedge.links import kube_exec
from kedge.links.base import Access
from kedge.links.kube_access import access_of
from kedge.links.kube_connection import KubeConnection
from kedge.live import LiveSite
from kedge.model import Approval, Cost, Reason, Status, Unknown
from kedge.opening import Opened, open_site
from kedge.prompter import RefusingPrompter
from kedge.proposals import propose
from kedge.registry import discover
from kedge.workbench import Options, choose
from lab.background import BackgroundSite, run_in_thread
from lab.faults_site import LIMITED_USER
from lab.world_access import Rule
from tests.lab.headless import kedge

REVIEW = Access("create", "authorization.k8s.io", "selfsubjectaccessreviews")
"""Every authenticated user may ask about himself (ClusterRole system:basic-user)."""


@pytest.fixture(scope="module")
def site() -> Iterator[BackgroundSite]:
    with run_in_thread(edges=2) as lab:
        yield lab


@pytest.fixture
def limited(site: BackgroundSite) -> Callable[..., None]:
    """Gives the site's user exactly the roles that are printed."""

    def limit(*flags: str, of: str = "rbac") -> None:
        rules = []
        for role in yaml.safe_load_all(kedge(of, *flags).out):
            if "rules" not in role:
                continue
            namespaces = tuple(filter(None, [role["metadata"].get("namespace", "")]))
            for rule in role["rules"]:
                groups = tuple(rule.get("apiGroups", [""]))
                resources = tuple(rule.get("resources") or rule["nonResourceURLs"])
                rules.append(Rule(tuple(rule["verbs"]), groups, resources, namespaces))
        site.call(lambda world: world.access.roles.update({LIMITED_USER: rules}))

    return limit


class Wire(set[Access]):
    """Every right that a request needed, taken from the request itself and not from what it declares."""

    def __init__(self) -> None:
        super().__init__()
        self._more = threading.Condition()

    def add(self, access: Access) -> None:
        with self._more:
            super().add(access)
            self._more.notify_all()

    async def holds(self, wanted: set[Access]) -> None:
        """Wait until all of these were used; watches begin on threads of their own."""

        def wait() -> bool:
            with self._more:
                return self._more.wait_for(lambda: wanted <= self, timeout=20)

        assert await asyncio.to_thread(wait), f"never used: {wanted - self}"


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """What goes over the wire while the test runs."""
    seen = Wire()
    opened, dialled = KubeConnection.open, kube_exec.open_websocket

    def open_(self: KubeConnection, call: Any, method: str, path: str, *rest: Any, **more: Any) -> Any:
        seen.add(access_of(method, path, more.get("query")))
        return opened(self, call, method, path, *rest, **more)

    def dial(connection: KubeConnection, call: Any, path: str, access: Access, **more: Any) -> Any:
        seen.add(replace(access_of("GET", path.partition("?")[0]), verb="create"))
        return dialled(connection, call, path, access, **more)

    monkeypatch.setattr(KubeConnection, "open", open_)
    monkeypatch.setattr(kube_exec, "open_websocket", dial)
    return seen


async def on_site(lab: BackgroundSite) -> Opened:
    options = Options(config=str(lab.config_file), site="lab")
    return await open_site(choose(options), options, discover(), RefusingPrompter(), lambda: False, watching=False)


def entries(used: set[Access], printed: set[Access]) -> set[Access]:
    """The printed rights that cover what was used; fails for a use that none covers."""
    found = set()
    for access in used - {REVIEW}:
        cover = {access, replace(access, namespace="")} & printed
        assert cover, f"{access} was used and is not printed"
        found |= cover
    return found


def refusals(site: LiveSite) -> list[str]:
    kinds = {probe.fact for probe in site.engine.registry.probes}
    facts = [fact for kind in kinds for fact in site.engine.store.all(kind).values()]
    return [str(fact.text) for fact in facts if isinstance(fact, Unknown) and fact.reason is Reason.DENIED]


async def test_a_look_uses_exactly_what_read_only_prints(
    site: BackgroundSite, limited: Callable[..., None], wire: Wire
) -> None:
    limited("--read-only")
    opened = await on_site(site)
    try:
        await opened.site.engine.look(tuple(Cost))  # the intrusive exec as well
        printed = set(rbac.accesses(discover(), read_only=True))
        await wire.holds({access for access in printed if access.verb == "watch"})
        await opened.site.engine.look_at_site()
        assert refusals(opened.site) == []
        codes = {finding.code: finding.status for finding in opened.site.picture().findings}
    finally:
        await opened.site.close()
    assert codes["KE102"] is Status.INFO, "fixes may change nothing, and that is said"
    assert codes["KE501"] is codes["KE502"] is codes["KE503"] is Status.PASS
    unused = printed - entries(wire, printed)
    assert unused - set(objects.READS) == {Access("get", "", "pods", "exec")}, "what servers before 1.35 call exec"


@pytest.mark.parametrize(
    ("fault", "fix", "target"),
    [
        ("cloudstream-disabled", "enable-cloudstream", "-"),
        ("cloudcore-down", "restart-cloudcore", "-"),
        ("metrics-server-down", "restart-metrics-server", "-"),
    ],
)
async def test_fixes_use_no_more_than_is_printed(
    site: BackgroundSite, limited: Callable[..., None], wire: Wire, fault: str, fix: str, target: str
) -> None:
    limited()
    site.set_fault(fault, True)
    opened = await on_site(site)
    try:
        engine, executor = opened.site.engine, opened.executor
        assert executor is not None
        await engine.look(SWEEP)
        assert refusals(opened.site) == []
        proposal = propose(engine.registry.fix(fix), target, engine.store)
        assert proposal.plan is not None, proposal.why_not
        preview = await executor.preview(proposal.plan)
        outcome = await executor.apply(preview, Approval(preview.digest, "test", "--yes"), lambda progress: None)
        assert outcome.result.value == "done", str(outcome.text)
        rights = next(f for f in opened.site.picture().findings if f.code == "KE102")
    finally:
        await opened.site.close()
        site.set_fault(fault, False)
    assert rights.status is Status.PASS, str(rights.text)
    used = entries(wire, set(rbac.accesses(discover())))
    assert any(access.verb in ("patch", "delete") for access in used)


CRONJOB = ("--image", "plant/kedge-tui", "--kubectl-image", "plant/kubectl")


def test_the_cronjobs_check_has_all_rights_that_it_needs(
    site: BackgroundSite, limited: Callable[..., None], tmp_path: Path
) -> None:
    """Its command runs as it stands in the manifest; only the volume and the way to the API server are the test's."""
    limited(*CRONJOB, of="cronjob")
    made = list(yaml.safe_load_all(kedge("cronjob", *CRONJOB).out))
    pod = next(one for one in made if one["kind"] == "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (check,), (keep,) = pod["initContainers"], pod["containers"]
    script = [word.replace("/out", str(tmp_path)) for word in check["command"]]
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "KEDGE_TUI_CONFIG": str(site.config_file),
    }
    ran = subprocess.run(script, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["results"], "hosts are not asked, so something is unknown"
    assert not [one for one in report["results"] if "403" in str(one) or "may not" in str(one)]
    generator = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())["configMapGenerator"]
    assert generator == [{"name": "kedge-tui", "namespace": "kedge-tui", "files": ["report.json"]}]
    assert keep["command"][-1] == "--kustomize=/out"
    (writes,) = [one for one in made if one["metadata"]["name"] == "kedge-tui-report" and one["kind"] == "Role"]
    assert writes["rules"][0]["resourceNames"] == ["kedge-tui"]
    subjects = {tuple(one["subjects"][0].values()) for one in made if one["kind"].endswith("Binding")}
    assert subjects == {("ServiceAccount", "kedge-tui", "kedge-tui")}
