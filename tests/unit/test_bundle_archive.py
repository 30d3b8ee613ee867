"""Bundles come from strangers: anything but a whole, honest one is refused with a sentence, and nothing is unpacked."""

from __future__ import annotations

import errno
import gzip
import importlib
import io
import json
import os
import pkgutil
import random
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kedge import asks
from kedge.asks import Ask, HostAsk
from kedge.bundles import archive
from kedge.bundles.archive import BundleError
from kedge.bundles.codec import KINDS
from kedge.bundles.gather import FORMAT, MANIFEST, OBSERVATIONS
from kedge.bundles.opening import read_bundle

ROW = {"ask": "Clock", "source": "edge1", "what": "date -u +%s", "stdout": "1795340728\n", "exitCode": 0}
FILES = {
    MANIFEST: json.dumps({"apiVersion": FORMAT, "site": "plant-7"}).encode(),
    OBSERVATIONS: json.dumps(ROW).encode() + b"\n",
}


def good(folder: Path, **changes: bytes) -> Path:
    path = folder / "site.tar.gz"
    archive.write(path, {**FILES, **{name.replace("_", "."): body for name, body in changes.items()}}, 0)
    return path


def tar_of(folder: Path, *members: tarfile.TarInfo, body: bytes = b"x") -> Path:
    path = folder / "bad.tar.gz"
    with tarfile.open(path, "w:gz") as out:
        for member in members:
            member.size = len(body) if member.isreg() else 0
            out.addfile(member, io.BytesIO(body))
    return path


def member(name: str, type: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = type, target
    return made


def test_what_was_written_is_read_and_only_the_owner_may(tmp_path: Path) -> None:
    path = good(tmp_path)
    assert archive.read(path) == FILES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    bundle = read_bundle(path)
    assert (bundle.manifest.site, bundle.observations[0].stdout) == ("plant-7", "1795340728\n")


HOSTILE: dict[str, Callable[[Path], Path]] = {
    "a path that climbs": lambda folder: tar_of(folder, member("../../etc/passwd")),
    "an absolute path": lambda folder: tar_of(folder, member("/etc/cron.d/x")),
    "a known name below a folder": lambda folder: tar_of(folder, member("x/manifest.json")),
    "a symbolic link": lambda folder: tar_of(folder, member(MANIFEST, tarfile.SYMTYPE, "/etc/shadow")),
    "a hard link": lambda folder: tar_of(folder, member(MANIFEST, tarfile.LNKTYPE, "/etc/shadow")),
    "a device": lambda folder: tar_of(folder, member(MANIFEST, tarfile.CHRTYPE)),
    "a pipe": lambda folder: tar_of(folder, member(MANIFEST, tarfile.FIFOTYPE)),
    "a folder": lambda folder: tar_of(folder, member(MANIFEST, tarfile.DIRTYPE)),
    "a name twice": lambda folder: tar_of(folder, member(MANIFEST), member(MANIFEST)),
    "no manifest": lambda folder: tar_of(folder, member(OBSERVATIONS)),
    "a file that is no archive": lambda folder: _file(folder, b"hello"),
    "an empty file": lambda folder: _file(folder, b""),
    "gzip of something else": lambda folder: _file(folder, gzip.compress(b"hello" * 500)),
    "a manifest that is none": lambda folder: good(folder, manifest_json=b"[]"),
    "a manifest of another program": lambda folder: good(folder, manifest_json=b'{"apiVersion": "other/v1"}'),
    "a manifest of a later version": lambda folder: good(
        folder, manifest_json=b'{"apiVersion": "kedge-tui/bundle/v9"}'
    ),
    "a line that is no observation": lambda folder: good(folder, observations_jsonl=b'{"ask": 5}\n'),
    "JSON that is nested without end": lambda folder: good(folder, observations_jsonl=b"[" * 200_000),
    "an ask of the wrong shape": lambda folder: good(
        folder, observations_jsonl=b'{"ask": "Tcp", "source": "x", "about": {"host": "a", "port": "no"}}\n'
    ),
}


def _file(folder: Path, body: bytes) -> Path:
    path = folder / "file.tar.gz"
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_broken_bundle_is_refused_with_a_sentence(kind: str, tmp_path: Path) -> None:
    path = HOSTILE[kind](tmp_path)
    with pytest.raises(BundleError) as refused:
        read_bundle(path)
    assert str(path) in str(refused.value)
    assert os.listdir(tmp_path) == [path.name], "something was unpacked"


def test_a_bomb_is_given_up_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    with tarfile.open(path, "w:gz") as out:
        bomb = member(MANIFEST)
        bomb.size = 64 * 2**20
        out.addfile(bomb, io.BytesIO(bytes(bomb.size)))
    assert path.stat().st_size < 2**20
    with pytest.raises(BundleError, match="unpacks to more than 4 MiB"):
        archive.read(path, most=4 * 2**20)


def test_whatever_is_cut_off_or_changed_is_read_whole_or_refused(tmp_path: Path) -> None:
    whole = good(tmp_path).read_bytes()
    chance = random.Random(7)  # noqa: S311 - the same every time
    cuts = [whole[:at] for at in range(0, len(whole) - 1, 7)]
    flips = []
    for _round in range(150):
        changed = bytearray(whole)
        changed[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        flips.append(bytes(changed))
    refused = 0
    for number, body in enumerate([*cuts, *flips]):
        path = _file(tmp_path, body)
        try:
            files = archive.read(path)
        except BundleError:
            refused += 1
        else:
            assert number >= len(cuts), "a part was taken for the whole"
            assert files == FILES
    assert refused > len(cuts)


def test_an_ask_of_a_later_version_is_left_out_and_counted(tmp_path: Path) -> None:
    later = json.dumps({**ROW, "ask": "Telepathy", "about": {"to": "edge1"}}).encode()
    bundle = read_bundle(good(tmp_path, observations_jsonl=FILES[OBSERVATIONS] + later + b"\n"))
    assert (len(bundle.observations), bundle.unread) == (1, 1)


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_cannot_take_it_keeps_what_was_there(
    problem: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = good(tmp_path)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(problem, os.strerror(problem))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match="Nothing was left behind"):
        archive.write(path, FILES, 0)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (before, [path.name])


def test_every_ask_of_the_product_can_be_written_and_read_back() -> None:
    modules = [importlib.import_module(f"kedge.asks.{found.name}") for found in pkgutil.iter_modules(asks.__path__)]
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    assert {kind for kind in kinds if issubclass(kind, Ask) and kind not in (Ask, HostAsk)} == set(KINDS.values())
