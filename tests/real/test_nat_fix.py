"""The NAT fixes on real iptables, both backends, in a network namespace of their own."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixes.nat import add_nat_rule, add_nat_rule_for_good, remove_nat_rule
from fixes.nat_site import NatSite
from kedge.audit import Audit
from kedge.executor import Executor, Refused, Result, Where
from kedge.facts.cloudcore import CloudCore, CloudCoreConfig, TunnelPorts
from kedge.facts.keeper import RuleKeeper
from kedge.facts.network import NatTables
from kedge.facts.nodes import Node
from kedge.facts.pods import Pod
from kedge.i18n import Text
from kedge.model import Approval, Plan, Reason, Risk, Unknown
from kedge.nat_files import commands_of, unit
from kedge.plugins import All, Draft, Fix
from kedge.probes.nat import read_rules
from kedge.steps import KeepRules, NatRule
from tests.real.direct_writer import DirectWriter, DirectWriters

CLOUD, EDGE, OTHER = "10.99.0.10", "10.99.0.21", "10.99.0.99"
STALE = f"-p tcp --dport 10351 -j DNAT --to-destination {OTHER}:10003"
GUIDE = f"-p tcp --dport 10350 -j DNAT --to-destination {CLOUD}:10003"
MANY = "-d 10.43.0.1/32 -p tcp --dport 443 -m comment --comment 'not ours' -j DNAT --to-destination 10.99.0.10:6443"


@dataclass
class Namespace:
    """An API-server host as far as packets go: CloudCore's and the edges' addresses are all on its loopback."""

    name: str

    def run(self, *argv: str, check: bool = True) -> str:
        words = ["ip", "netns", "exec", self.name, *argv]
        return subprocess.run(words, capture_output=True, text=True, check=check, timeout=20).stdout

    def rule(self, tool: str, spec: str) -> None:
        self.run("sh", "-c", f"{tool} -w 5 -t nat -A OUTPUT {spec}")

    def chain(self, tool: str = "iptables") -> list[str]:
        return [line for line in self.run(tool, "-t", "nat", "-S", "OUTPUT").splitlines() if line.startswith("-A")]

    def tables(self) -> NatTables:
        texts = {
            "nft": self.run("iptables-nft-save", "-t", "nat"),
            "legacy": self.run("iptables-legacy-save", "-t", "nat"),
        }
        rules = tuple(rule for backend, text in texts.items() for rule in read_rules(text, backend))
        default = "nft" if "nf_tables" in self.run("iptables", "-V") else "legacy"
        return NatTables(rules, tuple(texts), default)

    def reaches_cloudcore(self) -> bool:
        """Whether a new connection to the edge's kubelet port comes to CloudCore's stream port."""
        dial = f"import socket; print(socket.create_connection(('{EDGE}', 10351), 3).recv(20).decode())"
        return "cloudstream" in self.run(sys.executable, "-c", dial, check=False)


@pytest.fixture
def host() -> Iterator[Namespace]:
    name = f"kedge-{secrets.token_hex(4)}"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=10)
    try:
        namespace = Namespace(name)
        namespace.run("ip", "link", "set", "lo", "up")
        for address in (CLOUD, EDGE):
            namespace.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        yield namespace
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True, timeout=10)


@pytest.fixture
def cloudstream(host: Namespace) -> Iterator[None]:
    """Something that answers on CloudCore's stream port."""
    serve = (
        "import socket\n"
        f"server = socket.create_server(('{CLOUD}', 10003))\n"
        "print('ready', flush=True)\n"
        "while True: server.accept()[0].sendall(b'cloudstream')"
    )
    words = ["ip", "netns", "exec", host.name, sys.executable, "-c", serve]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield
        server.kill()


@pytest.fixture
def executor(host: Namespace, tmp_path: Path) -> Executor:
    writer = DirectWriter("cloud1", ("ip", "netns", "exec", host.name))
    return Executor(DirectWriters({"cloud1": writer}), Audit(tmp_path / "audit.jsonl"), lambda: False, Where("test"))


def plan(fix: Fix, host: Namespace, *more: object) -> Plan:
    pod = Pod("kubeedge", "cloudcore-0", "u1", "cloud1", "Running", True, True, CLOUD, CLOUD)
    untold = Unknown(Reason.DENIED, Text("not told"))
    site = NatSite(
        "cloud1",
        host.tables(),
        CloudCore(pods=(pod,)),
        All[Node]({"edge1": Node("edge1", EDGE, port=10351, is_edge=True)}),
        TunnelPorts(((CLOUD, 10351),), frozenset({10351})),
        CloudCoreConfig(""),
        exposure=untold,
        metrics=untold,
        on_hosts=All({}),
        hosts=All({}),
    )
    found = fix.function(site, *more)
    assert isinstance(found, Draft), found.text
    return Plan(fix.id, "cloud1", fix.title, found.steps, Risk.MEDIUM, found.impact)


async def apply(executor: Executor, wanted: Plan) -> str:
    preview = await executor.preview(wanted)
    outcome = await executor.apply(preview, Approval(preview.digest, "ann", "test"), lambda _progress: None)
    assert outcome.result is Result.DONE, str(outcome.text)
    assert outcome.problems == ()
    return outcome.id


async def undo(executor: Executor, id: str) -> None:
    preview = await executor.undo_preview(id)
    outcome = await executor.apply(preview, Approval(preview.digest, "ann", "test"), lambda _progress: None)
    assert outcome.result is Result.DONE, str(outcome.text)


@pytest.mark.usefixtures("cloudstream")
async def test_the_added_rule_leads_to_cloudcore_and_undo_takes_it_away(host: Namespace, executor: Executor) -> None:
    host.rule("iptables", MANY)
    host.rule("iptables", GUIDE)
    before = host.chain()
    assert not host.reaches_cloudcore()
    done = await apply(executor, plan(add_nat_rule, host))
    assert host.reaches_cloudcore()
    assert host.chain()[:2] == before
    await undo(executor, done)
    assert host.chain() == before
    assert not host.reaches_cloudcore()


@pytest.mark.usefixtures("cloudstream")
@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
async def test_a_rule_in_the_way_is_overtaken_in_its_own_backend(
    host: Namespace, executor: Executor, tool: str
) -> None:
    host.rule(tool, MANY)
    host.rule(tool, STALE)
    before = host.chain(tool)
    done = await apply(executor, plan(add_nat_rule, host))
    assert host.reaches_cloudcore()
    assert [before[0], *before[1:]] == [host.chain(tool)[0], *host.chain(tool)[2:]]
    await undo(executor, done)
    assert host.chain(tool) == before


@pytest.mark.usefixtures("cloudstream")
@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
async def test_a_stale_rule_is_replaced_and_comes_back_to_its_place(
    host: Namespace, executor: Executor, tool: str
) -> None:
    for spec in (MANY, STALE, GUIDE):
        host.rule(tool, spec)
    before = host.chain(tool)
    done = await apply(executor, plan(remove_nat_rule, host))
    assert host.reaches_cloudcore()
    assert sum(OTHER in rule or "10350" in rule for rule in host.chain(tool)) == 0
    await undo(executor, done)
    assert host.chain(tool) == before


async def test_adding_twice_adds_once(host: Namespace, executor: Executor) -> None:
    wanted = plan(add_nat_rule, host)
    await apply(executor, wanted)
    after = host.chain()
    assert (await executor.preview(wanted)).idle
    await apply(executor, wanted)
    assert host.chain() == after


async def test_a_table_that_changes_after_the_preview_is_refused(host: Namespace, executor: Executor) -> None:
    preview = await executor.preview(plan(add_nat_rule, host))
    host.rule("iptables", STALE)
    with pytest.raises(Refused, match="changed since it was shown"):
        await executor.apply(preview, Approval(preview.digest, "ann", "test"), lambda _progress: None)
    assert len(host.chain()) == 1


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
async def test_the_script_does_by_hand_what_the_plan_does(host: Namespace, executor: Executor, shell: str) -> None:
    for spec in (MANY, STALE, GUIDE):
        host.rule("iptables", spec)
    script = (await executor.preview(plan(remove_nat_rule, host))).script()
    host.run(*shell.split(), "-c", script)
    by_hand = host.chain()
    host.run("iptables", "-t", "nat", "-F", "OUTPUT")
    for spec in (MANY, STALE, GUIDE):
        host.rule("iptables", spec)
    await apply(executor, plan(remove_nat_rule, host))
    assert host.chain() == by_hand


@pytest.mark.usefixtures("cloudstream")
async def test_a_rule_that_is_kept_is_back_after_a_reboot(host: Namespace, executor: Executor, tmp_path: Path) -> None:
    host.rule("iptables", MANY)
    saved = tmp_path / "rules.v4"
    saved.write_text(host.run("iptables-save"))
    before = saved.read_bytes()
    done = await apply(executor, plan(add_nat_rule_for_good, host, RuleKeeper("netfilter-persistent", str(saved))))
    host.run("iptables", "-t", "nat", "-F")
    assert not host.reaches_cloudcore()
    host.run("iptables-restore", str(saved))
    assert host.reaches_cloudcore()
    assert sum("not ours" in rule for rule in host.chain()) == 1
    await undo(executor, done)
    assert saved.read_bytes() == before


@pytest.mark.usefixtures("cloudstream")
def test_the_unit_of_our_own_brings_the_rule_back_once(host: Namespace) -> None:
    host.rule("iptables", STALE)
    found = plan(add_nat_rule_for_good, host, RuleKeeper("systemd", "/etc/systemd/system/kedge-tui-nat.service"))
    kept = found.steps[-1]
    assert isinstance(kept, KeepRules)
    for _boot in range(2):
        for command in commands_of(unit(kept.commands)):
            host.run("/bin/sh", "-c", command)
    assert len(host.chain()) == 2
    assert host.reaches_cloudcore()


async def test_a_tool_that_fails_is_quoted(executor: Executor) -> None:
    step = NatRule("cloud1", "default", "NO-SUCH-CHAIN", ("-j", "ACCEPT"))
    with pytest.raises(Refused, match=r"iptables -w 5 -t nat -S NO-SUCH-CHAIN on cloud1 failed .*chain"):
        await executor.preview(Plan("x", "cloud1", Text("x"), (step,), Risk.LOW, Text("x")))
