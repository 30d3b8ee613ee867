"""Frames out of a stream of bytes that may be cut anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LARGEST_FRAME = 8 << 20
"""Bytes; a machine with ten thousand processes needs one. What is larger is dropped."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What one round of the loop told: the text of each section by its name."""

    number: int
    sections: Mapping[str, str] = field(default_factory=dict)

    def get(self, section: str) -> str:
        """The text of a section, "" where it was not told."""
        return self.sections.get(section, "")


@dataclass(slots=True)
class FrameReader:
    """Collects bytes; a frame without its end, or with another number at its end, is never handed out.

    Attributes:
        nonce: marks the lines that are ours.
        noise: the first of what came before the first frame: a shell's greeting or complaint.
        cut: frames that began and did not end well.
    """

    nonce: str
    noise: str = ""
    cut: int = 0
    _rest: bytes = b""
    _number: int | None = None
    _section: str = ""
    _lines: dict[str, list[str]] = field(default_factory=dict)
    _size: int = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes; gives the frames that are complete now."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LARGEST_FRAME:
            self._rest = b""
            self._drop()
        return [frame for line in lines if (frame := self._line(line)) is not None]

    def _line(self, line: bytes) -> Frame | None:
        text = line.decode("utf-8", "replace")
        if not text.startswith(f"#{self.nonce} "):
            self._content(text)
            return None
        word, _space, value = text[len(self.nonce) + 2 :].partition(" ")
        if word == "begin":
            if self._number is not None:
                self._drop()
            self._number = int(value) if _is_number(value) else None
        elif word == "end":
            return self._ended(value)
        elif self._number is not None:
            self._section = word
            self._lines.setdefault(word, [])
        return None

    def _ended(self, value: str) -> Frame | None:
        number, lines = self._number, self._lines
        if number is None or value != str(number):
            self._drop()
            return None
        self._number, self._section, self._lines, self._size = None, "", {}, 0
        return Frame(number, {name: "\n".join(text) for name, text in lines.items()})

    def _content(self, text: str) -> None:
        if self._number is None:
            self.noise = (f"{self.noise}\n{text}" if self.noise else text)[:500]
            return
        self._size += len(text) + 1
        if self._size > LARGEST_FRAME:
            self._drop()
        elif self._section:
            self._lines[self._section].append(text)

    def _drop(self) -> None:
        if self._number is not None:
            self.cut += 1
        self._number, self._section, self._lines, self._size = None, "", {}, 0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12
