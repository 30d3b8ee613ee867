"""Every probe's reading meets broken answers: what real hosts said, cut, shuffled, garbled. None crashes a parser."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kedge.model import Cost, Observation, Unknown
from kedge.opening import engine_over
from kedge.plugins import Probe
from kedge.recording import Files, recording_of
from tests.replay.recorded import Recorded, registry

SHOWN_MOST = 4000
"""Characters of an answer that are played with; further on it is the same kind of text."""
BASES = ("healthy", "edgecore-stopped", "dnat-missing", "metrics-image-missing")


@cache
def readings() -> dict[str, list[tuple[Observation, ...]]]:
    """What each probe was given to read, over some recorded states."""
    found: dict[str, list[tuple[Observation, ...]]] = {}
    read_by = {probe.name: probe.read for probe in registry().probes}

    def keeping(probe: Probe, read: Callable[..., Any]) -> Callable[..., Any]:
        def keep(*seen: Observation) -> Any:
            found.setdefault(probe.name, []).append(seen)
            return read(*seen)

        return keep

    try:
        for probe in registry().probes:
            if probe.read is not None:
                probe.read = keeping(probe, probe.read)
        for base in BASES:
            recorded = Recorded(base)
            files = Files(recorded.api, recorded.hosts, recorded.kubectl, {}, {})
            engine = engine_over(recording_of(files, base), registry())
            asyncio.run(engine.look(tuple(Cost)))
    finally:
        for probe in registry().probes:
            probe.read = read_by[probe.name]
    return found


NAMES = sorted(probe.name for probe in registry().probes if probe.read is not None)
GARBAGE = st.text(max_size=30) | st.sampled_from(
    ["\x00", "\x1b[31m", "\ufffd", "-", "{", "]", "\t\t", "9" * 400, "生产线"]
)


@st.composite
def broken(draw: st.DrawFn, text: str) -> str:
    """A text cut short, with lines lost, doubled or swapped, or with garbage in the middle of it."""
    lines = text[:SHOWN_MOST].splitlines(keepends=True)
    for _change in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines)))
        kind = draw(st.sampled_from(["cut", "lose", "double", "garble", "words", "swap"]))
        if kind == "cut":
            lines = lines[:at]
        elif kind == "lose":
            lines = lines[:at] + lines[at + 1 :]
        elif kind == "double":
            lines = lines[:at] + lines[at : at + 1] * 2 + lines[at + 1 :]
        elif kind == "garble":
            lines.insert(at, draw(GARBAGE))
        elif lines:
            line = lines[min(at, len(lines) - 1)]
            where = draw(st.integers(0, len(line)))
            changed = line[:where] + draw(GARBAGE) + line[where:] if kind == "words" else line[where:] + line[:where]
            lines[min(at, len(lines) - 1)] = changed
    return "".join(lines)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_no_answer_crashes_a_reading(name: str, data: st.DataObject) -> None:
    probe = next(probe for probe in registry().probes if probe.name == name)
    assert probe.read is not None
    nothing = Observation(None, "edge1", "no site that was recorded has it")
    given_to = readings().get(name) or [(nothing,) * len(inspect.signature(probe.read).parameters)]
    seen = data.draw(st.sampled_from(given_to))
    changed = [
        replace(
            one,
            stdout=data.draw(broken(one.stdout)),
            stderr=data.draw(st.just(one.stderr) | GARBAGE),
            exit_code=data.draw(st.sampled_from([one.exit_code, 0, 1, 127, 124, None])),
            cut=data.draw(st.booleans()),
        )
        for one in seen
    ]
    value = probe.read(*changed)
    if probe.many:
        assert isinstance(value, dict | Unknown)
    else:
        assert isinstance(value, probe.fact | Unknown)


def test_nearly_every_probe_was_given_something_real() -> None:
    without = set(NAMES) - set(readings())
    assert len(without) < len(NAMES) / 4, without
