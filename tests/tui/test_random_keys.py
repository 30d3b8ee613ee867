"""Whatever is pressed in read-only mode: nothing is written, nothing fails, and the screen can still be left."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kedge.model import Risk
from kedge.workbench import Options
from tests.tui.sites import CLOUD, NOW, FakeWorkbench, broken, enable_edgestream, picture, whole
from tui.app import KedgeApp

KEYS = [
    *"jkgGmzrRfeocnNyuqxlstdp?/:[]12", "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "enter",
    "space", "tab", "shift+tab", "escape", "backspace", "ctrl+c", "ctrl+f", "ctrl+b", "ctrl+d", "ctrl+k", "ctrl+p",
]  # fmt: skip
NAMED = {"?": "question_mark", "/": "slash", ":": "colon", "[": "left_square_bracket", "]": "right_square_bracket"}
PICTURES = (
    picture(),
    picture((*CLOUD, *whole("edge1"), *broken("edge2"))),
    picture((), ()),
    picture((*CLOUD, *broken("edge3")), ("edge3",)),
)

key = st.sampled_from(KEYS).map(lambda name: NAMED.get(name, name))
happening = st.one_of(
    key,
    key,
    key,
    st.sampled_from([f"picture {n}" for n in range(len(PICTURES))]),
    st.sampled_from(["size 80 24", "size 120 40", "size 50 10", "size 60 16"]),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(happening, min_size=5, max_size=30), st.sampled_from(list(Risk)))
def test_read_only_is_read_only_whatever_is_pressed(happenings: list[str], risk: Risk) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(_play(Path(scratch), happenings, risk))


async def _play(scratch: Path, happenings: list[str], risk: Risk) -> None:
    bench = FakeWorkbench(scratch, read_only=True)
    bench.plan = enable_edgestream(risk=risk)
    app = KedgeApp(Options(read_only=True), clock=lambda: NOW, make=bench.made)
    async with app.run_test(size=(80, 24)) as pilot:
        while app.main.index is None:
            await pilot.pause(0.01)
        for happening in happenings:
            word, _space, rest = happening.partition(" ")
            if word == "picture":
                bench.show(PICTURES[int(rest)])
            elif word == "size":
                width, height = rest.split()
                await pilot.resize_terminal(int(width), int(height))
            elif app.is_running and not app._exit:
                await pilot.press(word)
            if app._exit:
                break
    assert app.failures == []
    assert bench.host.changes == []
    assert bench.host.locks == {}
    assert bench.fakes.writers.cluster.patched == []
    assert not (scratch / "audit.jsonl").exists()
