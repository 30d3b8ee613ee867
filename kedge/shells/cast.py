"""A recording of what a shell shows, in a file that terminals replay (asciicast v2). Only when a person asks for it.

What is typed is not recorded: passwords are typed. The file is for its owner alone, and the audit knows nothing of it.
"""

from __future__ import annotations

import codecs
import json
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from kedge.i18n import Text, _
from kedge.links.terminals import TERM, Size
from kedge.state import state_place

MOST_WAITING = 4096
"""Pieces of output that may wait for the disk; a shell never waits for it."""
MOST_BYTES = 256 * 1024 * 1024
"""Of output in one recording."""


class Cast:
    """One recording. Every method returns at once; a thread of its own writes.

    Args:
        name: what the shell is on. stopped: told, on the thread, why it ended before it was asked to.

    Attributes:
        path: where it is written.
    """

    def __init__(self, name: str, size: Size, stopped: Callable[[Text], object], folder: Path | None = None) -> None:
        self._began = time.monotonic()
        at = datetime.now(UTC)
        safe = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)[:80]
        self._folder = folder
        self._file = f"{at:%Y%m%dT%H%M%S}-{safe}-{os.urandom(3).hex()}.cast"
        self.path = (folder or place()) / self._file
        self._header = {
            "version": 2, "width": size.columns, "height": size.rows, "timestamp": int(at.timestamp()), "title": name,
            "env": {"TERM": TERM},
        }  # fmt: skip
        self._stopped = stopped
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._left = MOST_BYTES
        self._events: queue.Queue[tuple[float, str, str] | None] = queue.Queue(MOST_WAITING)
        self._over = threading.Event()
        threading.Thread(target=self._write, name="recording", daemon=True).start()

    def output(self, data: bytes) -> None:
        """What the shell has shown."""
        self._left -= len(data)
        if self._left < 0:
            self._give_up(_("The recording has {size} MB and was ended").format(size=MOST_BYTES >> 20))
        elif text := self._decode(data):
            self._add("o", text)

    def resized(self, size: Size) -> None:
        """The shell has another size."""
        self._add("r", f"{size.columns}x{size.rows}")

    def close(self) -> None:
        """No more comes; what has come is still written."""
        if not self._over.is_set():
            self._over.set()
            with suppress(queue.Full):  # the thread sees the flag, too
                self._events.put_nowait(None)

    def _add(self, kind: str, text: str) -> None:
        if self._over.is_set():
            return
        try:
            self._events.put_nowait((time.monotonic() - self._began, kind, text))
        except queue.Full:
            self._give_up(_("The recording was ended: this machine's disk does not keep up"))

    def _give_up(self, why: Text) -> None:
        if not self._over.is_set():
            self.close()
            self._stopped(why)

    # --------------------------------------------------------------------------------------- on its own thread

    def _write(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(number, "w", encoding="utf-8") as file:
                self._write_to(file)
        except OSError as error:
            text = _("The recording cannot be written to {path}: {error}")
            self._over.set()
            self._stopped(text.format(path=str(self.path), error=error.strerror or str(error)))

    def _write_to(self, file: TextIO) -> None:
        file.write(json.dumps(self._header) + "\n")
        while True:
            file.flush()
            try:
                event = self._events.get(timeout=1.0)
            except queue.Empty:
                if self._over.is_set():
                    return
                continue
            if event is None:
                return
            at, kind, text = event
            file.write(json.dumps([round(at, 6), kind, text], ensure_ascii=False) + "\n")


def place() -> Path:
    """The folder of recordings; made when the first one is written."""
    return state_place() / "recordings"
