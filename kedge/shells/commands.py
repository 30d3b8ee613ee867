"""What is started: in a container, and by the runtime's own tools on its machine. Pure.

Names come from the cluster and are hostile input. They travel as arguments of a fixed script, quoted once, and must
look like what Kubernetes allows before any tool sees them in a filter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from kedge.i18n import _
from kedge.links.script import Sudo
from kedge.links.terminals import TERM
from kedge.model import LinkError, Reason, Unknown
from kedge.shells.targets import InContainer

SHELL = (
    "/bin/sh",
    "-c",
    f"TERM={TERM}; export TERM; if command -v bash >/dev/null 2>&1; then exec bash; fi; exec sh",
)
"""bash where there is one, else sh, in one exec: each further one could crash an affected EdgeCore."""

_UID = re.compile(r"[0-9a-fA-F-]{8,64}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")

NO_TOOL, NOT_FOUND = 97, 98
"""Exit codes of the script: no runtime tool works here; no running container of that pod and name."""

RUNTIME_SCRIPT = Path(__file__).with_name("runtime.sh").read_text(encoding="utf-8")
"""Runs a command in a container found by its pod's uid: ``sh -c SCRIPT NAME uid container tty command…``."""


def in_container(target: InContainer, command: Sequence[str], *, root: bool, sudo: Sudo, tty: bool) -> list[str]:
    """The command that runs another one in a container, on the container's machine.

    Args:
        root: the login user is root already.
        sudo: how it becomes root otherwise; on a terminal sudo asks the person itself.

    Raises:
        LinkError: the pod's uid or the container's name is none that Kubernetes gives.
    """
    if not _UID.fullmatch(target.uid) or not _NAME.fullmatch(target.container):
        text = _("{target} cannot be looked for on {node}: its pod uid or its name is not one that Kubernetes gives")
        raise LinkError(Unknown(Reason.INVALID, text.format(target=target.name, node=target.node)))
    words = ["sh", "-c", RUNTIME_SCRIPT, "kedge-tui", target.uid, target.container, "1" if tty else "0"]
    before = [] if root or sudo is Sudo.NONE else ["sudo", "--"] if tty else ["sudo", "-n", "--"]
    return [*before, *words, *(command or SHELL)]
