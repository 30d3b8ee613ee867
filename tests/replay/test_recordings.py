"""Every recorded state of a real site leads to the causes that its README names, and to nothing else."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import pytest

from kedge.commands.check import judge_recording
from kedge.model import Status
from kedge.picture import Picture
from kedge.registry import discover

RECORDINGS = Path(__file__).parents[1] / "recordings"
BOTH = ("edge1", "edge2")

ROOTS: dict[str, set[tuple[str, str]]] = {
    "healthy": set(),
    "edgestream-disabled": {("KE206", "edge1")},
    "edgecore-stopped": {("KE204", "edge1")},
    "dnat-missing": {("KE302", "cloud1")},
    "dnat-missing-after-reboot": {("KE302", "cloud1")},
    "dnat-guide-port": {("KE302", "cloud1")},
    "tunnel-port-blocked": {("KE303", "edge1"), ("KE303", "edge2")},
    "cloudstream-disabled": {("KE112", "-")},
    "cloudstream-disabled-restart-stuck": {("KE112", "-"), ("KE110", "-")},
    "metrics-image-missing": {("KE402", "-")},
    "apiservice-missing": {("KE404", "-")},
}

FAILING: dict[str, dict[str, tuple[str, ...]]] = {
    "healthy": {},
    "edgestream-disabled": dict.fromkeys(("KE206", "KE501", "KE502", "KE503", "KE504"), ("edge1",)),
    "edgecore-stopped": dict.fromkeys(("KE204", "KE201", "KE209", "KE306", "KE501", "KE502"), ("edge1",)),
    "dnat-missing": {"KE302": ("cloud1",), "KE502": BOTH},
    "dnat-missing-after-reboot": {"KE302": ("cloud1",), **dict.fromkeys(("KE501", "KE502", "KE503", "KE504"), BOTH)},
    "dnat-guide-port": {"KE302": ("cloud1",), "KE502": BOTH},
    "tunnel-port-blocked": dict.fromkeys(("KE303", "KE501", "KE502", "KE503", "KE504"), BOTH),
    "cloudstream-disabled": {
        "KE112": ("-",),
        "KE117": ("cloud1",),
        "KE304": ("cloud1",),
        **dict.fromkeys(("KE303", "KE501", "KE502", "KE503", "KE504"), BOTH),
    },
    "cloudstream-disabled-restart-stuck": {"KE112": ("-",), "KE110": ("-",)},
    "metrics-image-missing": {
        **dict.fromkeys(("KE402", "KE401", "KE404", "KE405"), ("-",)),
        **dict.fromkeys(("KE503", "KE504"), BOTH),
    },
    "apiservice-missing": {"KE404": ("-",), **dict.fromkeys(("KE503", "KE504"), BOTH)},
}

BLAMELESS: dict[str, tuple[str, ...]] = {
    "edgestream-disabled": ("KE302", "KE112"),
    "edgecore-stopped": ("KE206", "KE207", "KE302", "KE303", "KE112"),
    "dnat-missing": ("KE206", "KE303", "KE306", "KE401", "KE404"),
    "dnat-missing-after-reboot": ("KE206", "KE303", "KE306"),
    "dnat-guide-port": ("KE206", "KE303", "KE306", "KE401", "KE404"),
    "tunnel-port-blocked": ("KE204", "KE206", "KE302", "KE112"),
    "cloudstream-disabled": ("KE204", "KE206", "KE302"),
    "cloudstream-disabled-restart-stuck": ("KE204", "KE206", "KE303", "KE306", "KE501"),
    "metrics-image-missing": ("KE302", "KE303", "KE306", "KE501"),
    "apiservice-missing": ("KE401", "KE402", "KE501", "KE502"),
}


@cache
def judged(name: str) -> Picture:
    """The picture of one recording; judged once for all tests."""
    return asyncio.run(judge_recording(RECORDINGS / name, discover()))


def built() -> set[str]:
    """Codes that exist."""
    return {check.code for check in discover().checks}


@pytest.mark.parametrize("name", sorted(ROOTS))
def test_the_causes_are_the_true_ones(name: str) -> None:
    found = {(cause.code, cause.target) for cause in judged(name).causes}
    assert found == ROOTS[name]


@pytest.mark.parametrize("name", sorted(FAILING))
def test_what_must_fail_fails(name: str) -> None:
    failing = {(f.code, f.target) for f in judged(name).findings if f.status is Status.FAIL}
    wanted = {(code, target) for code, targets in FAILING[name].items() for target in targets if code in built()}
    assert wanted - failing == set()


@pytest.mark.parametrize("name", sorted(BLAMELESS))
def test_nobody_innocent_is_blamed(name: str) -> None:
    worse = {f.code for f in judged(name).findings if f.status in (Status.FAIL, Status.WARN)}
    assert worse & set(BLAMELESS[name]) == set()


def test_a_healthy_site_raises_no_alarm() -> None:
    worse = [(f.code, f.target, str(f.text)) for f in judged("healthy").findings if f.status is Status.FAIL]
    assert worse == []


@pytest.mark.parametrize("name", sorted(ROOTS))
def test_every_consequence_points_at_a_cause(name: str) -> None:
    picture = judged(name)
    roots = {(cause.code, cause.target) for cause in picture.causes}
    pointed = {(f.code, f.target, f.because, f.because_target) for f in picture.findings if f.because is not None}
    lost = {entry for entry in pointed if (entry[2], entry[3]) not in roots}
    assert lost == set()
