"""Where copied text goes, by what stands between the program and the person."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from tests.tui.conftest import Opener
from tui import clipboard

TEXT = "systemctl restart edgecore\n# 生产线"
PLAIN = f"\x1b]52;c;{base64.b64encode(TEXT.encode()).decode()}\a"


@pytest.mark.parametrize(
    ("environ", "platform", "argv"),
    [
        ({}, "linux", ()),
        ({"TMUX": "/tmp/t,1,0", "DISPLAY": ":0"}, "linux", ("tmux", "load-buffer", "-w", "-")),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "linux", ("wl-copy",)),
        ({"WAYLAND_DISPLAY": "wayland-0", "SSH_CONNECTION": "x"}, "linux", ()),
        ({"DISPLAY": "localhost:10", "SSH_CONNECTION": "x"}, "linux", ("xclip", "-selection", "clipboard")),
        ({}, "darwin", ("pbcopy",)),
        ({"SSH_CONNECTION": "x"}, "darwin", ()),
    ],
)
def test_the_clipboard_of_where_the_person_sits(environ: dict[str, str], platform: str, argv: tuple[str, ...]) -> None:
    assert tuple(clipboard.native(environ, platform, lambda name: f"/usr/bin/{name}")) == argv
    assert tuple(clipboard.native(environ, platform, lambda name: None)) == ()


def test_multiplexers_pass_the_sequence_on() -> None:
    assert clipboard.osc52(TEXT, {"TERM": "xterm-256color"}) == PLAIN
    wrapped = clipboard.osc52(TEXT, {"TMUX": "x", "TERM": "screen-256color"})
    assert wrapped.removeprefix("\x1bPtmux;").removesuffix("\x1b\\").replace("\x1b\x1b", "\x1b") == PLAIN
    long = "x" * 1000
    pieces = clipboard.osc52(long, {"TERM": "screen"}).split("\x1b\\")[:-1]
    assert all(piece.startswith("\x1bP") and len(piece) <= clipboard.SCREEN_PIECE + 2 for piece in pieces)
    assert "".join(piece[2:] for piece in pieces) == clipboard.osc52(long, {})
    assert clipboard.osc52("x" * 60_000, {}) == ""


async def test_what_no_terminal_takes_is_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "native", lambda environ: ())
    sent: list[str] = []

    def keep(text: str) -> Path:
        return clipboard.kept(text, tmp_path, "copied.txt")

    said = await clipboard.deliver("x" * 60_000, sent.append, keep)
    assert sent == []
    assert str(said).endswith(f"they are in {tmp_path / 'copied.txt'}")
    assert stat.S_IMODE((tmp_path / "copied.txt").stat().st_mode) == 0o600

    def refuse(text: str) -> Path:
        raise PermissionError("read-only file system")

    assert "read-only file system" in str(await clipboard.deliver("x" * 60_000, sent.append, refuse))


async def test_a_command_that_fails_leaves_it_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    for argv in (("false",), ("/nonexistent/wl-copy",)):
        monkeypatch.setattr(clipboard, "native", lambda environ, argv=argv: argv)
        said = await clipboard.deliver("x", sent.append, lambda text: Path())
        assert "terminal's clipboard" in str(said)
    assert len(sent) == 2
    monkeypatch.setattr(clipboard, "native", lambda environ: ("cat",))
    assert str(await clipboard.deliver("xy", sent.append, lambda text: Path())) == "Copied 2 characters with cat"


def only(folder: Path, pattern: str) -> str:
    (file,) = folder.glob(pattern)
    return file.read_text()


async def test_a_report_is_written_where_the_program_was_started(
    at_desk: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with at_desk() as desk:
        await desk.press("x")
        await desk.until(lambda: bool(desk.toasts))
        report = only(tmp_path, "kedge-plant-7-*.md")
        assert "**KE206 edge1**" in report
        await desk.press("e", "x")
        await desk.until(lambda: len(desk.toasts) == 2)
        assert "enable: false" in only(tmp_path, "kedge-Evidence_for_KE206*.txt")
        assert desk.toasts[-1].startswith(f"Written to {tmp_path}/kedge-Evidence")


async def test_the_mouse_is_given_to_the_terminal_and_taken_back(
    at_desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_desk() as desk:
        sent: list[str] = []
        monkeypatch.setattr(desk.app._driver, "write", sent.append)
        await desk.press("f9")
        assert "\x1b[?1000l" in sent[-1]
        assert "select text; f9 takes it back" in desk.toasts[-1]
        await desk.command("mouse")
        assert "\x1b[?1000h" in "".join(sent)
        assert desk.toasts[-1] == "The mouse is used here again"
