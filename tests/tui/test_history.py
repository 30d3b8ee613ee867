"""The history of changes: what is listed, shown and taken back, and what was left unfinished."""

from __future__ import annotations

import json
import os

from kedge.audit import Audit
from kedge.links.terminals import End
from kedge.shells.audit import Account
from kedge.shells.targets import InContainer, OnHost, Way
from tests.tui.conftest import Desk, Opener
from tests.tui.sites import AFTER, BEFORE, CONFIG, FakeWorkbench, enable_edgestream
from tests.tui.test_fix import ended, opened
from tests.unit.executor_fakes import approve
from tui.repair import Stage
from tui.screens.confirm import Unfinished
from tui.screens.fix import FixScreen
from tui.screens.history import ChangeScreen, HistoryScreen
from tui.screens.history_shells import ShellEntryScreen


async def in_history(desk: Desk) -> HistoryScreen:
    await desk.command("history")
    await desk.until(lambda: isinstance(desk.app.screen, HistoryScreen))
    await desk.pilot.pause()
    assert isinstance(desk.app.screen, HistoryScreen)
    return desk.app.screen


async def test_an_empty_history_says_so(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        await in_history(desk)
        assert "Nothing was changed from this machine yet." in desk.text


async def test_shells_are_listed_below_and_shown_in_full(at_desk: Opener, bench: FakeWorkbench) -> None:
    account = Account(Audit(bench.fakes.path), "plant-7", "k3s")
    account.end(account.begin(OnHost("edge1"), Way.HOST, ()), End(3), 60)
    account.begin(InContainer("factory", "line-1", "gateway", "edge2"), Way.EXEC, ["top", "-b"])
    async with at_desk((80, 24)) as desk:
        await in_history(desk)
        assert "factory/line-1/gateway  top -b  open" in desk.text
        assert "edge1  shell  exit code 3" in desk.text
        await desk.press("j", "enter")
        assert isinstance(desk.app.screen, ShellEntryScreen)
        assert "exit code 3" in desk.text


async def test_changes_are_listed_newest_first_opened_and_undone(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        screen = await opened(desk)
        await desk.press("y")
        await ended(desk, screen)
        await desk.press("escape")
        await in_history(desk)
        assert "✓ fixed" in desk.text
        assert "Enable EdgeStream" in desk.text
        await desk.press("enter")
        assert isinstance(desk.app.screen, ChangeScreen)
        assert "root, key y" in desk.text or "key y" in desk.text
        assert "KE206 edge1: fail → pass" in desk.text
        await desk.press("u")
        fix = desk.app.screen
        assert isinstance(fix, FixScreen)
        await desk.until(lambda: fix.repair.stage is Stage.SHOWN)
        await desk.press("y")
        await ended(desk, fix)
        assert desk.bench.host.files[CONFIG] == BEFORE
        await desk.press("escape", "escape", "escape")
        await in_history(desk)
        rows = [line for line in desk.text.splitlines() if "2026-11-22" in line]
        assert "Undo: Enable" in rows[0]
        assert "fixed, undone" in rows[1]


async def test_what_was_undone_is_refused_with_a_sentence(at_desk: Opener, bench: FakeWorkbench) -> None:
    executor = bench.fakes.executor
    preview = await executor.preview(enable_edgestream())
    outcome = await executor.apply(preview, approve(preview), lambda progress: None)
    back = await executor.undo_preview(outcome.id)
    await executor.apply(back, approve(back), lambda progress: None)
    async with at_desk() as desk:
        await in_history(desk)
        await desk.press("G", "u")
        fix = desk.app.screen
        assert isinstance(fix, FixScreen)
        await desk.until(lambda: fix.repair.stage is Stage.REFUSED)
        await desk.pilot.pause()
        assert "was undone already" in desk.text


async def test_a_change_of_another_site_is_never_undone_here(at_desk: Opener, bench: FakeWorkbench) -> None:
    executor = bench.fakes.executor
    preview = await executor.preview(enable_edgestream())
    await executor.apply(preview, approve(preview), lambda progress: None)
    text = bench.fakes.path.read_text().replace('"site":"plant-7"', '"site":"plant-8"')
    bench.fakes.path.write_text(text)
    async with at_desk() as desk:
        await in_history(desk)
        assert "plant-8/edge1" in desk.text
        await desk.press("u")
        assert desk.toasts[-1] == "That change was made on site plant-8; open it with :site first"
        assert bench.host.files[CONFIG] == AFTER


async def unfinished(bench: FakeWorkbench, *, begun: bool = False) -> None:
    """Leave a change whose process ended behind the first step; ``begun``: in it, before anything was written."""
    executor = bench.fakes.executor
    preview = await executor.preview(enable_edgestream())
    await executor.apply(preview, approve(preview), lambda progress: None)
    kept = []
    for line in bench.fakes.path.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "intent":
            event["pid"], event["run"] = os.getpid(), "another run"
        if event["event"] == "outcome" or event.get("position") == 1 or (begun and event.get("state") == "done"):
            continue
        kept.append(json.dumps(event))
    bench.fakes.path.write_text("\n".join(kept) + "\n")
    if begun:
        bench.host.files[CONFIG] = BEFORE


async def test_an_unfinished_change_is_shown_first_found_out_and_undone(at_desk: Opener, bench: FakeWorkbench) -> None:
    await unfinished(bench)
    async with at_desk((80, 24)) as desk:
        await desk.until(lambda: isinstance(desk.app.screen, Unfinished))
        await desk.until(lambda: "partly done" in desk.text)
        assert "goes on with what is missing" in desk.text
        assert "Enable EdgeStream and restart edgecore on edge1 was begun at 2026-11-22" in desk.text
        assert bench.host.files[CONFIG] == AFTER
        await desk.press("u")
        fix = desk.app.screen
        assert isinstance(fix, FixScreen)
        await desk.until(lambda: fix.repair.stage is Stage.SHOWN)
        await desk.press("y")
        await ended(desk, fix)
        assert bench.host.files[CONFIG] == BEFORE


async def test_an_unfinished_change_that_changed_nothing_offers_no_undo(at_desk: Opener, bench: FakeWorkbench) -> None:
    await unfinished(bench, begun=True)
    async with at_desk((80, 24)) as desk:
        await desk.until(lambda: isinstance(desk.app.screen, Unfinished))
        await desk.until(lambda: "nothing changed" in desk.text)
        assert "Undo" not in desk.text
        assert "goes on with what is missing" not in desk.text
        await desk.press("u")
        assert isinstance(desk.app.screen, Unfinished)


async def test_an_unfinished_change_can_wait(at_desk: Opener, bench: FakeWorkbench) -> None:
    await unfinished(bench)
    async with at_desk() as desk:
        await desk.until(lambda: isinstance(desk.app.screen, Unfinished))
        await desk.until(lambda: "partly done" in desk.text)
        await desk.press("escape")
        assert desk.app.screen is desk.app.main


async def test_read_only_nothing_is_found_out_but_the_change_is_shown(at_desk: Opener, bench: FakeWorkbench) -> None:
    await unfinished(bench)
    async with at_desk(read_only=True) as desk:
        await desk.until(lambda: isinstance(desk.app.screen, Unfinished))
        await desk.until(lambda: "read-only" in desk.text)
        await desk.press("escape")
