"""Keys that the config file binds otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from kedge.config import ConfigFileError, parse
from tests.tui.conftest import Opener
from tests.tui.sites import FakeWorkbench
from tui.keymap import keymap_of

FILE = Path("/etc/kedge/config.yaml")
TEXT = """\
keys:
  main.fix: F
  main.rerun: [ctrl+r, f5]
  main.fautls: Z
  main.explain: z
"""


def test_keys_come_with_their_lines() -> None:
    config = parse(TEXT, FILE)
    assert config.warnings == ()
    assert [(key.id, key.keys) for key in config.keys][:2] == [("main.fix", "F"), ("main.rerun", "ctrl+r,f5")]
    with pytest.raises(ConfigFileError, match=r"config\.yaml:1: `keys` must be a mapping"):
        parse("keys: [a]", FILE)


def test_what_cannot_be_had_is_said_with_its_line() -> None:
    keymap, problems = keymap_of(parse(TEXT, FILE).keys)
    assert keymap == {"main.fix": "F", "main.rerun": "ctrl+r,f5", "main.explain": "z"}
    assert [str(problem) for problem in problems] == [
        "/etc/kedge/config.yaml:4: there is nothing called `main.fautls` to bind; did you mean `main.faults`?",
        "/etc/kedge/config.yaml:5: `z` for main.explain is taken by main.faults",
    ]


async def test_the_keys_of_the_file_work_and_the_old_ones_do_not(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.config = parse("keys: {main.faults: F2, main.nothing: x}", FILE)
    async with at_desk() as desk:
        await desk.until(lambda: bool(desk.toasts))
        assert "there is nothing called `main.nothing`" in desk.toasts[0]
        tree = desk.app.main.tree_view
        await desk.press("z")
        assert not tree.faults_only
        await desk.press("f2")
        assert tree.faults_only
        assert "f2 faults" in desk.text


async def test_every_id_is_listed(at_desk: Opener) -> None:
    async with at_desk((100, 200)) as desk:
        await desk.command("keys")
        await desk.until(lambda: "main.faults" in desk.text and "logs.follow" in desk.text)
        assert "ctrl+c" in desk.text


async def test_on_a_slow_link_nothing_moves(at_desk: Opener) -> None:
    async with at_desk(low_bandwidth=True) as desk:
        assert desk.app.animation_level == "none"
        assert desk.bench.options.low_bandwidth
