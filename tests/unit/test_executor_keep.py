"""Keeping a rule over reboots: what is shown, what is done, and how it is taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kedge.executor import Result
from kedge.steps import KeepRules
from tests.unit.executor_fakes import Bench, FakeHost, FakeWriters, approve, losing, plan_of

OURS = "-A OUTPUT -p tcp --dport 10351 -j DNAT --to-destination 10.99.0.10:10003"
RULES = (("iptables", "OUTPUT", tuple(OURS.split()[2:])),)
SAVED = b"*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j ACCEPT\nCOMMIT\n"
FILE = KeepRules("cloud1", "netfilter-persistent", "/etc/iptables/rules.v4", RULES)
UNIT = KeepRules("cloud1", "systemd", "/etc/systemd/system/kedge-tui-nat.service", RULES)


class Cloud(FakeHost):
    """A host with systemd's list of enabled units."""

    enabled: set[str]

    def _run(self, words: tuple[str, ...], stdin: bytes, root: bool) -> tuple[int, str, str]:
        match words:
            case ("systemctl", "is-enabled", unit):
                return (0, "enabled\n", "") if unit in self.enabled else (1, "disabled\n", "")
            case ("systemctl", "enable" | "disable" as verb, unit):
                assert f"/etc/systemd/system/{unit}" in self.files
                (self.enabled.add if verb == "enable" else self.enabled.discard)(unit)
                return 0, "", ""
            case ("systemctl", "daemon-reload"):
                return 0, "", ""
            case ("rm", "-f", "--", path):
                self.files.pop(path, None)
                return 0, "", ""
        return super()._run(words, stdin, root)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    cloud = Cloud("cloud1", files={FILE.path: SAVED})
    cloud.enabled = set()
    return Bench(tmp_path / "audit.jsonl", FakeWriters({"cloud1": cloud}))


async def run(bench: Bench, step: KeepRules) -> Any:
    preview = await bench.executor.preview(plan_of(step, target="cloud1"))
    return preview, await bench.executor.apply(preview, approve(preview), lambda _progress: None)


async def back(bench: Bench, id: str) -> None:
    undo = await bench.executor.undo_preview(id)
    done = await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    assert done.result is Result.DONE


async def test_only_our_rule_goes_into_the_file_and_comes_out_again(bench: Bench) -> None:
    preview, outcome = await run(bench, FILE)
    assert [line for line in preview.steps[0].body.splitlines() if line.startswith("+-")] == [f"+{OURS}"]
    files = bench.host("cloud1").files
    assert files[FILE.path] == SAVED.replace(b"-A OUTPUT -j", OURS.encode() + b"\n-A OUTPUT -j")
    assert files[preview.steps[0].pin["backup"]] == SAVED
    assert (await bench.executor.preview(plan_of(FILE, target="cloud1"))).idle
    await back(bench, outcome.id)
    assert files[FILE.path] == SAVED


async def test_a_unit_is_written_enabled_and_taken_away_as_a_whole(bench: Bench) -> None:
    cloud = bench.host("cloud1")
    preview, outcome = await run(bench, UNIT)
    assert outcome.result is Result.DONE
    assert "$ systemctl enable kedge-tui-nat.service" in preview.steps[0].body
    assert b"iptables -w 5 -t nat -C OUTPUT" in cloud.files[UNIT.path]
    assert cloud.enabled == {"kedge-tui-nat.service"}  # type: ignore[attr-defined]
    assert (await bench.executor.preview(plan_of(UNIT, target="cloud1"))).idle
    await back(bench, outcome.id)
    assert UNIT.path not in cloud.files
    assert cloud.enabled == set()  # type: ignore[attr-defined]


async def test_a_second_rule_joins_the_first_and_leaves_it_when_taken_back(bench: Bench) -> None:
    other = KeepRules("cloud1", "systemd", UNIT.path, (("iptables", "OUTPUT", ("-p", "tcp", "-j", "ACCEPT")),))
    await run(bench, UNIT)
    first = bench.host("cloud1").files[UNIT.path]
    _preview, outcome = await run(bench, other)
    assert bench.host("cloud1").files[UNIT.path].count(b"ExecStart=") == 2
    await back(bench, outcome.id)
    assert bench.host("cloud1").files[UNIT.path] == first


@pytest.mark.parametrize("words", [("write",), ("systemctl", "daemon-reload"), ("systemctl", "enable")])
@pytest.mark.parametrize("before", [True, False])
async def test_a_lost_connection_is_found_out(bench: Bench, words: tuple[str, ...], before: bool) -> None:
    preview = await bench.executor.preview(plan_of(UNIT, target="cloud1"))
    with losing(bench.host("cloud1"), *words, before=before):
        outcome = await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    done = bench.host("cloud1").enabled == {"kedge-tui-nat.service"}  # type: ignore[attr-defined]
    assert (outcome.result is Result.DONE) == done
    if not done:
        assert outcome.result in (Result.FAILED, Result.UNKNOWN)
