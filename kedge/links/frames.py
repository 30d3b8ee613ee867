"""Read back what a batch script prints.

A frame starts on a line of its own, ``#NONCE LETTER …``; bytes that follow it are counted in it, so that no
output can be taken for a frame. Anything between frames (a login banner, a noisy start-up file) is passed over.

====== =============================================================================== ==================
letter words                                                                           then
====== =============================================================================== ==================
``K``  format, count of commands, uid, host clock, stamp at that moment                the first frame
``P``                                                                                  wants the password
``S``  ``open`` | ``denied`` | ``lost``, length                                        what sudo said
``A``  number, id, exit code, late, cut, began, ended, length of stdout, of stderr     stdout, stderr
``D``  number, id                                                                      needed root
``Z``                                                                                  the last frame
====== =============================================================================== ==================

A stamp is in seconds of the host's uptime (or of its clock, where there is no /proc).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from kedge.links.base import Answer, Command

FORMAT = "1"
MAX_HEADER = 4096
TIMED_OUT = 124
MOST_DIGITS = 11
"""Of a time in seconds: enough until the year 5138, and no overflow from a hostile host."""


class FramingError(Exception):
    """What came back is not what the script prints; str() says what is wrong."""


@dataclass(slots=True)
class Batch:
    """What has been read so far.

    Attributes:
        answers: by command id.
        uid: of the login user on the host; None until the first frame.
        clock: the host's own clock at the start.
        wants_password: the script waits for a line on stdin.
        sudo_state: ``open``, ``denied``, ``lost``, or "" when sudo was not needed (yet).
        sudo_said: what sudo printed.
        complete: the last frame has been read.
    """

    answers: dict[str, Answer]
    uid: int | None = None
    clock: datetime | None = None
    wants_password: bool = False
    sudo_state: str = ""
    sudo_said: str = ""
    complete: bool = False

    def in_order(self, commands: Sequence[Command]) -> list[Answer]:
        """One answer per command, in their order; exit code None for those that never answered."""
        return [self.answers.get(command.id) or Answer(command.id, None, b"", b"", 0.0) for command in commands]


class Reader:
    """Takes the stream in pieces of any size and fills :attr:`batch`.

    Args:
        nonce: the script's; None reads it from the first frame, for output that was saved by hand.
        limit: most bytes of one output; the script cuts long before, so more is a broken or hostile host.
    """

    def __init__(self, nonce: str | None, *, limit: int = 64 << 20) -> None:
        self.batch = Batch({})
        self._noise = b""
        self._limit = limit
        self._buffer = bytearray()
        self._start: re.Pattern[bytes] = _frame_start(nonce)
        self._stamp: float | None = None

    @property
    def noise(self) -> bytes:
        """What was printed before the first frame, for the error message; at most 4 KiB."""
        return self._noise if self.batch.uid is not None else (self._noise + self._buffer)[:MAX_HEADER]

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream. Raises FramingError."""
        self._buffer += data
        while not self.batch.complete and self._one():
            pass

    def _one(self) -> bool:
        """Read one frame if all of it is here."""
        found = self._start.search(self._buffer)
        if found is None:
            self._drop(max(0, len(self._buffer) - MAX_HEADER))
            return False
        words = bytes(found[2]).decode("ascii", "replace").split(" ")
        kind = words.pop(0)
        lengths = [self._length(word) for word in words[len(words) - _PAYLOADS.get(kind, 0) :]]
        end = found.end() + sum(lengths)
        if len(self._buffer) < end:
            self._drop(found.start())
            return False
        payload, start = [], found.end()
        for length in lengths:
            payload.append(bytes(self._buffer[start : start + length]))
            start += length
        if self.batch.uid is None:
            self._begin(kind, words, bytes(found[1]).decode("ascii"))
        else:
            self._take(kind, words, payload)
        self._drop(found.start())
        del self._buffer[: end - found.start()]
        return True

    def _drop(self, count: int) -> None:
        if self.batch.uid is None:
            self._noise = (self._noise + self._buffer[:count])[:MAX_HEADER]
        del self._buffer[:count]

    def _length(self, word: str) -> int:
        if not word.isdecimal() or int(word) > self._limit:
            raise FramingError(f"a length of {word!r} bytes")
        return int(word)

    def _begin(self, kind: str, words: list[str], nonce: str) -> None:
        if kind != "K" or len(words) != 5 or not words[2].isdecimal():
            raise FramingError(f"the first frame is {kind!r}")
        if words[0] != FORMAT:
            raise FramingError(f"format {words[0]!r} instead of {FORMAT!r}")
        self._start = _frame_start(nonce)
        self.batch.uid, self.batch.clock = int(words[2]), _instant(words[3])
        self._stamp = _seconds(words[4])

    def _take(self, kind: str, words: list[str], payload: list[bytes]) -> None:
        match kind, words:
            case "A", [_, name, code, late, cut, began, ended, _, _]:
                self._answer(unquote(name), code, (late == "1", cut == "1"), (began, ended), payload)
            case "D", [_, name]:
                said = self.batch.sudo_said.encode()
                self.batch.answers[unquote(name)] = Answer(unquote(name), None, b"", said, 0.0, sudo_denied=True)
            case "S", [state, _]:
                self.batch.wants_password = False
                self.batch.sudo_state, self.batch.sudo_said = state, payload[0].decode("utf-8", "replace").strip()
            case "P", []:
                self.batch.wants_password = True
            case "Z", []:
                self.batch.complete = True
            case _:
                raise FramingError(f"an unknown frame {kind!r} with {len(words)} words")

    def _answer(
        self, name: str, code: str, flags: tuple[bool, bool], times: tuple[str, str], payload: list[bytes]
    ) -> None:
        late, cut = flags
        if not code.isdecimal():
            raise FramingError(f"an exit code of {code!r}")
        began, ended = _seconds(times[0]), _seconds(times[1])
        seconds = round(max(0.0, ended - began), 3) if began is not None and ended is not None else 0.0
        at = self.batch.clock
        if at is not None and began is not None and self._stamp is not None:
            at += timedelta(seconds=began - self._stamp)
        self.batch.answers[name] = Answer(
            name, TIMED_OUT if late else int(code), payload[0], payload[1], seconds, at, cut=cut, timed_out=late
        )


_PAYLOADS = {"A": 2, "S": 1}


def _frame_start(nonce: str | None) -> re.Pattern[bytes]:
    name = b"[0-9A-Za-z]{8,64}" if nonce is None else re.escape(nonce.encode("ascii"))
    tail = b"K 1 [^\n]{1,200}" if nonce is None else b"[A-Z](?: [^\n]{0,%d})?" % MAX_HEADER
    return re.compile(b"\n#(" + name + b") (" + tail + b")\n")


def _instant(word: str) -> datetime | None:
    seconds = _seconds(word)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(word: str) -> float | None:
    """Seconds with or without a fraction; a host whose date has no ``%N`` prints no number for it."""
    whole, _, fraction = word.partition(".")
    if not whole.isdecimal() or len(whole) > MOST_DIGITS:
        return None
    return float(f"{whole}.{fraction}") if fraction.isdecimal() else float(whole)


def parse(stream: bytes, commands: Sequence[Command], *, nonce: str | None = None) -> list[Answer]:
    """The answers of a whole stream, cut short or not, in the order of ``commands``.

    Raises:
        FramingError: there is no first frame, or what follows is not what the script prints.
    """
    reader = Reader(nonce)
    reader.feed(stream)
    if reader.batch.uid is None:
        raise FramingError("there is no first frame")
    return reader.batch.in_order(commands)
