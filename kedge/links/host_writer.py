"""Changes one machine, over the same shell that reads it (:class:`kedge.links.base.HostWriter`).

Only the executor holds one. A command travels like any other: framed, with its own exit code, timeout and sudo.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path

from kedge.i18n import Text, _
from kedge.links.base import Answer, Command, HostLink
from kedge.model import LinkError, Reason, Unknown

MOST_READ = 16 << 20
"""Bytes of the largest file that is read whole; configuration files have some thousands."""

RESERVE = 3.0
"""Seconds of the caller's deadline kept for the way there and back, so that the command's own timeout is told."""

_REPLACE = Path(__file__).with_name("replace_file.sh").read_text(encoding="utf-8")

_REASONS = {66: Reason.MISSING, 77: Reason.DENIED}
"""Exit codes of our own scripts (sysexits.h: EX_NOINPUT, EX_NOPERM)."""


class ShellWriter:
    """Runs commands and replaces files on one machine.

    Args:
        host: the link that reads the machine; its connection, its sudo and its questions are shared.
    """

    def __init__(self, host: HostLink) -> None:
        self.name = host.name
        self._host = host

    async def run(self, argv: Sequence[str], *, deadline: float, stdin: bytes = b"", root: bool = True) -> Answer:
        """Run one command, as root through sudo when ``root`` and the login user is not.

        A command that fails is an answer, not an error; so is one that sudo refuses (``sudo_denied``).

        Raises:
            LinkError: it was not run, or the connection was lost before it ended: it may have been run then.
            ValueError: more stdin than a script carries (:data:`kedge.links.script.STDIN_CAP`).
        """
        return await self._shell(shlex.join(argv), deadline=deadline, stdin=stdin, root=root)

    async def read(self, path: str, *, deadline: float) -> bytes:
        """The raw bytes of a file, unmasked, in memory only.

        Raises:
            LinkError: MISSING, DENIED, NEEDS_ROOT, INVALID (no plain file, too large), or the link's own.
        """
        shell = f'f={shlex.quote(path)}\n[ -e "$f" ] || exit 66\n[ -r "$f" ] || exit 77\nexec cat <"$f"'
        answer = await self._shell(shell, deadline=deadline, cap=MOST_READ)
        self._check(answer, path, _("Reading {path} on {host} failed: {error}"))
        if answer.cut:
            text = _("{path} on {host} is larger than {most} bytes; that is no configuration file")
            raise LinkError(Unknown(Reason.INVALID, text.format(path=path, host=self.name, most=MOST_READ)))
        return answer.stdout

    async def write(self, path: str, data: bytes, *, deadline: float) -> None:
        """Replace a file: written beside, synced, mode, owner and SELinux label kept, renamed.

        The file that a symbolic link leads to is replaced, not the link. A file that does not exist is made
        readable for its owner only. The bytes are compared before the rename, so that the old file stays whatever
        happens earlier.

        Raises:
            LinkError: nothing was changed (DENIED, NEEDS_ROOT, MISSING folder, SERVER_ERROR with the host's words),
                or the connection was lost and it is not known whether it was.
            ValueError: ``path`` is not absolute, or ``data`` larger than a script carries.
        """
        if not path.startswith("/"):
            raise ValueError(f"not an absolute path: {path!r}")
        digest = hashlib.sha256(data).hexdigest()
        settings = f"path={shlex.quote(path)} want={digest} size={len(data)}\n"
        answer = await self._shell(settings + _REPLACE, deadline=deadline, stdin=data)
        self._check(answer, path, _("Writing {path} on {host} failed, the old file is untouched: {error}"))

    async def _shell(
        self, shell: str, *, deadline: float, stdin: bytes = b"", root: bool = True, cap: int = Command("", "").cap
    ) -> Answer:
        timeout = max(1.0, deadline - RESERVE)
        command = Command("change", shell, timeout=timeout, root=root, cap=cap, stdin=stdin)
        (answer,) = await self._host.batch([command], deadline=deadline)
        if answer.exit_code is None and not answer.sudo_denied:
            text = _(
                "The connection to {host} ended before the command did: whether it was carried out is not known. "
                "Look at the host before trying again"
            )
            raise LinkError(Unknown(Reason.UNREACHABLE, text.format(host=self.name)))
        return answer

    def _check(self, answer: Answer, path: str, failed: Text) -> None:
        """Turn a failed script of ours into a typed error."""
        said = answer.stderr.decode("utf-8", "replace").strip()[-300:]
        if answer.sudo_denied:
            text = _("{path} on {host} needs root, and sudo refuses: {error}")
            raise LinkError(Unknown(Reason.NEEDS_ROOT, text.format(path=path, host=self.name, error=said)))
        if answer.timed_out:
            text = _("{host} did not finish with {path} in time")
            raise LinkError(Unknown(Reason.TIMED_OUT, text.format(path=path, host=self.name)))
        if answer.exit_code == 0:
            return
        reason = _REASONS.get(answer.exit_code or 1, Reason.SERVER_ERROR)
        default = {
            Reason.MISSING: _("no such file or folder"),
            Reason.DENIED: _("permission denied"),
        }.get(reason, _("exit code {code}").format(code=answer.exit_code))
        raise LinkError(Unknown(reason, failed.format(path=path, host=self.name, error=said or default)))
