"""Keys, mouse and pasted text as bytes."""

from __future__ import annotations

import pytest

from tui.terminal.keys import key_bytes, mouse_bytes, paste_bytes


@pytest.mark.parametrize(
    ("key", "character", "sent"),
    [
        ("a", "a", b"a"),
        ("A", "A", b"A"),
        ("upper_a", "A", b"A"),
        ("界", "界", "界".encode()),
        ("question_mark", "?", b"?"),
        ("space", " ", b" "),
        ("enter", "\r", b"\r"),
        ("tab", "\t", b"\t"),
        ("shift+tab", None, b"\x1b[Z"),
        ("escape", "\x1b", b"\x1b"),
        ("backspace", "\x7f", b"\x7f"),
        ("ctrl+c", "\x03", b"\x03"),
        ("ctrl+q", "\x11", b"\x11"),
        ("ctrl+p", "\x10", b"\x10"),
        ("ctrl+z", "\x1a", b"\x1a"),
        ("ctrl+at", "\x00", b"\x00"),
        ("ctrl+backslash", "\x1c", b"\x1c"),
        ("ctrl+circumflex_accent", "\x1e", b"\x1e"),
        ("ctrl+underscore", "\x1f", b"\x1f"),
        ("alt+x", "x", b"\x1bx"),
        ("alt+full_stop", None, b"\x1b."),
        ("alt+upper_b", None, b"\x1bB"),
        ("alt+enter", None, b"\x1b\r"),
        ("alt+ctrl+e", None, b"\x1b\x05"),
        ("up", None, b"\x1b[A"),
        ("shift+up", None, b"\x1b[1;2A"),
        ("ctrl+right", None, b"\x1b[1;5C"),
        ("home", None, b"\x1b[H"),
        ("pageup", None, b"\x1b[5~"),
        ("ctrl+delete", None, b"\x1b[3;5~"),
        ("f1", None, b"\x1bOP"),
        ("f5", None, b"\x1b[15~"),
        ("shift+f12", None, b"\x1b[24;2~"),
        ("ignore", None, b""),
    ],
)
def test_keys(key: str, character: str | None, sent: bytes) -> None:
    assert key_bytes(key, character) == sent


def test_application_cursor_keys() -> None:
    assert key_bytes("up", None, application=True) == b"\x1bOA"
    assert key_bytes("ctrl+up", None, application=True) == b"\x1b[1;5A"


def test_nothing_breaks_out_of_a_paste() -> None:
    assert paste_bytes("a\nb", bracketed=False) == b"a\rb"
    hostile = "x\x1b[20\x1b[201~1~rm -rf /\n"
    assert paste_bytes(hostile, bracketed=True) == b"\x1b[200~xrm -rf /\r\x1b[201~"


def test_mouse() -> None:
    assert mouse_bytes(0, 4, 2) == b"\x1b[<0;5;3M"
    assert mouse_bytes(0, 4, 2, release=True) == b"\x1b[<0;5;3m"
    assert mouse_bytes(64, 4, 2, sgr=False) == b"\x1b[M" + bytes([96, 37, 35])
    assert mouse_bytes(0, 300, 2, sgr=False) == b""
