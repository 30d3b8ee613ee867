"""Where the program keeps what it must remember: the audit log, log files.

``$XDG_STATE_HOME/kedge-tui`` (``~/Library/Application Support`` on macOS); ``KEDGE_TUI_STATE`` overrides it.
Only the owner may read it.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "KEDGE_TUI_STATE"


def state_place() -> Path:
    """Where the state directory is or would be; nothing is made."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_state_dir("kedge-tui", appauthor=False))


def state_dir() -> Path:
    """The state directory, made when missing; raises OSError when it cannot be."""
    path = state_place()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def audit_path() -> Path:
    """The append-only record of every change."""
    return state_dir() / "audit.jsonl"


def log_dir() -> Path:
    """Log files."""
    path = state_dir() / "log"
    path.mkdir(mode=0o700, exist_ok=True)
    return path
