"""Where the program keeps what it must remember: the audit log, log files.

``$XDG_STATE_HOME/kedge-tui`` (``~/Library/Application Support`` on macOS); ``KEDGE_TUI_STATE`` overrides it.
Only the owner may read it.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from kedge.i18n import _

VARIABLE = "KEDGE_TUI_STATE"


def state_place() -> Path:
    """Where the state directory is or would be; nothing is made."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_state_dir("kedge-tui", appauthor=False))


class StateError(OSError):
    """The state directory cannot be made; str() is a sentence that says what to do."""


def state_dir() -> Path:
    """The state directory, made when missing; raises StateError when it cannot be."""
    path = state_place()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        sentence = _(
            "{path}, where changes are recorded, cannot be made: {why}. Name a directory you may write to in {variable}"
        )
        raise StateError(str(sentence.format(path=path, why=error.strerror or error, variable=VARIABLE))) from None
    return path


def audit_path() -> Path:
    """The append-only record of every change."""
    return state_dir() / "audit.jsonl"


def log_dir() -> Path:
    """Log files."""
    path = state_dir() / "log"
    path.mkdir(mode=0o700, exist_ok=True)
    return path
