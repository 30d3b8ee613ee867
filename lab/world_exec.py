"""Commands inside containers: a busybox-sized shell, enough for one-shot exec."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command wrote and how it ended.

    Attributes:
        failure: set when it could not be started at all.
        ends_container: it told the container's main process to end; the runtime then kills the command too.
    """

    stdout: str = ""
    stderr: str = ""
    code: int = 0
    failure: str = ""
    ends_container: bool = False


@dataclass(frozen=True, slots=True)
class _Context:
    hostname: str
    now: float


_Program = Callable[[list[str], _Context], ExecResult]


def run_in_container(argv: list[str], hostname: str, now: float) -> ExecResult:
    """Run one command; an unknown program fails as the OCI runtime words it."""
    context = _Context(hostname, now)
    name = argv[0].rpartition("/")[2]
    if name in ("sh", "ash", "bash", "busybox"):
        return _shell(argv[1:], context)
    program = _PROGRAMS.get(name)
    if program is None:
        looked = (
            f"stat {argv[0]}: no such file or directory" if "/" in argv[0] else "executable file not found in $PATH"
        )
        exec_id = hashlib.sha256(f"{argv}{now}".encode()).hexdigest()
        return ExecResult(
            failure=(
                "error executing command in container: failed to exec in container: failed to start exec "
                f'"{exec_id}": OCI runtime exec failed: exec failed: unable to start container process: exec: '
                f'"{argv[0]}": {looked}: unknown'
            )
        )
    return program(argv[1:], context)


def _shell(args: list[str], context: _Context) -> ExecResult:
    if "-c" not in args or args.index("-c") + 1 >= len(args):
        return ExecResult()
    out, err, code = "", "", 0
    try:
        words = list(shlex.shlex(args[args.index("-c") + 1], posix=True, punctuation_chars=";&|<>"))
    except ValueError as problem:
        return ExecResult(stderr=f"sh: syntax error: {problem}\n", code=2)
    command: list[str] = []
    skip = False
    for word in [*words, ";"]:
        if word not in (";", "&&", "||"):
            command.append(word)
            continue
        if command and not skip:
            if command[0] == "exit":
                return ExecResult(out, err, int(command[1]) if len(command) > 1 else code)
            result = _simple(command, context)
            out, err, code = out + result.stdout, err + result.stderr, result.code
            if result.ends_container:
                return ExecResult(out, err, code, ends_container=True)
        command = []
        skip = (word == "&&" and code != 0) or (word == "||" and code == 0)
    return ExecResult(out, err, code)


def _simple(command: list[str], context: _Context) -> ExecResult:
    to_stderr = ">&" in command
    words = command[: command.index(">&")] if to_stderr else [word for word in command if word not in (">", "<")]
    program = _PROGRAMS.get(words[0].rpartition("/")[2])
    if program is None:
        return ExecResult(stderr=f"sh: {words[0]}: not found\n", code=127)
    result = program(words[1:], context)
    return ExecResult("", result.stderr + result.stdout, result.code) if to_stderr else result


def _echo(args: list[str], context: _Context) -> ExecResult:
    newline = "" if args[:1] == ["-n"] else "\n"
    return ExecResult(" ".join(args[1:] if args[:1] == ["-n"] else args) + newline)


def _cat(args: list[str], context: _Context) -> ExecResult:
    texts = {"/etc/hostname": f"{context.hostname}\n", "/etc/os-release": 'PRETTY_NAME="Alpine Linux v3.21"\n'}
    missing = [path for path in args if path not in texts]
    errors = "".join(f"cat: can't open '{path}': No such file or directory\n" for path in missing)
    return ExecResult("".join(texts[path] for path in args if path in texts), errors, 1 if missing else 0)


def _kill(args: list[str], context: _Context) -> ExecResult:
    """Only process 1 is there; it heeds TERM. KILL from inside does nothing to it, as the kernel has it."""
    signal = next((word.lstrip("-").removeprefix("SIG") for word in args if word.startswith("-")), "TERM")
    pids = [word for word in args if not word.startswith("-")]
    if pids != ["1"]:
        return ExecResult(stderr=f"kill: can't kill pid {' '.join(pids)}: No such process\n", code=1)
    return ExecResult(code=137, ends_container=True) if signal in ("TERM", "15", "INT", "2") else ExecResult()


def _date(args: list[str], context: _Context) -> ExecResult:
    moment = datetime.fromtimestamp(context.now, UTC)
    if args[-1:] == ["+%s"]:
        return ExecResult(f"{int(context.now)}\n")
    return ExecResult(f"{moment:%a %b %e %H:%M:%S} UTC {moment:%Y}\n")


_PROGRAMS: dict[str, _Program] = {
    "hostname": lambda args, context: ExecResult(f"{context.hostname}\n"),
    "true": lambda args, context: ExecResult(),
    "false": lambda args, context: ExecResult(code=1),
    "echo": _echo,
    "cat": _cat,
    "date": _date,
    "kill": _kill,
    "id": lambda args, context: ExecResult("uid=0(root) gid=0(root) groups=0(root)\n"),
    "whoami": lambda args, context: ExecResult("root\n"),
    "sleep": lambda args, context: ExecResult(),
    "pwd": lambda args, context: ExecResult("/\n"),
    "uname": lambda args, context: ExecResult("Linux\n"),
    "ls": lambda args, context: ExecResult("bin\ndev\netc\nproc\nsys\ntmp\nusr\nvar\n"),
}
