"""The log file of the program: rotating, readable by the owner only, secrets masked, written off the caller's thread.

Nothing goes to the terminal: a screen may be drawn on it, and stdout belongs to the report of a command.
"""

from __future__ import annotations

import atexit
import logging
import logging.handlers
import os
import queue
import re
import sys
import threading
import time
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

from kedge.i18n import Text, _
from kedge.sources.mask import MASK, masked
from kedge.state import log_dir

NAME = "kedge-tui.log"
BYTES = 1_000_000
FILES = 3

_NOISY = ("paramiko", "urllib3", "kubernetes", "asyncio", "websocket", "aiohttp", "asyncssh", "markdown_it")
"""Libraries whose debug and info lines would push our own out of the file."""

_ASSIGNED = re.compile(
    r"(?i)\b([\w.-]*(?:password|passwd|passphrase|token|secret|client-key-data|authorization)[\"']?\s*[=:]\s*)"
    r"(?:(basic|bearer)\s+)?(\"[^\"]*\"|'[^']*'|[^\s,;&)}\]\"']+)"
)


@dataclass(frozen=True, slots=True)
class LogFile:
    """Where the log goes; without a path, ``problem`` says why there is none."""

    path: Path | None
    problem: Text | None = None


class MaskingFormatter(logging.Formatter):
    """One record as text in UTC, its traceback included, with everything that looks like a secret masked."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(threadName)s %(name)s: %(message)s")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines."""
        return mask(super().format(record))


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner can read."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")


class _Enqueue(logging.handlers.QueueHandler):
    """Hands records to the writing thread; the text is made here, where its arguments are still what they were."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.msg = self.format(record)
        record.args = record.exc_info = record.exc_text = record.stack_info = None
        return record


_listener: logging.handlers.QueueListener | None = None


def setup(level: int = logging.INFO) -> LogFile:
    """Send everything that is logged to the log file; a second call changes the level only.

    It never raises: a state directory that cannot be written must not keep anybody from working.
    """
    global _listener
    root = logging.getLogger()
    root.setLevel(level)
    try:
        path = log_dir() / NAME
        if _listener is not None:
            return LogFile(path)
        writer = _PrivateFile(path, maxBytes=BYTES, backupCount=FILES)
    except OSError as error:
        root.addHandler(logging.NullHandler())  # else Python prints warnings on the terminal
        return LogFile(None, _("No log file is written: {error}").format(error=error))
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    enqueue = _Enqueue(lines)
    enqueue.setFormatter(MaskingFormatter())
    _listener = logging.handlers.QueueListener(lines, writer)
    _listener.start()
    atexit.register(close)
    root.addHandler(enqueue)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    _catch_the_rest()
    return LogFile(path)


def close() -> None:
    """Write what is still queued and close the file; safe to call twice."""
    global _listener
    if _listener is None:
        return
    root = logging.getLogger()
    for enqueue in [handler for handler in root.handlers if isinstance(handler, _Enqueue)]:
        root.removeHandler(enqueue)
    _listener.stop()
    for writer in _listener.handlers:
        writer.close()
    _listener = None


def mask(text: str) -> str:
    """The text without private keys, bearer tokens, and values that are assigned to a secret's name."""
    return _ASSIGNED.sub(lambda found: f"{found[1]}{MASK}", masked(text))


def _catch_the_rest() -> None:
    """What would be printed on the terminal by a dying thread or finaliser is logged instead."""
    log = logging.getLogger("kedge")

    def thread_died(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            name = args.thread.name if args.thread else "-"
            log.error("thread %s died", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        info: tuple[type[BaseException], BaseException, TracebackType | None] | None = None
        if args.exc_value is not None:
            info = (args.exc_type, args.exc_value, args.exc_traceback)
        log.error("%s %r", args.err_msg or "exception ignored in", args.object, exc_info=info)

    threading.excepthook = thread_died
    sys.unraisablehook = unraisable
    logging.captureWarnings(True)
