"""Editing a real file over real links, with everything that can go wrong on a real machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kedge.audit import Audit
from kedge.executor import Executor, Outcome, Preview, Refused, Result, Settings, StepState, Where
from kedge.i18n import Text
from kedge.links.base import Access, Answer, KubeWriter
from kedge.links.host_writer import ShellWriter
from kedge.links.local import LocalLink
from kedge.links.pools import Pools
from kedge.links.ssh import SshLink
from kedge.links.ssh_config import SshTarget
from kedge.model import Approval, Plan, Risk
from kedge.prompter import RefusingPrompter
from kedge.steps import EditYaml
from tests.real.sshd import Sshd, running

BEFORE = (
    b"# edge1, by hand\nmodules:\n  edgeStream:\n    enable: false  # off\n    server: 127.0.0.1:10004\n"
    + b"# x\n" * 900
)
FAST = Settings(poll=0.2)
AFTER = BEFORE.replace(b"enable: false", b"enable: true").replace(b"127.0.0.1:10004", b"10.99.0.10:10004")


@dataclass
class Watched:
    """A writer with a hook before and after everything it does."""

    inner: ShellWriter
    before: Callable[[int], None] = lambda number: None
    after: Callable[[int], None] = lambda number: None
    count: int = 0

    @property
    def name(self) -> str:
        return self.inner.name

    async def run(self, argv: Sequence[str], *, deadline: float, stdin: bytes = b"", root: bool = True) -> Answer:
        self._begin()
        answer = await self.inner.run(argv, deadline=deadline, stdin=stdin, root=root)
        self.after(self.count)
        return answer

    async def read(self, path: str, *, deadline: float) -> bytes:
        self._begin()
        data = await self.inner.read(path, deadline=deadline)
        self.after(self.count)
        return data

    async def write(self, path: str, data: bytes, *, deadline: float) -> None:
        self._begin()
        await self.inner.write(path, data, deadline=deadline)
        self.after(self.count)

    def _begin(self) -> None:
        self.count += 1
        self.before(self.count)


@dataclass
class OneHost:
    writer: Watched

    async def host(self, name: str) -> Watched:
        return self.writer

    async def kube(self) -> KubeWriter:
        raise AssertionError("no cluster here")

    async def kube_get(self, path: str, access: Access, query: object = None) -> bytes:
        raise AssertionError("no cluster here")


@dataclass
class Edge:
    """An edge with one file, and the executor that may change it."""

    folder: Path
    writer: Watched
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.folder / "edge core.yaml"
        self.path.write_bytes(BEFORE)
        self.path.chmod(0o640)
        os.chown(self.path, 1234, 5678)
        audit = Audit(self.folder.parent / "audit.jsonl")
        self.executor = Executor(
            OneHost(self.writer), audit, lambda: False, Where("test", os_user="ann"), settings=FAST
        )

    def plan(self) -> Plan:
        changes = (("modules.edgeStream.enable", True), ("modules.edgeStream.server", "10.99.0.10:10004"))
        was = (("modules.edgeStream.enable", False),)
        step = EditYaml("edge1", str(self.path), changes, was)
        return Plan("test", "edge1", Text("Enable"), (step,), Risk.MEDIUM, Text("-"))

    async def apply(self, preview: Preview) -> Outcome:
        approval = Approval(preview.digest, "ann", "test")
        return await self.executor.apply(preview, approval, lambda _progress: None)

    @property
    def others(self) -> list[str]:
        """Names of everything in the folder but the file itself."""
        return sorted(name for name in os.listdir(self.folder) if name != self.path.name)


@pytest.fixture
async def pools() -> AsyncIterator[Pools]:
    made = Pools()
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "etc"
    made.mkdir()
    return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with running(tmp_path / "sshd") as sshd:
        yield sshd


@pytest.fixture
async def local(folder: Path, pools: Pools) -> AsyncIterator[Edge]:
    link = LocalLink("edge1", pools, RefusingPrompter())
    yield Edge(folder, Watched(ShellWriter(link)))
    await link.close()


@pytest.fixture
async def remote(folder: Path, pools: Pools, server: Sshd) -> AsyncIterator[Edge]:
    link = SshLink(SshTarget("edge1", ssh_config=server.ssh_config), pools, RefusingPrompter())
    yield Edge(folder, Watched(ShellWriter(link)))
    await link.close()


@pytest.fixture(params=["local", "remote"])
def edge(request: pytest.FixtureRequest) -> Edge:
    found: Edge = request.getfixturevalue(request.param)
    return found


def owner(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mode & 0o7777, status.st_uid, status.st_gid


async def test_mode_and_owner_are_kept_and_undo_gives_the_same_bytes(edge: Edge) -> None:
    outcome = await edge.apply(await edge.executor.preview(edge.plan()))
    assert outcome.result is Result.DONE, str(outcome.text)
    assert outcome.problems == ()
    assert edge.path.read_bytes() == AFTER
    assert owner(edge.path) == (0o640, 1234, 5678)
    (backup,) = edge.others  # the lock is gone, nothing else was left
    assert owner(edge.folder / backup) == (0o640, 1234, 5678)
    undone = await edge.apply(await edge.executor.undo_preview(outcome.id))
    assert undone.result is Result.DONE, str(undone.text)
    assert edge.path.read_bytes() == BEFORE
    assert owner(edge.path) == (0o640, 1234, 5678)


async def test_a_symbolic_link_stays_one(local: Edge) -> None:
    real = local.folder / "real.yaml"
    local.path.rename(real)
    local.path.symlink_to("real.yaml")
    outcome = await local.apply(await local.executor.preview(local.plan()))
    assert outcome.result is Result.DONE, str(outcome.text)
    assert local.path.is_symlink()
    assert real.read_bytes() == AFTER


async def test_a_file_changed_in_between_is_refused(edge: Edge) -> None:
    preview = await edge.executor.preview(edge.plan())
    edge.path.write_bytes(BEFORE + b"# somebody was here\n")
    with pytest.raises(Refused, match="changed since it was shown"):
        await edge.apply(preview)
    assert edge.path.read_bytes() == BEFORE + b"# somebody was here\n"
    assert edge.others == []


async def test_two_operators_on_one_edge(local: Edge, pools: Pools, tmp_path: Path) -> None:
    writer = Watched(ShellWriter(LocalLink("edge1", pools, RefusingPrompter())))
    audit = Audit(tmp_path / "bob.jsonl")
    bob = Executor(OneHost(writer), audit, lambda: False, Where("test", os_user="bob"))
    preview = await bob.preview(local.plan())
    (local.folder / "edge core.yaml.kedge-lock").mkdir()
    with pytest.raises(Refused, match="is repairing this on edge1 right now"):
        await bob.apply(preview, Approval(preview.digest, "bob", "test"), lambda _progress: None)
    assert local.path.read_bytes() == BEFORE


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Callable[[str], None]]:
    """Put the folder on a disk of 16 KiB; returns how to remount it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], check=True, timeout=10)
    yield lambda option: subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True, timeout=10)
    subprocess.run(["umount", str(folder)], check=True, timeout=10)


async def test_a_full_disk_leaves_the_file_as_it_was(small_disk: object, local: Edge) -> None:
    preview = await local.executor.preview(local.plan())
    (local.folder / "filler").write_bytes(b"x" * 4096)  # room for the backup, none for the new file beside it
    outcome = await local.apply(preview)
    assert outcome.result is Result.FAILED
    assert outcome.steps[0].state is StepState.FAILED
    assert "No space left on device" in str(outcome.text)
    assert local.path.read_bytes() == BEFORE
    assert not outcome.can_undo


async def test_a_read_only_file_system_is_refused(small_disk: Callable[[str], None], local: Edge) -> None:
    preview = await local.executor.preview(local.plan())
    small_disk("ro")
    with pytest.raises(Refused, match="Read-only file system"):
        await local.apply(preview)
    small_disk("rw")
    assert local.path.read_bytes() == BEFORE


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param("before", 4, id="before-the-backup"),
        pytest.param("before", 6, id="before-the-write"),
        pytest.param("after", 6, id="after-the-write"),
        pytest.param("before", 8, id="before-the-unlock"),
    ],
)
async def test_a_killed_connection_never_leaves_a_lie(remote: Edge, server: Sshd, number: int, moment: str) -> None:
    preview = await remote.executor.preview(remote.plan())
    remote.writer.count = 0

    def kill(count: int) -> None:
        if count == number:
            server.kill_sessions()

    setattr(remote.writer, moment, kill)
    try:
        outcome = await remote.apply(preview)
    except Refused:
        assert remote.path.read_bytes() == BEFORE
        return
    finally:
        setattr(remote.writer, moment, lambda count: None)
    assert remote.path.read_bytes() == (AFTER if outcome.result is Result.DONE else BEFORE)
    assert outcome.can_undo == (outcome.result is Result.DONE)
