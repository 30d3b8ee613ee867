"""What a person at kubectl would get: logs, exec and metrics of a real pod, and what a failure of them means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What came of one request along the path to an edge (facts 4.4). An exit code or HTTP 200 proves nothing."""

    ANSWERED = "answered"
    EMPTY = "empty"
    """Success with nothing in it: a dead session looks like this, and so does a container that logged nothing."""
    KUBELET_ERROR = "kubelet error"
    """The edge answered with an error where the output should be."""
    RUNTIME_DOWN = "runtime down"
    REFUSED = "refused"
    NO_ROUTE = "no route"
    DIAL_TIMEOUT = "dial timeout"
    UNRESOLVED = "unresolved"
    CERTIFICATE = "certificate"
    NOT_TLS = "not TLS"
    TLS_TIMEOUT = "TLS timeout"
    NO_SESSION = "no session"
    EOF = "EOF"
    HANG = "hang"
    NOT_FOUND = "not found"
    EGRESS_PROXY = "egress proxy"
    WS_SCHEME = "ws scheme"
    OTHER = "other"


_SENT = re.compile(r"^.*?\b(?:Get|Post|Put) \"[^\"]*\": ")
_WHO = re.compile(r"^(?:error|Error from server(?: \(\w+\))?|Internal error occurred|error trying to reach service): ")


def core_of(said: str) -> str:
    """What really happened in a line of kubectl: without whom it tells of and which URL was asked."""
    core = _SENT.sub("", said.strip())
    while core != (shorter := _WHO.sub("", core)):
        core = shorter
    return core


CRASHED_BY_EXEC = frozenset({"v1.23.1"})
"""KubeEdge versions whose EdgeCore an exec was seen to crash (``panic: send on closed channel``, facts 11).

Whoever is about to run one there is to be told: every stream of the node drops for some 15 s.
"""


@dataclass(frozen=True, slots=True)
class Try:
    """One request to one container.

    Attributes:
        text: a line of what came back, or the error.
        seconds: how long it took. at: when.
    """

    namespace: str
    pod: str
    container: str
    outcome: Outcome
    text: str = ""
    seconds: float = 0.0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KubectlLogs:
    """``kubectl logs`` of the first candidate on one edge (target: the node); no try when it was not recorded."""

    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class MoreKubectlLogs:
    """``kubectl logs`` of further containers, asked only where the first one settled nothing."""

    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class KubectlExec:
    """A harmless command in a container of one edge (target: the node)."""

    tried: Try


@dataclass(frozen=True, slots=True)
class NodeProxy:
    """``/metrics/resource`` of one edge through the API server (target: the node): the same path as logs (facts 1.5).

    Attributes:
        outcome: ANSWERED only when metric lines came back.
        samples: how many sample lines.
    """

    outcome: Outcome
    text: str = ""
    samples: int = 0
    seconds: float = 0.0
    at: datetime | None = None
