"""KE210: a clock is called wrong only where no network and no recorder can be what made the difference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks._clocks import clocks_differ
from kedge.asks import Clock
from kedge.facts.hosts import CloudClock, HostClock
from kedge.model import Observation, Unknown
from kedge.plugins import All
from kedge.probes.hosts import read_host_clock

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def warns(edge: HostClock, cloud: HostClock, other: str = "cloud1") -> bool:
    return clocks_differ("edge1", edge, All({other: CloudClock(cloud.ahead, cloud.at)})) is not None


@pytest.mark.parametrize(
    ("edge", "cloud", "differ"),
    [
        ((0, 5), (0, 5), False),
        ((45, 50), (0, 5), True),
        ((25, 60), (0, 5), False),
        ((-95, -60), (-5, 0), True),
        ((3600, 3605), (3600, 3605), False),
    ],
)
def test_live_clocks_are_compared_by_how_far_they_are_from_ours(
    edge: tuple[int, int], cloud: tuple[int, int], differ: bool
) -> None:
    assert warns(HostClock(edge), HostClock(cloud)) is differ


@pytest.mark.parametrize(("seconds", "differ"), [(0, False), (45, False), (75, True), (-3600, True)])
def test_recorded_clocks_were_read_side_by_side(seconds: int, differ: bool) -> None:
    assert warns(HostClock(at=NOW + timedelta(seconds=seconds)), HostClock(at=NOW)) is differ


def test_it_takes_two_clocks_that_can_be_compared() -> None:
    assert not warns(HostClock((500, 505)), HostClock((0, 5)), other="edge1")
    assert not warns(HostClock((500, 505)), HostClock(at=NOW))


def test_two_looks_at_one_clock_are_one_fact() -> None:
    def look(late: float) -> HostClock | Unknown:
        asked = NOW + timedelta(seconds=100 + late)
        said = str(int((NOW + timedelta(seconds=160 + late)).timestamp()))
        ours = (asked, asked + timedelta(seconds=0.2))
        return read_host_clock(Observation(Clock(), "edge1", "date", exit_code=0, stdout=said, ours=ours))

    assert look(0.4) == look(17.6) == HostClock((55, 61))
    assert isinstance(read_host_clock(Observation(Clock(), "edge1", "date", exit_code=0, stdout="soon")), Unknown)
