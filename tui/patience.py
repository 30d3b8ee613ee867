"""Ends a regular expression that a person typed and that would search for ever.

Python's engine goes back over every way to match, for some expressions (``(a+)+$``) for longer than anybody lives, and
gives nobody else a turn meanwhile, on whatever thread it runs. But it looks for signals as it goes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST_SECONDS = 0.1
"""Of CPU."""

_is_patient = False


class TooSlow(Exception):
    """It was given up."""


def _expired(_signal: int, _frame: object) -> None:
    if _is_patient:
        raise TooSlow


@contextmanager
def patience(seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Raises :class:`TooSlow` out of the block after so much CPU. Only the main thread is told of signals; on any other
    the block runs to its end.
    """
    global _is_patient
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getsignal(signal.SIGVTALRM) is not _expired:
        signal.signal(signal.SIGVTALRM, _expired)
    _is_patient = True
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        _is_patient = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
