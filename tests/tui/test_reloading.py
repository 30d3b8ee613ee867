"""The config file is saved while the program runs: it counts at once; a broken one changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from kedge.config import load
from tests.tui.conftest import Opener
from tests.tui.sites import FakeWorkbench
from tui import reloading
from tui.screens.fix_menu import FixMenu

FIRST = "sites:\n  plant-7: {context: k3s}\n"


async def test_a_file_that_is_saved_again_counts_at_once(
    at_desk: Opener, bench: FakeWorkbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "LOOK_SECONDS", 0.02)
    file = tmp_path / "config.yaml"
    file.write_text(FIRST)
    bench.config = load(str(file))
    async with at_desk(config=str(file)) as desk:
        app = desk.app

        async def saved(text: str, said: str) -> None:
            file.write_text(text)
            await desk.until(lambda: any(said in toast for toast in desk.toasts), said)

        await saved(FIRST + "keys: {main.fix: F2}\ntheme: light\n", "read again: keys, theme")
        assert app.theme == "textual-light"
        await desk.press("f2")
        assert isinstance(app.screen, FixMenu)
        await desk.press("escape")
        await saved(FIRST + "keys: [\n", "config.yaml:4: this is not valid YAML")
        assert desk.toasts[-1].endswith("; the settings before stay")
        await desk.press("f2")
        assert isinstance(app.screen, FixMenu), "what was read before stays"
        await desk.press("escape")
        opened = bench.opened
        await saved("sites:\n  plant-7: {context: k3s, readOnly: true, hosts: [{match: edge1}]}\n", "keys, theme, site")
        await desk.until(lambda: bench.opened > opened, "opening it with other hosts")
        assert bench.read_only
        await desk.press("f2")
        assert app.screen is app.main, "its own key again"
        await saved("sites: {plant-8: {}}\nthem: dark\n", "no longer in the config file")
        assert any("unknown key `them` is ignored; did you mean `theme`?" in toast for toast in desk.toasts)
        file.unlink()
        await desk.until(lambda: "is gone" in desk.toasts[-1])


async def test_a_file_that_kept_the_site_closed_opens_it_when_it_is_mended(
    at_desk: Opener, bench: FakeWorkbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kedge.config import ConfigFileError
    from kedge.i18n import Text

    monkeypatch.setattr(reloading, "LOOK_SECONDS", 0.02)
    file = tmp_path / "config.yaml"
    file.write_text("sites: [")
    bench.error = ConfigFileError(Text("config.yaml:1: this is not valid YAML"))
    async with at_desk(config=str(file), wait=False) as desk:
        await desk.until(lambda: "This site cannot be opened" in desk.text)
        file.write_text(FIRST)
        await desk.until(lambda: desk.app.main.index is not None)
