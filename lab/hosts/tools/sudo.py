"""``sudo``: who may, with or without a password; the command itself then runs on the host as any other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lab.hosts.tools.calls import Call, NeedsInput, Reply

_VALUED = {"-u", "--user", "-p", "--prompt", "-g", "--group", "-C", "-h", "--host", "-D", "--chdir"}
_LETTERS = set("nSkKHEbisvlA")


class SudoPolicy(StrEnum):
    """What the sudoers file of a host says of ordinary users."""

    NOPASSWD = "nopasswd"
    PASSWORD = "password"
    DENIED = "denied"


@dataclass(slots=True)
class Sudoers:
    """One host's rule for everybody but root."""

    policy: SudoPolicy = SudoPolicy.NOPASSWD
    password: str = "practice"


@dataclass(slots=True)
class _Line:
    flags: set[str] = field(default_factory=set)
    prompt: str | None = None
    command: tuple[str, ...] = ()


def sudo(call: Call, sudoers: Sudoers) -> Reply:
    """Decide; the reply's ``run`` is the command that the caller becomes."""
    line = _parse(call.words, call.user)
    if not line.command:
        return Reply() if line.flags & {"-v", "-k", "-K", "-l"} else Reply(err=_USAGE, code=1)
    if call.privileged or sudoers.policy is SudoPolicy.NOPASSWD:
        return Reply(run=line.command)
    if "-n" in line.flags:
        return _refused("sudo: a password is required")
    if sudoers.policy is SudoPolicy.DENIED:
        return _refused(f"{call.user} is not in the sudoers file.")
    if "-S" not in line.flags:
        return _refused(_NO_TERMINAL)
    if call.stdin is None:
        raise NeedsInput(prompt=f"[sudo] password for {call.user}: " if line.prompt is None else line.prompt)
    if call.stdin.decode(errors="replace").rstrip("\r\n") == sudoers.password:
        return Reply(run=line.command)
    return _refused(_WRONG if call.stdin else "\nsudo: no password was provided\nsudo: a password is required")


def _refused(text: str) -> Reply:
    return Reply(err=f"{text}\n", code=1)


_NO_TERMINAL = (
    "sudo: a terminal is required to read the password; either use the -S option to read from standard input or "
    "configure an askpass helper\nsudo: a password is required"
)
_WRONG = "\nSorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt"
_USAGE = "usage: sudo -h | -K | -k | -V\nusage: sudo [-ABkNnS] [-p prompt] [-u user] [command [arg ...]]\n"


def _parse(words: tuple[str, ...], user: str) -> _Line:
    line = _Line()
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name, given, value = word.partition("=")
        if word == "--":
            break
        if name in _VALUED:
            value = value if given else (rest.pop(0) if rest else "")
            if name in ("-p", "--prompt"):
                line.prompt = value.replace("%u", user).replace("%p", user)
        elif word.startswith("--"):
            line.flags.add({"--non-interactive": "-n", "--stdin": "-S"}.get(word, word))
        elif word[:2] in _VALUED:
            if word[:2] == "-p":
                line.prompt = word[2:].replace("%u", user).replace("%p", user)
        elif word[-1:] == "p" and set(word[1:-1]) <= _LETTERS and rest:
            line.flags |= {f"-{letter}" for letter in word[1:-1]}
            line.prompt = rest.pop(0).replace("%u", user).replace("%p", user)
        else:
            line.flags |= {f"-{letter}" for letter in word[1:]}
    line.command = tuple(rest)
    return line
