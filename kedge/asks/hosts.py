"""Asks about a host: clock, services, journals, sockets, NAT tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Literal

from kedge.asks.base import HostAsk

SERVICE_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "NRestarts",
    "ExecMainStatus",
    "ExecMainCode",
    "ActiveEnterTimestamp",
    "FragmentPath",
    "UnitFileState",
    "Result",
    "MainPID",
)


@dataclass(frozen=True, slots=True)
class Clock(HostAsk):
    """The host's clock, in seconds since the epoch."""

    def render(self) -> str:
        return "date -u +%s"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Clock | None:
        return cls() if list(argv) in (["date", "-u", "+%s"], ["date", "+%s"]) else None


@dataclass(frozen=True, slots=True)
class Login(HostAsk):
    """The name of the user that we are."""

    def render(self) -> str:
        return "id -un"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Login | None:
        return cls() if list(argv) in (["id", "-un"], ["whoami"]) else None


@dataclass(frozen=True, slots=True)
class Root(HostAsk):
    """Whether commands may be run as root: this one does nothing."""

    root: ClassVar[bool] = True

    def render(self) -> str:
        return "true"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Root | None:
        return cls() if list(argv) == ["true"] else None


@dataclass(frozen=True, slots=True)
class Service(HostAsk):
    """``systemctl show`` of one unit."""

    unit: str

    def render(self) -> str:
        return f"systemctl show {shlex.quote(self.unit)} -p {','.join(SERVICE_PROPERTIES)} --no-pager"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Service | None:
        if list(argv[:1]) != ["systemctl"]:
            return None
        # `status` is text for people and cut to the window; `is-enabled` says nothing of the process.
        names = _operands(argv[1:], with_value={"-p", "--property"})
        if len(names) != 2 or names[0] not in ("show", "is-active"):
            return None
        return cls(names[1].removesuffix(".service"))


_PART = ("-g", "--grep", "-p", "--priority", "-r", "--reverse", "-k", "--dmesg", "-U", "--until")
"""Options that leave a part of a unit's journal out, or turn it round."""

_UNIT_NEXT = re.compile(r"-[xeafqm]*u")
"""``-u``, alone or behind options of one letter that leave nothing out, as in ``-xeu edgecore``."""


@dataclass(frozen=True, slots=True)
class Journal(HostAsk):
    """The last ``lines`` lines of a unit's journal, ISO timestamps in front."""

    unit: str
    lines: int = field(default=200, compare=False)

    root: ClassVar[bool] = True
    trimmable: ClassVar[bool] = True

    def render(self) -> str:
        return f"journalctl -u {shlex.quote(self.unit)} -n {self.lines} --no-pager -o short-iso"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Journal | None:
        if list(argv[:1]) != ["journalctl"] or any("json" in word or word.startswith(_PART) for word in argv[1:]):
            return None
        words = list(argv[1:])
        for word, unit in pairwise(words):
            if word == "--unit" or _UNIT_NEXT.fullmatch(word):
                return cls(unit.removesuffix(".service"))
        for word in words:
            if word.startswith(("--unit=", "-u")) and word != "-u":
                return cls(word.removeprefix("--unit=").removeprefix("-u").removesuffix(".service"))
        return None


@dataclass(frozen=True, slots=True)
class Sockets(HostAsk):
    """TCP sockets with their processes: ``listening`` or ``established``."""

    kind: Literal["listening", "established"]

    root: ClassVar[bool] = True

    def render(self) -> str:
        if self.kind == "listening":
            return "if command -v ss >/dev/null 2>&1; then ss -ltnp; else netstat -ltnp; fi"
        # -o shows the retransmission timer: the one proof that a full send queue is a dead peer, not a slow one.
        return "if command -v ss >/dev/null 2>&1; then ss -tnpo state established; else netstat -tnp; fi"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Sockets | None:
        if list(argv[:1]) not in (["ss"], ["netstat"]):
            return None
        flags = "".join(word[1:] for word in argv[1:] if word.startswith("-") and not word.startswith("--"))
        if (set(flags) & set("uxw") and "t" not in flags) or set(flags) & set("si"):
            return None  # other families; summaries
        if any(side in word for word in argv for side in ("sport", "dport", "src", "dst", "exclude")):
            return None  # only some of the sockets
        if "state" in argv[1:]:
            state = " ".join(argv[list(argv).index("state") + 1 :][:1])
            return cls("listening") if state == "listening" else cls("established") if state == "established" else None
        return cls("listening" if "l" in flags or "--listening" in argv else "established")


_NAT_TOOLS = {"default": "iptables-save", "legacy": "iptables-legacy-save", "nft": "iptables-nft-save"}


@dataclass(frozen=True, slots=True)
class Nat(HostAsk):
    """The nat table as ``iptables-save`` prints it; ``default`` is whatever ``iptables-save`` is on that host."""

    backend: Literal["default", "legacy", "nft"]

    root: ClassVar[bool] = True

    def render(self) -> str:
        return f"{_NAT_TOOLS[self.backend]} -t nat"

    @classmethod
    def recognise(cls, argv: Sequence[str]) -> Nat | None:
        tool = argv[0].rsplit("/", 1)[-1] if argv else ""
        backend = next((name for name, save in _NAT_TOOLS.items() if tool in (save, save.removesuffix("-save"))), "")
        words = _operands(argv[1:], with_value={"-t", "--table", "-w", "-M"})
        named = [b for a, b in pairwise(argv) if a in ("-t", "--table")]
        if not backend or words or (named and named != ["nat"]):
            return None  # `-S OUTPUT` is one chain only
        if not tool.endswith("-save") and not (named and {"-S", "--list-rules"} & set(argv)):
            return None
        return cls(backend)  # type: ignore[arg-type]


def _operands(words: Sequence[str], with_value: set[str]) -> list[str]:
    """The words that are neither flags nor a flag's value."""
    found: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in with_value:
            skip = True
        elif not word.startswith("-"):
            found.append(word)
    return found
