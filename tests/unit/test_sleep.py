"""A nap of this machine is told from time that passes, and ends waiting."""

from __future__ import annotations

import time

import pytest

from kedge import sleep
from kedge.sleep import SleepWatch


class Clock:
    """What the two clocks say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.awake = self.asleep = 1000.0
        monkeypatch.setattr(sleep.time, "monotonic", lambda: self.awake)
        monkeypatch.setattr(sleep.time, "clock_gettime", lambda clock: self.awake + self.asleep)


def test_time_that_passes_is_no_nap(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    watch = SleepWatch()
    clock.awake += 3600
    assert watch.nap() == 0.0


def test_a_nap_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    watch = SleepWatch()
    clock.asleep += 600
    assert watch.nap() == 600
    assert watch.nap() == 0.0
    clock.asleep += sleep.NAP - 1
    assert watch.nap() == 0.0


def test_setting_the_wall_clock_is_no_nap_where_the_system_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("this system does not count sleep")
    watch = SleepWatch()
    monkeypatch.setattr(sleep.time, "time", lambda: 4e9)
    assert watch.nap() == 0.0
