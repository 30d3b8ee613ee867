"""diff: what was done to a recorded site is what differs, and nothing that always does."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from kedge.commands.diff import command
from tests.replay.recorded import RECORDINGS

HEALTHY, SICK = str(RECORDINGS / "healthy"), str(RECORDINGS / "edgestream-disabled")


def diff(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def rows(*words: str) -> dict[tuple[str, str], tuple[str, str]]:
    ran = diff(*words, "-o", "json")
    assert ran.exit_code == 0, ran.stderr
    return {(one["target"], one["what"]): (one["a"], one["b"]) for one in json.loads(ran.stdout)["differences"]}


def test_the_switch_that_was_turned_off_differs_in_fact_and_finding() -> None:
    found = rows(HEALTHY, SICK)
    assert found["edge1", "EdgeCoreConfig.edge_stream.enable"] == ("True", "False")
    assert found["edge1", "KE206"][1].startswith("fail: ")
    assert ("edge2", "KE206") not in found
    assert not [what for _target, what in found if what.startswith(("NodeUsage", "PodUsage", "Headroom"))]


def test_a_site_does_not_differ_from_itself() -> None:
    assert rows(HEALTHY, HEALTHY) == {}
    assert "Nothing differs" in diff(HEALTHY, HEALTHY).stdout


def test_two_nodes_of_one_site_differ_in_what_is_wrong_with_one_not_in_their_names() -> None:
    found = rows("--node", "edge1", "edge2", SICK)
    assert found["NODE", "EdgeCoreConfig.edge_stream.enable"] == ("False", "True")
    assert found["NODE", "KE206"][1].startswith("pass: ")
    assert ("NODE", "Host.name") not in found
    assert ("NODE", "Host.address") not in found


def test_a_ticket_gets_a_table() -> None:
    shown = diff(HEALTHY, SICK, "-o", "markdown").stdout
    assert "| edge1 | KE206 | pass: " in shown


@pytest.mark.parametrize(
    "words", [(), (HEALTHY,), (HEALTHY, "/nowhere/b"), ("--node", "edge1", "edge9", SICK), (HEALTHY, SICK, SICK)]
)
def test_what_cannot_be_compared_is_a_sentence_and_exit_2(words: tuple[str, ...]) -> None:
    ran = diff(*words)
    assert ran.exit_code == 2
    assert ran.stderr.startswith("kedge-tui: ")
