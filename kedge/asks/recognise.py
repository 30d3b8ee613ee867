"""Finds which ask a recorded command line answers.

People and scripts write the same question in many ways: behind sudo, with a timeout, flags in any order,
piped through tail. Wrappers are taken off; what is left is offered to every ask in turn. A command whose
output was filtered (grep, a chain, a port) answers a smaller question and is never taken for the whole.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import takewhile

from kedge.asks.api import PodExec, PodLog
from kedge.asks.base import Ask, HostAsk
from kedge.asks.certificates import CaFingerprint, Certificate, TlsPeer
from kedge.asks.files import DirList, File, FileStat
from kedge.asks.hosts import Clock, Journal, Login, Nat, Root, Service, Sockets
from kedge.asks.images import Images
from kedge.asks.keeper import Keeper
from kedge.asks.network import HttpGet, Tcp
from kedge.asks.resources import DiskFree, Proc

HOST_ASKS: tuple[type[HostAsk], ...] = (
    Proc,
    File,
    FileStat,
    DirList,
    DiskFree,
    Clock,
    Login,
    Root,
    Service,
    Journal,
    Sockets,
    Nat,
    Images,
    Tcp,
    Certificate,
    TlsPeer,
    CaFingerprint,
    HttpGet,
)

_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_OPERATORS = frozenset({"|", "||", "&&", ";", "&"})
_TRIMMERS = frozenset({"tail", "head"})
_HARMLESS = frozenset({"cat", "true"})
_IF_TOOL = re.compile(r"^if command -v \S+ >/dev/null 2>&1; then (?P<first>.+?)(?:; |\n)(?:else|elif) .*fi$", re.DOTALL)


def recognise(command: str) -> HostAsk | None:
    """The ask that a host's command line answers, or None when nothing of ours asks it."""
    if (keeper := Keeper.written(command)) is not None:
        return keeper
    if found := _IF_TOOL.match(command):  # our own rendering with a fallback: its first choice says it
        command = found["first"]
    try:
        stages = [unwrapped(stage) for stage in _stages(command)]
    except ValueError:
        return None
    argv, pipe, trimmed = stages[0], "", False
    for stage in stages[1:]:
        program = stage[:1]
        if program and program[0] in _TRIMMERS:
            trimmed = True
        elif program and program[0] not in _HARMLESS:
            if pipe:
                return None
            pipe = program[0]
    return _first(argv, pipe, trimmed) if argv else None


def _first(argv: Sequence[str], pipe: str, trimmed: bool) -> HostAsk | None:
    for ask in HOST_ASKS:
        if pipe in ask.pipes and (ask.trimmable or not trimmed) and (found := ask.recognise(argv)):
            return found
    return None


def _stages(command: str) -> list[list[str]]:
    """The programs of one pipeline; raises ValueError for text that is more than one, or not readable."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|;&")
    lexer.whitespace_split, lexer.commenters = True, ""
    words = _without_descriptors(list(lexer))
    main = list(takewhile(lambda word: word != "||", words))  # what follows `||` is a fallback
    while main and main[-1] == ";":
        main.pop()
    if _OPERATORS & set(main) - {"|"}:
        raise ValueError(command)
    stages: list[list[str]] = [[]]
    for word in main:
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    if len(stages) > 1 and stages[0][:1] in (["echo"], ["printf"]):  # `echo | telnet host port`
        stages = stages[1:]
    return stages


def _without_descriptors(words: Sequence[str]) -> list[str]:
    """Without `2>&1`, which the lexer gives as `2>`, `&`, `1`."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "&" and kept and kept[-1].endswith(">"):
            kept.pop()
            next(rest, None)
        else:
            kept.append(word)
    return kept


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
    """A command without sudo, timeout, env assignments, redirections and ``bash -c`` around it.

    Raises ValueError when what ``bash -c`` runs is more than one command.
    """
    argv = _without_redirections(words)
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
            inner = _stages(argv[2])
            argv = inner[0] if len(inner) == 1 else []
        else:
            break
    return argv


def _without_redirections(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if "/dev/tcp/" in word or not re.match(r"^\d?[<>]", word):
            kept.append(word)
        elif re.fullmatch(r"\d?[<>]+", word):  # the file stands apart
            next(rest, None)
    return kept


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
