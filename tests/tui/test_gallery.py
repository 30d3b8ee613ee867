"""Every other screen and state, at 80x24 and 120x40, in one walk through one application.

A picture is text that people can read and compare: below each line of the screen stand the attributes that are left
without colours (``~``) and the colours on a dark screen (``:``), each colour a letter of the list at the end.
``pytest tests/tui/test_gallery.py --snapshot-update`` makes them anew; look at them before committing.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.segment import Segment
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.widgets import Input

from kedge.first_start import FoundConfig
from kedge.i18n import Text
from kedge.logs.lines import LogLine
from kedge.model import Kind, Reason, Risk, Status
from kedge.objects import Thing
from kedge.picture import LinkInfo, LinkState
from kedge.prompter import Question, QuestionKind
from tests.tui.conftest import Desk, Opener
from tests.tui.sites import (
    BEFORE,
    CLOUD,
    CONFIG,
    NOW,
    FakeWorkbench,
    broken,
    down,
    enable_edgestream,
    finding,
    picture,
    whole,
)
from tests.tui.test_logs import JOURNAL, FakeReader
from tests.tui.test_object import FakeObjects
from tests.tui.test_shell import FakeShells
from tests.tui.test_snapshots import LARGE, SMALL, settled
from tests.unit.executor_fakes import approve
from tui.logs import pane as log_pane
from tui.logs.pane import LogPane
from tui.screens.confirm import Confirm
from tui.screens.fix import FixScreen
from tui.screens.question import QuestionScreen
from tui.screens.setup import SetupScreen

Act = Callable[[Desk], Awaitable[None]]
UP = LinkInfo("kubernetes", LinkState.UP, NOW - timedelta(seconds=2))
ALPHABET = string.ascii_letters + string.digits
MARKS = {"bold": "b", "dim": "d", "italic": "i", "underline": "u", "reverse": "r"}


class AsText(SingleFileSnapshotExtension):
    """One file per picture."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


def drawn(desk: Desk) -> str:
    """The screen as text, attributes and colours."""
    lines: list[str] = []
    letters: dict[str, str] = {}
    for strip in desk.app.screen._compositor.render_strips():
        lines.append(strip.text.rstrip())
        for sign, row in (("~", "".join(map(_marks, strip))), (":", "".join(_colours(s, letters) for s in strip))):
            lines += [sign + row.rstrip()] if row.strip() else []
    return "\n".join([*lines, *(f"{letter} {colours}" for colours, letter in letters.items())]) + "\n"


def _marks(segment: Segment) -> str:
    style = segment.style
    found = [letter for name, letter in MARKS.items() if style is not None and getattr(style, name)]
    return (found[-1] if found else " ") * segment.cell_length


def _colours(segment: Segment, letters: dict[str, str]) -> str:
    style = segment.style
    if style is None or (not segment.text.strip() and style.bgcolor is None):
        return " " * segment.cell_length
    fore = style.color.name if style.color is not None and segment.text.strip() else "-"
    back = style.bgcolor.name if style.bgcolor is not None else "-"
    return letters.setdefault(f"{fore} on {back}", ALPHABET[len(letters)]) * segment.cell_length


# ------------------------------------------------------------------------------------------------------ the states


def showing(*args: Any, **more: Any) -> Act:
    """The main screen on some picture."""

    async def act(desk: Desk) -> None:
        desk.bench.show(picture(*args, **more))

    return act


def pressing(*keys: str) -> Act:
    async def act(desk: Desk) -> None:
        await desk.press(*keys)

    return act


def typing(*keys: str, text: str) -> Act:
    async def act(desk: Desk) -> None:
        await desk.press(*keys)
        await desk.type(text)

    return act


def asking(text: str) -> Act:
    async def act(desk: Desk) -> None:
        main = desk.app.main
        await desk.command(text)
        await desk.until(lambda: desk.app.screen is not main, text)

    return act


async def opening(desk: Desk) -> None:
    desk.app.main.opening("plant-7")


async def unopened(desk: Desk) -> None:
    desk.app.main.cannot_open(Text("config.yaml:3: sites.plant-7.ssh.user: Expected `str`, got `int`"))


async def read_only(desk: Desk) -> None:
    desk.bench.read_only = True
    desk.bench.show(replace(picture(), busy=Text("Enable EdgeStream on edge1")))


async def fix_menu(desk: Desk) -> None:
    await desk.press("f")


async def fix_high(desk: Desk) -> None:
    desk.bench.plan = enable_edgestream(risk=Risk.HIGH)
    desk.bench.show()
    await desk.press("f", "1")
    screen = desk.app.screen
    assert isinstance(screen, FixScreen)
    await desk.until(lambda: screen.repair.stage.name == "SHOWN")


async def object_of(desk: Desk, key: str) -> None:
    desk.app.main.tree_view.select("edge/edge1")
    await desk.press(key)


async def logs(desk: Desk) -> None:
    pane = LogPane("logs/x", "edgecore on edge1", None, lambda: (JOURNAL,))  # type: ignore[arg-type]
    await desk.app.main.open_pane(pane)
    await desk.until(lambda: pane.has_focus_within and bool(FakeReader.made))
    said = ("I1122 starting", "W1122 module edgestream is disabled", "E1122 dial tcp: \x1b[31mrefused", "plain [b]text")
    FakeReader.made[-1].on_lines([LogLine(line, f"2026-11-22T02:50:{n:02d}Z") for n, line in enumerate(said)])
    await desk.until(lambda: "refused" in desk.text)


async def shell(desk: Desk) -> None:
    shells = desk.bench.shells
    await desk.command("shell edge1")
    await desk.until(lambda: bool(shells.shells), "a shell")
    shells.shells[-1].say("root@edge1:~# systemctl is-active edgecore\r\n\x1b[32mactive\x1b[0m\r\nroot@edge1:~# ")
    await desk.until(lambda: "is-active" in desk.text)


async def host_key(desk: Desk) -> None:
    said = Text("The key of edge1 (10.0.0.11:22) is not known: ED25519 SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E.")
    desk.app.push_screen(QuestionScreen(Question(QuestionKind.HOST_KEY, "plant-7", "edge1", said)))


async def password(desk: Desk) -> None:
    said = Text("The sudo password of oncall on edge1:")
    desk.app.push_screen(QuestionScreen(Question(QuestionKind.SUDO_PASSWORD, "plant-7", "edge1", said, attempt=2)))


async def confirm(desk: Desk) -> None:
    desk.app.push_screen(Confirm(Text("Something is still running"), Text("Still running: edge1."), Text("Quit")))


async def wizard(desk: Desk) -> None:
    found = (
        FoundConfig(Path("/home/oncall/.kube/config"), ("k3s", "plant-8")),
        FoundConfig(Path("/etc/kubernetes/admin.conf"), problem=Text("/etc/kubernetes/admin.conf: not readable")),
    )
    desk.app.push_screen(SetupScreen(found, Path("/home/oncall/.config/kedge-tui/config.yaml"), desk.bench.prompter))


async def change(desk: Desk) -> None:
    await asking("history")(desk)
    await desk.pilot.pause()
    await desk.press("enter")


def themed(name: str) -> Act:
    async def act(desk: Desk) -> None:
        desk.app.main.run_command(f"theme {name}")

    return act


DENIED = finding(
    "KE206", Kind.EDGESTREAM, "edge1", Status.UNKNOWN, "oncall may not read edgecore.yaml on edge1: sudo is missing",
    reason=Reason.DENIED,
)  # fmt: skip
LONG, WIDE = "edge-" + "very-long-" * 9 + "0042", "边缘节点一号生产线温度采集网关控制器" * 3

PLACES: dict[str, Act] = {
    "opening": opening,
    "cannot-open": unopened,
    "connecting": showing((), (), links=(LinkInfo("kubernetes", LinkState.CONNECTING),)),
    "empty-cluster": showing((), ()),
    "no-kubernetes": showing(links=(LinkInfo("kubernetes", LinkState.NONE),)),
    "partial-rights": showing((*CLOUD, DENIED, *whole("edge2"))),
    "disconnected": showing(links=(down(seconds=34, retry_at=NOW + timedelta(seconds=3)), down("edge2", 80))),
    "stale": showing(links=(replace(UP, last_seen=NOW - timedelta(minutes=5)),)),
    "read-only": read_only,
    "long-names": showing((*CLOUD, *broken(LONG)), (LONG,)),
    "wide-names": showing((*CLOUD, *broken(WIDE)), (WIDE,), site="工厂七号"),
    "filter": typing("slash", text="status:fail"),
    "command-line": typing("colon", text="no"),
    "commands": pressing("colon"),
    "marked": pressing("g", "G", "m", "k", "k", "m"),
    "fix-menu": fix_menu,
    "fix-high-risk": fix_high,
    "evidence": pressing("e"),
    "explanation": pressing("o"),
    "describe": lambda desk: object_of(desk, "d"),
    "yaml": lambda desk: object_of(desk, "y"),
    "help": pressing("question_mark"),
    "palette": pressing("ctrl+p"),
    "problems": asking("problems"),
    "keys": asking("keys"),
    "report": asking("report"),
    "history": asking("history"),
    "change": change,
    "logs": logs,
    "shell": shell,
    "host-key": host_key,
    "password": password,
    "confirm": confirm,
    "wizard": wizard,
    "colour-blind": themed("colour-blind"),
    "high-contrast": themed("high-contrast"),
}


async def back(desk: Desk) -> None:
    """To the main screen as it was at first."""
    app, main = desk.app, desk.app.main
    await main.close_panes()
    app.back_to_main()
    app.theme = "textual-dark"
    desk.bench.plan, desk.bench.read_only = enable_edgestream(), False
    main.query_one("#line").display = False
    main._set_filter("")
    main.tree_view.mark_all(())
    main.tree_view.focus()
    desk.bench.show(picture())
    main.tree_view.select("edge/edge1/edgestream")
    app.clear_notifications()
    await desk.pilot.pause()


async def changed_once(bench: FakeWorkbench) -> None:
    """One change in the log, made on no machine in particular; the host is as before."""
    executor = bench.fakes.executor
    preview = await executor.preview(enable_edgestream())
    await executor.apply(preview, approve(preview), lambda progress: None)
    bench.host.files[CONFIG] = BEFORE
    events = [json.loads(line) for line in bench.fakes.path.read_text().splitlines()]
    said = "".join(json.dumps(event | ({"machine": "desk1"} if "machine" in event else {})) + "\n" for event in events)
    bench.fakes.path.write_text(re.sub(re.escape(events[0]["id"]), "20261122-025109-a1b2", said))


async def test_every_screen_and_state(
    at_desk: Opener, bench: FakeWorkbench, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = snapshot.use_extension(AsText)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)  # it blinks
    monkeypatch.setattr(log_pane, "LogReader", FakeReader)
    FakeReader.made.clear()
    bench.shells = FakeShells()
    monkeypatch.setattr(bench, "objects", lambda: FakeObjects(Thing("Node", "edge1")))
    await changed_once(bench)
    different = []
    async with at_desk(SMALL) as desk:
        for place, act in PLACES.items():
            await back(desk)
            await act(desk)
            for size in (SMALL, LARGE):
                await desk.pilot.resize_terminal(*size)
                await settled(desk.pilot)
                name = f"{place}-{size[0]}x{size[1]}"
                if kept(name=name) != drawn(desk):
                    different.append(name)
            await desk.pilot.resize_terminal(*SMALL)
    assert " ".join(different) == ""
