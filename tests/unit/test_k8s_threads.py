"""Watches decode on threads of their own, and all of them begin at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TWO_THREADS_MEET = """
from __future__ import annotations
import threading
import msgspec
from kedge.k8s import decode_one

building, met = threading.Event(), threading.Event()

class Slow:
    def __class_getitem__(cls, item):
        building.set()
        met.wait(0.5)
        return item

class Part(msgspec.Struct):
    number: Slow[int] = 0

class Shared(msgspec.Struct):
    part: Part | None = None

class One(msgspec.Struct):
    shared: Shared | None = None

class Other(msgspec.Struct):
    shared: Shared | None = None

first = threading.Thread(target=decode_one, args=(b"{}", One))
first.start()
building.wait()
found = decode_one(b'{"shared": {"part": {"number": 1}}}', Other)
met.set()
first.join()
assert found.shared.part.number == 1
"""


def test_types_that_share_a_part_may_be_met_by_two_threads_at_once() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", TWO_THREADS_MEET], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr
