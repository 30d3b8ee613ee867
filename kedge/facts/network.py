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
class StreamReach:
    """From an API-server host to the stream port of every CloudCore (target: the API-server host)."""

    attempts: tuple[TcpReach, ...] = ()


@dataclass(frozen=True, slots=True)
class Socket:
    """One TCP socket.

    Attributes:
        peer_port: 0 of a listener. process: "" when it may not be seen.
        send_queue: bytes that the peer has not acknowledged; of a listener its backlog.
        retransmits: how often the kernel has repeated them, None when it is not told.
    """

    local_ip: str
    local_port: int
    peer_ip: str
    peer_port: int
    process: str = ""
    pid: int = 0
    recv_queue: int = 0
    send_queue: int = 0
    retransmits: int | None = None


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
        protocol: "" for any. dports: destination ports it matches; empty means any.
        destination: address or network it is limited to, "" for any.
        not_protocol, not_dports, not_destination: that match is negated with ``!``.
        to_local: only packets to an address of the host itself (``--dst-type LOCAL``).
        limited: a further match (source, interface, owner, the one above …) decides as well.
        goto: ``-g``: what follows in the chain is left out.
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
    not_protocol: bool = False
    not_dports: bool = False
    not_destination: bool = False
    to_local: bool = False
    limited: bool = False
    goto: bool = False
    to: tuple[str, int] | None = None

    @property
    def negated(self) -> bool:
        """Some match is negated."""
        return self.not_protocol or self.not_dports or self.not_destination

    def matches_port(self, port: int) -> bool:
        """True when a TCP packet to this port can match, as far as protocol and port go."""
        if self.protocol and (self.protocol in ("tcp", "all", "6")) == self.not_protocol:
            return False
        inside = any(low <= port <= high for low, high in self.dports)
        return not self.dports or inside != self.not_dports


@dataclass(frozen=True, slots=True)
class SavedRules:
    """What restores NAT rules at the next boot of an API-server host (target: the host), as far as it was looked for.

    Attributes:
        files: those that hold NAT rules. ports: (first, last) of every destination port that a DNAT in them names.
    """

    files: tuple[str, ...] = ()
    ports: frozenset[tuple[int, int]] = frozenset()

    def holds(self, port: int) -> bool:
        """Whether some DNAT in them is for this port."""
        return any(low <= port <= high for low, high in self.ports)


@dataclass(frozen=True, slots=True)
class NatTables:
    """The nat tables of one API-server host (target: the host), every backend that exists.

    Attributes:
        rules: in the order of the tables. backends: those that could be read.
        default_backend: what plain ``iptables`` is on that host, "" when not known.
        managed: the KubeEdge chain TUNNEL-PORT exists (facts 1.4).
        unlisted: nftables holds rules of its own in this table that iptables cannot list.
    """

    rules: tuple[NatRule, ...] = ()
    backends: tuple[str, ...] = ()
    default_backend: str = ""
    managed: bool = False
    unlisted: bool = False
    at: datetime | None = None

    def chain(self, name: str, backend: str) -> tuple[NatRule, ...]:
        """Rules of one chain in order."""
        return tuple(r for r in self.rules if r.chain == name and r.backend == backend)
