"""What every ask has: a rendering for live hosts and the command line it recognises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Ask:
    """A semantic key: two asks that are equal are answered by the same observation."""


@dataclass(frozen=True, slots=True)
class HostAsk(Ask):
    """Asked of a host's shell.

    Class attributes:
        root: reading it needs root on an ordinary host.
        timeout: seconds for this command alone; when it passes, the answer is exit code 124.
        cap: bytes kept of its output.
        pipes: programs its output may run through and still be this answer; "" is none.
        trimmable: cutting lines off with head or tail leaves an answer, only a shorter one.
    """

    root: ClassVar[bool] = False
    timeout: ClassVar[float] = 10.0
    cap: ClassVar[int] = 262_144
    pipes: ClassVar[frozenset[str]] = frozenset({""})
    trimmable: ClassVar[bool] = False

    def render(self) -> str:
        """POSIX sh text that answers it; every name in it quoted, no GNU-only flag without a fallback."""
        raise NotImplementedError

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> HostAsk | None:
        """The ask that this command line answers, or None. ``argv`` has wrappers such as sudo removed."""
        raise NotImplementedError

    def secrets(self) -> tuple[str, ...]:
        """Names of fields in the answer whose values are masked at the link."""
        return ()
