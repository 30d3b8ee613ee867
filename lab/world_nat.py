"""Packet rules of one host as iptables keeps them: chains, jumps, first match wins; and the text of iptables-save.

One `Iptables` stands for one backend (nft or legacy); a host has both and the kernel consults both (facts 11).
"""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

VERSION = "1.8.9"

_BUILT_IN = {
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
_TARGETS = {"ACCEPT", "DROP", "REJECT", "RETURN", "DNAT", "SNAT", "MASQUERADE", "LOG", "MARK", "REDIRECT"}


class RuleError(ValueError):
    """Arguments that iptables would refuse; the text is what it prints."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One parsed rule. `extra` keeps options that do not decide a match here, so that saving loses nothing."""

    target: str = ""
    protocol: str = ""
    source: str = ""
    destination: str = ""
    ports: tuple[tuple[int, int], ...] = ()
    comment: str = ""
    to_destination: str = ""
    reject_with: str = ""
    interface: str = ""
    extra: tuple[str, ...] = ()

    def matches(self, address: str, port: int) -> bool:
        """Whether a TCP packet from this host to address:port meets the rule."""
        if self.protocol not in ("", "all", "tcp"):
            return False
        if self.ports and not any(low <= port <= high for low, high in self.ports):
            return False
        if self.interface and self.interface != "lo":
            return False
        return _within(address, self.destination)

    def text(self, chain: str) -> str:
        """The rule as iptables-save and `iptables -S` write it."""
        words = ["-A", chain]
        for flag, value in (
            ("-s", self.source),
            ("-d", self.destination),
            ("-i", self.interface),
            ("-p", self.protocol),
        ):
            if value:
                words += [flag, value]
        if len(self.ports) == 1:
            words += ["-m", self.protocol or "tcp", "--dport", _port_text(self.ports[0])]
        elif self.ports:
            words += ["-m", "multiport", "--dports", ",".join(_port_text(p) for p in self.ports)]
        if self.comment:
            words += ["-m", "comment", "--comment", f'"{self.comment}"' if " " in self.comment else self.comment]
        words += self.extra
        if self.target:
            words += ["-j", self.target]
        if self.to_destination:
            words += ["--to-destination", self.to_destination]
        if self.reject_with:
            words += ["--reject-with", self.reject_with]
        return " ".join(words)


@dataclass(slots=True)
class Chain:
    """A chain; `policy` is `-` for a user's own."""

    name: str
    policy: str
    rules: list[Rule] = field(default_factory=list)


class Iptables:
    """The tables `nat` and `filter` of one backend."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.tables: dict[str, dict[str, Chain]] = {}
        for table in _BUILT_IN:
            self.flush_table(table)

    def flush_table(self, table: str) -> None:
        """Back to the built-in chains without a rule, as after a reboot."""
        self.tables[table] = {name: Chain(name, "ACCEPT") for name in _BUILT_IN[table]}

    def chain(self, table: str, name: str) -> Chain:
        """A chain, or the error of iptables for a name that does not exist."""
        try:
            return self.tables[table][name]
        except KeyError:
            raise RuleError("No chain/target/match by that name.") from None

    def append(self, table: str, chain: str, rule: Rule | str) -> None:
        """Add a rule at the end; text is what would follow `-A CHAIN`."""
        self.chain(table, chain).rules.append(self._checked(table, rule))

    def insert(self, table: str, chain: str, rule: Rule | str, position: int = 1) -> None:
        """Put a rule before number `position`."""
        rules = self.chain(table, chain).rules
        if not 1 <= position <= len(rules) + 1:
            raise RuleError("Index of insertion too big.")
        rules.insert(position - 1, self._checked(table, rule))

    def delete(self, table: str, chain: str, rule: Rule | str | int) -> None:
        """Take away the first equal rule, or rule number n."""
        rules = self.chain(table, chain).rules
        if isinstance(rule, int):
            if not 1 <= rule <= len(rules):
                raise RuleError("Index of deletion too big.")
            del rules[rule - 1]
            return
        wanted = self._checked(table, rule)
        if wanted not in rules:
            raise RuleError("Bad rule (does a matching rule exist in that chain?).")
        rules.remove(wanted)

    def has(self, table: str, chain: str, rule: Rule | str) -> bool:
        """Whether an equal rule exists (`-C`)."""
        return self._checked(table, rule) in self.chain(table, chain).rules

    def _checked(self, table: str, rule: Rule | str) -> Rule:
        parsed = parse_rule(shlex.split(rule)) if isinstance(rule, str) else rule
        if parsed.target and parsed.target not in _TARGETS and parsed.target not in self.tables[table]:
            raise RuleError(f"Chain '{parsed.target}' does not exist")
        return parsed

    # -- deciding

    def translate(self, chain: str, address: str, port: int) -> str | None:
        """Where a DNAT of table nat sends a new TCP connection (`ip:port`), or None if no rule does."""
        verdict = self._walk("nat", chain, address, port)
        return verdict.to_destination if verdict and verdict.target == "DNAT" else None

    def verdict(self, chain: str, address: str, port: int) -> str:
        """What table filter says of a TCP packet: ACCEPT, DROP or REJECT."""
        rule = self._walk("filter", chain, address, port)
        return rule.target if rule else self.tables["filter"][chain].policy

    def _walk(self, table: str, chain: str, address: str, port: int, depth: int = 0) -> Rule | None:
        for rule in self.tables[table][chain].rules:
            if not rule.matches(address, port):
                continue
            if rule.target in ("ACCEPT", "DROP", "REJECT", "DNAT"):
                return rule
            if rule.target == "RETURN":
                return None
            if rule.target in self.tables[table] and depth < 16:
                verdict = self._walk(table, rule.target, address, port, depth + 1)
                if verdict is not None:
                    return verdict
        return None

    # -- text

    def save(self, now: float, tables: Sequence[str] = ("filter", "nat")) -> str:
        """The output of iptables-save."""
        stamp = datetime.fromtimestamp(now, UTC).strftime("%a %b %d %H:%M:%S %Y")
        flavour = f"v{VERSION} (nf_tables)" if self.backend == "nft" else f"v{VERSION}"
        lines = []
        for table in tables:
            lines += [f"# Generated by iptables-save {flavour} on {stamp}", f"*{table}"]
            lines += [f":{chain.name} {chain.policy} [0:0]" for chain in self.tables[table].values()]
            lines += [rule.text(chain.name) for chain in self.tables[table].values() for rule in chain.rules]
            lines += ["COMMIT", f"# Completed on {stamp}"]
        return "".join(line + "\n" for line in lines)

    def specification(self, table: str, only: str = "") -> list[str]:
        """The lines of `iptables -S`."""
        chains = [self.chain(table, only)] if only else list(self.tables[table].values())
        heads = [f"-P {c.name} {c.policy}" if c.policy != "-" else f"-N {c.name}" for c in chains]
        return heads + [rule.text(chain.name) for chain in chains for rule in chain.rules]

    def restore(self, text: str) -> None:
        """Replace the tables named in the output of iptables-save by what it says."""
        table = ""
        for line in text.splitlines():
            if line.startswith("*"):
                table = line[1:].strip()
                self.flush_table(table)
            elif line.startswith(":"):
                name, policy = line[1:].split()[:2]
                self.tables[table][name] = Chain(name, policy)
            elif line.startswith("-A "):
                _, chain, *words = shlex.split(line)
                self.append(table, chain, parse_rule(words))


def parse_rule(words: Sequence[str]) -> Rule:
    """Read the words that follow `-A CHAIN`; raises RuleError as iptables would."""
    values: dict[str, object] = {}
    extra: list[str] = []
    rest = iter(words)
    for word in rest:
        name = _FIELDS.get(word)
        if name is not None:
            values[name] = _read(name, _argument(word, rest))
        elif word == "-m":
            match = _argument(word, rest)
            if match not in ("tcp", "udp", "comment", "multiport"):
                extra += ["-m", match]
        elif word.startswith("-") or word == "!" or extra:
            extra.append(word)
        else:
            raise RuleError(f"Bad argument `{word}'")
    if "to_destination" in values and values.get("target") != "DNAT":
        raise RuleError('unknown option "--to-destination"')
    if values.get("target") == "DNAT" and "to_destination" not in values:
        raise RuleError('DNAT: option "--to-destination" must be specified')
    if "ports" in values and values.get("protocol") not in ("tcp", "udp"):
        raise RuleError('unknown option "--dport"')
    return Rule(**values, extra=tuple(extra))  # type: ignore[arg-type]


_FIELDS = {
    "-j": "target", "--jump": "target", "-p": "protocol", "--protocol": "protocol", "-s": "source",
    "--source": "source", "-d": "destination", "--destination": "destination", "--dport": "ports",
    "--destination-port": "ports", "--dports": "ports", "--comment": "comment", "--to-destination": "to_destination",
    "--to": "to_destination", "--reject-with": "reject_with", "-i": "interface", "--in-interface": "interface",
}  # fmt: skip


def _argument(option: str, rest: Iterator[str]) -> str:
    try:
        return next(rest)
    except StopIteration:
        raise RuleError(f'option "{option}" requires an argument') from None


def _read(name: str, value: str) -> object:
    if name == "ports":
        return tuple(_port_range(part) for part in value.split(","))
    if name in ("source", "destination"):
        try:
            return "" if value in ("0.0.0.0/0", "anywhere") else str(ipaddress.ip_network(value, strict=False))
        except ValueError:
            raise RuleError(f"host/network `{value}' not found") from None
    return value


def _port_range(text: str) -> tuple[int, int]:
    low, _, high = text.partition(":")
    try:
        return int(low), int(high or low)
    except ValueError:
        raise RuleError(f"invalid port/service `{text}' specified") from None


def _port_text(ports: tuple[int, int]) -> str:
    low, high = ports
    return str(low) if low == high else f"{low}:{high}"


def _within(address: str, network: str) -> bool:
    if not network:
        return True
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False
