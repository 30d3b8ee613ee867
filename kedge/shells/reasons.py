"""Why a shell could not start or has ended, in a sentence, and what can be done. Pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum

from kedge.i18n import Text, _
from kedge.links.terminals import End
from kedge.model import Reason, Unknown
from kedge.shells.commands import NO_TOOL, NOT_FOUND
from kedge.shells.targets import InContainer, Target, Way


class Cause(StrEnum):
    """The class of it; decides what is offered."""

    ENDED = "ended"
    CLOSED = "closed"
    NO_SHELL = "no shell"
    NOT_RUNNING = "not running"
    DENIED = "denied"
    TUNNEL = "tunnel"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Told:
    """What a person is told at the end of a shell."""

    cause: Cause
    text: Text
    help: Text | None = None


_NO_PROGRAM = ("executable file not found", "no such file or directory", "not found in $PATH")
_NOT_RUNNING = ("container not found", "is not running", "not found in pod", "completed pod", "does not exist",
                "container not created", "is not created or running", "cannot exec in a stopped")  # fmt: skip
_TUNNEL = ("unexpected EOF", "connection refused", "no route to host", "i/o timeout", "error dialing backend",
           "unable to upgrade connection", "error sending request", "502", "session", "EOF")  # fmt: skip


def told(end: End, target: Target, way: Way, *, typed: bool = False) -> Told:
    """The sentence for an end.

    Args:
        typed: somebody has typed into it. A shell then ends with the code of the last command, and 127 says nothing
            about the shell itself.
    """
    if end.problem is not None:
        return _problem(end.problem, end.said, target, way)
    if end.signal:
        return Told(Cause.ENDED, _("The shell was ended by signal {signal}").format(signal=end.signal))
    if end.code is None:
        return Told(Cause.ENDED, _("The shell ended without an exit code, as after a signal"))
    if way is Way.RUNTIME and end.code in (NO_TOOL, NOT_FOUND):
        text = {
            NO_TOOL: _("On {node} no tool of a container runtime can be used; sudo rights, perhaps?"),
            NOT_FOUND: _("On {node} there is no running container of that name and pod"),
        }[end.code]
        return Told(Cause.NOT_RUNNING, text.format(node=target.node))
    if isinstance(target, InContainer) and end.code in (126, 127) and not typed:
        return _no_shell(target, _("exit code {code}").format(code=end.code))
    return Told(Cause.ENDED, _exit(end.code))


def _exit(code: int) -> Text:
    """A shell tells a signal as 128 and its number; so do the runtimes of containers."""
    try:
        name = signal.Signals(code - 128).name if code > 128 else ""
    except ValueError:
        name = ""
    if name:
        return _("The shell ended with exit code {code}, as after {signal}").format(code=code, signal=name)
    return _("The shell ended with exit code {code}").format(code=code)


def _problem(problem: Unknown, said: str, target: Target, way: Way) -> Told:
    if problem.reason is Reason.NOT_ASKED:
        return Told(Cause.CLOSED, problem.text)
    if isinstance(target, InContainer) and said:
        if any(words in said for words in _NO_PROGRAM):
            return _no_shell(target, said)
        if any(words in said for words in _NOT_RUNNING):
            text = _("Container {name} is not running: {said}").format(name=target.name, said=said)
            return Told(Cause.NOT_RUNNING, text, _("`p` shows the log of the container that ran before"))
        if any(words in said for words in _TUNNEL):
            return _no_tunnel(target, said)
    if problem.reason in (Reason.DENIED, Reason.CREDENTIALS):
        return Told(Cause.DENIED, problem.text)
    return Told(Cause.LOST if way is not Way.EXEC or not said else Cause.TUNNEL, problem.text)


def _no_shell(target: InContainer, said: Text | str) -> Told:
    text = _("There is no such program in container {name}: {said}").format(name=target.name, said=said)
    help = _(
        "An image without a shell is entered with a helper: `kubectl debug -n {namespace} {pod} -it --image=busybox "
        "--target={container}`; or look at the machine itself, {node}"
    )
    return Told(
        Cause.NO_SHELL,
        text,
        help.format(namespace=target.namespace, pod=target.pod, container=target.container, node=target.node),
    )


def _no_tunnel(target: InContainer, said: str) -> Told:
    text = _("exec does not get through to {node}: {said}").format(node=target.node, said=said)
    return Told(Cause.TUNNEL, text, _("The same container can be entered over SSH"))
