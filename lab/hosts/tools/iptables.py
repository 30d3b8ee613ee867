"""``iptables``, ``iptables-save`` and ``iptables-restore`` in both flavours, with the messages of version 1.8.9."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.hosts.tools.calls import Call, NeedsInput, Reply
from lab.world_nat import VERSION, Chain, Iptables, Rule, RuleError, parse_rule

_PLAIN_ERRORS = ("No chain/target/match", "Bad rule", "Index of", "Chain already exists", "Directory not empty")
"""Errors of the kernel, printed without version and usage hint, exit code 1; all others are errors of usage, 2."""

_USAGE, _NO_TABLE, _NOT_PERMITTED = 2, 3, 4

_LONG = {
    "--append": "-A", "--insert": "-I", "--delete": "-D", "--check": "-C", "--replace": "-R", "--list": "-L",
    "--list-rules": "-S", "--new-chain": "-N", "--new": "-N", "--delete-chain": "-X", "--flush": "-F",
    "--policy": "-P", "--zero": "-Z", "--table": "-t", "--numeric": "-n", "--verbose": "-v", "--exact": "-x",
    "--line-numbers": "--line-numbers", "--wait": "-w", "--version": "-V", "--wait-interval": "-W",
}  # fmt: skip
_COMMANDS = frozenset({"-A", "-I", "-D", "-C", "-R", "-L", "-S", "-N", "-X", "-F", "-P", "-Z", "-V"})


@dataclass(slots=True)
class _Line:
    """A parsed command line."""

    command: str = ""
    table: str = "filter"
    chain: str = ""
    number: int = 0
    rule: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    policy: str = ""


def iptables(call: Call) -> Reply:
    """``iptables``, ``iptables-nft`` and ``iptables-legacy``."""
    backend = _backend(call.tool)
    tables = call.host.firewall[backend]
    name = f"iptables v{VERSION} ({'nf_tables' if backend == 'nft' else 'legacy'})"
    try:
        line = _parse(call.words)
        if line.command == "-V":
            return Reply(f"{name}\n")
        if not call.privileged:
            return Reply(err=f"{name}: {_permission(backend, line.table)}\n", code=_NOT_PERMITTED)
        if line.table not in tables.tables:
            return Reply(err=f"{name}: {_no_table(backend, line.table)}\n", code=_NO_TABLE)
        out = _EXECUTE[line.command](tables, line)
    except RuleError as refused:
        return _error(name, str(refused))
    if line.command not in ("-L", "-S", "-C"):
        call.host.rules_changed()
    return Reply(out)


def iptables_save(call: Call) -> Reply:
    """``iptables-save``, ``-nft-save`` and ``-legacy-save``."""
    backend = _backend(call.tool)
    if not call.privileged:
        name = f"{call.tool} v{VERSION} ({'nf_tables' if backend == 'nft' else 'legacy'})"
        return Reply(err=f"{name}: {_permission(backend, 'nat')}\n", code=_NOT_PERMITTED)
    words = list(call.words)
    wanted = words[words.index("-t") + 1 : words.index("-t") + 2] if "-t" in words else ["filter", "nat"]
    tables = call.host.firewall[backend]
    missing = [table for table in wanted if table not in tables.tables]
    if missing:
        return Reply(err=f"{call.tool} v{VERSION}: {_no_table(backend, missing[0])}\n", code=1)
    return Reply(tables.save(call.host.clock(), wanted))


def iptables_restore(call: Call) -> Reply:
    """``iptables-restore``; with ``--noflush`` the lines are added to what is there."""
    if not call.privileged:
        return Reply(err=f"{call.tool} v{VERSION}: {_permission(_backend(call.tool), 'nat')}\n", code=_NOT_PERMITTED)
    files = [word for word in call.words if not word.startswith("-")]
    if files:
        text = (call.folder / files[0]).read_text()
    elif call.stdin is None:
        raise NeedsInput
    else:
        text = call.stdin.decode(errors="replace")
    tables = call.host.firewall[_backend(call.tool)]
    try:
        if {"-n", "--noflush"} & set(call.words):
            _add(tables, text)
        else:
            tables.restore(text)
    except RuleError as refused:
        return _error(f"{call.tool} v{VERSION}", str(refused))
    call.host.rules_changed()
    return Reply()


def _backend(tool: str) -> str:
    return "legacy" if "legacy" in tool else "nft"


def _permission(backend: str, table: str) -> str:
    if backend == "nft":
        return "Could not fetch rule set generation id: Permission denied (you must be root)"
    return f"can't initialize iptables table `{table}': Permission denied (you must be root)"


def _no_table(backend: str, table: str) -> str:
    if backend == "nft":
        return f"table '{table}' does not exist"
    return f"can't initialize iptables table `{table}': Table does not exist (do you need to insmod?)"


def _error(name: str, text: str) -> Reply:
    if text.startswith(_PLAIN_ERRORS):
        return Reply(err=f"iptables: {text}\n", code=1)
    hint = "Try `iptables -h' or 'iptables --help' for more information."
    return Reply(err=f"{name}: {text}\n{hint}\n", code=_USAGE)


# -- reading the command line


def _parse(words: tuple[str, ...]) -> _Line:
    line = _Line()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, _, given = word.partition("=")
        word = _LONG.get(name, word)
        if word in _COMMANDS:
            line.command = word
            _read_target(line, rest)
        elif word == "-t":
            line.table = _value(word, rest, given)
        elif word in ("-w", "-W"):
            if rest and rest[0].isdigit():
                rest.pop(0)
        elif word in ("-n", "-v", "-x", "--line-numbers"):
            line.flags.add(word)
        elif word.startswith("-") and len(word) > 2 and set(word[1:]) <= set("nvxLS"):
            rest[:0] = [f"-{letter}" for letter in sorted(word[1:], key="nvxLS".index)]
        else:
            line.rule.append(word)
    if not line.command:
        raise RuleError("no command specified")
    return line


def _read_target(line: _Line, rest: list[str]) -> None:
    """The chain, number or policy that follows a command."""
    if line.command == "-V":
        return
    if rest and not rest[0].startswith("-"):
        line.chain = rest.pop(0)
    elif line.command in ("-A", "-I", "-D", "-C", "-R", "-N", "-P"):
        raise RuleError(f'option "{line.command}" requires an argument')
    if line.command == "-P":
        line.policy = _value("-P", rest, "")
    elif line.command in ("-I", "-D", "-R") and rest and rest[0].isdigit():
        line.number = int(rest.pop(0))


def _value(option: str, rest: list[str], given: str) -> str:
    if given:
        return given
    if not rest:
        raise RuleError(f'option "{option}" requires an argument')
    return rest.pop(0)


# -- doing it


def _append(tables: Iptables, line: _Line) -> str:
    tables.append(line.table, line.chain, parse_rule(line.rule))
    return ""


def _insert(tables: Iptables, line: _Line) -> str:
    tables.insert(line.table, line.chain, parse_rule(line.rule), line.number or 1)
    return ""


def _delete(tables: Iptables, line: _Line) -> str:
    tables.delete(line.table, line.chain, line.number or parse_rule(line.rule))
    return ""


def _replace(tables: Iptables, line: _Line) -> str:
    rule = parse_rule(line.rule)
    tables.delete(line.table, line.chain, line.number)
    tables.insert(line.table, line.chain, rule, line.number)
    return ""


def _check(tables: Iptables, line: _Line) -> str:
    if not tables.has(line.table, line.chain, parse_rule(line.rule)):
        raise RuleError("Bad rule (does a matching rule exist in that chain?).")
    return ""


def _new_chain(tables: Iptables, line: _Line) -> str:
    if line.chain in tables.tables[line.table]:
        raise RuleError("Chain already exists.")
    tables.tables[line.table][line.chain] = Chain(line.chain, "-")
    return ""


def _delete_chain(tables: Iptables, line: _Line) -> str:
    chains = tables.tables[line.table]
    doomed = [tables.chain(line.table, line.chain)] if line.chain else [c for c in chains.values() if c.policy == "-"]
    for chain in doomed:
        if chain.rules or _references(tables, line.table, chain.name):
            raise RuleError("Directory not empty.")
        del chains[chain.name]
    return ""


def _flush(tables: Iptables, line: _Line) -> str:
    for chain in _chains(tables, line):
        chain.rules.clear()
    return ""


def _policy(tables: Iptables, line: _Line) -> str:
    if line.policy not in ("ACCEPT", "DROP"):
        raise RuleError("Bad policy name. Run `dmesg' for more information.")
    tables.chain(line.table, line.chain).policy = line.policy
    return ""


def _rules(tables: Iptables, line: _Line) -> str:
    return "".join(f"{text}\n" for text in tables.specification(line.table, line.chain))


def _chains(tables: Iptables, line: _Line) -> list[Chain]:
    return [tables.chain(line.table, line.chain)] if line.chain else list(tables.tables[line.table].values())


def _references(tables: Iptables, table: str, name: str) -> int:
    return sum(rule.target == name for chain in tables.tables[table].values() for rule in chain.rules)


def _list(tables: Iptables, line: _Line) -> str:
    return "\n".join(_listing(tables, line, chain) for chain in _chains(tables, line))


def _listing(tables: Iptables, line: _Line, chain: Chain) -> str:
    verbose, numbers = "-v" in line.flags, "--line-numbers" in line.flags
    counters = " 0 packets, 0 bytes" if verbose else ""
    kind = f"policy {chain.policy}{counters}"
    if chain.policy == "-":
        kind = f"{_references(tables, line.table, chain.name)} references"
    head = "target     prot opt source               destination         "
    if verbose:
        head = " pkts bytes target     prot opt in     out     source               destination         "
    rows = [f"Chain {chain.name} ({kind})", ("num  " if numbers else "") + head]
    for index, rule in enumerate(chain.rules, start=1):
        prefix = f"{index:<5}" if numbers else ""
        rows.append(prefix + _row(rule, verbose=verbose, numeric="-n" in line.flags))
    return "".join(f"{row}\n" for row in rows)


_PROTOCOLS = {"tcp": "6", "udp": "17", "": "0", "all": "0"}


def _row(rule: Rule, *, verbose: bool, numeric: bool) -> str:
    anywhere = "0.0.0.0/0" if numeric else "anywhere"
    source, destination = (text.removesuffix("/32") or anywhere for text in (rule.source, rule.destination))
    protocol = _PROTOCOLS.get(rule.protocol, rule.protocol) if numeric else rule.protocol or "all"
    start = f"{rule.target:<10} {protocol:<4} --  "
    if verbose:
        start = f"    0     0 {rule.target:<10} {protocol:<4} --  {rule.interface or '*':<6} {'*':<7} "
    return f"{start}{source:<20} {destination:<20} {_details(rule)}"


def _details(rule: Rule) -> str:
    parts = []
    if rule.ports:
        low, high = rule.ports[0]
        ports = f"dpt:{low}" if low == high else f"dpts:{low}:{high}"
        if len(rule.ports) > 1:
            ports = "multiport dports " + ",".join(str(low) for low, _high in rule.ports)
        parts.append(f"{rule.protocol or 'tcp'} {ports}" if len(rule.ports) == 1 else ports)
    if rule.comment:
        parts.append(f"/* {rule.comment} */")
    if rule.to_destination:
        parts.append(f"to:{rule.to_destination}")
    if rule.reject_with:
        parts.append(f"reject-with {rule.reject_with}")
    return " ".join(parts)


def _nothing(_tables: Iptables, _line: _Line) -> str:
    return ""


_EXECUTE: dict[str, Callable[[Iptables, _Line], str]] = {
    "-A": _append, "-I": _insert, "-D": _delete, "-R": _replace, "-C": _check, "-N": _new_chain,
    "-X": _delete_chain, "-F": _flush, "-P": _policy, "-S": _rules, "-L": _list, "-Z": _nothing,
}  # fmt: skip


def _add(tables: Iptables, text: str) -> None:
    """The lines of iptables-restore, one command each, without emptying the table first."""
    table = "filter"
    for row in text.splitlines():
        if row.startswith("*"):
            table = row[1:].strip()
        elif row.startswith(":"):
            name = row[1:].split()[0]
            tables.tables[table].setdefault(name, Chain(name, "-"))
        elif row.startswith("-"):
            line = _parse(tuple(shlex.split(row)))
            line.table = table
            _EXECUTE[line.command](tables, line)
