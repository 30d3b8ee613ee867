"""Asks about files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from kedge.asks.base import HostAsk


@dataclass(frozen=True, slots=True)
class File(HostAsk):
    """The content of a file. ``masked`` names the YAML/JSON keys whose values never leave the link."""

    path: str
    masked: tuple[str, ...] = field(default=("token", "password", "tokenSecret"), compare=False)

    root: ClassVar[bool] = True

    def render(self) -> str:
        return f"cat -- {shlex.quote(self.path)}"

    def secrets(self) -> tuple[str, ...]:
        return self.masked

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> File | None:
        names = [word for word in argv[1:] if not word.startswith("-")]
        return cls(names[0]) if list(argv[:1]) == ["cat"] and len(names) == 1 else None


@dataclass(frozen=True, slots=True)
class FileStat(HostAsk):
    """Name, mtime (seconds since the epoch), size, owner and mode of a file."""

    path: str

    root: ClassVar[bool] = True

    def render(self) -> str:
        path = shlex.quote(self.path)
        return f"stat -c '%n %Y %s %U %a' {path} 2>/dev/null || stat -f '%N %m %z %Su %Lp' {path}"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> FileStat | None:
        if list(argv[:1]) != ["stat"] or "%n %Y %s %U %a" not in argv:
            return None
        return cls(argv[-1])


@dataclass(frozen=True, slots=True)
class DirList(HostAsk):
    """``ls -la`` of some directories."""

    paths: tuple[str, ...]

    root: ClassVar[bool] = True

    def render(self) -> str:
        return "ls -la -- " + " ".join(shlex.quote(path) for path in self.paths)

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> DirList | None:
        if list(argv[:1]) != ["ls"] or not any("l" in word for word in argv[1:] if word.startswith("-")):
            return None
        return cls(tuple(word for word in argv[1:] if not word.startswith("-")))
