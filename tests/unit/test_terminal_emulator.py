"""The emulator: what programs print becomes a screen, in pieces of any size, whatever the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style

from tui.terminal.cells import PLAIN, text_of
from tui.terminal.emulator import Emulator
from tui.terminal.looks import style_of


def shown(emulator: Emulator) -> list[str]:
    screen = emulator.screen
    return [text_of(screen.row(y)).rstrip() for y in range(screen.lines)]


def fed(*pieces: str | bytes, columns: int = 10, lines: int = 4) -> Emulator:
    emulator = Emulator(columns, lines)
    for piece in pieces:
        emulator.feed(piece.encode() if isinstance(piece, str) else piece)
    return emulator


def history(emulator: Emulator) -> list[str]:
    return [text_of(row) for row in emulator.screen.history]


def test_text_wraps_and_scrolls_into_the_scrollback() -> None:
    emulator = fed("one\r\ntwo\r\n0123456789abc\r\nlast\r\n$ ")
    assert shown(emulator) == ["0123456789", "abc", "last", "$"]
    assert history(emulator) == ["one", "two"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8192])
def test_long_output_is_the_same_in_pieces_of_any_size(size: int) -> None:
    data = b"".join(b"line %d\r\n" % number for number in range(500)) + "界界界界界界\r\nend".encode()
    emulator = fed(*(data[at : at + size] for at in range(0, len(data), size)))
    assert shown(emulator) == ["line 499", "界界界界界", "界", "end"]
    assert history(emulator) == [f"line {number}" for number in range(499)]
    assert emulator.screen.scrolled == 499


def test_poured_lines_keep_their_colour_and_long_ones_wrap() -> None:
    emulator = fed("\n\n\n\x1b[31m" + "".join(f"{number:<12}\r\n" for number in range(9)))
    assert history(emulator)[3:6] == ["0         ", "  ", "1         "]
    assert emulator.screen.history[-1][0][1][0] == "red"


def test_wide_characters_wrap_whole_and_lose_both_halves() -> None:
    emulator = fed("123456789界", "\x1b[1;1H界界\x1b[1;2Hx")
    assert shown(emulator)[:2] == [" x界56789", "界"]


def test_accents_join_and_joiners_do_not_swallow_the_rest() -> None:
    assert shown(fed("e\u0301a\u200db\ufe0fc" + "o" + "\u0308" * 3000))[0].startswith("éabcö")


def test_the_alternate_screen_leaves_the_other_one_as_it_was() -> None:
    emulator = fed("$ vim\r\n", "\x1b[?1049h\x1b[H\x1b[2Jfile", "\r\n" * 9)
    assert emulator.screen.is_alternate
    assert history(emulator) == []
    emulator.feed(b"\x1b[?1049l$ ")
    assert shown(emulator) == ["$ vim", "$", "", ""]


def test_scroll_regions_and_their_sequences() -> None:
    emulator = fed("a\r\nb\r\nc\r\nd", "\x1b[2;3r", "\x1b[3;1H\n")
    assert shown(emulator) == ["a", "c", "", "d"]
    emulator.feed(b"\x1b[T")
    assert shown(emulator) == ["a", "", "c", "d"]
    emulator.feed(b"\x1b[r\x1b[2S")
    assert shown(emulator) == ["c", "d", "", ""]


def test_saved_cursors_last() -> None:
    assert shown(fed("\x1b[2;3H\x1b7\x1b[4;1Hx\x1b8y\x1b[1;1H\x1b8z"))[1] == "  z"


def test_what_is_asked_is_answered() -> None:
    said = bytearray()
    emulator = Emulator(10, 4, said.extend)
    emulator.feed(b"ab\x1b[6n\x1b[c\x1b[>c\x1b[5n\x1b[?2026$p\x1b[?2004h\x1b[?2004$p\x1bP$q q\x1b\\")
    answers = ["\x1b[1;3R", "\x1b[?62;22c", "\x1b[>41;277;0c", "\x1b[0n", "\x1b[?2026;0$y", "\x1b[?2004;1$y"]
    assert bytes(said).decode() == "".join(answers) + "\x1bP0$r\x1b\\"


@pytest.mark.parametrize(
    "noise",
    [
        "\x1bP+q544e\x1b\\",  # vim asks for termcap entries
        "\x1b[>4;2m",  # and sets modifyOtherKeys
        "\x1b[?4m",
        "\x1b]11;?\x07",
        "\x1b]52;c;aGVsbG8=\x07",  # the clipboard is not a remote program's business
        "\x1b_Gi=31\x1b\\",
        "\x1b[=5u",
        "\x1b[1;2;3;4;5;6;7;8;9z",
        "\x1b(B\x1b)0\x1b*A",
        "\x1bka window of tmux\x1b\\",
        "\x1b]8;;https://plant.example\x1b\\",
        "\x1b[38;5;300m\x1b[58;2;1;2;3m",
    ],
)
def test_sequences_that_mean_nothing_here_show_nothing(noise: str) -> None:
    emulator = fed(f"a{noise}b")
    assert emulator.screen.row(0) == (("ab", PLAIN),)


def test_titles_shapes_modes_and_bells() -> None:
    emulator = fed("\x1b]0;vim README\x07\x1b[4 q\x1b[?1h\x1b[?1000;1006h\x07")
    screen = emulator.screen
    assert (emulator.title, screen.shape.name, screen.bells) == ("vim README", "underline", 1)
    assert screen.private == {1, 1000, 1006}
    assert screen.wants_mouse


@pytest.mark.parametrize(
    ("sequence", "color"),
    [
        ("31", "red"),
        ("93", "bright_yellow"),
        ("38;5;196", "#ff0000"),
        ("38;2;1;2;3", "#010203"),
        ("38:2::1:2:3", "#010203"),
        ("38:5:196", "#ff0000"),
    ],
)
def test_colours_in_every_way_they_are_written(sequence: str, color: str) -> None:
    _text, look = fed(f"\x1b[{sequence}mx").screen.row(0)[0]
    found = style_of(look).color
    assert found is not None
    assert found.name == color


@pytest.mark.parametrize(
    ("sequence", "style"),
    [
        ("2", "dim"), ("1;2", "bold dim"), ("1;2;22", ""), ("8", "conceal"), ("8;28", ""), ("21", "underline"),
        ("4:3", "underline"), ("3;9;7;5", "italic strike reverse blink"), ("1;31;0;2", "dim"), ("2;m", ""),
        ("38;5;1;48;2;9;300;1", "red on #09ff01"), ("97;104", "bright_white on bright_blue"),
    ],
)  # fmt: skip
def test_looks(sequence: str, style: str) -> None:
    _text, look = fed(f"\x1b[{sequence}mx").screen.row(0)[0]
    assert style_of(look) == Style.parse(style or "none")


def test_line_drawing() -> None:
    assert shown(fed("\x1b(0lqk\x1b(Bq"))[0] == "┌─┐q"


def test_a_lower_screen_keeps_the_line_with_the_cursor() -> None:
    emulator = fed("a\r\nb\r\nc\r\nd")
    emulator.resize(10, 2)
    assert (shown(emulator), history(emulator)) == (["c", "d"], ["a", "b"])
    emulator.resize(10, 4)
    assert shown(emulator) == ["c", "d", "", ""]


def test_one_string_without_an_end_holds_the_rest_back_only_so_long() -> None:
    emulator = fed(b"\x1b]0;" + b"x" * 70_000, b"\r\nafter")
    assert "after" in "".join(shown(emulator))


PARTS = [
    "\x1b[", "\x1b]0;", "\x07", "\x1bP", "\x1b\\", "?", ";", ":", "1049h", "1049l", "m", "H", "界", "\u0301", "L", "M",
    "r", "5", "99", "\x1b7", "\x1b8", "\x1bM", "\r\n", "\n", "abc", "6h", "d", "6n", "S", "T", "@", "P", "X", "J", "K",
    "4h", "\x1bc", "\x1b(0", "\t", "Z", "b", "g", "\x0e", "\x1b#8", "5h", "5l", "7l", "!p", "38:2::1:2:3m",
    "x\r\n" * 40,
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(PARTS).map(str.encode), st.binary(max_size=4)), max_size=60),
    st.lists(st.tuples(st.integers(1, 90), st.integers(1, 30)), min_size=1, max_size=4),
)
def test_no_bytes_break_it(pieces: list[bytes], sizes: list[tuple[int, int]]) -> None:
    emulator = Emulator(*sizes[0])
    for number, piece in enumerate(pieces):
        emulator.feed(piece)
        if number % 7 == 0:
            emulator.resize(*sizes[number % len(sizes)])
        screen = emulator.screen
        assert 0 <= screen.cursor.y < screen.lines
        assert 0 <= screen.cursor.x <= screen.columns
        assert len(shown(emulator)) == screen.lines
