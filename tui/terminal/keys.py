"""Keys, mouse and pasted text as the bytes that a program in an xterm expects. Pure."""

from __future__ import annotations

import re

_ARROWS = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
_TILDES = {
    "insert": 2, "delete": 3, "pageup": 5, "pagedown": 6,
    "f5": 15, "f6": 17, "f7": 18, "f8": 19, "f9": 20, "f10": 21, "f11": 23, "f12": 24,
    "f13": 25, "f14": 26, "f15": 28, "f16": 29, "f17": 31, "f18": 32, "f19": 33, "f20": 34,
}  # fmt: skip
_FUNCTIONS = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
_SIMPLE = {"enter": "\r", "return": "\r", "tab": "\t", "escape": "\x1b", "backspace": "\x7f", "space": " "}
_CONTROLS = {
    "at": 0, "space": 0, "2": 0, "left_square_bracket": 27, "3": 27, "backslash": 28, "4": 28,
    "right_square_bracket": 29, "5": 29, "circumflex_accent": 30, "6": 30, "tilde": 30,
    "underscore": 31, "7": 31, "minus": 31, "slash": 31, "8": 127, "question_mark": 127,
    "backspace": 8, "h": 8, "enter": 10, "i": 9, "m": 13, "j": 10,
}  # fmt: skip
_NAMED = {
    "full_stop": ".", "comma": ",", "minus": "-", "underscore": "_", "equals_sign": "=", "plus": "+", "slash": "/",
    "backslash": "\\", "semicolon": ";", "colon": ":", "apostrophe": "'", "quotation_mark": '"', "less_than_sign": "<",
    "greater_than_sign": ">", "question_mark": "?", "at": "@", "number_sign": "#", "dollar_sign": "$",
    "percent_sign": "%", "ampersand": "&", "asterisk": "*", "exclamation_mark": "!", "left_parenthesis": "(",
    "right_parenthesis": ")", "left_square_bracket": "[", "right_square_bracket": "]", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "vertical_line": "|", "tilde": "~", "grave_accent": "`", "circumflex_accent": "^",
}  # fmt: skip

_BITS = {"shift": 1, "alt": 2, "ctrl": 4, "meta": 8, "super": 8, "hyper": 8}


def key_bytes(key: str, character: str | None, *, application: bool = False) -> bytes:
    """What a key sends; empty for one that sends nothing.

    Args:
        key: as Textual names it, e.g. ``ctrl+shift+up``.
        character: what it types, if anything.
        application: the program asked for application cursor keys (DECCKM).
    """
    *modifiers, name = key.split("+") if key != "+" else [key]
    bits = sum({_BITS.get(word, 0) for word in modifiers})
    if (special := _special(name, bits, application)) is not None:
        return special.encode()
    alt = "\x1b" if bits & 2 else ""
    if bits & 4:
        return (alt + control).encode() if (control := _control(name)) is not None else b""
    if name in _SIMPLE:
        return b"\x1b[Z" if name == "tab" and bits & 1 else (alt + _SIMPLE[name]).encode()
    typed = character if character else _NAMED.get(name, name.removeprefix("upper_") if len(name) == 1 else "")
    if name.startswith("upper_"):
        typed = name[-1].upper()
    return (alt + typed).encode("utf-8", "ignore") if typed else b""


def _special(name: str, bits: int, application: bool) -> str | None:
    """Arrows and function keys, modifiers told as xterm does."""
    modified = f";{bits + 1}" if bits else ""
    if (letter := _ARROWS.get(name)) is not None:
        if modified:
            return f"\x1b[1{modified}{letter}"
        return f"\x1bO{letter}" if application else f"\x1b[{letter}"
    if (letter := _FUNCTIONS.get(name)) is not None:
        return f"\x1b[1{modified}{letter}" if modified else f"\x1bO{letter}"
    if (number := _TILDES.get(name)) is not None:
        return f"\x1b[{number}{modified}~"
    return None


def _control(name: str) -> str | None:
    if name in _CONTROLS:
        return chr(_CONTROLS[name])
    letter = name.removeprefix("upper_").lower()
    return chr(ord(letter) & 31) if len(letter) == 1 and letter.isascii() and letter.isalpha() else None


_END_OF_PASTE = re.compile("\x1b\\[20[01]~")


def paste_bytes(text: str, *, bracketed: bool) -> bytes:
    """Pasted text; in brackets where the program asked for that, from which nothing in the text can break out."""
    plain = text.replace("\r\n", "\r").replace("\n", "\r")
    if not bracketed:
        return plain.encode("utf-8", "replace")
    while _END_OF_PASTE.search(plain):
        plain = _END_OF_PASTE.sub("", plain)
    return b"\x1b[200~" + plain.encode("utf-8", "replace") + b"\x1b[201~"


def mouse_bytes(code: int, column: int, row: int, *, release: bool = False, sgr: bool = True) -> bytes:
    """A mouse event at a cell, both from 0; ``code`` holds button, modifiers and motion as xterm counts them."""
    if sgr:
        return f"\x1b[<{code};{column + 1};{row + 1}{'m' if release else 'M'}".encode()
    if column > 222 or row > 222:
        return b""  # the old protocol has no words for that far
    return b"\x1b[M" + bytes([32 + (3 if release else code), 33 + column, 33 + row])
