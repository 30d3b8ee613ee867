"""The very commands that follow files on hosts, under the shells that hosts have: rotated, emptied, read on."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from kedge.logs.files import container_command
from kedge.logs.lines import REMARKS, CriReader, LineKind, LogLine
from kedge.logs.sources import ContainerLog, UnitLog
from kedge.logs.units import HOST_STARTED, Place, UnitReader, unit_command

SHELLS = [name for name in ("sh", "busybox") if shutil.which(name)]
TOOLS = "awk cat cksum date dd grep head ls sed sort tail tr wc"
NONCE = "d1ce"
QUICK = "sleep() { command sleep 0.02; }\n"
"""In front of a command: less patience."""

ROTATED, EMPTIED, LOST = (str(REMARKS[word]) for word in ("rotated", "emptied", "lost"))


class Followed:
    """A command that runs, and what a follower makes of its output."""

    def __init__(self, process: subprocess.Popen[bytes], read: Callable[[bytes, int], LogLine | None]) -> None:
        self.lines: list[LogLine] = []
        self._process, self._read = process, read
        self.thread = Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self) -> None:
        assert self._process.stdout is not None
        while raw := self._process.stdout.readline():
            line = self._read(raw.rstrip(b"\n"), 0)
            if line is not None:
                self.lines.append(line)

    @property
    def texts(self) -> list[str]:
        return [f"({line.text})" if line.kind is LineKind.MARK else line.text.rpartition(" ")[2] for line in self.lines]

    def until(self, *expected: str) -> None:
        end = time.monotonic() + 20
        while self.texts[-len(expected) :] != list(expected) and time.monotonic() < end:
            time.sleep(0.005)
        assert self.texts[-len(expected) :] == list(expected)


@contextmanager
def running(shell: str, command: str, read: Callable[[bytes, int], LogLine | None]) -> Iterator[Followed]:
    argv = [shell] if shell == "sh" else [shell, "sh"]
    if shell == "busybox":
        command = "".join(f'{tool}() {{ busybox {tool} "$@"; }}\n' for tool in TOOLS.split()) + command
    process = subprocess.Popen([*argv, "-c", QUICK + command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    followed = Followed(process, read)
    try:
        yield followed
    finally:
        process.kill()
        process.wait()
        followed.thread.join(10)
        process.stdout.close()


@contextmanager
def unit(
    shell: str, file: Path, reader: UnitReader, place: Place | None = None, ago: int | None = None
) -> Iterator[Followed]:
    reader.begin(NONCE)
    command = unit_command(UnitLog("edge1", "edgecore", str(file)), 2, NONCE, ago=ago, place=place)
    command = command.replace("if command -v journalctl >/dev/null 2>&1; then", "if false; then")
    with running(shell, command, reader.read) as followed:
        yield followed


def write(file: Path, *words: str, at: datetime | None = None) -> None:
    stamp = (at or datetime.now(UTC)).astimezone().strftime("%m%d %H:%M:%S.%f")
    with file.open("a") as out:
        out.writelines(f"I{stamp} 1 a.go:1] {word}\n" for word in words)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_is_followed_through_every_rotation_and_read_on_at_the_byte(shell: str, tmp_path: Path) -> None:
    file, reader = tmp_path / "edge core's.log", UnitReader()
    write(file, "old", "older", "old1", "old2")
    with unit(shell, file, reader) as followed:
        followed.until("old1", "old2")
        write(file, "new")
        followed.until("old2", "new")
        # Renamed, written to once more, and made anew.
        file.rename(tmp_path / "edge core's.log.1")
        write(tmp_path / "edge core's.log.1", "last")
        write(file, "first")
        followed.until("new", "last", f"({ROTATED})", "first")
        # Copied and emptied, with lines that only the copy has.
        write(file, *"abcdefgh")
        followed.until(*"abcdefgh")
        write(file, "copied")
        shutil.copy(file, tmp_path / "edge core's.log-20261122")
        with file.open("w"):
            pass
        followed.until("h", "copied", f"({ROTATED})")
        write(file, "after")
        followed.until("after")
        with file.open("w"):
            pass
        followed.until("after", f"({EMPTIED})")
        write(file, "then")
        followed.until("then")
        assert followed.lines[-1].stamp.startswith(f"{datetime.now(UTC).astimezone():%Y-%m-%dT}")
    place = reader.place
    write(file, "unread")
    with unit(shell, file, reader, place) as followed:
        followed.until("unread")
        assert len(followed.lines) == 1
    file.rename(tmp_path / "edge core's.log.2")
    write(tmp_path / "edge core's.log.2", "rest")
    write(file, "fresh")
    with unit(shell, file, reader, reader.place) as followed:
        followed.until("rest", f"({ROTATED})", "fresh")
        assert len(followed.lines) == 3
    file.unlink()
    write(file, "unknown")
    with unit(shell, file, reader, ("1-1", 5)) as followed:
        followed.until(f"({LOST})", "unknown")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_without_a_journal_begins_as_long_ago_as_asked(shell: str, tmp_path: Path) -> None:
    file, now = tmp_path / "edgecore.log", datetime.now(UTC)
    for minutes, word in ((60 * 24 * 200, "spring"), (20, "before"), (4, "young"), (1, "younger")):
        write(file, word, at=now - timedelta(minutes=minutes))
    with unit(shell, file, UnitReader(), ago=300) as followed:
        followed.until("young", "younger")
        assert len(followed.lines) == 2
    file.write_text("none\nof these\ntells a time\n")
    with unit(shell, file, UnitReader(), ago=300) as followed:
        followed.until(f"({REMARKS['undated']})", "these", "time")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_container_is_followed_through_rotations_and_restarts(shell: str, tmp_path: Path) -> None:
    folder = tmp_path / "factory_web-0_uid" / "web"
    folder.mkdir(parents=True)

    def cri(name: str, *words: str) -> None:
        with (folder / name).open("a") as out:
            out.writelines(f"2026-11-22T09:00:01Z stdout F {word}\n" for word in words)

    cri("0.log", "one", "two")
    command = container_command(ContainerLog("factory", "web-0", "uid", "web", "edge1"), str(tmp_path), 1)
    with running(shell, command, CriReader().read) as followed:
        followed.until("two")
        (folder / "0.log").rename(folder / "0.log.20261122-090000")
        cri("0.log.20261122-090000", "three")
        cri("0.log", "four")
        followed.until("two", "three", f"({ROTATED})", "four")
        cri("0.log", "end")
        cri("1.log", "again")
        followed.until("end", "(the container was restarted; log 1.log begins)", "again")
        shutil.rmtree(folder)


def test_journalctls_own_remarks_are_no_lines_and_another_boot_is_told() -> None:
    reader = UnitReader()
    reader.begin(NONCE)
    said = [
        "#d1ce boot aa",
        "-- Logs begin at Sun 2026-11-22 08:00:00 UTC. --",
        "2026-11-22T09:00:01.5+0000 edge1 edgecore[7]: one",
        "-- Boot 0123456789abcdef0123456789abcdef --",
        "-- no remark of journalctl's",
        "#beef boot bb",
    ]
    lines = [line for line in (reader.read(raw.encode(), 0) for raw in said) if line is not None]
    assert [line.text for line in lines] == ["one", str(HOST_STARTED), "#beef boot bb"]
    assert not reader.booted
    reader.read(b"#d1ce boot bb", 0)
    assert (reader.booted, reader.place) == (True, None)
