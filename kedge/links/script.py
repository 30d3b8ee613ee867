"""All commands of a sweep as one POSIX sh script, so that a host is asked on one channel.

:func:`render` writes the script, :mod:`kedge.links.frames` reads what it prints; both are pure. The same script
can be run by hand on a host that has no SSH, and its output read back later.

What the script promises (``batch.sh`` holds its functions): commands run a few at a time, each in a process
group of its own with ``</dev/null``, ``LC_ALL=C TZ=UTC`` and its own timeout, so that a hung one is killed with
its children and costs the others nothing. Root commands share one ``sudo``. The password, when one is needed,
is asked for with a frame and read from stdin: it is in no argument list, environment, file or log.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from kedge.links.base import Command

FAN_OUT = 4
"""Commands that run at once: TCP probes wait seconds for nothing, yet an edge may be a one-core board."""

STDIN_CAP = 1 << 20
"""Most bytes of :attr:`Command.stdin`; they travel inside the script."""

_LIBRARY = Path(__file__).with_name("batch.sh").read_text(encoding="utf-8")
_BARE_LIBRARY = "".join(f"{line}\n" for line in map(str.strip, _LIBRARY.splitlines()) if line and line[0] != "#")

_PROLOGUE = """\
#!/bin/sh
# A batch of kedge-tui: runs the commands listed under pick() and prints what each answered.
nonce={nonce} sh={sh} sudo={sudo} fan={fan} count={count}
all='{all}' mine='{mine}' theirs='{theirs}'
fifos='{fifos}'
for base in /dev/shm "${{XDG_RUNTIME_DIR-}}" "${{TMPDIR-}}" /tmp /var/tmp; do
  d=$base/kedge-$nonce-$$
  [ -n "$base" ] && (umask 077; mkdir "$d") 2>/dev/null && break
  d=
done
[ -n "$d" ] || {{ echo "no writable directory for the answers: tried /dev/shm, /tmp and /var/tmp" >&2; exit 1; }}
trap 'rm -rf "$d"' EXIT
# bash keeps a here-document in TMPDIR, which may be full on the very host that is looked at.
tmp=${{TMPDIR-}} TMPDIR=$d
cd "$d" && cat >lib <<'{end}'
"""

_EPILOGUE = """\
{end}
if [ -n "$tmp" ]; then TMPDIR=$tmp; else unset TMPDIR; fi
. ./lib
main; exit
"""


class Sudo(StrEnum):
    """How a login user who is not root runs root commands."""

    NONE = "none"
    """Not at all: root commands run as the login user, who may have the right to some of it."""
    NOPASSWD = "nopasswd"
    """``sudo -n``."""
    PASSWORD = "password"  # noqa: S105 - a mode, not a password
    """``sudo -S``, fed one line when the script asks for it."""


def render(
    commands: Sequence[Command],
    *,
    nonce: str,
    sudo: Sudo = Sudo.NOPASSWD,
    fan_out: int = FAN_OUT,
    shell: str = "/bin/sh",
    comments: bool = False,
) -> bytes:
    """The script that runs ``commands``.

    Args:
        nonce: unguessable letters and digits that mark frames; :func:`secrets.token_hex` makes one.
        sudo: how root commands are run when the login user is not root.
        fan_out: how many commands run at once.
        shell: what runs each command.
        comments: keep them, for a person who reads the script before running it.

    Raises:
        ValueError: the batch cannot be written down: a repeated or empty id, a NUL byte, too much stdin.
    """
    if not nonce.isalnum() or not nonce.isascii():
        raise ValueError(f"nonce must be letters and digits: {nonce!r}")
    _check(commands)
    roots = [number for number, command in enumerate(commands) if command.root]
    others = [number for number, command in enumerate(commands) if not command.root]
    end = f"kedge-{nonce}"
    prologue = _PROLOGUE.format(
        nonce=nonce,
        sh=shlex.quote(shell),
        sudo=sudo.value,
        fan=max(1, fan_out),
        count=len(commands),
        all=_queue(range(len(commands))),
        mine=_queue(others),
        theirs=_queue(roots),
        fifos=" ".join(f"{number}.1 {number}.2" for number in range(len(commands))),
        end=end,
    )
    library = _LIBRARY if comments else _BARE_LIBRARY
    script = "".join((prologue, library, *_pick(commands), *_feed(commands), _EPILOGUE.format(end=end)))
    return script.encode("utf-8", "surrogateescape")


def _check(commands: Sequence[Command]) -> None:
    ids = [command.id for command in commands]
    if len(set(ids)) != len(ids) or not all(ids):
        raise ValueError("ids of a batch must differ and must not be empty")
    for command in commands:
        if "\0" in command.shell:
            raise ValueError(f"command {command.id!r} holds a NUL byte")
        if len(command.stdin) > STDIN_CAP:
            raise ValueError(f"stdin of {command.id!r} has {len(command.stdin)} bytes, the most is {STDIN_CAP}")


def _queue(numbers: Sequence[int]) -> str:
    return "".join(f"{number} " for number in numbers)


def _pick(commands: Sequence[Command]) -> Iterator[str]:
    yield "\npick() {\n  case $1 in\n"
    for number, command in enumerate(commands):
        seconds = max(1, math.ceil(command.timeout))
        settings = f"seconds={seconds} cap={max(0, command.cap)} stdin={int(bool(command.stdin))}"
        yield f"  {number}) id={quote(command.id, safe='')} {settings}\n     text={shlex.quote(command.shell)} ;;\n"
    yield "  esac\n}\n"


def _feed(commands: Sequence[Command]) -> Iterator[str]:
    yield "\nfeed() {\n  case $1 in\n"
    for number, command in enumerate(commands):
        if command.stdin:
            yield f"  {number})\n"
            for line in command.stdin.splitlines(keepends=True):
                for start in range(0, len(line), _CHUNK):
                    yield f"    printf '{_octal(line[start : start + _CHUNK])}' || return 1\n"
            yield "    ;;\n"
    yield "  esac\n}\n"


_CHUNK = 1024
_PLAIN = {byte: chr(byte) for byte in range(0x20, 0x7F)} | {ord("%"): "%%", ord("\\"): "\\\\", ord("\n"): "\\n"}
del _PLAIN[ord("'")]


def _octal(data: bytes) -> str:
    """``data`` as a printf format inside single quotes: readable where it is text, exact where it is not."""
    text = "".join(_PLAIN.get(byte) or f"\\{byte:03o}" for byte in data)
    return f"\\{ord('-'):03o}{text[1:]}" if text.startswith("-") else text  # else printf takes it for an option
