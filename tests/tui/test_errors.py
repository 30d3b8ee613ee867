"""What goes wrong in the program itself: a sentence and the log's path, never a traceback, and the rest lives on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kedge.prompter import new_host_key, sudo_password
from kedge.workbench import Options
from tests.tui.conftest import Desk, Opener
from tests.tui.sites import FakeWorkbench
from tui.app import KedgeApp
from tui.screens.evidence import EvidenceScreen
from tui.screens.help import HelpScreen
from tui.screens.question import QuestionScreen


def fail(*_args: object, **_more: object) -> None:
    raise RuntimeError("[b]a mistake[/b] of ours")


async def test_a_key_whose_action_fails_is_told_and_the_next_key_works(
    at_desk: Opener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async with at_desk(failures=True) as desk:
        monkeypatch.setattr(desk.app, "explain", fail)
        await desk.press("o")
        assert "RuntimeError: [b]a mistake[/b] of ours" in desk.toasts[-1]
        assert str(tmp_path / "kedge-tui.log") in desk.toasts[-1]
        assert "Traceback" in caplog.text
        await desk.press("question_mark")
        assert isinstance(desk.app.screen, HelpScreen)
        await desk.press("q", "j")


async def test_a_worker_that_fails_is_told(at_desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_desk(failures=True) as desk:
        assert desk.bench.site is not None
        monkeypatch.setattr(desk.bench.site, "rerun", fail)
        await desk.press("r")
        await desk.until(lambda: bool(desk.toasts))
        assert "a mistake" in desk.toasts[-1]
        await desk.press("j", "k")


async def test_a_widget_that_cannot_be_drawn_takes_nothing_else_away(
    at_desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_desk(failures=True) as desk:
        with monkeypatch.context() as broken:
            broken.setattr(type(desk.app.main.details), "render_line", fail)
            await desk.press("j")
            await desk.until(lambda: bool(desk.toasts))
        await desk.press("G", "e")
        assert isinstance(desk.app.screen, EvidenceScreen)


async def test_the_same_failure_is_told_once_in_a_while(at_desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_desk(failures=True) as desk:
        monkeypatch.setattr(desk.app, "explain", fail)
        await desk.press(*("o" * 5))
        assert len(desk.app.failures) == 5
        assert len(desk.toasts) == 1


async def test_a_screen_that_cannot_be_composed_can_be_left(at_desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_desk(failures=True) as desk:
        monkeypatch.setattr(EvidenceScreen, "build", fail)
        await desk.press("e")
        await desk.until(lambda: bool(desk.toasts))
        await desk.press("q")
        assert desk.app.screen is desk.app.main


async def test_a_site_that_ends_by_a_mistake_is_opened_again(at_desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.app.REOPEN_FIRST", 0.01)
    async with at_desk(failures=True) as desk:
        await desk.until(lambda: desk.bench.end is not None)
        assert desk.bench.end is not None
        desk.bench.end.set_exception(
            ExceptionGroup("unhandled errors in a TaskGroup", [ValueError("what nobody expected")])
        )
        await desk.until(lambda: desk.bench.opened == 2)
        assert "ValueError: what nobody expected" in desk.toasts[-1]
        assert desk.bench.closed, "the old one is closed first"
        assert "KE206" in desk.text, "the last picture stayed meanwhile"


async def test_a_screen_that_cannot_be_drawn_at_all_ends_with_a_sentence(
    bench: FakeWorkbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(KedgeApp, "CSS", "Screen { nonsense")
    app = KedgeApp(Options(), log_path=tmp_path / "kedge-tui.log", make=bench.made)
    code = await app.run_async(headless=True)
    app._print_error_renderables()
    assert (code or app.return_code) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "Something in kedge-tui failed" in said
    assert "Traceback" not in said


async def test_what_the_event_loop_finds_unhandled_is_told(at_desk: Opener) -> None:
    async with at_desk(failures=True) as desk:
        asyncio.get_running_loop().call_soon(fail)
        await desk.until(lambda: bool(desk.toasts))
        assert "a mistake" in desk.toasts[-1]


# ---------------------------------------------------------------------------------------------------- questions


async def test_a_host_key_is_asked_with_its_fingerprint_and_refused_by_default(at_desk: Opener) -> None:
    question = new_host_key("plant-7", "edge1", "ssh-ed25519", "SHA256:abc[b]", address="10.99.0.21")
    for key, accepted in (("enter", False), ("escape", False), ("y", True)):
        async with at_desk((80, 24)) as desk:
            asking = asyncio.create_task(desk.bench.prompter.ask(question))
            await until_asked(desk)
            assert "SHA256:abc[b]" in desk.text
            await desk.press(key)
            assert (await asking).accepted is accepted


async def test_a_password_is_typed_unseen(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        asking = asyncio.create_task(desk.bench.prompter.ask(sudo_password("plant-7", "edge1", "oncall", 1)))
        await until_asked(desk)
        await desk.type("hunter2 y")
        assert "hunter2" not in desk.text
        await desk.press("enter")
        reply = await asking
        assert (reply.accepted, reply.secret) == (True, "hunter2 y")
        assert "hunter2" not in repr(reply)


async def test_new_host_keys_are_accepted_unasked_when_the_command_line_says_so(at_desk: Opener) -> None:
    async with at_desk(accept_new_host_keys=True) as desk:
        question = new_host_key("plant-7", "edge1", "ssh-ed25519", "SHA256:abc", address="10.99.0.21")
        assert (await desk.bench.prompter.ask(question)).accepted
        assert desk.app.screen is desk.app.main


async def until_asked(desk: Desk) -> None:
    await desk.until(lambda: isinstance(desk.app.screen, QuestionScreen) and "Question from edge1" in desk.text)
