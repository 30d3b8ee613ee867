"""Finds which ask a recorded command line answers.

People and scripts write the same question in many ways: behind sudo, with a timeout, flags in any order,
piped through tail. Wrappers are taken off; what is left is offered to every ask in turn.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from kedge.asks.api import PodExec, PodLog
from kedge.asks.base import Ask, HostAsk
from kedge.asks.files import DirList, File, FileStat
from kedge.asks.hosts import Clock, Images, Journal, Nat, Service, Sockets
from kedge.asks.network import HttpGet, Tcp, TlsPeer

HOST_ASKS: tuple[type[HostAsk], ...] = (
    File,
    FileStat,
    DirList,
    Clock,
    Service,
    Journal,
    Sockets,
    Nat,
    Images,
    Tcp,
    TlsPeer,
    HttpGet,
)

_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_TRIMMERS = {"tail", "head", "cat", "sort", "true"}


def recognise(command: str) -> HostAsk | None:
    """The ask that a host's command line answers, or None when nothing of ours asks it."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    first, *rest = _pipeline(words)
    if first[:1] == ["echo"] and rest:  # `echo | telnet host port`
        first, rest = rest[0], rest[1:]
    argv = unwrapped(first)
    if not argv or any(stage[:1] and stage[0] not in _TRIMMERS | {"openssl"} for stage in rest):
        return None
    for ask in HOST_ASKS:
        if found := ask.recognise(argv):
            return found
    return None


def recognise_kubectl(command: str, stderr: str = "") -> Ask | None:
    """The ask that a kubectl command line answers. ``stderr`` may name the container that was defaulted to."""
    try:
        argv = unwrapped(shlex.split(command))
    except ValueError:
        return None
    if argv[:1] != ["kubectl"]:
        return None
    flags, words, inner = _kubectl_words(argv[1:])
    if len(words) < 2 or flags.get("selector") or words[0] not in ("logs", "exec"):
        return None
    namespace = flags.get("namespace", "default")
    pod = words[1].removeprefix("pod/").removeprefix("pods/")
    container = flags.get("container") or (words[2] if words[0] == "logs" and len(words) > 2 else "")
    if not container and (found := re.search(r'Defaulted container "([^"]+)"', stderr)):
        container = found[1]
    if words[0] == "logs":
        return PodLog(namespace, pod, container, previous="previous" in flags)
    return PodExec(namespace, pod, container, tuple(inner))


def unwrapped(words: Sequence[str]) -> list[str]:
    """A command without sudo, timeout, env assignments, redirections and ``bash -c`` around it."""
    argv = [w for w in words if "/dev/tcp/" in w or (not re.match(r"^\d?[<>]", w) and w != "/dev/null")]
    while argv:
        head = argv[0].rsplit("/", 1)[-1]
        if _ASSIGNMENT.match(argv[0]) or head in ("env", "nohup", "command", "exec"):
            argv = argv[1:]
        elif head == "sudo":
            argv = argv[1:]
            while argv and argv[0].startswith("-"):
                argv = argv[2:] if argv[0] in ("-u", "-p", "-g") else argv[1:]
        elif head == "timeout":
            argv = argv[1:]
            while argv and argv[0].startswith("-"):
                argv = argv[2:] if argv[0] in ("-k", "-s") else argv[1:]
            argv = argv[1:]
        elif head in ("bash", "sh") and argv[1:2] == ["-c"] and len(argv) == 3 and "/dev/tcp/" not in argv[2]:
            argv = unwrapped(shlex.split(argv[2]))
        else:
            break
    return argv


def _pipeline(words: Sequence[str]) -> list[list[str]]:
    stages: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    return stages


_KUBECTL_SHORT = {"-n": "namespace", "-c": "container", "-l": "selector", "-p": "previous"}
_KUBECTL_VALUED = {"namespace", "container", "selector", "tail", "request-timeout", "context", "kubeconfig", "since"}


def _kubectl_words(argv: Sequence[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Flags by long name, operands, and what follows ``--``."""
    flags: dict[str, str] = {}
    words: list[str] = []
    pending = ""
    for position, word in enumerate(argv):
        if word == "--":
            return flags, words, list(argv[position + 1 :])
        if pending:
            flags[pending], pending = word, ""
        elif word.startswith("-"):
            name, given, value = word.partition("=")
            name = _KUBECTL_SHORT.get(name, name.lstrip("-"))
            if given:
                flags[name] = value
            elif name in _KUBECTL_VALUED:
                pending = name
            else:
                flags[name] = ""
        else:
            words.append(word)
    return flags, words, []
