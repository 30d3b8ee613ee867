"""A stand-in command's call and reply, as the tools see them: no sockets, no processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.objects import Object
from lab.world_host import Host

LocalHttp = Callable[[int, str], tuple[int, str] | None]
"""GET of (port, path and query) on a machine's own loopback: status and body; None: refused."""

PodsHere = Callable[[], list[Object]]


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation.

    Attributes:
        tool: the name it was called by.
        words: its arguments.
        user: the login name of the caller; ``root`` may do everything.
        folder: where it was called.
        host: the machine it runs on.
        root: where that machine's file tree begins on this disk.
        local_http: answers GETs to the machine's own loopback ports (edged's, facts 1.7).
        pods: the pods bound to it.
        stdin: what was piped in; only filled for tools that ask for it by raising :class:`NeedsInput`.
    """

    tool: str
    words: tuple[str, ...]
    user: str
    folder: Path
    host: Host
    root: Path
    stdin: bytes | None = None
    local_http: LocalHttp | None = None
    pods: PodsHere = list

    @property
    def privileged(self) -> bool:
        """Whether the caller is root."""
        return self.user == "root"

    def on_disk(self, path: str) -> str:
        """Where a path of this machine really is; paths into the tree stay as they are."""
        return path if path.startswith(str(self.root)) else str(self.root / path.lstrip("/"))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command prints and exits with.

    Attributes:
        follow: more standard output that comes by and by; the command ends with it, or when it is interrupted.
        run: instead of ending, the command becomes this one (``sudo``).
        real: instead of ending, the command becomes the real program of its name.
    """

    out: str = ""
    err: str = ""
    code: int = 0
    follow: AsyncIterator[str] | None = None
    run: tuple[str, ...] = ()
    real: bool = False


class NeedsInput(Exception):
    """The tool has to see standard input; it is called again with it.

    Attributes:
        prompt: shown first when a single line, a password, is wanted; None reads everything.
    """

    def __init__(self, prompt: str | None = None) -> None:
        super().__init__(prompt)
        self.prompt = prompt


class UsageError(Exception):
    """The arguments are not understood; the text is what the command prints on standard error."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


Tool = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Arguments:
    """Words sorted into flags with values and operands."""

    flags: dict[str, list[str]]
    operands: list[str]

    def has(self, *names: str) -> bool:
        """Whether one of the flags was given."""
        return any(name in self.flags for name in names)

    def last(self, *names: str, default: str = "") -> str:
        """The value given last for any of the names."""
        values = [value for name in names for value in self.flags.get(name, [])]
        return values[-1] if values else default

    def every(self, *names: str) -> list[str]:
        """All values of the names, comma-separated lists split."""
        return [part for name in names for value in self.flags.get(name, []) for part in value.split(",")]


def split(words: Sequence[str], with_value: str) -> Arguments:
    """Sort GNU-style words; ``with_value`` lists the flags that take one (``"-n --lines -o"``)."""
    valued = set(with_value.split())
    flags: dict[str, list[str]] = {}
    operands: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            operands += rest
        elif word.startswith("--"):
            name, given, value = word.partition("=")
            if name in valued and not given:
                value = next(rest, "")
            flags.setdefault(name, []).append(value)
        elif word.startswith("-") and len(word) > 1:
            _split_short(word, valued, rest, flags)
        else:
            operands.append(word)
    return Arguments(flags, operands)


def _split_short(word: str, valued: set[str], rest: object, flags: dict[str, list[str]]) -> None:
    for index, letter in enumerate(word[1:], start=1):
        name = f"-{letter}"
        if name in valued:
            value = word[index + 1 :] or next(rest, "")  # type: ignore[call-overload]
            flags.setdefault(name, []).append(value)
            return
        flags.setdefault(name, []).append("")
