"""How a source of logs can be read, what a follower reads it through, and how it stands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kedge.i18n import Text
from kedge.links.base import HostStream
from kedge.logs.sources import ContainerLog


class Way(StrEnum):
    """How a source is read right now."""

    NONE = ""
    API = "API"
    SSH = "SSH"


@dataclass(frozen=True, slots=True)
class Broken:
    """Why logs of a node do not come through the API: the finding's code and sentence."""

    code: str
    text: Text


class Ways(Protocol):
    """What a follower reads through."""

    def pod_log(self, log: ContainerLog, query: dict[str, str]) -> AsyncIterator[bytes]:
        """Chunks of the log through the API; raises LinkError from the iterator."""
        ...

    async def host_stream(self, host: str, command: str) -> HostStream:
        """A long command on a host, as root; raises LinkError."""
        ...

    def pod_logs_folder(self, host: str) -> str:
        """Where the host keeps its pods' log files."""
        ...

    def broken(self, node: str) -> Broken | None:
        """Why logs of this node fail now, as far as it is known; None when they work or nobody knows."""
        ...

    def restarts(self, log: ContainerLog) -> int | None:
        """How often the container was started again; None when the pod is gone."""
        ...

    async def ask_anew(self, node: str) -> Broken | None:
        """Try logs of this node again, then the same as :meth:`broken`: what was known may be old."""
        ...

    def is_running(self, log: ContainerLog) -> bool | None:
        """Whether the container runs; None when the pod is gone."""
        ...


@dataclass(slots=True)
class FollowState:
    """How one source stands; ``because``: code of the finding for which it is not read through the API."""

    way: Way = Way.NONE
    because: str = ""
    received: int = 0
    waits: bool = False
    """Its budget is used up; :meth:`Follower.go_on` reads on."""
    ended: bool = False
