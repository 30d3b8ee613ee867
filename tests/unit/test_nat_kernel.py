"""Which rule takes a connection: order, jumps, RETURN, shadowing, and what can only be guessed at."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kedge.facts.nat import Kernel
from kedge.facts.network import NatRule, NatTables
from kedge.probes.nat import read_rules

EDGE = "10.99.0.21"


def kernel(*lines: str, backend: str = "nft", local: tuple[str, ...] = ()) -> Kernel:
    text = "\n".join(f"-A {line}" for line in lines)
    return Kernel(NatTables(tuple(read_rules(text, backend)), (backend,)), local)


def takers(of: Kernel, port: int = 10351, ip: str = EDGE, hook: str = "OUTPUT") -> list[tuple[str, bool]]:
    """(where to, surely) for everything that may take the connection."""
    return [
        (f"{t.to[0]}:{t.to[1]}" if t.to else t.rule.target, t.sure)
        for t in of.taken(hook, of.tables.backends[0], ip, port)
    ]


A, B = "-j DNAT --to-destination 1.1.1.1:1", "-j DNAT --to-destination 2.2.2.2:2"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((f"OUTPUT -p tcp --dport 10351 {A}", f"OUTPUT -p tcp --dport 10351 {B}"), [("1.1.1.1:1", True)]),
        ((f"OUTPUT -p tcp --dport 10350 {A}",), []),
        ((f"OUTPUT -p udp --dport 10351 {A}",), []),
        ((f"PREROUTING -p tcp --dport 10351 {A}",), []),
        (("OUTPUT -j T", f"T -p tcp --dport 10351 {A}"), [("1.1.1.1:1", True)]),
        (("OUTPUT -j T", "T -j RETURN", f"T {A}", f"OUTPUT {B}"), [("2.2.2.2:2", True)]),
        (("OUTPUT -j RETURN", f"OUTPUT {A}"), []),
        (("OUTPUT -p tcp --dport 10000:20000 -j ACCEPT", f"OUTPUT {A}"), [("ACCEPT", True)]),
        (("OUTPUT -j LOG", "OUTPUT -j EMPTY", f"OUTPUT {A}"), [("1.1.1.1:1", True)]),
        (("OUTPUT -g T", f"OUTPUT {A}", f"T -p tcp --dport 1 {B}"), []),
        (("OUTPUT -g T", f"OUTPUT {A}", f"T {B}"), [("2.2.2.2:2", True)]),
        (("OUTPUT -j T", "T -g U", f"T {A}", "U -p tcp --dport 1 -j ACCEPT", f"OUTPUT {B}"), [("2.2.2.2:2", True)]),
        (("OUTPUT -j T", "T -j OUTPUT", f"OUTPUT {A}"), [("1.1.1.1:1", True)]),
        ((f"OUTPUT -d 10.43.0.1/32 {A}", f"OUTPUT -d 10.99.0.0/16 {B}"), [("2.2.2.2:2", True)]),
        ((f"OUTPUT ! -d 10.99.0.0/16 {A}",), []),
        ((f"OUTPUT -p tcp ! --dport 10351 {A}", f"OUTPUT -p tcp --dports 1,10351 {B}"), [("2.2.2.2:2", True)]),
        (("OUTPUT -m addrtype --dst-type LOCAL -j DOCKER", f"DOCKER {A}", f"OUTPUT {B}"), [("2.2.2.2:2", True)]),
    ],
)  # fmt: skip
def test_who_takes_a_connection(lines: tuple[str, ...], expected: list[tuple[str, bool]]) -> None:
    assert takers(kernel(*lines)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((f"OUTPUT -o eth0 {A}", f"OUTPUT {B}"), [("1.1.1.1:1", False), ("2.2.2.2:2", False)]),
        (("OUTPUT -m owner --uid-owner 0 -j RETURN", f"OUTPUT {A}"), [("1.1.1.1:1", False)]),
        (("OUTPUT -o eth0 -j T", f"T {A}"), [("1.1.1.1:1", False)]),
        (("OUTPUT -j T", "T -o eth0 -j RETURN", f"T {A}", f"OUTPUT {B}"), [("1.1.1.1:1", False), ("2.2.2.2:2", False)]),
        (("OUTPUT -o eth0 -g T", f"OUTPUT {A}", f"T {B}"), [("2.2.2.2:2", False), ("1.1.1.1:1", False)]),
        (("OUTPUT -o eth0 -j T", "T -j RETURN", f"OUTPUT {A}"), [("1.1.1.1:1", True)]),
        ((f"OUTPUT -d some.host {A}",), [("1.1.1.1:1", False)]),
    ],
)
def test_what_cannot_be_known_stays_a_maybe(lines: tuple[str, ...], expected: list[tuple[str, bool]]) -> None:
    assert takers(kernel(*lines)) == expected


def test_a_rule_for_local_destinations_may_apply_to_the_host_itself() -> None:
    own = kernel("OUTPUT -m addrtype --dst-type LOCAL -j DOCKER", f"DOCKER {A}", local=(EDGE,))
    assert takers(own) == [("1.1.1.1:1", False)]


def test_the_place_in_the_hook_is_told_for_a_rule_in_another_chain() -> None:
    found = kernel("OUTPUT -p tcp --dport 1 -j X", "OUTPUT -j T", f"T {A}").taken("OUTPUT", "nft", EDGE, 10351)
    assert [(t.hook_position, t.rule.chain) for t in found] == [(2, "T")]


def test_chains_that_jump_to_each_other_many_times_cost_no_time() -> None:
    lines = [f"C{i} -j C{i + 1}" for i in range(60) for _again in range(30)]
    assert takers(kernel("OUTPUT -j C0", *lines, f"C60 {A}")) == [("1.1.1.1:1", True)]


# ----------------------------------------------------------------------------- against a plain interpreter

CHAINS = ("OUTPUT", "T", "U", "V")
SURE_RULES = st.builds(
    "{} {} {}".format,
    st.sampled_from(CHAINS),
    st.sampled_from(["", "-p tcp --dport 10351", "-p tcp --dport 1", "-d 10.99.0.21/32", "! -d 10.99.0.21/32"]),
    # Only forward jumps: iptables itself refuses loops.
    st.sampled_from(["-j T", "-j U", "-j V", "-g V", "-j RETURN", "-j ACCEPT", "-j LOG", A, B]),
)


def walked(rules: list[NatRule], chain: str) -> NatRule | str:
    """The taker by the book: go through the chain, follow jumps, come back. ``back`` or ``end`` when none."""
    for rule in (r for r in rules if r.chain == chain):
        applies = rule.matches_port(10351) and (not rule.destination or not rule.not_destination)
        if not applies:
            continue
        if rule.target in ("ACCEPT", "DNAT"):
            return rule
        if rule.target == "RETURN":
            return "back"
        if rule.target in CHAINS:
            found = walked(rules, rule.target)
            if found != "back" or rule.goto:
                return found
    return "back"


@given(st.lists(SURE_RULES, max_size=25))
@example(["OUTPUT  -g V", "OUTPUT  -j ACCEPT"])  # V is empty: going there leaves OUTPUT
def test_sure_rules_decide_as_a_plain_interpreter_says(lines: list[str]) -> None:
    order = {name: position for position, name in enumerate(CHAINS)}
    forward = [line for line in lines if _jumps_forward(line, order)]
    own = kernel(*forward)
    expected = walked(list(own.tables.rules), "OUTPUT")
    found = own.taken("OUTPUT", "nft", EDGE, 10351)
    assert [t.rule for t in found] == ([expected] if isinstance(expected, NatRule) else [])
    assert all(t.sure for t in found)


def _jumps_forward(line: str, order: dict[str, int]) -> bool:
    words = line.split()
    target = words[words.index("-j" if "-j" in words else "-g") + 1]
    return target not in order or order[target] > order[words[0]]
