"""``ctr`` and ``crictl`` on containers: which there are on a host, and a command in one of them.

A command in a container is a command on the host, as everything on the practice site is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.hosts.tools.calls import Call, Reply, split
from lab.objects import Object

_UID, _NAME = "io.kubernetes.pod.uid", "io.kubernetes.container.name"
_FILTER = re.compile(r'labels\."?([^"=]+)"?==("?)([^"]+)\2')


_VALUED = frozenset({"--cwd", "--exec-id", "--fifo-dir", "--log-uri", "--user", "--timeout", "--transport", "-r"})
"""Flags of ``exec`` that take a value."""


def ctr(call: Call, words: list[str]) -> Reply:
    """``ctr containers ls``, ``ctr tasks ls`` and ``ctr tasks exec``."""
    match words:
        case ["containers" | "container" | "c", "ls" | "list", *_]:
            return _ctr_containers(call, _after(call, "ls", "list"))
        case ["tasks" | "task" | "t", "ls" | "list", *_]:
            return _ctr_tasks(call)
        case ["tasks" | "task" | "t", "exec", *_]:
            return _execute(call, _after(call, "exec"))
        case _:
            return Reply("NAME:\n   ctr - containerd CLI\n")


def crictl(call: Call, words: list[str]) -> Reply:
    """``crictl ps -q`` and ``crictl exec``."""
    return _crictl_ps(call, _after(call, "ps")) if words[0] == "ps" else _execute(call, _after(call, "exec"))


def _after(call: Call, *names: str) -> list[str]:
    """The words behind a subcommand, flags of what is run left alone."""
    words = list(call.words)
    return words[next(at for at, word in enumerate(words) if word in names) + 1 :]


def _ctr_containers(call: Call, words: list[str]) -> Reply:
    """``ctr containers ls -q [FILTER…]``; of filters with commas every part must hold."""
    arguments = split(words, "")
    wanted: dict[str, str] = {}
    for part in ",".join(arguments.operands).split(","):
        found = _FILTER.fullmatch(part)
        if part and found is None:
            return Reply(err=f"ctr: parse error: [{part}]: invalid filter\n", code=1)
        if found is not None:
            wanted[found[1]] = found[3]
    return Reply("".join(f"{id}\n" for id, labels in _running(call) if wanted.items() <= labels.items()))


def _ctr_tasks(call: Call) -> Reply:
    """``ctr tasks ls``."""
    rows = [f"{id}    {4000 + number}    RUNNING\n" for number, (id, _labels) in enumerate(_running(call))]
    return Reply("TASK    PID    STATUS    \n" + "".join(rows))


def _crictl_ps(call: Call, words: list[str]) -> Reply:
    """``crictl ps -q`` with ``--state``, ``--label`` and ``--name``."""
    arguments = split(words, "--state -s --label --name -o --output --id --pod -p --image -n --last --namespace")
    wanted = dict(label.partition("=")[::2] for label in arguments.every("--label"))
    if arguments.last("-s", "--state", default="running").lower() != "running":
        return Reply()
    name = arguments.last("--name")
    found = [id for id, labels in _running(call) if wanted.items() <= labels.items() and re.search(name, labels[_NAME])]
    return Reply("".join(f"{id}\n" for id in found))


def _execute(call: Call, words: list[str]) -> Reply:
    """``exec [flags] ID COMMAND …``: the caller becomes the command."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        if rest.pop(0) in _VALUED:
            rest = rest[1:]
    known = {id for id, _labels in _running(call)}
    if len(rest) < 2 or rest[0] not in known:
        return Reply(err=f"{call.tool}: container {rest[0] if rest else ''} not found\n", code=1)
    return Reply(run=tuple(rest[1:]))


def _running(call: Call) -> Iterator[tuple[str, dict[str, str]]]:
    """Id and labels of every container that runs on this host."""
    for pod in call.pods():
        yield from _of_pod(pod)


def _of_pod(pod: Object) -> Iterator[tuple[str, dict[str, str]]]:
    for status in pod["status"].get("containerStatuses", ()):
        if "running" in status["state"]:
            id = status["containerID"].rpartition("/")[2]
            yield id, {_UID: pod["metadata"]["uid"], _NAME: status["name"]}
