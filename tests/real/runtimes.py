"""Stand-ins for crictl, nerdctl, docker, ctr and k3s that take what the real ones take, and refuse everything else.

Flags as of cri-tools 1.33, nerdctl 2.0, docker 28 and containerd 1.6: where they may stand, which need a value, what
a filter must look like. ``exec`` makes a terminal of its own as a runtime does, and ends as the real tool ends: crictl
and ctr with their own words and codes. Run as ``python runtimes.py TOOL STATE words…``; STATE is a file with a JSON
list of containers: ``{"id", "uid", "name", "state", "programs"}``; a null for programs means every program.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import tty
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

Container = dict[str, Any]
Options = dict[str, list[str]]

UID_LABEL, NAME_LABEL = "io.kubernetes.pod.uid", "io.kubernetes.container.name"


def write_tool(folder: Path, name: str, containers: Sequence[Container], inside: str = "") -> None:
    """Put one of them into a folder of a PATH; ``inside`` is what the machine it is for calls that folder."""
    state = f".{name}.json"
    (folder / state).write_text(json.dumps(containers))
    words = f'exec {sys.executable} -IS {__file__} {name} {inside or folder}/{state} "$@"'
    (folder / name).write_text(f"#!/bin/sh\n{words}\n")
    (folder / name).chmod(0o755)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def fail(text: str, code: int = 1) -> NoReturn:
    sys.stderr.write(f"{text}\n")
    raise SystemExit(code)


def parse(words: list[str], booleans: str, valued: str, names: str = "") -> tuple[Options, list[str]]:
    """Flags before the first operand; ``names`` are pairs such as ``q=quiet``. Anything unknown is refused."""
    long = dict(pair.split("=") for pair in names.split())
    flags, takers, found = set(booleans.split()), set(valued.split()), dict[str, list[str]]()
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, given, value = word.lstrip("-").partition("=")
        if not word.startswith("--") and len(name) > 1 and not given:  # -it
            if not all(long.get(letter, letter) in flags for letter in name):
                fail(f"unknown shorthand flag: {word}")
            for letter in name:
                found.setdefault(long[letter], []).append("")
            continue
        if word.startswith("--") and len(name) == 1:
            fail(f"unknown flag: {word}")
        name = long.get(name, name)
        if name in takers:
            if not given and not rest:
                fail(f"flag needs an argument: {word}")
            found.setdefault(name, []).append(value if given else rest.pop(0))
        elif name in flags and not given:
            found.setdefault(name, []).append("")
        else:
            fail(f"flag provided but not defined: {word}")
    return found, rest


def crictl(containers: list[Container], words: list[str]) -> None:
    _globals, words = parse(words, "debug", "runtime-endpoint image-endpoint timeout config",
                            "D=debug r=runtime-endpoint i=image-endpoint t=timeout c=config")  # fmt: skip
    match words:
        case ["ps", *rest]:
            options, rest = parse(
                rest, "quiet all verbose latest no-trunc resolve-image-path",
                "id name pod image state label output last namespace",
                "q=quiet a=all v=verbose l=latest r=resolve-image-path p=pod s=state o=output n=last",
            )  # fmt: skip
            if rest or "quiet" not in options:
                fail("USAGE: crictl ps", 0)
            _crictl_list(containers, options)
        case ["exec", *rest]:
            options, rest = parse(rest, "sync tty interactive", "timeout transport", "s=sync t=tty i=interactive")
            if len(rest) < 2:
                fail("USAGE: crictl exec", 0)
            one = chosen(containers, rest[0], "rpc error: code = NotFound")
            if "tty" in options and "interactive" not in options:
                fail('time="…" level=fatal msg="tty=true must be specified with interactive=true"')
            code = run(one, rest[1:], terminal="tty" in options)
            if code:
                why = f"command terminated with exit code {code}" if code != NO_PROGRAM else missing(rest[1])
                fail(f'time="2026-11-22T02:51:09Z" level=fatal msg="execing command in container {one["id"]}: {why}"')
        case _:
            fail("Incorrect Usage.")


def _crictl_list(containers: list[Container], options: Options) -> None:
    state = options.get("state", ["running"])[0].lower()
    if state not in ("created", "running", "exited", "unknown"):
        fail("--state should be one of created, running, exited or unknown")
    for label in options.get("label", []):
        key, equal, value = label.partition("=")
        if not equal:
            fail(f"incorrectly specified label: {label}")
        containers = [one for one in containers if labels(one).get(key) == value]
    for one in containers:
        if one["state"] == state and re.search(options.get("name", [""])[0], one["name"]):
            say(one["id"])


def nerdctl(containers: list[Container], words: list[str]) -> None:
    options, words = parse(words, "debug", "namespace address", "n=namespace a=address")
    if options.get("namespace") != ["k8s.io"]:
        containers = []
    _like_docker(containers, words, "")


def docker(containers: list[Container], words: list[str]) -> None:
    _options, words = parse(words, "debug", "config context host log-level", "D=debug c=context H=host l=log-level")
    _like_docker(containers, words, " detach-keys")


def _like_docker(containers: list[Container], words: list[str], more: str) -> None:
    match words:
        case ["ps", *rest]:
            options, rest = parse(
                rest, "all latest no-trunc quiet size", "filter format last",
                "a=all l=latest q=quiet s=size f=filter n=last",
            )  # fmt: skip
            if rest or "quiet" not in options:
                fail('"docker ps" accepts no arguments.')
            for filter in options.get("filter", []):
                if (parts := filter.split("=", 2)) and (len(parts) != 3 or parts[0] != "label"):
                    fail(f"invalid filter '{filter}'")
                containers = [one for one in containers if labels(one).get(parts[1]) == parts[2]]
            for one in containers:
                if one["state"] == "running":
                    say(one["id"][:12])
        case ["exec", *rest]:
            options, rest = parse(
                rest, "detach interactive privileged tty", f"env env-file user workdir{more}",
                "d=detach i=interactive t=tty e=env u=user w=workdir",
            )  # fmt: skip
            if len(rest) < 2:
                fail("requires at least 2 arguments")
            if {"tty", "interactive"} <= set(options) and not sys.stdin.isatty():
                fail("the input device is not a TTY")
            code = run(chosen(containers, rest[0], "No such container"), rest[1:], terminal="tty" in options)
            if code == NO_PROGRAM:
                fail(missing(rest[1]), 127 if more else 1)
            raise SystemExit(code)
        case _:
            fail(f"unknown command: {words}")


def ctr(containers: list[Container], words: list[str]) -> None:
    options, words = parse(words, "debug", "address timeout connect-timeout namespace", "a=address n=namespace")
    if options.get("namespace") != ["k8s.io"]:
        containers = []
    match words:
        case ["containers" | "container" | "c", "ls" | "list", *rest]:
            options, filters = parse(rest, "quiet", "", "q=quiet")
            for wanted in ",".join(filters).split(","):
                found = re.fullmatch(r'labels\."([^"]+)"==([0-9A-Za-z._-]+)', wanted)
                if found is None:
                    fail(f"ctr: parse error: {wanted}")
                containers = [one for one in containers if labels(one).get(found[1]) == found[2]]
            say("\n".join(one["id"] for one in containers))
        case ["tasks" | "task" | "t", "ls" | "list"]:
            say("TASK      PID      STATUS    ")
            for number, one in enumerate(containers):
                say(f"{one['id']}    {4000 + number}    {'RUNNING' if one['state'] == 'running' else 'STOPPED'}")
        case ["tasks" | "task" | "t", "exec", *rest]:
            options, rest = parse(rest, "tty detach", "cwd exec-id fifo-dir log-uri user", "t=tty d=detach")
            if len(rest) < 2 or not options.get("exec-id", [""])[0]:
                fail("ctr: exec id must be provided")
            code = run(chosen(containers, rest[0], "ctr: not found"), rest[1:], terminal="tty" in options)
            if code == NO_PROGRAM:
                fail(f"ctr: {missing(rest[1])}")
            raise SystemExit(code)
        case _:
            fail("No help topic")


def k3s(containers: list[Container], words: list[str]) -> None:
    match words:
        case ["crictl", *rest]:
            crictl(containers, rest)
        case ["ctr", *rest]:
            ctr(containers, rest)
        case _:
            fail("No help topic")


def labels(one: Container) -> dict[str, str]:
    return {UID_LABEL: one["uid"], NAME_LABEL: one["name"]}


def chosen(containers: list[Container], id: str, otherwise: str) -> Container:
    found = [one for one in containers if one["id"].startswith(id) and one["state"] == "running"]
    if len(found) != 1:
        fail(f"{otherwise}: {id}")
    return found[0]


NO_PROGRAM = -1


def missing(program: str) -> str:
    return (
        "OCI runtime exec failed: exec failed: unable to start container process: "
        f'exec: "{program}": executable file not found in $PATH: unknown'
    )


def run(one: Container, command: list[str], *, terminal: bool) -> int:
    """Run it as inside; gives its exit code."""
    programs = one.get("programs")
    program = command[0].rpartition("/")[2]
    if (programs is not None and program not in programs) or shutil.which(command[0], path=os.defpath) is None:
        return NO_PROGRAM
    environment = {"PATH": os.defpath, "HOME": "/nowhere", "HOSTNAME": one["name"]}
    if not terminal:
        return subprocess.run(command, env=environment, check=False, cwd="/").returncode
    if not sys.stdin.isatty():
        fail("input is not a terminal")
    return _on_terminal(command, environment)


def _on_terminal(command: list[str], environment: dict[str, str]) -> int:
    pid, master = pty.fork()
    if pid == 0:
        os.chdir("/")
        os.execvpe(command[0], command, environment)  # noqa: S606

    def resize(*_signal: object) -> None:
        termios.tcsetwinsize(master, termios.tcgetwinsize(0))

    signal.signal(signal.SIGWINCH, resize)
    resize()
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        _carry(master)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status >= 0 else 128 - status


def _carry(master: int) -> None:
    while True:
        ready, _write, _other = select.select([0, master], [], [])
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return
            os.write(master, data)
        if master in ready:
            try:
                data = os.read(master, 65536)
            except OSError:  # everybody inside has gone
                return
            os.write(1, data)


if __name__ == "__main__":
    tool, state, *arguments = sys.argv[1:]
    tools = {"crictl": crictl, "nerdctl": nerdctl, "docker": docker, "ctr": ctr, "k3s": k3s}
    tools[tool](json.loads(Path(state).read_text()), arguments)
