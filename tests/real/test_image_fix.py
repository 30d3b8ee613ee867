"""Uploading a file and running a command on a real machine: resumed, checked, shown, undone."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kedge.audit import Audit
from kedge.execute.base import Settings, SystemClock
from kedge.execute.uploads import PIECE
from kedge.executor import Executor, Preview, Refused, Result, StepState, Where
from kedge.i18n import Text
from kedge.links.base import Answer
from kedge.model import Approval, LinkError, Plan, Reason, Risk, Step, Unknown
from kedge.steps import RunCommand, UploadFile
from tests.real.direct_writer import DirectWriter, DirectWriters


class Flaky(DirectWriter):
    """Loses the connection at some pieces: before they are written, or after."""

    lose: dict[int, str]
    sent: int

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.lose, self.sent = {}, 0

    async def run(self, argv: Sequence[str], *, deadline: float, stdin: bytes = b"", root: bool = True) -> Answer:
        when = ""
        if len(stdin) > 1000:
            self.sent += 1
            when = self.lose.pop(self.sent, "")
        gone = LinkError(Unknown(Reason.UNREACHABLE, Text("the connection was lost")))
        if when == "before":
            raise gone
        answer = await super().run(argv, deadline=deadline, stdin=stdin, root=root)
        if when == "after":
            raise gone
        return answer


class Bench:
    def __init__(self, folder: Path) -> None:
        self.host = Flaky("cloud1")
        settings = Settings(find_out=0.5, poll=0.05)
        self.executor = Executor(
            DirectWriters({"cloud1": self.host}),
            Audit(folder / "audit.jsonl"),
            lambda: False,
            Where("plant-7"),
            SystemClock(),
            settings,
        )
        self.source, self.path = folder / "image of here.tar", folder / "image of there.tar"
        self.source.write_bytes(os.urandom(3 * PIECE + 2017))
        self.upload = UploadFile("cloud1", str(self.source), str(self.path))

    async def preview(self, *steps: Step) -> Preview:
        plan = Plan("test", "cloud1", Text("Load it"), steps, Risk.LOW, Text("nobody notices"))
        return await self.executor.preview(plan)

    async def apply(self, preview: Preview) -> tuple[Result, list[str]]:
        said: list[str] = []
        outcome = await self.executor.apply(
            preview, Approval(preview.digest, "ann", "test"), lambda p: said.append(str(p.text))
        )
        self.id, self.states = outcome.id, [step.state for step in outcome.steps]
        return outcome.result, said


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_file_is_sent_whole_and_removed_by_the_undo(bench: Bench) -> None:
    preview = await bench.preview(bench.upload)
    assert str(preview.steps[0].notes[0]).startswith(f"{3 * PIECE + 2017} bytes are sent")
    result, said = await bench.apply(preview)
    assert result is Result.DONE
    assert bench.path.read_bytes() == bench.source.read_bytes()
    assert sorted(path.name for path in bench.path.parent.glob("image*")) == ["image of here.tar", "image of there.tar"]
    assert any("(100 %)" in line for line in said)
    assert (await bench.preview(bench.upload)).idle
    result, _said = await bench.apply(await bench.executor.undo_preview(bench.id))
    assert result is Result.DONE
    assert not bench.path.exists()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_link_costs_one_piece(bench: Bench, when: str) -> None:
    preview = await bench.preview(bench.upload)
    bench.host.lose = {2: when}
    result, _said = await bench.apply(preview)
    assert result is Result.DONE
    assert bench.path.read_bytes() == bench.source.read_bytes()
    assert bench.host.sent == 5


async def test_an_upload_that_broke_off_goes_on_where_it_stopped(bench: Bench) -> None:
    preview = await bench.preview(bench.upload)
    bench.host.lose = dict.fromkeys(range(3, 200), "before")
    result, _said = await bench.apply(preview)
    assert result is not Result.DONE
    bench.host.lose = {}
    sent = bench.host.sent
    result, said = await bench.apply(await bench.preview(bench.upload))
    assert result is Result.DONE
    assert bench.host.sent - sent == 2
    assert f"going on behind {2 * PIECE} bytes of an upload that broke off" in said
    assert bench.path.read_bytes() == bench.source.read_bytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one."""
    made = tmp_path / "disk"
    made.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "kedge", made], check=True)
    yield made
    subprocess.run(["umount", made], check=True)


async def test_an_upload_to_a_full_disk_fails_and_leaves_nothing_under_the_name(bench: Bench, disk: Path) -> None:
    preview = await bench.preview(UploadFile("cloud1", str(bench.source), str(disk / "image.tar")))
    outcome = await bench.executor.apply(preview, Approval(preview.digest, "ann", "test"), lambda _progress: None)
    assert outcome.result is Result.FAILED
    assert "is its disk full, or read-only?" in str(outcome.text)
    assert not (disk / "image.tar").exists()


async def test_an_upload_to_a_read_only_disk_is_refused(bench: Bench, disk: Path) -> None:
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", disk], check=True)
    preview = await bench.preview(UploadFile("cloud1", str(bench.source), str(disk / "image.tar")))
    with pytest.raises(Refused, match="Read-only file system"):
        await bench.apply(preview)
    assert bench.host.sent == 0


async def test_the_rest_of_another_file_is_not_built_upon(bench: Bench) -> None:
    bench.path.with_name(f"{bench.path.name}.kedge-part").write_bytes(b"x" * 2 * PIECE)
    result, _said = await bench.apply(await bench.preview(bench.upload))
    assert result is Result.DONE
    assert bench.path.read_bytes() == bench.source.read_bytes()


async def test_another_file_of_that_name_is_never_overwritten(bench: Bench) -> None:
    bench.path.write_bytes(b"ours")
    with pytest.raises(Refused, match="has another"):
        await bench.preview(bench.upload)


async def test_a_source_that_is_not_there_is_refused(bench: Bench) -> None:
    bench.source.unlink()
    with pytest.raises(Refused, match="cannot be read on this machine"):
        await bench.preview(bench.upload)


async def test_a_command_is_judged_by_its_effect(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "it's there"
    wanted = str(file)
    look = ("find", str(tmp_path), "-name", "it's*")
    step = RunCommand("cloud1", ("touch", wanted), look, wanted, undo=("rm", "--", wanted))
    preview = await bench.preview(step)
    assert preview.steps[0].body.startswith("$ touch")
    result, _said = await bench.apply(preview)
    assert result is Result.DONE
    assert (await bench.preview(step)).idle
    result, _said = await bench.apply(await bench.executor.undo_preview(bench.id))
    assert result is Result.DONE
    assert not file.exists()
    for _twice in range(2):  # by hand, as often as one likes
        assert (await bench.host.run(("sh", "-c", preview.script()), deadline=20)).exit_code == 0
    assert file.exists()


async def test_a_command_that_does_nothing_is_not_called_done(bench: Bench, tmp_path: Path) -> None:
    step = RunCommand("cloud1", ("true",), ("ls", str(tmp_path)), "never-there")
    result, _said = await bench.apply(await bench.preview(step))
    assert result is Result.FAILED
    assert bench.states == [StepState.INEFFECTIVE]


async def test_a_script_is_shown_and_refused_when_it_changed_since(bench: Bench, tmp_path: Path) -> None:
    script, made = tmp_path / "make it.sh", tmp_path / "made"
    script.write_text(f"touch {made}\n")
    step = RunCommand("cloud1", ("bash", str(script)), ("ls", str(tmp_path)), "made", shows=str(script))
    preview = await bench.preview(step)
    assert preview.steps[0].body.endswith(f":\ntouch {made}")
    script.write_text("rm -rf /tmp/never\n")
    with pytest.raises(Refused, match="changed since it was shown"):
        await bench.apply(preview)
    assert not made.exists()
