"""Lines of logs: cutting, times, going on after a break, levels, and several sources in one order."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.logs.files import container_command
from kedge.logs.levels import Level, level_of, pretty_json
from kedge.logs.lines import (
    LINE_MOST,
    CriReader,
    LogLine,
    Splitter,
    moment,
    order,
    read_journal,
    read_stamped,
)
from kedge.logs.merge import merged
from kedge.logs.resume import Resume
from kedge.logs.sources import ContainerLog


@given(st.lists(st.binary(max_size=40)), st.integers(min_value=1, max_value=7))
def test_however_a_log_is_cut_into_chunks_its_lines_are_the_same(lines: list[bytes], size: int) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    data = b"".join(line + b"\n" for line in lines) + b"rest"
    splitter = Splitter()
    cut = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    assert cut == lines
    assert splitter.end() == [b"rest"]
    assert splitter.end() == []


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    splitter = Splitter()
    found = [line for _piece in range(5) for line in splitter.feed(b"x" * (1 << 20))]
    assert [len(line) for line in found] == [LINE_MOST]


@given(st.binary(max_size=200))
def test_no_bytes_end_in_an_exception(raw: bytes) -> None:
    for read in (read_stamped, CriReader().read, read_journal):
        line = read(raw, 3)
        assert line is not None
        assert line.source == 3
        assert line.at is None or line.at.tzinfo is not None


def test_each_form_gives_time_and_text() -> None:
    api = read_stamped(b"2026-11-22T09:42:26.733454123Z hello  world\r", 0)
    assert (api.stamp, api.text) == ("2026-11-22T09:42:26.733454123Z", "hello  world")
    cri = CriReader().read(b"2026-11-22T17:42:26.733454123+08:00 stderr F E1122 it failed", 0)
    assert cri is not None
    assert (cri.text, cri.at) == ("E1122 it failed", datetime(2026, 11, 22, 9, 42, 26, 733454, UTC))
    entry = json.dumps({"log": "from docker\n", "stream": "stdout", "time": "2026-11-22T09:42:26.5Z"})
    docker = CriReader().read(entry.encode(), 0)
    assert docker is not None
    assert (docker.text, docker.stamp) == ("from docker", "2026-11-22T09:42:26.5Z")
    journal = read_journal(b"2026-11-22T09:42:26.733454+0000 edge1 edgecore[123]: I1122 a: b", 0)
    assert (journal.text, journal.at) == ("I1122 a: b", datetime(2026, 11, 22, 9, 42, 26, 733454, UTC))
    assert read_stamped(b"no time in front", 0) == LogLine("no time in front")


def test_parts_of_a_long_line_are_one_line_again() -> None:
    reader = CriReader()
    assert reader.read(b"2026-11-22T09:00:01.1Z stdout P one ", 0) is None
    assert reader.read(b"2026-11-22T09:00:01.2Z stdout P two ", 0) is None
    assert reader.read(b"2026-11-22T09:00:01.3Z stdout F three", 0) == LogLine(
        "one two three", "2026-11-22T09:00:01.1Z", 0
    )
    assert reader.read(b"2026-11-22T09:00:02Z stdout F next", 0) == LogLine("next", "2026-11-22T09:00:02Z", 0)


def test_zeros_that_rfc_3339_leaves_away_do_not_change_the_order() -> None:
    stamps = ["2026-11-22T09:42:26.7Z", "2026-11-22T09:42:26.73Z", "2026-11-22T09:42:26.730000001Z"]
    assert sorted(stamps, key=order) == stamps
    assert moment("2026-11-22T09:42:26.730000001Z") == datetime(2026, 11, 22, 9, 42, 26, 730000, UTC)
    assert moment("yesterday") is None


# ---------------------------------------------------------------------------------------------- going on again


def stamped(*seconds: float) -> list[LogLine]:
    return [LogLine(f"{n}", f"2026-11-22T09:00:{second:09.6f}Z") for n, second in enumerate(seconds)]


@given(st.lists(st.integers(min_value=0, max_value=12), max_size=20), st.lists(st.integers(0, 9), max_size=5))
def test_after_a_break_every_line_comes_once(ticks: list[int], reads: list[int]) -> None:
    """The source has lines of a few, often equal, times; it breaks anywhere and is asked again from that second on."""
    log = stamped(*(tick / 4 for tick in sorted(ticks)))
    resume, got, at = Resume(), [], 0
    for size in reads:
        got += resume.fresh(log[at : at + size])
        resume.again()
        second = resume.second.removesuffix("Z")
        at = next((n for n, line in enumerate(log) if line.stamp[:19] >= second), 0) if second else 0
    got += resume.fresh(log[at:])
    assert [line.text for line in got] == [line.text for line in log]
    assert not resume.has_gap


def test_a_source_that_begins_behind_the_break_tells_of_a_gap() -> None:
    resume = Resume()
    assert len(list(resume.fresh(stamped(1, 2)))) == 2
    resume.again()
    assert len(list(resume.fresh(stamped(7, 8)))) == 2
    assert resume.has_gap
    resume.again()
    assert len(list(resume.fresh(stamped(8, 9)))) == 1
    assert not resume.has_gap


def test_the_second_keeps_the_offset_of_the_node() -> None:
    resume = Resume()
    list(resume.fresh([LogLine("x", "2026-11-22T17:42:26.733+08:00")]))
    assert resume.second == "2026-11-22T17:42:26+08:00"


# ------------------------------------------------------------------------------------------------ order, levels


def test_sources_are_merged_by_time_and_lines_without_one_stay_with_theirs() -> None:
    first = [LogLine("a", "2026-11-22T09:00:01Z", 0), LogLine("a'", "", 0), LogLine("d", "2026-11-22T09:00:04Z", 0)]
    second = [LogLine("b", "2026-11-22T10:00:02+01:00", 1), LogLine("c", "2026-11-22T09:00:03Z", 1)]
    assert "".join(line.text for line in merged([*first, *second])) == "aa'bcd"


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), max_size=40))
def test_merging_keeps_every_line_and_the_order_within_a_source(lines: Sequence[tuple[int, int]]) -> None:
    made = [
        LogLine(str(n), f"2026-11-22T09:00:{at:02d}Z" if at else "", source) for n, (source, at) in enumerate(lines)
    ]
    result = merged(made)
    assert sorted(line.text for line in result) == sorted(line.text for line in made)
    for source in range(3):
        own = [int(line.text) for line in result if line.source == source]
        assert own == sorted(own)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("E1122 09:42:26.733454       1 streamserver.go:177] no", Level.ERROR),
        ("W1122 09:42:26.733454       1 a.go:1] hm", Level.WARN),
        ('{"ts":1,"level":"error","msg":"info"}', Level.ERROR),
        ('{"level":30,"msg":"bunyan"}', Level.INFO),
        ("ts=1 level=warn msg=x", Level.WARN),
        ("2026-11-22 ERROR upstream timed out", Level.ERROR),
        ("panic: send on closed channel", Level.ERROR),
        ("the errors of others", Level.NONE),
        ("", Level.NONE),
    ],
)
def test_a_line_says_how_serious_it_is(text: str, level: Level) -> None:
    assert level_of(text) is level


def test_json_is_unfolded_with_what_stands_around_it() -> None:
    assert pretty_json('I0101 got {"a":{"b":1}} done') == 'I0101 got {\n  "a": {\n    "b": 1\n  }\n} done'
    assert pretty_json("no { json") == ""


@given(st.text(max_size=60))
def test_no_text_breaks_levels_or_json(text: str) -> None:
    assert level_of(text) in Level
    assert isinstance(pretty_json("{" + text), str)


def test_times_of_one_source_are_in_order_whatever_their_offset() -> None:
    utc, china = "2026-11-22T23:59:59.5Z", "2026-11-23T08:00:00.25+08:00"
    assert order(utc) < order(china)
    assert order("2026-11-22T23:59:59.5-00:00") == order(utc) == order("2026-11-23T05:29:59.500+05:30")
    assert order("2026-11-22T23:59:59+0000") < order(utc)
    assert order("2026-99-99T00:00:00+08:00") == "2026-99-99T00:00:00", "no time, but no exception"


@pytest.mark.parametrize("awk", [name for name in ("awk", "mawk", "gawk", "busybox") if shutil.which(name)])
def test_files_begin_at_a_time_whatever_offset_they_are_written_with(awk: str, tmp_path: Path) -> None:
    """The command itself, with another awk in front and no follower at its end."""
    folder = tmp_path / "factory_web-0_uid" / "web"
    folder.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "awk"
    tool.symlink_to(str(shutil.which(awk)))
    (folder / "0.log").write_text(
        "2026-11-22T17:00:00.5+08:00 stdout F too old\n2026-02-29T00:00:00Z stdout F older\n"
        '{"log":"docker\\n","stream":"stdout","time":"2026-11-22T09:00:01.5Z"}\n'
        "2026-11-22T04:00:02-05:00 stdout F new\n2026-11-22T17:00:03+08:00 stdout F newest\n"
    )
    log = ContainerLog("factory", "web-0", "uid", "web", "edge1", previous=True)
    command = container_command(log, str(tmp_path), 9, datetime(2026, 11, 22, 9, 0, 1, tzinfo=UTC))
    path = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    (folder / "1.log").write_text("")
    done = subprocess.run(["/bin/sh", "-c", command], env=path, capture_output=True, text=True, check=True, timeout=20)
    said = [CriReader().read(raw.encode(), 0) for raw in done.stdout.splitlines()]
    assert [line.text for line in said if line is not None] == ["docker", "new", "newest"], done.stderr


def test_without_files_crictl_is_asked(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    crictl = tmp_path / "bin" / "crictl"
    crictl.write_text("""#!/bin/sh
case $1 in
ps) [ "$5 $7" = "io.kubernetes.pod.uid=u'1 io.kubernetes.container.name=web" ] && echo abc && echo older ;;
logs) shift; echo "2026-11-22T09:00:02.5+08:00 asked $*" >&2 ;;
esac
""")
    crictl.chmod(0o755)
    log = ContainerLog("factory", "web-0", "u'1", "web", "edge1")
    path = {"PATH": f"{crictl.parent}:{os.environ['PATH']}"}
    command = container_command(log, str(tmp_path), 9)
    done = subprocess.run(["/bin/sh", "-c", command], env=path, capture_output=True, text=True, check=True, timeout=20)
    line = CriReader().read(done.stdout.strip().encode(), 0)
    assert line == LogLine("asked -t -f --tail 9 abc", "2026-11-22T09:00:02.5+08:00", 0)
