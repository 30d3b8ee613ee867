"""A deadline that starts anew when a person has been asked."""

from __future__ import annotations

import time

SLACK = 0.05
"""Seconds by which other people's timeouts, counted in their own way, may end before ours."""


class Deadline:
    """So many seconds from now, by the monotonic clock; shared by a coroutine and the thread it waits for.

    Args:
        seconds: how long there is. Kept in :attr:`seconds` for messages.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def told(self) -> str:
        """The whole time, as a sentence says it."""
        return f"{round(self.seconds, 1):g}"

    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def is_over(self) -> bool:
        """True when there is no time left worth starting anything in."""
        return self.left() <= SLACK

    def need(self) -> float:
        """Seconds left for a call that takes a timeout. Raises TimeoutError when it is over."""
        if self.is_over:
            raise TimeoutError
        return self.left()

    def restart(self) -> None:
        """Count anew: a person was asked meanwhile, and what was waiting for the answer begins again."""
        self._end = time.monotonic() + self.seconds

    def sooner(self, margin: float) -> Deadline:
        """One that passes ``margin`` seconds earlier, to act before somebody else's patience ends."""
        other = Deadline(self.seconds)
        other._end = self._end - margin
        return other
