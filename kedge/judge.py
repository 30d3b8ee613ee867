"""Runs checks over facts: a changed fact re-runs only the checks that read it."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from kedge.asks import File
from kedge.i18n import _
from kedge.model import SITE, Cost, Each, Evidence, Finding, Reason, Status, Unknown, Verdict
from kedge.plugins import All, Check, Registry, fact_target
from kedge.store import NOT_ASKED, FactStore

log = logging.getLogger(__name__)

_NOT_RUN = _(
    "not run: intrusive; r on this line runs it once, and so does `kedge-tui check {code} --node {node} --intrusive`"
)


class _Plan:
    """What is the same for every target of one check, worked out once."""

    __slots__ = ("check", "families", "fixes", "needs", "plain", "reads")

    def __init__(self, check: Check, installed: frozenset[str]) -> None:
        self.check = check
        self.needs = check.needs_facts
        self.plain = tuple(at for at, need in enumerate(check.needs_facts) if need.mode == "plain")
        self.reads = frozenset(need.type for need in check.needs_facts)
        self.families = tuple(need.type for need in check.needs_facts if need.mode == "all")
        # A check may name a fix that is not installed here; nobody is offered what is not there.
        self.fixes = tuple(fix for fix in check.fixes if fix in installed)


class Judge:
    """Keeps the raw verdict of every (check, target) and renews those whose inputs changed."""

    def __init__(self, registry: Registry) -> None:
        self._fixes = frozenset(fix.id for fix in registry.fixes)
        self._plans = tuple(_Plan(check, self._fixes) for check in registry.checks)
        self._over: dict[str, tuple[str, ...]] = {}
        self._inputs: dict[str, dict[str, Sequence[Any]]] = {plan.check.code: {} for plan in self._plans}
        self._findings: dict[str, dict[str, tuple[Finding, ...]]] = {plan.check.code: {} for plan in self._plans}
        self._sorted: dict[str, tuple[Finding, ...]] = {}
        self.ran = 0

    def evaluate(self, store: FactStore, targets: Mapping[Each, Sequence[str]]) -> tuple[Finding, ...]:
        """Findings before any relation is applied, sorted by code, then target.

        Args:
            store: the facts.
            targets: for each scope the targets it runs over; ``Each.SITE`` is implied.
        """
        renewed, changed = _by_type(store.take_renewed()), _by_type(store.take_changed())
        with _uncollected():
            for plan in self._plans:
                self._review(plan, tuple(_targets(plan.check, targets)), store, _dirty(plan, changed), renewed)
        return tuple([finding for code in sorted(self._findings) for finding in self._of(code)])

    def _review(
        self,
        plan: _Plan,
        targets: tuple[str, ...],
        store: FactStore,
        dirty: set[str] | None,
        renewed: Mapping[type, set[str]],
    ) -> None:
        """One check over its targets: judges anew where something it reads has changed, looks at no other."""
        code = plan.check.code
        known = self._inputs[code]
        if self._over.get(code) != targets:
            self._over[code] = targets
            self._forget(code, known.keys() - set(targets))
        if dirty is None or SITE in dirty or len(known) < len(targets):
            stale = {one for one in targets if dirty is None or SITE in dirty or one in dirty or one not in known}
        else:
            stale = dirty & known.keys()
        for target in stale:
            self._renew(plan, target, store)
        seen_again = set[str]().union(*(renewed[kind] for kind in plan.reads & renewed.keys()))
        for target in seen_again & (known.keys() - stale):
            self._point_anew(plan, target, store)

    def _forget(self, code: str, gone: Iterable[str]) -> None:
        for target in gone:
            del self._inputs[code][target], self._findings[code][target]
        self._sorted.pop(code, None)

    def _of(self, code: str) -> tuple[Finding, ...]:
        """A check's findings, sorted by target; sorted anew only after one of them changed."""
        found = self._sorted.get(code)
        if found is None:
            flat = [finding for one in self._findings[code].values() for finding in one]
            found = self._sorted[code] = tuple(sorted(flat, key=lambda finding: finding.target))
        return found

    def _put(self, code: str, target: str, found: tuple[Finding, ...]) -> None:
        self._findings[code][target] = found
        self._sorted.pop(code, None)

    def _renew(self, plan: _Plan, target: str, store: FactStore) -> None:
        code = plan.check.code
        inputs, keys = store.arguments(plan.needs, fact_target(plan.check.each, target))
        old = self._inputs[code].get(target)
        if old is not None and _same(old, inputs):
            return
        self.ran += 1
        self._inputs[code][target] = inputs
        self._put(code, target, self._judge(plan, target, inputs, store.evidence(keys, plan.families)))

    def _point_anew(self, plan: _Plan, target: str, store: FactStore) -> None:
        """The same verdict, seen again: its evidence carries the newer time."""
        code = plan.check.code
        keys = store.arguments(plan.needs, fact_target(plan.check.each, target))[1]
        evidence = store.evidence(keys, plan.families)
        pointed = [
            replace(f, evidence=_pointing(evidence, max((e.line for e in f.evidence), default=0)))
            for f in self._findings[code][target]
        ]
        self._put(code, target, tuple(pointed))

    def _judge(
        self, plan: _Plan, target: str, arguments: Sequence[Any], evidence: tuple[Evidence, ...]
    ) -> tuple[Finding, ...]:
        started = time.perf_counter()
        verdicts, reason = _verdicts(plan, target, arguments)
        seconds = time.perf_counter() - started
        check = plan.check
        return tuple(
            [
                Finding(
                    code=check.code,
                    title=check.title,
                    kind=check.kind,
                    target=verdict.target or target,
                    status=verdict.status,
                    text=verdict.text,
                    expected=verdict.expected,
                    seen=verdict.seen,
                    seconds=seconds,
                    evidence=_pointing(evidence, verdict.line) if verdict.line else evidence,
                    fixes=plan.fixes if verdict.fixes is None else self._installed(verdict.fixes),
                    hops=check.hops,
                    reason=reason,
                    explained_by=verdict.explained_by,
                )
                for verdict in verdicts
            ]
        )

    def _installed(self, fixes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(fix for fix in fixes if fix in self._fixes)


def _by_type(keys: Iterable[tuple[type, str]]) -> dict[type, set[str]]:
    found: dict[type, set[str]] = {}
    for kind, target in keys:
        found.setdefault(kind, set()).add(target)
    return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: judging makes tens of thousands of objects that live on, and no cycle.

    Looking through them again and again is a third of the time that a large site takes to judge.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _dirty(plan: _Plan, changed: Mapping[type, set[str]]) -> set[str] | None:
    """Targets of a check that some changed fact concerns; None for all of them."""
    read = plan.reads & changed.keys()
    if read and (plan.check.each is Each.SITE or any(kind in changed for kind in plan.families)):
        return None
    return set[str]().union(*(changed[kind] for kind in read))


def _same(old: Sequence[Any], new: Sequence[Any]) -> bool:
    return all(a is b or (isinstance(a, All) and a == b) for a, b in zip(old, new, strict=True))


def _targets(check: Check, targets: Mapping[Each, Sequence[str]]) -> Sequence[str]:
    if check.each is Each.SITE:
        return (SITE,)
    found = targets.get(check.each, ())
    # No such host is known: the check is still there, once, and says what it could not see.
    return found if found or check.each is Each.EDGE else (SITE,)


def _pointing(evidence: tuple[Evidence, ...], line: int) -> tuple[Evidence, ...]:
    """A verdict's line is a line of the file it read, which then comes first; else of the first observation."""
    if not line or not evidence:
        return evidence
    files = [e for e in evidence if e.observation is not None and isinstance(e.observation.ask, File)]
    first = (files or list(evidence))[0]
    return (replace(first, line=line), *(e for e in evidence if e is not first))


def _verdicts(plan: _Plan, target: str, arguments: Sequence[Any]) -> tuple[Sequence[Verdict], Reason | None]:
    """What the check says, or ``unknown``/``skip`` when it cannot be asked."""
    check = plan.check
    if check.cost is Cost.INTRUSIVE and any(value is NOT_ASKED for value in arguments):
        how = _NOT_RUN.format(code=check.code, node=target)
        return (Verdict(Status.SKIP, how),), Reason.NOT_ASKED
    missing = [value for at in plan.plain if isinstance(value := arguments[at], Unknown)]
    if missing:
        first = next((value for value in missing if value is not NOT_ASKED), missing[0])
        if check.each is not Each.SITE and target == SITE:
            first = _no_host(check.each)
        return (Verdict(Status.UNKNOWN, first.text, line=first.line),), first.reason
    try:
        said = check.function(*arguments)
    except Exception as error:  # a plugin's bug must not take the other checks away
        log.exception("check %s failed on %s", check.code, target)
        text = _("The check itself failed: {error}. The log file has the details").format(error=error)
        return (Verdict(Status.UNKNOWN, text),), Reason.UNSUPPORTED
    verdicts = (said,) if isinstance(said, Verdict) else said
    if not any(verdict.status is Status.UNKNOWN for verdict in verdicts):
        return verdicts, None
    return verdicts, next((value.reason for value in arguments if isinstance(value, Unknown)), None)


def _no_host(each: Each) -> Unknown:
    what = {
        Each.APISERVER_HOST: _("No host of the API server is known or reachable; name one with roles: [apiserver]"),
        Each.CLOUDCORE_HOST: _("No host of CloudCore is known; name one with roles: [cloudcore]"),
    }
    return Unknown(Reason.NO_SSH, what[each])
