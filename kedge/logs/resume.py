"""Going on with a log after the connection broke: every line once, and no silent gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kedge.logs.lines import LineKind, LogLine, order


class Resume:
    """Remembers where the reading stands, by the time of the last line and how many lines had that very time.

    A source that is asked again gives lines from some earlier moment on; :meth:`fresh` leaves out those that were
    read before. Several lines may carry one time, so they are counted.
    """

    def __init__(self) -> None:
        self.stamp = ""
        self._key = ""
        self._at_key = 0
        self._skip = 0
        self._is_catching_up = False
        self.saw_before = False
        """After :meth:`again`: lines came that had been read before, so nothing is missing."""
        self.has_gap = False
        """What came first is newer than what was read last, so lines may be missing."""

    @property
    def second(self) -> str:
        """The last line's time cut to its second, with its offset: what ``sinceTime`` takes."""
        head, dot, rest = self.stamp.partition(".")
        return head + rest.lstrip("0123456789") if dot else head

    def again(self) -> None:
        """The source begins anew, from the second on where the reading stands or somewhere behind it."""
        self._skip = self._at_key
        self._is_catching_up = bool(self._key)
        self.saw_before = False
        self.has_gap = False

    def fresh(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        """The lines that were not read before."""
        for line in lines:
            if not line.stamp:
                if not self._is_catching_up or line.kind is LineKind.MARK:
                    yield line
                continue
            key = order(line.stamp)
            if self._is_catching_up and not self._is_new(key):
                continue
            if key == self._key:
                self._at_key += 1
            else:
                self.stamp, self._key, self._at_key = line.stamp, key, 1
            yield line

    def _is_new(self, key: str) -> bool:
        if key < self._key:
            self.saw_before = True
            return False
        if key == self._key and self._skip:
            self._skip -= 1
            self.saw_before = True
            return False
        self.has_gap = key > self._key and not self.saw_before
        self._is_catching_up = False
        return True
