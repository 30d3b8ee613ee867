"""Options of check beside its formats: the published schema, durations, groups, changes, the textfile."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from kedge.changes import changes
from kedge.commands.check import command, judge_recording
from kedge.commands.durations import duration
from kedge.i18n import _
from kedge.model import Finding, Kind, Status
from kedge.picture import Picture
from kedge.registry import discover
from kedge.report import EVERYTHING, SCHEMA, document
from kedge.selection import select

RECORDINGS = Path(__file__).parents[1] / "recordings"
NOW = datetime(2026, 11, 22, 2, 51, 9, tzinfo=UTC)


@cache
def judged(state: str) -> Picture:
    return asyncio.run(judge_recording(RECORDINGS / state, discover()))


# ------------------------------------------------------------------------------------------------- schema


def violations(value: Any, schema: dict[str, Any], where: str = "$") -> Iterator[str]:
    """What of the document its schema does not allow; knows the words that our schema uses and refuses others."""
    known = {"type", "enum", "const", "pattern", "minimum", "properties", "required", "items", "anyOf"}
    yield from (
        f"{where}: unknown word {word}"
        for word in schema.keys() - known - {"description", "format", "title"}
        if word[0] != "$"
    )
    types = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}
    if "type" in schema and (not isinstance(value, types[schema["type"]]) or isinstance(value, bool)):
        yield f"{where}: {value!r} is no {schema['type']}"
        return
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{where}: {value!r} is not allowed"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{where}: {value!r} is too small"
    if "anyOf" in schema and all(list(violations(value, one, where)) for one in schema["anyOf"]):
        yield f"{where}: {value!r} fits no alternative"
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}: {name} is missing"
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            yield from violations(value[name], inner, f"{where}.{name}")
    for at, item in enumerate(value if "items" in schema else ()):
        yield from violations(item, schema["items"], f"{where}[{at}]")


@pytest.mark.parametrize("state", ["healthy", "edgestream-disabled", "metrics-image-missing"])
def test_the_document_is_what_the_published_schema_says(state: str) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    whole = json.loads(json.dumps(document(judged(state))))
    assert list(violations(whole, schema)) == []
    assert set(whole) == set(schema["properties"]), "a field that the schema does not tell of"
    assert set(whole["results"][0]) == set(schema["properties"]["results"]["items"]["properties"])
    broken = {**whole, "summary": {**whole["summary"], "fail": "2"}, "generatedAt": "yesterday"}
    assert len(list(violations(broken, schema))) == 2


def test_the_schema_is_printed() -> None:
    ran = CliRunner().invoke(command, ["--schema"])
    assert (ran.exit_code, json.loads(ran.stdout)["$id"]) == (0, "kedge-tui:check-v1")


def test_results_have_one_order_and_times_are_utc() -> None:
    whole = document(judged("edgestream-disabled"))
    places = [(one["code"], one["target"]) for one in whole["results"]]
    assert places == sorted(places)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", whole["generatedAt"])


# ------------------------------------------------------------------------------------- options of one look


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("1.5", 1.5), ("5m", 300.0), ("1h30m", 5400.0), ("", 0.0)]
)
def test_durations(text: str, seconds: float) -> None:
    @click.command()
    @duration("--wait", "", "x")
    def take(wait: float) -> None:
        click.echo(repr(wait))

    assert CliRunner().invoke(take, ["--wait", text]).stdout == f"{seconds!r}\n"


@pytest.mark.parametrize("text", ["soon", "5 m", "-3s", "m"])
def test_what_is_no_duration_is_a_mistake_with_an_example(text: str) -> None:
    ran = CliRunner().invoke(command, ["--wait", text])
    assert ran.exit_code == 2
    assert "write it like 90s, 5m or 1h30m" in ran.stderr


def test_a_group_is_a_part_of_the_tree() -> None:
    picture = judged("edgestream-disabled")
    assert {f.kind for f in select(picture, groups=["edgestream"]).findings} == {Kind.EDGESTREAM}
    assert {f.component.split("/")[0] for f in select(picture, groups=["cloud"]).findings} == {"cloud"}
    assert "runtime, tunnel" in CliRunner().invoke(command, ["--group", "moon"]).stderr.replace("'", "")


@pytest.mark.parametrize("words", ["--watch", "--wait 5s", "KE502 --intrusive", "--with answer"])
def test_a_bundle_is_neither_waited_for_nor_asked(words: str) -> None:
    ran = CliRunner().invoke(command, ["--bundle", str(RECORDINGS / "healthy"), *words.split()])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "A bundle" in ran.stderr


@pytest.mark.parametrize("words", ["KE502 --intrusive", "--wait 5s", "--with answer"])
def test_what_watching_would_leave_out_is_refused(words: str) -> None:
    ran = CliRunner().invoke(command, ["--watch", *words.split()])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--watch looks on for ever" in ran.stderr


def test_the_textfile_is_whole_and_readable_by_the_collector(tmp_path: Path) -> None:
    file = tmp_path / "kedge.prom"
    ran = CliRunner().invoke(
        command, ["--bundle", str(RECORDINGS / "edgestream-disabled"), "-o", "short", "--textfile", str(file)]
    )
    assert ran.exit_code == 3
    assert 'code="KE206",target="edge1"} 1' in file.read_text()
    assert (stat.S_IMODE(file.stat().st_mode), [one.name for one in tmp_path.iterdir()]) == (0o644, [file.name])
    lost = CliRunner().invoke(
        command, ["--bundle", str(RECORDINGS / "healthy"), "--textfile", str(tmp_path / "no" / "x.prom")]
    )
    assert (lost.exit_code, lost.stdout) == (1, "")
    assert "cannot be written: No such file or directory" in lost.stderr


# ------------------------------------------------------------------------------------------------- changes


def finding(code: str, status: Status, said: str = "it is {age} s old") -> Finding:
    return Finding(code, _("t"), Kind.EDGESTREAM, "edge1", status, _(said).format(age=status.rank))


def picture(*findings: Finding) -> Picture:
    return Picture("plant-7", "k3s", "", NOW, findings=findings)


def test_changes_tell_what_became_of_a_result() -> None:
    before = picture(finding("KE206", Status.PASS), finding("KE207", Status.FAIL), finding("KE208", Status.PASS))
    after = picture(finding("KE206", Status.FAIL), finding("KE207", Status.FAIL), finding("KE209", Status.WARN))
    told = [(one["code"], one["from"], one["to"]) for one in changes(before, after, EVERYTHING)]
    assert told == [("KE206", "pass", "fail"), ("KE208", "pass", None), ("KE209", None, "warn")]
    only = [one["code"] for one in changes(before, after, frozenset({Status.FAIL}))]
    assert only == ["KE206"]


def test_a_number_that_moves_is_no_change() -> None:
    first = finding("KE206", Status.PASS)
    again = replace(first, text=_("it is {age} s old").format(age=99), seconds=5.0)
    assert list(changes(picture(first), picture(again), EVERYTHING)) == []
    assert len(list(changes(None, picture(first), EVERYTHING))) == 1
