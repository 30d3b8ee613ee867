"""Being told to end: ctrl+c, SIGTERM of cron, CI or a service manager, a terminal that closes. They mean the same."""

from __future__ import annotations

import signal
import types
from typing import NoReturn

from kedge.commands.common import stop
from kedge.exit_codes import Exit
from kedge.i18n import Text, _

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def obey() -> None:
    """Let SIGTERM and SIGHUP do what ctrl+c does; one that the caller has ignored (``nohup``) stays ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _as_ctrl_c)


def _as_ctrl_c(number: int, frame: types.FrameType | None) -> None:
    """Asks who handles ctrl+c now instead of raising SIGINT: a shell script's background job has that one ignored."""
    handler = signal.getsignal(signal.SIGINT)
    (handler if callable(handler) else signal.default_int_handler)(number, frame)


def interrupted(text: Text | None = None) -> NoReturn:
    """Say so in one sentence, and end with its exit code."""
    stop(text or _("Interrupted before the end; nothing was changed"), Exit.INTERRUPTED)
