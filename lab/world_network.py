"""Who can reach whom: TCP between machines of the site, packet filters included."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lab.world_host import Host, Role
from lab.world_settings import CLOUD, CLOUD_ADDRESS, UNTUNNELLED_PORT


class Reach(StrEnum):
    """What a TCP connect meets."""

    OPEN = "open"
    REFUSED = "refused"
    FILTERED = "filtered"
    NO_ROUTE = "no route"
    UNRESOLVED = "unresolved"


class Tls(StrEnum):
    """What a listener speaks."""

    NONE = "none"
    SERVER = "server"
    CLIENT_CERTIFICATE = "client certificate"


@dataclass(frozen=True, slots=True)
class Listener:
    """One TCP port of the cloud host that edges and operators dial, as it should behave now.

    `name` is one of hub, https, stream, tunnel; it also says which certificate is shown.
    """

    name: str
    host: str
    port: int
    state: Reach
    tls: Tls


class Network:
    """Answers `reach` from the state of hosts and processes.

    Every address that a host is told to dial is 127.0.0.1: on any machine it stands for the cloud host, but for the
    edge's own loopback ports (edged's read-only port).
    """

    LOCAL_PORTS = frozenset({UNTUNNELLED_PORT, 10550})

    def __init__(self, hosts: Mapping[str, Host], listening: Callable[[Host], frozenset[int]]) -> None:
        self._hosts = hosts
        self._by_address: dict[str, Host] = {}
        self._listening = listening

    def know(self, hosts: Mapping[str, Host]) -> None:
        """Resolve these machines' labels from now on."""
        self._by_address = {address: host for host in hosts.values() for address in (host.address, host.name)}

    def reach(self, source: Host, address: str, port: int) -> Reach:
        """What a TCP connect from `source` to address:port meets, DNAT aside."""
        target = self.resolve(source, address, port)
        if isinstance(target, Reach):
            return target
        if target is not source and not (source.network_up and target.network_up):
            return Reach.FILTERED
        verdict = target.inbound(port)
        if verdict == "DROP":
            return Reach.FILTERED
        if verdict == "REJECT" or port not in self._listening(target):
            return Reach.REFUSED
        return Reach.OPEN

    def resolve(self, source: Host, address: str, port: int) -> Host | Reach:
        """The machine behind an address."""
        if address in ("localhost", CLOUD_ADDRESS, "::1"):
            own = source.role is Role.EDGE and port in self.LOCAL_PORTS
            return source if own else self._hosts[CLOUD]
        known = self._by_address.get(address)
        if known is not None:
            return known
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return Reach.UNRESOLVED
        return Reach.NO_ROUTE
