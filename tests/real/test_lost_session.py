"""Every kind of step over a real SSH session that is killed in the middle of it; and sudo taken away half-way."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kedge.audit import Audit
from kedge.execute.uploads import PIECE
from kedge.executor import Executor, Outcome, Progress, Refused, Result, Settings, StepState, Where
from kedge.i18n import Text
from kedge.links.base import Answer
from kedge.links.host_writer import ShellWriter
from kedge.links.ssh import SshLink
from kedge.model import Approval, Plan, Risk, Step
from kedge.steps import EditYaml, RunCommand, ServiceAction, UploadFile
from tests.real.direct_writer import DirectWriters
from tests.real.ssh_people import link_to, until
from tests.real.sshd import Sshd, running
from tests.real.test_ssh_sudo import Account
from tests.real.test_ssh_sudo import account as account  # noqa: PLC0414 - fixtures
from tests.real.test_ssh_sudo import listening as listening  # noqa: PLC0414
from tests.real.test_ssh_sudo import place as place  # noqa: PLC0414
from tests.real.test_ssh_sudo import server as server  # noqa: PLC0414

BEFORE, AFTER = b"modules:\n  edgeStream:\n    enable: false\n", b"modules:\n  edgeStream:\n    enable: true\n"

SYSTEMCTL = """\
#!/bin/sh
# A unit that is restarted only once the test lets it.
cd '{folder}' || exit 1
case $1 in
  show)
    printf 'LoadState=loaded\\nActiveState=%s\\nSubState=running\\nUnitFileState=enabled\\n' "$(cat active)"
    printf 'MainPID=%s\\nActiveEnterTimestamp=T%s\\n' "$(cat pid)" "$(cat pid)" ;;
  restart)
    echo deactivating >active; : >service-begun
    until [ -e service-go ]; do sleep 0.02; done
    echo $(($(cat pid) + 1)) >pid; echo active >active ;;
esac
"""
IMPORT = """\
#!/bin/sh
cd '{folder}' || exit 1
: >command-begun
until [ -e command-go ]; do sleep 0.02; done
echo "$1" >>images
"""


class Killing(ShellWriter):
    """Tells what is about to be done, so that the test can break the connection under it."""

    def __init__(self, link: SshLink, told: Callable[[Sequence[str]], None]) -> None:
        super().__init__(link)
        self._told = told

    async def run(self, argv: Sequence[str], *, deadline: float, stdin: bytes = b"", root: bool = True) -> Answer:
        self._told((*argv, f"{len(stdin)} bytes"))
        return await super().run(argv, deadline=deadline, stdin=stdin, root=root)

    async def write(self, path: str, data: bytes, *, deadline: float) -> None:
        self._told(("write", path))
        await super().write(path, data, deadline=deadline)
        self._told(("wrote", path))


class Edge:
    """A machine's files and tools, and the steps of a plan that touches each kind of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("systemctl", SYSTEMCTL), ("load-image", IMPORT)):
            (folder / name).write_text(text.format(folder=folder))
            (folder / name).chmod(0o755)
        self.config, self.source = folder / "edgecore.yaml", folder / "image of here.tar"
        self.config.write_bytes(BEFORE)
        self.source.write_bytes(os.urandom(2 * PIECE + 17))
        for name, text in (("active", "active\n"), ("pid", "100\n"), ("images", "")):
            (folder / name).write_text(text)

    def steps(self) -> tuple[Step, ...]:
        switch = "modules.edgeStream.enable"
        return (
            UploadFile("edge1", str(self.source), str(self.folder / "image.tar")),
            RunCommand("edge1", (f"{self.folder}/load-image", "metrics"), ("cat", f"{self.folder}/images"), "metrics"),
            EditYaml("edge1", str(self.config), ((switch, True),), ((switch, False),)),
            ServiceAction("edge1", "edgecore", "restart"),
        )

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


@dataclass
class OneHost(DirectWriters):
    """The one host of a plan."""

    writer: ShellWriter | None = None

    async def host(self, name: str) -> ShellWriter:  # type: ignore[override]
        assert self.writer is not None
        return self.writer


def executor(folder: Path, writer: ShellWriter) -> Executor:
    settings = Settings(poll=0.05)
    return Executor(OneHost(writer=writer), Audit(folder / "audit"), lambda: False, Where("test"), settings=settings)


async def apply(
    desk: Executor, steps: Sequence[Step], told: Callable[[Progress], None] = lambda progress: None
) -> Outcome:
    preview = await desk.preview(Plan("test", "edge1", Text("Repair"), tuple(steps), Risk.MEDIUM, Text("-")))
    return await desk.apply(preview, Approval(preview.digest, "ann", "test"), told)


async def test_a_session_killed_in_every_kind_of_step_costs_time_and_nothing_else(tmp_path: Path) -> None:
    edge, killed = Edge(tmp_path), list[str]()
    with running(tmp_path / "sshd", f"SetEnv PATH={tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin") as sshd:

        def kill(why: str) -> None:
            if why not in killed:
                killed.append(why)
                sshd.kill_sessions()

        def told(argv: Sequence[str]) -> None:
            if argv[-1] == f"{PIECE} bytes" and sshd.sessions():
                kill("upload")
            if argv[0] == "wrote":
                kill("edit")

        async def under(step: str) -> None:
            await until((tmp_path / f"{step}-begun").exists, 60)
            kill(step)
            await until(lambda: bool(sshd.sessions()), 60)
            (tmp_path / f"{step}-go").touch()

        async with link_to(sshd) as link, asyncio.TaskGroup() as others:
            others.create_task(under("command"))
            others.create_task(under("service"))
            outcome = await apply(executor(tmp_path, Killing(link, told)), edge.steps())
    assert outcome.result is Result.DONE, str(outcome.text)
    assert killed == ["upload", "command", "edit", "service"]
    assert (tmp_path / "image.tar").read_bytes() == edge.source.read_bytes()
    assert (edge.text("images"), edge.config.read_bytes(), edge.text("pid")) == ("metrics\n", AFTER, "101\n")
    assert outcome.can_undo
    assert outcome.problems == ()


def lock_of(command: str) -> Path:
    (found,) = Path("/tmp").glob(f"kedge-tui.edge1_*{Path(command).parent.name}_*.lock")
    return found


async def test_sudo_taken_away_between_two_steps(server: Sshd, account: Account, place: Path, tmp_path: Path) -> None:
    account.may("NOPASSWD: ALL")
    edge = Edge(place)
    _upload, command, edit, _service = edge.steps()
    assert isinstance(command, RunCommand)
    (place / "command-go").touch()

    def told(progress: Progress) -> None:
        if (progress.position, progress.state) == (0, StepState.DONE):
            account.may("")

    async with link_to(server) as link:
        desk = executor(tmp_path, ShellWriter(link))
        outcome = await apply(desk, (edit, command), told)
        assert [step.state for step in outcome.steps] == [StepState.DONE, StepState.FAILED]
        assert "sudo on edge1 refuses" in str(outcome.text)
        assert (edge.config.read_bytes(), edge.text("images")) == (AFTER, "")
        with pytest.raises(Refused, match="sudo on edge1 refuses"):
            await desk.undo_preview(outcome.id)
        account.may("NOPASSWD: ALL")
        undo = await desk.undo_preview(outcome.id)
        undone = await desk.apply(undo, Approval(undo.digest, "ann", "test"), lambda _progress: None)
    assert undone.result is Result.DONE, str(undone.text)
    assert edge.config.read_bytes() == BEFORE
    shutil.rmtree(lock_of(command.argv[0]))  # without sudo it could not be removed
