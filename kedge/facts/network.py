"""What hosts see of the network: sockets, reachability, NAT rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reach(StrEnum):
    """Outcome of opening a TCP connection. ``filtered`` is silence; ``refused`` is an answer."""

    OPEN = "open"
    REFUSED = "refused"
    FILTERED = "filtered"
    NO_ROUTE = "no route"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class TcpReach:
    """One attempt to open a connection; base of the facts below."""

    host: str
    port: int
    outcome: Reach
    detail: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TunnelReach(TcpReach):
    """From an edge to its edgeStream server (target: the edge)."""


@dataclass(frozen=True, slots=True)
class StreamReach(TcpReach):
    """From an API-server host to CloudCore's stream port (target: the API-server host)."""


@dataclass(frozen=True, slots=True)
class Socket:
    """One TCP socket. ``send_queue`` of a listener is its backlog."""

    local_ip: str
    local_port: int
    peer_ip: str
    peer_port: int
    process: str = ""
    pid: int = 0
    recv_queue: int = 0
    send_queue: int = 0


@dataclass(frozen=True, slots=True)
class Listening:
    """Listening sockets of a host."""

    sockets: tuple[Socket, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Established:
    """Established sockets of a host."""

    sockets: tuple[Socket, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NatRule:
    """One rule of a nat table, as saved.

    Attributes:
        backend: ``nft`` or ``legacy``. chain, position: where it stands (1-based, as ``iptables -D CHAIN N``).
        spec: the words after ``-A CHAIN`` exactly as saved. target: DNAT, RETURN, a chain name …
        dports: ports it matches; empty means any. negated: some match is negated with ``!``.
        limited: it carries a further match (address, interface, owner …) so that it may not apply.
        to: (ip, port) of a DNAT; port 0 when it keeps the port.
    """

    backend: str
    chain: str
    position: int
    spec: str
    target: str
    protocol: str = ""
    dports: tuple[tuple[int, int], ...] = ()
    destination: str = ""
    negated: bool = False
    limited: bool = False
    to: tuple[str, int] | None = None

    def matches_port(self, port: int) -> bool:
        """True when a TCP packet to this port can match, as far as protocol and port go."""
        if self.protocol not in ("", "tcp", "all", "6"):
            return False
        return not self.dports or any(low <= port <= high for low, high in self.dports)


@dataclass(frozen=True, slots=True)
class NatTables:
    """The nat tables of one API-server host (target: the host), every backend that exists.

    Attributes:
        rules: in the order of the tables. backends: those that could be read.
        default_backend: what plain ``iptables`` is on that host, "" when not known.
        managed: the KubeEdge chain TUNNEL-PORT exists (facts 1.4).
    """

    rules: tuple[NatRule, ...] = ()
    backends: tuple[str, ...] = ()
    default_backend: str = ""
    managed: bool = False
    at: datetime | None = None

    def chain(self, name: str, backend: str) -> tuple[NatRule, ...]:
        """Rules of one chain in order."""
        return tuple(r for r in self.rules if r.chain == name and r.backend == backend)
