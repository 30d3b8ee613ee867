"""doctor: what is wrong with a set-up is named with what would help; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from kedge.asks import Ask, Clock, Root
from kedge.commands.doctor import command
from kedge.doctor.here import Terminal, of_ssh, of_state, of_terminal
from kedge.doctor.points import Point, table
from kedge.doctor.site import _of_expiry, of_api, of_host
from kedge.i18n import Text
from kedge.model import Observation, Reason, Status, Unknown

GOOD = Terminal(True, 120, 40, "utf-8")


class Answering:
    """A source whose clock is off, and which may refuse root or everything."""

    name = "edge1"

    def __init__(self, ahead: float = 0.0, *, root: bool = True, problem: Unknown | None = None) -> None:
        self.ahead, self.root, self.problem = ahead, root, problem

    async def observe(self, asks: Sequence[Ask], *, deadline: float) -> list[Observation]:
        return [self._one(ask) for ask in asks]

    def _one(self, ask: Ask) -> Observation:
        now = datetime.now(UTC)
        said = now + timedelta(seconds=self.ahead)
        seen = Observation(ask, self.name, "", said, exit_code=200, ours=(now, now), error=self.problem)
        if self.name != "kubernetes":
            seen = replace(seen, exit_code=0, stdout=str(int(said.timestamp())) if isinstance(ask, Clock) else "ann")
        if isinstance(ask, Root) and not self.root:
            return replace(seen, error=Unknown(Reason.NEEDS_ROOT, Text("sudo refused it")))
        return seen


def statuses(points: Sequence[Point]) -> dict[str, Status]:
    return {one.area: one.status for one in points}


@pytest.mark.parametrize(
    ("terminal", "environ", "area", "status"),
    [
        (GOOD, {"TERM": "xterm-256color"}, "terminal", Status.PASS),
        (replace(GOOD, rows=20), {"TERM": "xterm"}, "terminal", Status.WARN),
        (GOOD, {"TERM": "dumb"}, "terminal", Status.WARN),
        (replace(GOOD, is_one=False), {}, "terminal", Status.INFO),
        (replace(GOOD, encoding="ANSI_X3.4-1968"), {"TERM": "xterm"}, "locale", Status.WARN),
        (GOOD, {"TERM": "xterm", "NO_COLOR": "1"}, "colours", Status.INFO),
    ],
)
def test_a_terminal_that_will_not_do_is_named(
    terminal: Terminal, environ: dict[str, str], area: str, status: Status
) -> None:
    assert statuses(list(of_terminal(terminal, environ)))[area] is status


def test_the_state_directory_is_judged_without_being_made(tmp_path: Path) -> None:
    place = tmp_path / "new" / "state"
    assert of_state(place).status is Status.PASS
    assert not place.parent.exists()
    (tmp_path / "file").write_text("")
    assert of_state(tmp_path / "file" / "state").status is Status.FAIL


def test_an_agent_that_is_gone_is_told(tmp_path: Path) -> None:
    found = statuses(list(of_ssh({"SSH_AUTH_SOCK": str(tmp_path / "gone")}, tmp_path)))
    assert found["ssh agent"] is Status.WARN
    assert found["ssh keys of hosts"] is Status.INFO


async def test_a_host_that_answers_refuses_or_is_gone() -> None:
    assert statuses(await of_host(Answering(), 1.0)) == {"host": Status.PASS, "clock": Status.PASS}
    assert statuses(await of_host(Answering(-600), 1.0))["clock"] is Status.WARN
    assert statuses(await of_host(Answering(root=False), 1.0))["host"] is Status.WARN
    silent = Answering(problem=Unknown(Reason.UNREACHABLE, Text("no route")))
    assert statuses(await of_host(silent, 1.0)) == {"host": Status.FAIL}
    without = Answering(problem=Unknown(Reason.NO_SSH, Text("no SSH")))
    assert statuses(await of_host(without, 1.0)) == {"host": Status.INFO}


async def test_the_api_servers_clock_is_compared_with_ours() -> None:
    api = Answering(3600)
    api.name = "kubernetes"
    found = await of_api(api, 1.0)
    assert statuses(found) == {"api": Status.PASS, "api clock": Status.WARN}
    assert "+3600" in str(found[1].text) or "+3599" in str(found[1].text)


def test_what_stands_in_a_table_cannot_move_the_cursor() -> None:
    shown = table([Point("host", Status.FAIL, Text("a\x1b[2Jb\nc"), "edge\x1b[1m", Text("try"))])
    assert "\x1b" not in shown
    assert shown.count("\n") == 2


def test_without_a_kubeconfig_it_says_so_and_ends_with_2(tmp_path: Path) -> None:
    ran = CliRunner().invoke(command, ["-o", "json", "--kubeconfig", str(tmp_path / "none")])
    found = json.loads(ran.stdout)
    assert ran.exit_code == 2
    assert found["kind"] == "doctor"
    (failed,) = [one for one in found["points"] if one["status"] == "fail"]
    assert failed["area"] == "kubeconfig"
    assert "does not exist" in failed["message"]


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [(-1, Status.FAIL, "expired on"), (10, Status.WARN, "in 10 days"), (90, Status.PASS, "good until")],
)
def test_a_client_certificate_that_ends_soon_is_told_before_it_does(days: int, status: Status, words: str) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    point = _of_expiry(now + timedelta(days=days), now)
    assert (point.status, words in str(point.text), point.help is None) == (status, True, status is Status.PASS)
