"""The connection is lost at every single command of a change, before and after it: nothing assumed, nothing twice."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kedge.audit import Audit
from kedge.executor import Executor, Refused, Result, Settings, Where
from kedge.i18n import Text
from kedge.links.base import Answer
from kedge.model import Approval, LinkError, Plan, Reason, Risk, Unknown
from kedge.steps import KeepRules, NatRule
from tests.real.direct_writer import DirectWriter, DirectWriters
from tests.real.test_nat_fix import STALE, Namespace
from tests.real.test_nat_fix import host as host  # noqa: PLC0414 - a fixture

OURS = ("-p", "tcp", "--dport", "10351", "-j", "DNAT", "--to-destination", "10.99.0.10:10003")
LINE = f"-A OUTPUT -p tcp -m tcp --dport 10351 -j DNAT --to-destination {OURS[-1]}"
MOST = 90


@dataclass
class Cutting(DirectWriter):
    """Loses the link once, at the command of a number, before it is run or after it; 0 never."""

    at: int = 0
    after: bool = False
    count: int = 0

    async def run(self, argv: Sequence[str], *, deadline: float, stdin: bytes = b"", root: bool = True) -> Answer:
        self.count += 1
        mine = self.count
        if mine == self.at and not self.after:
            raise lost()
        answer = await super().run(argv, deadline=deadline, stdin=stdin, root=root)
        if mine == self.at and self.after:
            raise lost()
        return answer


def lost() -> LinkError:
    return LinkError(Unknown(Reason.UNREACHABLE, Text("the connection was lost")))


def plan(saved: Path, on: str) -> Plan:
    steps = (
        NatRule(on, "default", "OUTPUT", OURS),
        KeepRules(on, "netfilter-persistent", str(saved), (("iptables", "OUTPUT", OURS),)),
    )
    return Plan("test", on, Text("x"), steps, Risk.MEDIUM, Text("x"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_wherever_it_is_lost_the_outcome_is_found_out(
    host: Namespace,
    tmp_path: Path,
    after: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One change for each command; every one of them ends with the truth, and what is done twice is done once."""
    saved = tmp_path / "rules.v4"
    monkeypatch.setenv("KEDGE_TUI_LOCKS", str(tmp_path))
    refused = 0
    for number in range(1, MOST):
        host.run("iptables", "-t", "nat", "-F")
        host.rule("iptables", STALE)
        saved.write_text("*nat\nCOMMIT\n")
        on = f"cloud-{secrets.token_hex(4)}"  # a lock whose removal was lost stays until it expires
        writer = Cutting(on, ("ip", "netns", "exec", host.name))
        executor = Executor(
            DirectWriters({on: writer}),
            Audit(tmp_path / f"audit-{number}.jsonl"),
            lambda: False,
            Where("test"),
            settings=Settings(poll=0.01),
        )
        preview = await executor.preview(plan(saved, on))
        writer.at, writer.after, writer.count = number, after, 0
        approval = Approval(preview.digest, "ann", "test")
        try:
            outcome = await executor.apply(preview, approval, lambda _progress: None)
        except Refused:  # before the first step
            assert len(host.chain()) == 1
            refused += 1
            continue
        if writer.count < number:
            assert outcome.result is Result.DONE, "no command was left to lose"
            assert refused < number / 2, "most of them are after the first step"
            return
        check(host, saved, outcome.result, number)
    pytest.fail(f"the change took more than {MOST} commands")


def check(host: Namespace, saved: Path, result: Result, number: int) -> None:
    rules, kept = host.chain(), saved.read_text().count("10351")
    assert rules.count(LINE) <= 1, f"command {number}: added twice"
    assert kept <= 1
    if result is Result.DONE:
        assert (rules.count(LINE), kept) == (1, 1), number
    else:
        assert result in (Result.FAILED, Result.UNKNOWN), number
