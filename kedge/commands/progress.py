"""A line on a person's terminal that says how far a look at a site is; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from kedge.i18n import _, translate
from kedge.model import Observation
from kedge.sources.base import KUBERNETES


class Progress:
    """A witness of an engine that counts who has answered; the line is gone when the block ends."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._answers = 0
        self._hosts: set[str] = set()
        self._expected: frozenset[str] = frozenset()

    def expect(self, hosts: Iterable[str]) -> None:
        """The hosts that are asked from now on."""
        self._expected = frozenset(hosts)

    def __call__(self, seen: Sequence[Observation]) -> None:
        """Some answers came."""
        self._answers += len(seen)
        self._hosts |= {one.source for one in seen} - {KUBERNETES}
        text = _("asking: {answers} answers, {hosts} of {all} machines")
        done = len(self._hosts & self._expected) if self._expected else len(self._hosts)
        self._write(translate(text.format(answers=self._answers, hosts=done, all=len(self._expected) or "?")))

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")
