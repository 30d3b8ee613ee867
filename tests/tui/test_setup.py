"""The first start without a config file and without a kubeconfig."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Button, Input

from kedge.config import load
from kedge.i18n import Text
from kedge.links.kubeconfig_yaml import NoConfigError
from tests.tui.conftest import Opener
from tests.tui.sites import FakeWorkbench
from tui.screens import setup
from tui.screens.setup import SetupScreen


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("KUBECONFIG", "KEDGE_TUI_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


async def test_it_asks_shows_the_file_writes_it_and_opens_the_site(
    at_desk: Opener, bench: FakeWorkbench, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.error = NoConfigError(Text("no kubeconfig found"))

    async def login(answers: object, prompter: object) -> Text:
        return Text("The login works")

    monkeypatch.setattr(setup, "try_login", login)
    async with at_desk((80, 24), wait=False) as desk:
        await desk.until(lambda: isinstance(desk.app.screen, SetupScreen))
        screen = desk.app.screen
        await desk.until(lambda: bool(screen.query(Button)))
        for name, value in (("name", "plant-7"), ("user", "oncall"), ("edge", "edge1")):
            screen.query_one(f"#setup-{name}", Input).value = value
        screen.query_one("#try", Button).press()
        await desk.until(lambda: "The login works" in desk.text)
        await desk.until(lambda: "plant-7:" in str(screen.query_one("#file").render()))
        screen.query_one("#write", Button).press()
        await desk.until(lambda: desk.app.screen is desk.app.main and desk.app.main.index is not None)
        assert desk.bench.options.site == "plant-7"
    assert load().sites["plant-7"].ssh.user == "oncall"


async def test_whoever_named_something_is_not_asked(at_desk: Opener, bench: FakeWorkbench, home: Path) -> None:
    bench.error = NoConfigError(Text("no such file"))
    async with at_desk(wait=False, kubeconfig="/nowhere") as desk:
        await desk.until(lambda: "cannot be opened" in desk.text)
        assert desk.app.screen is desk.app.main
        await desk.command("setup")
        await desk.until(lambda: isinstance(desk.app.screen, SetupScreen))
        await desk.press("escape")
        await desk.until(lambda: desk.app.screen is desk.app.main)
