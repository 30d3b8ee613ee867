"""systemd services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ServiceState:
    """``systemctl show`` of a unit.

    Attributes:
        load, active, sub: LoadState, ActiveState, SubState. unit_file: UnitFileState (enabled, disabled …).
        since: ActiveEnterTimestamp, UTC. at: when it was asked, by the host's clock.
    """

    unit: str
    load: str = ""
    active: str = ""
    sub: str = ""
    unit_file: str = ""
    result: str = ""
    restarts: int = 0
    exit_status: int = 0
    exit_code: int = 0
    main_pid: int = 0
    since: datetime | None = None
    at: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Active, and really running rather than waiting for its next restart."""
        return self.active == "active" and self.sub in ("running", "")  # `is-active` alone tells no SubState


@dataclass(frozen=True, slots=True)
class RuntimeService(ServiceState):
    """The container runtime's unit on an edge (target: the node)."""
