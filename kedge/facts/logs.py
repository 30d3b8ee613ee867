"""What the logs of the cloud side say that still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kedge.i18n import Text


@dataclass(frozen=True, slots=True)
class LogHit:
    """A known failure in a log, summed up over its repetitions.

    Attributes:
        id: of the signature. node: which node it speaks of, "" for none.
        line: the newest line. number: where that stands in the log, 1-based. count: how often it came.
        at: its time, by the log's own clock; None when the log could not be dated.
        topic: what it is about: tunnel, hub, edged, iptables …
    """

    id: str
    meaning: Text
    line: str
    number: int = 0
    node: str = ""
    count: int = 1
    at: datetime | None = None
    topic: str = "tunnel"


@dataclass(frozen=True, slots=True)
class CloudCoreLog:
    """Failures in CloudCore's log that nothing newer in it contradicts (site fact). ``lines``: how many were read."""

    hits: tuple[LogHit, ...] = ()
    lines: int = 0


@dataclass(frozen=True, slots=True)
class MetricsServerLog:
    """Failures in Metrics Server's log (site fact); it never writes that a scrape succeeded.

    Attributes:
        last: its last lines, for a pod that does not come up.
    """

    hits: tuple[LogHit, ...] = ()
    lines: int = 0
    last: tuple[str, ...] = ()
