"""The repair dialog on a real executor over fake hosts: what is shown, confirmed, done, verified and taken back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from textual.widgets import Button, Input

from kedge.model import SITE, Risk
from kedge.steps import EditYaml
from tests.tui.conftest import Desk, Opener
from tests.tui.sites import AFTER, BEFORE, CONFIG, FakeWorkbench, enable_edgestream
from tui.repair import Stage
from tui.screens.confirm import Confirm
from tui.screens.fix import FixScreen
from tui.screens.fix_menu import FixMenu


async def opened(desk: Desk) -> FixScreen:
    """Press f and 1, and wait for the preview."""
    await desk.press("f", "1")
    screen = desk.app.screen
    assert isinstance(screen, FixScreen)
    await desk.until(lambda: screen.repair.stage is not Stage.LOOKING)
    await desk.pilot.pause()
    return screen


async def ended(desk: Desk, screen: FixScreen) -> None:
    await desk.until(lambda: screen.repair.stage is Stage.ENDED)
    await desk.pilot.pause()


def lines(screen: FixScreen) -> str:
    return "\n".join(line.text for line in screen.query_one("LineView").lines)  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------------- the way through


async def test_f_1_y_repairs_and_the_tree_turns_green_without_a_key(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        await desk.press("f")
        assert isinstance(desk.app.screen, FixMenu)
        assert "1  Enable EdgeStream and restart edgecore (edge1)   risk: medium" in desk.text
        await desk.press("1")
        screen = desk.app.screen
        assert isinstance(screen, FixScreen)
        await desk.until(lambda: screen.repair.stage is Stage.SHOWN)
        await desk.pilot.pause()
        assert "Enable EdgeStream and restart edgecore - edge1   [plant-7 / k3s]" in desk.text
        shown = lines(screen)
        assert "-    enable: false  # off" in shown
        assert "+    enable: true  # off" in shown
        assert "$ systemctl restart edgecore" in shown
        assert "y applies exactly this" in desk.text
        assert desk.bench.host.files[CONFIG] == BEFORE
        await desk.press("y")
        await ended(desk, screen)
        assert desk.bench.host.files[CONFIG] == AFTER
        told = lines(screen)
        assert "✓ 1/2" in told
        assert "✓ 2/2" in told
        assert "KE206 ✗ fail → ✓ ok  edge1: EdgeStream is enabled on edge1" in told
        await desk.press("escape")
        assert desk.app.screen is desk.app.main
        assert "✗ 0" in desk.text.splitlines()[0]
        assert "✓ edge1" in desk.text


async def test_the_diff_and_the_outcome_have_the_colours_of_the_theme(at_desk: Opener) -> None:
    async with at_desk() as desk:
        screen = await opened(desk)
        styles = {line.text.strip(): style for line in screen.query_one("LineView").lines for _t, style in line.parts}  # type: ignore[attr-defined]
        assert styles["-    enable: false  # off"] == "line--removed"
        assert styles["+    enable: true  # off"] == "line--added"


async def test_undo_is_shown_confirmed_and_puts_every_byte_back(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        screen = await opened(desk)
        await desk.press("y")
        await ended(desk, screen)
        await desk.press("u")
        await desk.until(lambda: screen.repair.stage is Stage.SHOWN)
        await desk.pilot.pause()
        assert "Undo: Enable EdgeStream" in desk.text
        assert desk.bench.host.files[CONFIG] == AFTER
        await desk.press("y")
        await ended(desk, screen)
        assert desk.bench.host.files[CONFIG] == BEFORE
        history = desk.bench.fakes.audit.read()
        assert [entry.result for entry in history.entries] == ["done", "done"]
        assert history.entries[0].undone_by == history.entries[1].id


async def test_the_audit_has_who_how_and_what_was_shown(at_desk: Opener) -> None:
    async with at_desk() as desk:
        screen = await opened(desk)
        await desk.press("y")
        await ended(desk, screen)
        (entry,) = desk.bench.fakes.audit.read().entries
        assert entry.intent["how"] == "key y"
        assert entry.intent["digest"] == screen.repair.preview.digest  # type: ignore[union-attr]
        assert "+    enable: true  # off" in entry.intent["preview"]


# ----------------------------------------------------------------------------------------------------- confirming


async def test_nothing_is_confirmed_before_it_is_shown(at_desk: Opener) -> None:
    async with at_desk() as desk:
        gate = asyncio.Event()
        preview = desk.bench.preview

        async def slow(plan: object) -> object:
            await gate.wait()
            return await preview(plan)  # type: ignore[arg-type]

        desk.bench.preview = slow  # type: ignore[method-assign]
        await desk.press("f", "1", "y", "y")
        screen = desk.app.screen
        assert isinstance(screen, FixScreen)
        assert "Reading the present state" in desk.text
        gate.set()
        await desk.until(lambda: screen.repair.stage is Stage.SHOWN)
        assert desk.bench.host.changes == []


async def test_escape_and_the_focused_cancel_change_nothing(at_desk: Opener) -> None:
    async with at_desk() as desk:
        for key in ("escape", "enter", "q"):
            screen = await opened(desk)
            assert isinstance(screen.focused, Button)
            assert screen.focused.id == "cancel"
            await desk.press(key)
            assert desk.app.screen is desk.app.main
        assert desk.bench.host.changes == []
        assert desk.bench.fakes.audit.read().entries == ()


async def test_high_risk_wants_the_name_typed(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.plan = enable_edgestream(risk=Risk.HIGH)
    async with at_desk((80, 24)) as desk:
        screen = await opened(desk)
        assert "high risk: type edge1 and press enter" in desk.text
        await desk.press("y")
        assert isinstance(screen.focused, Input), "y only leads to where the name is typed"
        await desk.type("edge2")
        await desk.press("enter")
        assert "that is not edge1" in desk.text
        assert desk.bench.host.changes == []
        await desk.press("backspace")
        await desk.type("1")
        await desk.press("enter")
        await ended(desk, screen)
        assert desk.bench.host.files[CONFIG] == AFTER
        assert desk.bench.fakes.audit.read().entries[0].intent["how"] == "typed name"


async def test_high_risk_of_the_whole_site_wants_the_sites_name_typed(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.plan = replace(enable_edgestream(risk=Risk.HIGH), target=SITE)
    async with at_desk((80, 24)) as desk:
        await desk.press("f")
        assert "1  Enable EdgeStream and restart edgecore (plant-7)   risk: high" in desk.text
        await desk.press("escape")
        screen = await opened(desk)
        assert "high risk: type plant-7 and press enter" in desk.text
        assert "restart edgecore   [plant-7" in desk.text
        await desk.press("y")
        await desk.type("-")
        await desk.press("enter")
        assert "that is not plant-7" in desk.text
        assert desk.bench.host.changes == []
        assert screen.repair.stage is Stage.SHOWN


async def test_what_is_wanted_already_cannot_be_applied(at_desk: Opener, bench: FakeWorkbench) -> None:
    edit = EditYaml("edge1", CONFIG, (("modules.edgeStream.enable", False),), (("modules.edgeStream.enable", False),))
    bench.plan = enable_edgestream(steps=(edit,))
    async with at_desk() as desk:
        screen = await opened(desk)
        assert "everything is as wanted already" in desk.text
        assert not screen.query_one("#apply").display
        await desk.press("y")
        assert screen.repair.stage is Stage.SHOWN


async def test_the_plan_can_be_copied_as_a_script(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await opened(desk)
        await desk.press("c")
        assert "systemctl restart edgecore" in desk.app.clipboard


# ------------------------------------------------------------------------------------------------------ refusals


async def test_read_only_the_plan_is_shown_and_copied_and_nothing_can_be_applied(at_desk: Opener) -> None:
    async with at_desk((80, 24), read_only=True) as desk:
        screen = await opened(desk)
        assert screen.repair.stage is Stage.SHOWN
        assert "enable: true" in lines(screen)
        assert "read-only: nothing is changed here" in desk.text
        assert "Apply (y)" not in desk.text
        await desk.press("y", "u", "c")
        assert "systemctl restart edgecore" in desk.app.clipboard
        assert screen.repair.stage is Stage.SHOWN
        assert desk.bench.host.changes == []


async def test_a_refused_plan_can_still_be_copied_for_somebody_who_may(at_desk: Opener) -> None:
    async with at_desk() as desk:
        desk.bench.host.sudo = False
        screen = await opened(desk)
        assert screen.repair.stage is Stage.REFUSED
        await desk.press("c")
        assert "systemctl restart edgecore" in desk.app.clipboard
        assert desk.bench.host.changes == []


async def test_what_changed_since_it_was_shown_is_refused_and_can_be_looked_at_again(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        screen = await opened(desk)
        desk.bench.host.files[CONFIG] = BEFORE + b"# somebody else was here\n"
        await desk.press("y")
        await desk.until(lambda: screen.repair.stage is Stage.REFUSED)
        await desk.pilot.pause()
        assert "it changed since it was shown; look again" in " ".join(lines(screen).split())
        assert "Look again (r)" in desk.text
        assert "shown; look again" in desk.text, "the reason is on the screen, below what was shown"
        await desk.press("r")
        await desk.until(lambda: screen.repair.stage is Stage.SHOWN)
        await desk.press("y")
        await ended(desk, screen)
        assert desk.bench.host.files[CONFIG] == AFTER + b"# somebody else was here\n"


# -------------------------------------------------------------------------------------------- while it is running


def gated() -> tuple[asyncio.Event, asyncio.Event]:
    return asyncio.Event(), asyncio.Event()


async def test_closing_the_dialog_interrupts_nothing_and_the_end_is_told(at_desk: Opener) -> None:
    async with at_desk() as desk:
        reached, gate = gated()

        async def hold() -> None:
            reached.set()
            await gate.wait()

        desk.bench.before_verify = hold
        await opened(desk)
        await desk.press("y")
        await reached.wait()
        await desk.press("escape")
        assert desk.app.screen is desk.app.main
        gate.set()
        await desk.until(lambda: bool(desk.toasts))
        assert desk.toasts[-1] == "Fixed; green again: KE206, KE306"


async def test_escape_while_steps_run_stops_before_the_next_one(at_desk: Opener) -> None:
    async with at_desk((80, 24)) as desk:
        reached, gate = gated()

        async def hold() -> None:
            reached.set()
            await gate.wait()

        desk.bench.before_apply = hold
        screen = await opened(desk)
        await desk.press("y")
        await reached.wait()
        await desk.pilot.pause()
        assert "applying; esc stops after this step" in desk.text
        await desk.press("escape")
        assert desk.app.screen is screen
        assert "stopping after this step" in desk.text
        gate.set()
        await ended(desk, screen)
        assert "Stopped as asked" in lines(screen)
        assert ("systemctl", "restart", "edgecore") not in desk.bench.host.commands
        assert screen.repair.can_undo


async def test_quitting_asks_while_a_fix_runs_and_waits_for_the_step(at_desk: Opener) -> None:
    async with at_desk() as desk:
        reached, gate = gated()

        async def hold() -> None:
            reached.set()
            await gate.wait()

        desk.bench.before_apply = hold
        await opened(desk)
        await desk.press("y")
        await reached.wait()
        await desk.press("escape", "escape", "q")
        assert isinstance(desk.app.screen, Confirm)
        await desk.press("escape")
        assert desk.app.screen is desk.app.main
        await desk.press("q")
        await desk.pilot.press("y")
        assert desk.app.is_running, "the step has not ended"
        gate.set()
        await desk.until(lambda: desk.app._exit)
    assert desk.bench.host.files[CONFIG] == AFTER
    assert desk.bench.fakes.audit.read().entries[0].result == "stopped"


async def test_a_failure_of_ours_while_applying_is_told_and_ends_the_dialog(at_desk: Opener) -> None:
    async with at_desk(failures=True) as desk:

        async def fail() -> None:
            raise RuntimeError("a mistake of ours")

        desk.bench.before_apply = fail
        screen = await opened(desk)
        await desk.press("y")
        await ended(desk, screen)
        assert "It is not known how this ended" in lines(screen)
        assert "RuntimeError: a mistake of ours" in desk.toasts[-1]
        assert not desk.app.repairs


async def test_a_site_cannot_be_left_while_a_fix_runs(at_desk: Opener) -> None:
    async with at_desk() as desk:
        reached, gate = gated()

        async def hold() -> None:
            reached.set()
            await gate.wait()

        desk.bench.before_verify = hold
        screen = await opened(desk)
        await desk.press("y")
        await reached.wait()
        await desk.press("escape")
        await desk.command("site other")
        assert desk.toasts[-1] == "A fix is running; wait for it or stop it first"
        gate.set()
        await desk.until(lambda: not desk.app.repairs)
        assert screen.repair.ended_well


async def test_fixes_of_several_findings_are_numbered_once_each(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("g")
        numbered = desk.app.main.numbered_fixes()
        assert len(numbered) == 1
        desk.bench.plan = None
        desk.bench.show(replace(desk.bench.current(), serial=9))
        await desk.pilot.pause()
        assert desk.app.main.numbered_fixes() == ()
