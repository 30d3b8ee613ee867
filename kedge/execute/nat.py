"""One rule of a host's nat table. The table is never flushed and nothing else in it is touched."""

from __future__ import annotations

import difflib
import hashlib
import shlex
from collections.abc import Sequence
from datetime import datetime

from kedge.execute.base import Handler, Hands, LockPath, Refused, Shown, StepFailed, Tell, shown, words_of
from kedge.execute.running import wait_for_end
from kedge.execute.services import host_lock
from kedge.i18n import _
from kedge.model import Step
from kedge.steps import NatRule

NOT_THERE = 1
"""Exit code of ``iptables -C`` for a rule that does not exist."""


class NatRuleHandler(Handler[NatRule]):
    """``-C`` first, then ``-A``, ``-I`` or ``-D``, then the chain is counted."""

    async def look(self, step: NatRule, hands: Hands, at: datetime) -> Shown:
        rules = await _rules(hands, step)
        present = await _is_there(hands, step, rules)
        position = _position(rules, step)
        if step.was and present != (step.op == "add"):
            _compare(step, rules)
        idle = present == (step.op == "add")
        notes = [_("the rule exists already") if present else _("the rule does not exist")] if idle else []
        return shown(
            step,
            f"$ {shlex.join(step.argv)}\n{_diff(step, rules, position)}".rstrip() if not idle else "",
            step.render(),
            notes=tuple(notes),
            pin={"present": present, "chain": _fingerprint(rules)},
            seen={"position": position},
            idle=idle,
        )

    async def change(self, step: NatRule, shown: Shown, hands: Hands, tell: Tell) -> None:
        before = await _rules(hands, step)
        if await _is_there(hands, step, before) == (step.op == "add"):
            return
        await hands.must(step.on, step.argv)
        grown = len(await _rules(hands, step)) - len(before)
        if grown != (1 if step.op == "add" else -1):
            sentence = _("The command succeeded on {host}, but the table does not show it; another program manages it")
            raise StepFailed(sentence.format(host=step.on))
        tell(_("only new connections follow the rule; open ones keep their way"))

    async def settle(self, step: NatRule, shown: Shown, hands: Hands) -> bool | None:
        await wait_for_end(hands, step.on, step.argv, hands.settings.command)  # it waits for the lock of the tables
        rules = await _rules(hands, step)
        present = await _is_there(hands, step, rules)
        if step.op == "add" or not present:
            return present == (step.op == "add")
        # A second rule of the same words may be left, so a deletion is told by the chain.
        return False if _fingerprint(rules) == shown.pin["chain"] else None

    def undo(self, step: NatRule, shown: Shown) -> tuple[Step, ...]:
        if step.op == "add":
            return () if shown.pin["present"] else (NatRule(step.on, step.backend, step.chain, step.spec, "delete"),)
        if not shown.pin["present"]:
            return ()
        position = int(shown.seen["position"])
        return (NatRule(step.on, step.backend, step.chain, step.spec, "add", position),)

    def locks(self, step: NatRule) -> tuple[LockPath, ...]:
        return (host_lock(step.on, "nat"),)


async def _is_there(hands: Hands, step: NatRule, rules: Sequence[str]) -> bool:
    """Whether the rule is in the table; one to be inserted counts only where it comes in time."""
    exists = await _exists(hands, step)
    return exists and (not step.before or 0 < _position(rules, step) <= step.before)


async def _exists(hands: Hands, step: NatRule) -> bool:
    answer = await hands.run(step.on, step.check_argv)
    if answer.exit_code not in (0, NOT_THERE):
        sentence = _("{command} on {host} cannot be used: {words}")
        raise StepFailed(sentence.format(command=step.check_argv[0], host=step.on, words=words_of(answer)))
    return answer.exit_code == 0


async def _rules(hands: Hands, step: NatRule) -> list[str]:
    answer = await hands.must(step.on, step.list_argv)
    lines = answer.stdout.decode(errors="replace").splitlines()
    return [line for line in lines if line.startswith(f"-A {step.chain} ")]


def _fingerprint(rules: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(rules).encode()).hexdigest()


def _words(step: NatRule, rule: str) -> list[str]:
    return _plain(shlex.split(rule.removeprefix(f"-A {step.chain} ")))


def _plain(words: Sequence[str]) -> list[str]:
    """Without ``-m tcp``, which iptables adds to a rule that matches ports."""
    found: list[str] = []
    for word in words:
        if found[-1:] == ["-m"] and word == "tcp":
            found.pop()
        else:
            found.append(word)
    return found


def _position(rules: Sequence[str], step: NatRule) -> int:
    """Where the rule stands, 0 when it is written otherwise than in the step, or not there."""
    found = (number for number, rule in enumerate(rules, 1) if _words(step, rule) == _plain(step.spec))
    return next(found, 0)


def _compare(step: NatRule, rules: Sequence[str]) -> None:
    now = rules[step.before - 1] if 0 < step.before <= len(rules) else ""
    if _words(step, now) != _plain(shlex.split(step.was)):
        sentence = _("Rule {position} of nat {chain} on {host} is no longer the one the plan was made for; look again")
        raise Refused(sentence.format(position=step.before, chain=step.chain, host=step.on))


def _diff(step: NatRule, rules: Sequence[str], position: int) -> str:
    """The chain before and after."""
    after = list(rules)
    if step.op == "add":
        after.insert(step.before - 1 if step.before else len(rules), f"-A {step.chain} {shlex.join(step.spec)}")
    elif position:
        del after[position - 1]
    name = f"{step.on} nat {step.chain}"
    return "\n".join(difflib.unified_diff(rules, after, name, name, lineterm=""))
