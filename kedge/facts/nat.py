"""Which NAT rule takes a connection, as the kernel would decide it: order, jumps, RETURN, shadowing.

Pure reasoning over :class:`~kedge.facts.network.NatTables`, shared by checks and fixes. Where a rule carries a
match that cannot be told from the outside (interface, owner, source), the answer is "maybe", never a guess.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

from kedge.facts.network import NatRule, NatTables

ENDING = frozenset({"ACCEPT", "DNAT", "REDIRECT", "NETMAP", "DROP"})
"""Targets after which no later rule of the hook sees the packet."""

_MOST_JUMPS = 64


class Sure(IntEnum):
    """Whether a rule applies to a packet."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Taken:
    """A rule that takes a packet, or may take it.

    Attributes:
        hook_position: place in the hook's own chain of the rule that leads to it.
    """

    rule: NatRule
    sure: bool
    hook_position: int

    @property
    def to(self) -> tuple[str, int] | None:
        """Where a DNAT sends it; None when the rule leaves the address as it is."""
        return self.rule.to if self.rule.target == "DNAT" else None


@dataclass(slots=True)
class _Packet:
    """A new TCP connection on its way, with the effect of every chain it was run through."""

    backend: str
    ip: str
    port: int
    effects: dict[str, _Effect] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Effect:
    """What one rule, or a whole chain, does to a packet that reaches it.

    Attributes:
        taken: (the rule that takes it, surely or perhaps, the rule of this chain that led there).
        next: whether the following rule sees it. back: whether it leaves the chain for the caller's next rule.
    """

    taken: tuple[tuple[NatRule, bool, NatRule], ...] = ()
    next: Sure = Sure.YES
    back: Sure = Sure.NO


class Kernel:
    """The nat hooks of one host.

    Args:
        tables: its rules.
        local: addresses of the host itself, for matches on LOCAL destinations.
    """

    def __init__(self, tables: NatTables, local: Collection[str] = ()) -> None:
        self.tables = tables
        self._local = frozenset(local)
        self._chains: dict[tuple[str, str], list[NatRule]] = {}
        for rule in tables.rules:
            self._chains.setdefault((rule.backend, rule.chain), []).append(rule)

    def taken(self, hook: str, backend: str, ip: str, port: int) -> tuple[Taken, ...]:
        """The rules that may take a new TCP connection to ip:port, in order; a sure one is the last."""
        effect = self._chain(_Packet(backend, ip, port), hook, ())
        return tuple(Taken(rule, sure, via.position) for rule, sure, via in effect.taken)

    def depends_on_address(self, port: int) -> bool:
        """Whether some rule that can match the port looks at the destination address."""
        return any(rule.destination or rule.to_local for rule in self.tables.rules if rule.matches_port(port))

    def _chain(self, packet: _Packet, name: str, path: tuple[str, ...]) -> _Effect:
        """Run a packet through a chain. Its effect is the same from wherever it is entered, so it is kept."""
        if name in packet.effects:
            return packet.effects[name]
        taken: list[tuple[NatRule, bool, NatRule]] = []
        reached, may_return = Sure.YES, False
        for rule in self._chains.get((packet.backend, name), ()):
            effect = self._rule(packet, rule, (*path, name))
            taken += [(by, sure and reached is Sure.YES, rule) for by, sure, _via in effect.taken]
            may_return = may_return or effect.back is not Sure.NO
            if effect.next is Sure.NO:
                break
            reached = min(reached, effect.next)
        else:
            may_return = True
        back = Sure.NO if not may_return else Sure.MAYBE if taken else Sure.YES
        packet.effects[name] = _Effect(tuple(taken), back, back)
        return packet.effects[name]

    def _rule(self, packet: _Packet, rule: NatRule, path: tuple[str, ...]) -> _Effect:
        match = self.match(rule, packet.ip, packet.port)
        if match is Sure.NO:
            return _Effect()
        missed = Sure.NO if match is Sure.YES else Sure.MAYBE
        if rule.target in ENDING:
            return _Effect(((rule, match is Sure.YES, rule),), missed)
        empty = (rule.backend, rule.target) not in self._chains
        if rule.target == "RETURN" or (rule.goto and empty):
            return _Effect((), missed, match)  # the end of a chain that was gone to is the end of this one
        if empty or rule.target in path or len(path) > _MOST_JUMPS:
            return _Effect()  # LOG, MARK and their like let the packet pass; an empty chain does too
        inner = self._chain(packet, rule.target, path)
        taken = tuple((by, sure and match is Sure.YES, rule) for by, sure, _via in inner.taken)
        if rule.goto:
            return _Effect(taken, missed, min(match, inner.back))
        return _Effect(taken, inner.back if match is Sure.YES else max(inner.back, Sure.MAYBE))

    def match(self, rule: NatRule, ip: str, port: int) -> Sure:
        """Whether a rule's own matches hold for a new TCP connection of this host to ip:port."""
        if not rule.matches_port(port):
            return Sure.NO
        if rule.to_local and ip not in self._local:
            return Sure.NO
        inside = _inside(ip, rule.destination) if rule.destination else Sure.YES
        if rule.not_destination and inside is not Sure.MAYBE:
            inside = Sure.NO if inside is Sure.YES else Sure.YES
        return Sure.MAYBE if rule.limited and inside is not Sure.NO else inside


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=16384)
def _inside(ip: str, destination: str) -> Sure:
    network = _network(destination)
    if network is None:
        return Sure.MAYBE
    try:
        return Sure.YES if ipaddress.ip_address(ip) in network else Sure.NO
    except ValueError:
        return Sure.MAYBE


def by_backend(kernel: Kernel, hook: str, ip: str, port: int) -> Mapping[str, Sequence[Taken]]:
    """Who may take the connection, for each backend that has somebody: the kernel consults both (facts 11)."""
    found = {backend: kernel.taken(hook, backend, ip, port) for backend in kernel.tables.backends}
    return {backend: taken for backend, taken in found.items() if taken}
