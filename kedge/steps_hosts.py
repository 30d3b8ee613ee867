"""Steps that bring something to a host: a file of this machine, a command. Part of :mod:`kedge.steps`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from kedge.i18n import Text, _
from kedge.model import Step


@dataclass(frozen=True, slots=True)
class RunCommand(Step):
    """Run one command whose effect can be seen, so that it is never run twice for nothing.

    Attributes:
        argv: the exact command.
        look: a command that changes nothing and prints lines; exit code 0.
        line: the line among them that tells that it was done; none of them when ``present`` is False.
        undo: the command that takes it back; () when nothing can.
        shows: a file of that host whose text is shown with the command: the script that it runs; "" for none.
        seconds: how long it may take.
    """

    argv: tuple[str, ...]
    look: tuple[str, ...]
    line: str
    present: bool = True
    undo: tuple[str, ...] = ()
    seconds: float = 180.0
    shows: str = ""

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Run {command} on {host}").format(command=shlex.join(self.argv), host=self.on)

    def render(self) -> str:
        """The command, only where it has not been done."""
        joint = "||" if self.present else "&&"
        return f"{shlex.join(self.look)} | grep -qxF -e {shlex.quote(self.line)} {joint} {shlex.join(self.argv)}"


@dataclass(frozen=True, slots=True)
class UploadFile(Step):
    """Bring a file of this machine to a host; an upload that broke off goes on where it stopped.

    Attributes:
        source: path on this machine. path: on the host.
        seconds: how long it may take as a whole.
    """

    source: str
    path: str
    seconds: float = 3600.0

    @property
    def title(self) -> Text:
        """What it does, in a line."""
        return _("Upload {source} of this machine to {path} on {host}").format(
            source=self.source, path=self.path, host=self.on
        )

    def render(self) -> str:
        """With scp, from this machine."""
        return f"scp -- {shlex.quote(self.source)} {shlex.quote(f'{self.on}:{self.path}')}"
