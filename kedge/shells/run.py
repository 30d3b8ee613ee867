"""One command in many places, a few at a time: each gets so long, keeps so much, and is accounted for."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kedge.i18n import _
from kedge.links.base import Answer, Command, ExecResult
from kedge.links.script import Sudo
from kedge.links.terminals import End
from kedge.model import LinkError, Reason, Unknown
from kedge.shells.commands import NO_TOOL, NOT_FOUND, in_container
from kedge.shells.reasons import told
from kedge.shells.targets import InContainer, Target, Way, default_way

if TYPE_CHECKING:
    from kedge.shells.service import Shells

AT_ONCE = 8
SECONDS = 30.0
DIAL_SECONDS = 15.0
CAP = 65_536
"""Bytes kept of what one place says on each of stdout and stderr."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What one place answered. ``code`` is None when there is no exit code; ``problem`` then says why."""

    target: Target
    code: int | None
    output: str = ""
    problem: Unknown | None = None
    seconds: float = 0.0
    cut: bool = False
    way: Way = Way.HOST


async def run_on(
    shells: Shells, targets: Sequence[Target], command: str, way_of: Callable[[Target], Way] = default_way
) -> AsyncGenerator[Ran, None]:
    """Run sh text on machines and in containers; results come as they are ready. Whoever stops listening stops it.

    Args:
        way_of: how each place is reached.

    Raises:
        LinkError: commands are not allowed here (read-only mode).
    """
    shells.rules.check()
    room = asyncio.Semaphore(AT_ONCE)

    async def one(target: Target) -> Ran:
        async with room:
            began, way = time.monotonic(), way_of(target)
            id = ""
            try:
                id = await shells.begin(target, way, [command])
                ran = replace(await _run(shells, target, way, command), way=way)
            except LinkError as error:
                ran = Ran(target, None, problem=error.unknown, way=way)
            if id:
                shells.note(id, End(ran.code, problem=ran.problem), time.monotonic() - began)
            return ran

    tasks = [asyncio.create_task(one(target)) for target in targets]
    try:
        for ready in asyncio.as_completed(tasks):
            yield await ready
    finally:
        for task in tasks:
            task.cancel()


async def _run(shells: Shells, target: Target, way: Way, command: str) -> Ran:
    began = time.monotonic()
    if isinstance(target, InContainer) and way is Way.EXEC:
        return _of_container(target, await shells.run_in(target, command, SECONDS, CAP), time.monotonic() - began)
    inside = isinstance(target, InContainer)
    if isinstance(target, InContainer):
        words = in_container(target, ["/bin/sh", "-c", command], root=True, sudo=Sudo.NONE, tty=False)
        command = shlex.join(words)
    batch: Callable[..., Awaitable[list[Answer]]] = shells.batch_on(target.node)
    asked = Command("run", command, timeout=SECONDS, cap=CAP, root=inside)
    (answer,) = await batch([asked], deadline=SECONDS + DIAL_SECONDS)
    text = _text(answer.stdout, answer.stderr)
    problem = _why_not(answer, target, way)
    return Ran(target, None if problem else answer.exit_code, text, problem, answer.seconds, answer.cut)


def _why_not(answer: Answer, target: Target, way: Way) -> Unknown | None:
    """Why there is no exit code of the command itself; None where there is one."""
    if answer.sudo_denied:
        text = _("The tools of the container runtime on {node} need root, and sudo refused it")
        return Unknown(Reason.NEEDS_ROOT, text.format(node=target.node))
    if answer.timed_out or answer.exit_code is None:
        said = _("It did not end within {seconds} s and was stopped").format(seconds=f"{SECONDS:g}")
        return Unknown(Reason.TIMED_OUT, said)
    if way is Way.RUNTIME and answer.exit_code in (NO_TOOL, NOT_FOUND):
        return Unknown(Reason.NO_TOOL, told(End(answer.exit_code), target, way).text)
    return None


def _of_container(target: InContainer, result: ExecResult, seconds: float) -> Ran:
    text = _text(result.stdout, result.stderr)
    if result.exit_code is None:
        said = _("The container did not start the program: {said}").format(said=result.error)
        return Ran(target, None, text, Unknown(Reason.SERVER_ERROR, said), seconds, result.cut)
    return Ran(target, result.exit_code, text, None, seconds, result.cut)


def _text(stdout: bytes, stderr: bytes) -> str:
    parts = [part.decode("utf-8", "replace").rstrip("\n") for part in (stdout, stderr)]
    return "\n".join(part for part in parts if part)
