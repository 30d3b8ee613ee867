"""The files that bring NAT rules back at boot: a saved table, or a systemd unit of our own. Pure text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

_HEAD = """# Written by kedge-tui: rules that lead the API server's requests to CloudCore.
[Unit]
Description=NAT rules to KubeEdge CloudCore
After=network-pre.target iptables.service nftables.service firewalld.service
Before=k3s.service kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
"""
_TAIL = """
[Install]
WantedBy=multi-user.target
"""
_START = re.compile(r"^ExecStart=/bin/sh -c \"(.*)\"$")
_PLAIN = re.compile(r"[A-Za-z0-9 .,:/|<>=_-]*")


def with_rules(saved: str, rules: Sequence[str]) -> str:
    """A table as ``iptables-save`` writes it, with rules of the nat table that it does not hold yet, in front of the
    others of their chain: so they come in time whatever stands there."""
    missing = [rule for rule in rules if not _holds(saved, rule)]
    lines = saved.splitlines()
    if missing and "*nat" not in (line.strip() for line in lines):
        lines += ["*nat", "COMMIT"]
    for rule in missing:
        start, end = _section(lines)
        chain = rule.split()[1]
        at = next((n for n in range(start, end) if lines[n].startswith(f"-A {chain} ")), None)
        if at is None:
            at = next((n for n in range(start, end) if lines[n].startswith("-A ")), end)
        lines.insert(at, rule)
    return "\n".join(lines) + "\n" if lines else saved


def without_rules(saved: str, rules: Sequence[str]) -> str:
    """The same without these rules."""
    unwanted = {_plain(rule) for rule in rules}
    lines = saved.splitlines()
    start, end = _section(lines)
    kept = [line for n, line in enumerate(lines) if not (start <= n < end and _plain(line) in unwanted)]
    return "\n".join(kept) + "\n" if kept else ""


def unit(commands: Sequence[str]) -> str:
    """A unit that runs these commands at boot; "" when there is none to run.

    Raises:
        ValueError: a command holds what systemd or the shell would read in a way of its own.
    """
    if any(not _PLAIN.fullmatch(command) for command in commands):
        raise ValueError("a rule with characters of the shell's own")
    return "".join((_HEAD, *(f'ExecStart=/bin/sh -c "{one}"\n' for one in commands), _TAIL)) if commands else ""


def commands_of(text: str) -> list[str]:
    """The commands of a unit that :func:`unit` wrote."""
    return [found[1] for line in text.splitlines() if (found := _START.match(line))]


def _section(lines: Sequence[str]) -> tuple[int, int]:
    """Where the rules of the nat table stand; an empty span when there is none."""
    start = next((n + 1 for n, line in enumerate(lines) if line.strip() == "*nat"), len(lines))
    end = next((n for n in range(start, len(lines)) if lines[n].strip() == "COMMIT"), len(lines))
    return start, end


def _holds(saved: str, rule: str) -> bool:
    lines = saved.splitlines()
    start, end = _section(lines)
    return _plain(rule) in {_plain(line) for line in lines[start:end]}


def _plain(rule: str) -> str:
    """Without counters, and without ``-m tcp``, which iptables adds by itself."""
    try:
        words = shlex.split(re.sub(r"^\[\d+:\d+\] ", "", rule))
    except ValueError:
        return rule
    return " ".join(words).replace(" -m tcp ", " ")
