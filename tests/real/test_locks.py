"""The lock script under the shells that edges have."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from kedge.execute.base import Hands, LockPath, Refused, Settings, SystemClock
from kedge.locks import ACQUIRE, HELD, RELEASE, Locks
from tests.real.direct_writer import DirectWriter, DirectWriters

SHELLS = pytest.mark.parametrize("shell", [("dash",), ("bash",), ("bash", "--posix"), ("busybox", "sh")], ids=" ".join)


def acquire(shell: tuple[str, ...], lock: Path, who: str, ttl: int = 60) -> subprocess.CompletedProcess[str]:
    owner = f"token={who}\nwho={who}\n"
    words = [*shell, "-c", ACQUIRE, "sh", str(lock), str(ttl)]
    return subprocess.run(words, input=owner, capture_output=True, text=True, check=False, timeout=20)


def release(shell: tuple[str, ...], lock: Path, who: str) -> None:
    subprocess.run([*shell, "-c", RELEASE, "sh", str(lock), who], check=True, timeout=20)


@SHELLS
def test_one_holder_at_a_time(shell: tuple[str, ...], tmp_path: Path) -> None:
    lock = tmp_path / "edge core.yaml.kedge-lock"
    assert acquire(shell, lock, "ann").returncode == 0
    refused = acquire(shell, lock, "bob")
    assert refused.returncode == HELD
    assert "who=ann\n" in refused.stdout
    assert "until=" in refused.stdout
    release(shell, lock, "bob")  # not his
    assert acquire(shell, lock, "bob").returncode == HELD
    release(shell, lock, "ann")
    assert not lock.exists()
    assert acquire(shell, lock, "bob").returncode == 0


@SHELLS
def test_a_name_is_a_lock_in_the_folder_of_the_host(
    shell: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDGE_TUI_LOCKS", str(tmp_path))
    name = Path("kedge-tui.edge1_edgecore.lock")
    assert acquire(shell, name, "ann").returncode == 0
    assert "who=ann" in (tmp_path / name / "owner").read_text()
    assert acquire(shell, name, "bob").returncode == HELD
    release(shell, name, "ann")
    assert not (tmp_path / name).exists()


@SHELLS
def test_an_expired_lock_is_taken_over(shell: tuple[str, ...], tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert acquire(shell, lock, "ann", ttl=-1).returncode == 0
    assert acquire(shell, lock, "bob").returncode == 0
    assert "who=bob" in (lock / "owner").read_text()
    assert acquire(shell, lock, "eve").returncode == HELD
    assert [path.name for path in lock.iterdir()] == ["owner"]


@SHELLS
def test_a_lock_without_an_owner_expires_by_its_age(shell: tuple[str, ...], tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.mkdir()
    assert acquire(shell, lock, "ann", ttl=60).returncode == HELD
    old = time.time() - 120
    os.utime(lock, (old, old))
    assert acquire(shell, lock, "ann", ttl=60).returncode == 0


@SHELLS
def test_of_many_that_take_over_one_wins(shell: tuple[str, ...], tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    acquire(shell, lock, "dead", ttl=-1)
    words = [*shell, "-c", ACQUIRE, "sh", str(lock), "60"]
    racers = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _number in range(12)
    ]
    for number, racer in enumerate(racers):
        racer.communicate(f"token={number}\nwho={number}\n".encode(), timeout=30)
    assert sorted(racer.returncode for racer in racers) == [0] + [HELD] * 11


@SHELLS
def test_a_place_that_cannot_hold_a_lock_says_why(shell: tuple[str, ...], tmp_path: Path) -> None:
    failed = acquire(shell, tmp_path / "missing" / "lock", "ann")
    assert failed.returncode == 1
    assert "No such file or directory" in failed.stderr


async def test_all_locks_or_none(tmp_path: Path) -> None:
    hands = Hands(DirectWriters({"edge1": DirectWriter("edge1")}), SystemClock(), Settings())
    first, second = LockPath("edge1", str(tmp_path / "a.lock")), LockPath("edge1", str(tmp_path / "b.lock"))
    ann, bob = Locks(hands, "ann@hq", 60), Locks(hands, "bob@hq", 60)
    await bob.acquire([second])
    with pytest.raises(Refused, match=r"bob@hq is repairing this on edge1 right now .* expires \d\d:\d\d:\d\d UTC"):
        await ann.acquire([second, first])
    assert [path.name for path in here(tmp_path)] == ["b.lock"]
    assert await bob.release() == ()
    await ann.acquire([second, first, first])
    assert await ann.release() == ()
    assert here(tmp_path) == []


def here(path: Path) -> list[Path]:
    return list(path.iterdir())
