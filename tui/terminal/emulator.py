"""A terminal emulator: feeds the output of a program to a screen, and answers what the program asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tui.terminal.screen import Shape, TerminalScreen
from tui.terminal.tokens import Tokens

NAME = "xterm-256color"
MOST_TITLE = 200
MOST_NUMBER = 9999

_DIGITS = re.compile(r"[0-9:;]*")


class Emulator:
    """What a program that runs in an xterm can expect.

    Args:
        reply: sends bytes to the program.

    Attributes:
        screen: what it shows.
    """

    def __init__(self, columns: int, lines: int, reply: Callable[[bytes], None] = lambda data: None) -> None:
        self.screen = TerminalScreen(columns, lines, lambda text: reply(text.encode()))
        self._tokens = Tokens(self)
        self._csi = _sequences(self.screen)
        self._escapes = _escapes(self.screen)
        self._controls = _controls(self.screen)

    def feed(self, data: bytes) -> None:
        """Take output, in pieces of any size."""
        self._tokens.feed(data)

    def resize(self, columns: int, lines: int) -> None:
        """Another size."""
        self.screen.resize(max(1, lines), max(2, columns))

    @property
    def title(self) -> str:
        """What the program calls its window."""
        return self.screen.title

    # ------------------------------------------------------------------------------- what the tokens are told to

    def flow(self, text: str) -> None:
        """Text and line ends."""
        self.screen.flow(text)

    def control(self, code: str) -> None:
        """A control character; unknown ones do nothing."""
        if (act := self._controls.get(code)) is not None:
            act()

    def escape(self, between: str, final: str) -> None:
        """A short escape sequence."""
        if between in ("(", ")"):
            self.screen.define_charset(final, between)
        elif between == "#" and final == "8":
            self.screen.alignment_display()
        elif not between and (act := self._escapes.get(final)) is not None:
            act()

    def string(self, text: str) -> None:
        """Device control: a request for a setting or a termcap entry is answered with: not known."""
        if text.startswith("$q"):
            self.screen.write_process_input("\x1bP0$r\x1b\\")
        elif text.startswith("+q"):
            self.screen.write_process_input("\x1bP0+r\x1b\\")

    def osc(self, text: str) -> None:
        """Titles; colours that are asked for are not told, and the clipboard is not a remote program's business."""
        number, _semicolon, rest = text.partition(";")
        if number in ("0", "2"):
            self.screen.set_title(rest[:MOST_TITLE])

    def csi(self, params: str, between: str, final: str) -> None:
        """A control sequence; unknown ones do nothing."""
        prefix = params[:1] if params[:1] in ("?", ">", "<", "=") else ""
        words = params[len(prefix) :]
        if not _DIGITS.fullmatch(words):
            return
        if final == "m" and not prefix and not between:
            self.screen.select_graphic_rendition(*_colours(words))
            return
        numbers = [min(int(word or 0), MOST_NUMBER) for word in words.replace(":", ";").split(";")] if words else []
        act = self._csi.get(prefix + between + final)
        if act is not None:
            act(numbers)


def _colours(words: str) -> list[int]:
    """The parameters of SGR, those with colons told the way pyte knows them."""
    found: list[int] = []
    for word in words.split(";"):
        parts = word.split(":")
        if len(parts) == 1:
            found.append(min(int(word or 0), MOST_NUMBER))
        elif parts[0] == "4":
            found.append(24 if parts[1] == "0" else 4)
        elif parts[0] in ("38", "48"):
            rest = [part for part in parts[2:] if part]
            found += [int(parts[0]), int(parts[1] or 0), *(min(int(part), 255) for part in rest[-3:])]
    return found or [0]


_Numbers = Callable[[list[int]], object]


def _one(act: Callable[[int], object]) -> _Numbers:
    """One number, 1 where none is given."""
    return lambda numbers: act((numbers[0] if numbers else 0) or 1)


def _or_zero(act: Callable[[int], object]) -> _Numbers:
    return lambda numbers: act(numbers[0] if numbers else 0)


def _sequences(screen: TerminalScreen) -> Mapping[str, _Numbers]:
    """What every control sequence does."""
    return {**_moves(screen), **_edits(screen), **_modes(screen), **_questions(screen)}


def _moves(screen: TerminalScreen) -> Mapping[str, _Numbers]:
    def position(numbers: list[int]) -> None:
        line, column = (*numbers, 0, 0)[:2]
        screen.cursor_position(line, column)

    return {
        "A": _one(screen.cursor_up),
        "B": _one(screen.cursor_down),
        "C": _one(screen.cursor_forward),
        "D": _one(screen.cursor_back),
        "E": _one(screen.cursor_down1),
        "F": _one(screen.cursor_up1),
        "G": _one(screen.cursor_to_column),
        "H": position,
        "I": _one(lambda n: [screen.tab() for _tab in range(min(n, screen.columns))]),
        "Z": _one(lambda n: [_back_tab(screen) for _tab in range(min(n, screen.columns))]),
        "`": _one(screen.cursor_to_column),
        "a": _one(screen.cursor_forward),
        "d": _one(screen.cursor_to_line),
        "e": _one(screen.cursor_down),
        "f": position,
        "s": lambda numbers: screen.save_cursor(),
        "u": lambda numbers: screen.restore_cursor(),
    }


def _edits(screen: TerminalScreen) -> Mapping[str, _Numbers]:
    return {
        "@": _one(lambda n: screen.insert_characters(min(n, screen.columns))),
        "J": _or_zero(lambda n: screen.erase_in_display(n) if n in (0, 1, 2, 3) else None),
        "K": _or_zero(lambda n: screen.erase_in_line(n) if n in (0, 1, 2) else None),
        "L": _one(lambda n: screen.insert_lines(min(n, screen.lines))),
        "M": _one(lambda n: screen.delete_lines(min(n, screen.lines))),
        "P": _one(lambda n: screen.delete_characters(min(n, screen.columns))),
        "S": _one(screen.scroll_up),
        "T": _one(screen.scroll_down),
        "X": _one(lambda n: screen.erase_characters(min(n, screen.columns))),
        "b": _one(screen.repeat),
    }


def _modes(screen: TerminalScreen) -> Mapping[str, _Numbers]:
    def shape(numbers: list[int]) -> None:
        number = numbers[0] if numbers else 0
        names = {3: "underline", 4: "underline", 5: "bar", 6: "bar"}
        screen.shape = Shape(names.get(number, "block"), number % 2 == 1 or number == 0)
        screen.dirty.add(screen.cursor.y)

    def margins(numbers: list[int]) -> None:
        top, bottom = (*numbers, 0, 0)[:2]
        screen.margins = None
        screen.set_margins(top or 1, bottom or screen.lines)
        screen.cursor_position()

    return {
        "g": _or_zero(screen.clear_tab_stop),
        "h": lambda numbers: screen.set_mode(*(n for n in numbers if n in (4, 20))),
        "l": lambda numbers: screen.reset_mode(*(n for n in numbers if n in (4, 20))),
        "r": margins,
        "?h": lambda numbers: screen.private_mode(numbers, True),
        "?l": lambda numbers: screen.private_mode(numbers, False),
        " q": shape,
        "!p": lambda numbers: screen.soft_reset(),
    }


def _questions(screen: TerminalScreen) -> Mapping[str, _Numbers]:
    def ask_mode(numbers: list[int]) -> None:
        mode = numbers[0] if numbers else 0
        known = {1, 5, 6, 7, 25, 47, 1000, 1002, 1003, 1004, 1006, 1047, 1049, 2004}
        state = 0 if mode not in known else 1 if mode in screen.private else 2
        screen.write_process_input(f"\x1b[?{mode};{state}$y")

    return {
        "c": _or_zero(lambda n: screen.write_process_input("\x1b[?62;22c") if n == 0 else None),
        "n": _or_zero(screen.report_device_status),
        "?$p": ask_mode,
        ">c": _or_zero(lambda n: screen.write_process_input("\x1b[>41;277;0c") if n == 0 else None),
    }


def _back_tab(screen: TerminalScreen) -> None:
    screen.cursor.x = max((stop for stop in screen.tabstops if stop < screen.cursor.x), default=0)


def _escapes(screen: TerminalScreen) -> Mapping[str, Callable[[], object]]:
    def next_line() -> None:
        screen.index()
        screen.carriage_return()

    return {
        "7": screen.save_cursor,
        "8": screen.restore_cursor,
        "D": screen.index,
        "E": next_line,
        "H": screen.set_tab_stop,
        "M": screen.reverse_index,
        "c": screen.reset,
        "=": lambda: screen.private.add(66),
        ">": lambda: screen.private.discard(66),
        "Z": lambda: screen.write_process_input("\x1b[?62;22c"),
    }


def _controls(screen: TerminalScreen) -> Mapping[str, Callable[[], object]]:
    return {
        "\x07": screen.bell,
        "\x08": screen.backspace,
        "\x09": screen.tab,
        "\x0b": screen.linefeed,
        "\x0c": screen.linefeed,
        "\x0e": screen.shift_out,
        "\x0f": screen.shift_in,
        "\x84": screen.index,
        "\x85": lambda: (screen.index(), screen.carriage_return()),
        "\x8d": screen.reverse_index,
    }
