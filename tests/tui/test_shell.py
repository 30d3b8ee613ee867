"""The shell pane: every key but one is the program's, whatever happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kedge.i18n import Text
from kedge.links.terminals import End, Size
from kedge.model import LinkError, Reason, Unknown
from kedge.shells.service import Rules
from kedge.shells.targets import InContainer, OnHost, Target, Way
from tests.tui.conftest import Desk, Opener
from tests.tui.sites import FakeWorkbench
from tui.screens.choose import Letters
from tui.screens.confirm import Confirm
from tui.shells.menu import Scrollback
from tui.shells.pane import ShellPane


class FakeShell:
    """A terminal that a test speaks for."""

    def __init__(self, size: Size) -> None:
        self.sizes = [size]
        self.typed = b""
        self.end: End | None = None
        self.silent_for = 0.0
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    def say(self, text: str) -> None:
        self._said.put_nowait(text.encode())

    def finish(self, end: End) -> None:
        self.end = end
        self._said.put_nowait(b"")

    async def read(self) -> bytes:
        return await self._said.get()

    def write(self, data: bytes) -> None:
        self.typed += data

    def resize(self, size: Size) -> None:
        self.sizes.append(size)

    def close(self) -> None:
        if self.end is None:
            self.finish(End(problem=Unknown(Reason.NOT_ASKED, Text("The shell was closed here"))))


class FakeShells:
    """Opens shells that a test speaks for."""

    def __init__(self) -> None:
        self.rules = Rules(lambda: False)
        self.opened: list[tuple[Target, Way, tuple[str, ...]]] = []
        self.shells: list[FakeShell] = []
        self.error: LinkError | None = None
        self.caution: Text | None = None
        self.nodes = frozenset({"edge1", "edge2", "cloud1"})

    async def open(self, target: Target, way: Way, size: Size, command: Sequence[str] = ()) -> Any:
        self.opened.append((target, way, tuple(command)))
        if self.error is not None:
            raise self.error
        self.shells.append(FakeShell(size))
        return self.shells[-1]

    def containers(self, node: str) -> tuple[InContainer, ...]:
        return (InContainer("factory", "line-1", "gateway", node, "0a1b2c3d"),)

    def find_pod(self, words: str) -> tuple[InContainer, ...]:
        return self.containers("edge2") if words == "line-1" else ()

    def parts_of(self, component: str) -> tuple[InContainer, ...]:
        return ()

    def warning(self, target: Target) -> Text | None:
        return self.caution

    def warned(self, node: str) -> None:
        self.caution = None

    def trouble(self, picture: Any, target: Target) -> Any:
        from kedge.shells.targets import trouble_of

        return trouble_of(picture, target.node)


@pytest.fixture
def shells(bench: FakeWorkbench) -> FakeShells:
    bench.shells = FakeShells()
    return bench.shells


async def opened(desk: Desk, shells: FakeShells, command: str = "shell edge1") -> tuple[ShellPane, FakeShell]:
    count = len(shells.shells)
    await desk.command(command)
    await desk.until(lambda: len(shells.shells) > count, "a shell")
    pane = desk.app.main.dock.active
    assert isinstance(pane, ShellPane)
    await desk.until(lambda: pane.shell is not None and desk.app.focused is pane.terminal, "the focus")
    return pane, shells.shells[-1]


async def says(desk: Desk, shell: FakeShell, text: str, seen: str = "") -> None:
    shell.say(text)
    await desk.until(lambda: (seen or text) in desk.text, text)


KEYS = {
    "ctrl+q": b"\x11", "ctrl+p": b"\x10", "ctrl+c": b"\x03", "ctrl+z": b"\x1a", "ctrl+d": b"\x04", "tab": b"\t",
    "shift+tab": b"\x1b[Z", "escape": b"\x1b", "q": b"q", "X": b"X", "question_mark": b"?", "colon": b":",
    "slash": b"/", "f": b"f", "s": b"s", "plus": b"+", "right_curly_bracket": b"}", "left_square_bracket": b"[",
    "f1": b"\x1bOP",
    "ctrl+left_square_bracket": b"\x1b", "alt+f": b"\x1bf", "enter": b"\r", "ctrl+backslash": b"\x1c", "up": b"\x1b[A",
}  # fmt: skip


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_every_key_of_the_program_reaches_the_shell(
    at_desk: Opener, shells: FakeShells, size: tuple[int, int]
) -> None:
    async with at_desk(size=size) as desk:
        _pane, shell = await opened(desk, shells)
        for key, sent in KEYS.items():
            shell.typed = b""
            await desk.press(key)
            assert shell.typed == sent, key
        assert desk.app.screen is desk.app.main
        assert desk.toasts == []


async def test_a_burst_of_keys_arrives_in_order(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        _pane, shell = await opened(desk, shells)
        await desk.type("echo 0123456789 && ls -la")
        assert shell.typed == b"echo 0123456789 && ls -la"


async def test_the_size_is_told_at_the_start_and_at_each_change(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        pane, shell = await opened(desk, shells)
        first = shell.sizes[-1]
        assert (first.columns, first.rows) == (pane.terminal.size.width, pane.terminal.size.height)
        await desk.press("ctrl+right_square_bracket", "f")
        await desk.until(lambda: shell.sizes[-1].columns > first.columns, "full screen")


async def test_output_title_and_paste(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        pane, shell = await opened(desk, shells)
        await says(desk, shell, "hello 世界\r\n$ ", "hello 世界")
        shell.say("\x1b]0;vim note\x07\x1b[?2004h")
        await desk.until(lambda: "edge1: vim note" in desk.text, "the title")
        desk.app._clipboard = "one\ntwo"
        await desk.press("ctrl+right_square_bracket", "p")
        await desk.until(lambda: shell.typed == b"\x1b[200~one\rtwo\x1b[201~", "the paste")
        assert pane.title == "edge1: vim note"


async def test_detached_it_lives_on_marks_its_tab_and_is_found_again(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        pane, shell = await opened(desk, shells)
        other, _second = await opened_beside(desk, shells)
        await says_unseen(desk, shell, pane)
        assert other.key != pane.key
        await desk.press("ctrl+right_square_bracket", "n")
        await desk.until(lambda: desk.app.focused is pane.terminal, "the first again")
        assert not pane.activity
        await desk.press("ctrl+right_square_bracket", "d")
        await desk.until(lambda: desk.app.focused is desk.app.main.tree_view, "the tree")
        assert pane.live


async def opened_beside(desk: Desk, shells: FakeShells) -> tuple[ShellPane, FakeShell]:
    await desk.press("ctrl+right_square_bracket", "d")
    await desk.until(lambda: desk.app.focused is desk.app.main.tree_view, "the tree")
    return await opened(desk, shells)


async def says_unseen(desk: Desk, shell: FakeShell, pane: ShellPane) -> None:
    shell.say("done\r\n")
    await desk.until(lambda: pane.activity, "the mark")


async def test_the_scrollback_is_read_and_searched(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        _pane, shell = await opened(desk, shells)
        await says(desk, shell, "".join(f"  line {n}\r\n" for n in range(200)) + "$ ", "line 199")
        await desk.press("ctrl+right_square_bracket", "s")
        await desk.until(lambda: isinstance(desk.app.screen, Scrollback) and "line 199" in desk.text, "the scrollback")
        await desk.press("slash")
        await desk.type("line 42")
        await desk.press("enter")
        await desk.until(lambda: "  line 42" in desk.text, "the match")


async def test_it_is_recorded_when_a_person_asks(
    at_desk: Opener, shells: FakeShells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDGE_TUI_STATE", str(tmp_path))
    async with at_desk() as desk:
        pane, shell = await opened(desk, shells)
        await says(desk, shell, "before\r\n", "before")
        assert pane.cast is None
        await desk.press("ctrl+right_square_bracket", "a")
        await desk.until(lambda: "Recording to" in "".join(desk.toasts), "the place")
        await says(desk, shell, "and after")
        await desk.press("ctrl+right_square_bracket", "a")
        await desk.until(lambda: pane.cast is None and "Recorded in" in desk.toasts[-1], "the end")
        file = Path(desk.toasts[-1].removeprefix("Recorded in "))
        assert file.parent == tmp_path / "recordings"
        shown = ("before", "and after")
        await desk.until(lambda: all(text in file.read_text() for text in shown), "what was shown")


async def test_the_end_is_told_and_r_opens_it_again(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        pane, shell = await opened(desk, shells)
        shell.finish(End(3))
        await desk.until(lambda: "ended with exit code 3" in desk.text, "the end")
        assert not pane.live
        await desk.press("r")
        await desk.until(lambda: len(shells.shells) == 2, "another one")
        await desk.until(lambda: pane.live and "exit code" not in desk.text, "running again")


async def test_what_is_typed_on_after_a_shell_broke_off_does_nothing(
    at_desk: Opener, shells: FakeShells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.shells.pane.QUIET", 3600.0)
    async with at_desk() as desk:
        pane, shell = await opened(desk, shells)
        await desk.type("f")
        shell.finish(End(problem=Unknown(Reason.UNREACHABLE, Text("The connection was lost"))))
        await desk.until(lambda: "The connection was lost" in desk.text, "the end")
        await desk.type("f1yrXq:")
        assert desk.app.screen is desk.app.main
        assert (shell.typed, len(shells.shells), desk.app.focused) == (b"f", 1, pane.terminal)
        monkeypatch.setattr("tui.shells.pane.QUIET", 0.0)
        await desk.until(lambda: not pane.terminal.takes_every_key, "silence")
        await desk.press("r")
        await desk.until(lambda: len(shells.shells) == 2, "another one")


async def test_a_shell_that_cannot_start_says_why(at_desk: Opener, shells: FakeShells) -> None:
    shells.error = LinkError(Unknown(Reason.NO_SSH, Text("There is no way to log in to edge1")))
    async with at_desk() as desk:
        await desk.command("shell edge1")
        await desk.until(lambda: "There is no way to log in to edge1" in desk.text, "the reason")
        await desk.press("escape")
        await desk.until(lambda: desk.app.focused is desk.app.main.tree_view, "the tree")
        await desk.press("q")  # nothing asks: nothing runs


async def test_leaving_and_closing_ask_while_a_shell_lives(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        _pane, shell = await opened(desk, shells)
        await desk.press("ctrl+right_square_bracket", "d")
        await desk.until(lambda: desk.app.focused is desk.app.main.tree_view, "the tree")
        await desk.press("q")
        await desk.until(lambda: isinstance(desk.app.screen, Confirm), "the question")
        await desk.press("escape")
        assert shell.end is None
        await desk.press("X")
        await desk.until(lambda: isinstance(desk.app.screen, Confirm), "the question")
        await desk.press("y")
        await desk.until(lambda: shell.end is not None and not desk.app.main.dock.panes, "closed")


async def test_a_silent_host_is_told_and_x_closes_at_once(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        _pane, shell = await opened(desk, shells)
        shell.silent_for = 12.5
        await desk.until(lambda: "No answer for 12 s" in desk.text, "the warning")
        shell.silent_for = 0.0
        await desk.until(lambda: "No answer" not in desk.text, "all well again")
        await desk.press("ctrl+right_square_bracket", "x")
        await desk.until(lambda: not desk.app.main.dock.panes, "closed")


async def test_exec_into_a_node_with_a_broken_tunnel_offers_the_way_over_ssh(
    at_desk: Opener, shells: FakeShells, bench: FakeWorkbench
) -> None:
    async with at_desk() as desk:
        main = desk.app.main
        main.tree_view.select("edge/edge1/kubectl")
        await desk.press("s")
        await desk.until(lambda: "factory/line-1/gateway" in desk.text, "the list")
        await desk.press("enter")
        await desk.until(lambda: isinstance(desk.app.screen, Letters) and "KE206" in desk.text, "the offer")
        await desk.press("o")
        await desk.until(lambda: bool(shells.opened), "the shell")
        target, way, _command = shells.opened[0]
        assert isinstance(target, InContainer)
        assert way is Way.RUNTIME


async def test_an_exec_that_nobody_answers_says_so_and_goes_over_ssh(
    at_desk: Opener, shells: FakeShells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.shells.pane.SILENT", 0.5)
    async with at_desk() as desk:
        pane, shell = await opened(desk, shells, "shell line-1")
        await desk.until(lambda: "Nothing has come from edge2" in desk.text, "the silence")
        await desk.press("ctrl+right_square_bracket", "o")
        await desk.until(lambda: len(shells.opened) == 2 and pane.live, "the other way")
        assert (shells.opened[1][1], shell.end is not None) == (Way.RUNTIME, True)
        await says(desk, shells.shells[1], "inside")
        await desk.until(lambda: "Nothing has come" not in desk.text, "all well")


async def test_an_exec_that_may_crash_edgecore_asks_once(at_desk: Opener, shells: FakeShells) -> None:
    shells.caution = Text("EdgeCore can crash")
    async with at_desk() as desk:
        await desk.command("shell line-1 top -b")
        await desk.until(lambda: isinstance(desk.app.screen, Letters) and "can crash" in desk.text, "the warning")
        await desk.press("t")
        await desk.until(lambda: bool(shells.opened), "the shell")
        assert shells.opened[0][1:] == (Way.EXEC, ("top", "-b"))
        assert shells.caution is None


async def test_a_recording_has_no_shells(at_desk: Opener) -> None:
    async with at_desk() as desk:
        await desk.press("s")
        await desk.until(lambda: bool(desk.toasts), "a sentence")
        assert "no live site" in desk.toasts[0]


async def test_s_on_a_machine_opens_it_at_once(at_desk: Opener, shells: FakeShells) -> None:
    async with at_desk() as desk:
        await desk.command("node edge2")
        await desk.press("s")
        await desk.until(lambda: bool(shells.opened), "the shell")
        assert shells.opened[0][:2] == (OnHost("edge2"), Way.HOST)
