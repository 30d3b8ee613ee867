"""The account of shells: that one was opened, on what, by whom, and how it ended. Never what passed through it."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from kedge.audit import Audit, stamp, writer
from kedge.links.terminals import End
from kedge.shells.targets import Target, Way


class Account:
    """Writes the events of one site. Blocking: call it off the event loop. Raises kedge.audit.AuditError."""

    def __init__(
        self,
        audit: Audit,
        site: str,
        context: str,
        kubernetes_user: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._audit = audit
        self._common = {
            "site": site,
            "context": context,
            "who": {"os": getpass.getuser(), "kubernetes": kubernetes_user},
        }
        self._now = now

    def begin(self, target: Target, way: Way, command: Sequence[str]) -> str:
        """Before it is started; gives the id of the event that ends it."""
        id = secrets.token_hex(6)
        self._write("shell-begin", id, target=target.name, node=target.node, way=way.value, command=list(command))
        return id

    def end(self, id: str, end: End, seconds: float) -> None:
        """After it has ended, or could not be started."""
        problem = str(end.problem.text) if end.problem is not None else ""
        self._write("shell-end", id, code=end.code, signal=end.signal, problem=problem, seconds=round(seconds, 1))

    def _write(self, event: str, id: str, **more: Any) -> None:
        when = {"at": stamp(self._now())}
        self._audit.append({"event": event, "id": id, **when, **self._common, **writer(), **more})
