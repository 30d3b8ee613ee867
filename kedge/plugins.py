"""Registration of probes, checks and fixes: the one door for built-ins and third parties alike.

A plugin is a module whose functions carry :func:`probe`, :func:`check` or :func:`fix`; its package names it
in the entry-point groups ``kedge_tui.probes``, ``kedge_tui.checks`` and ``kedge_tui.fixes``. What a function
needs is read from its annotations: a fact type ``T`` (this target's, else the site's), ``Maybe[T]`` (the fact
or :class:`~kedge.model.Unknown`) or ``All[T]`` (every target's); for a fix also a :func:`together` of such.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from kedge.asks import Ask
from kedge.i18n import Text
from kedge.model import SITE, Cost, Each, Hop, Kind, Risk, Role, Status, Step, Unknown, Verdict

T = TypeVar("T")
Maybe = Union[T, Unknown]  # noqa: UP007 - an alias with a type variable, read by annotation
"""The fact, or the typed reason why it is not known."""


class All(Mapping[str, Any], Generic[T]):
    """Every target's fact of one type, unknown ones included. Iterates over targets."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = dict(facts)

    def __getitem__(self, target: str) -> T | Unknown:
        value: T | Unknown = self._facts[target]
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def known(self) -> dict[str, T]:
        """The facts that are known, by target."""
        return {target: fact for target, fact in self._facts.items() if not isinstance(fact, Unknown)}

    def unknown(self) -> dict[str, Unknown]:
        """The reasons of those that are not, by target."""
        return {target: fact for target, fact in self._facts.items() if isinstance(fact, Unknown)}


class RegistryError(Exception):
    """A plugin contradicts another or names a code that does not exist."""


# ------------------------------------------------------------------------------------------- what is needed


@dataclass(frozen=True, slots=True)
class Need:
    """One parameter of a plugin function.

    ``mode`` is ``plain``, ``maybe``, ``all``, ``target`` (its name) or ``together``, whose ``parts`` are its fields.
    """

    name: str
    type: type
    mode: str
    parts: tuple[Need, ...] = ()


def together(kind: type[T]) -> type[T]:
    """Decorator of a dataclass: facts that several fixes need, as one parameter; its fields are like parameters.

    A field ``T`` that is unknown makes the whole unknown, as it would be if the fix named it itself.
    """
    _TOGETHER[kind] = needs_of(kind)
    return kind


_TOGETHER: dict[type, tuple[Need, ...]] = {}


def needs_of(function: Callable[..., Any]) -> tuple[Need, ...]:
    """Read what a plugin function needs from its annotations; raises RegistryError for one that has none."""
    hints = get_type_hints(function)
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints:
            raise RegistryError(f"{function.__module__}.{function.__qualname__}: {parameter.name} has no annotation")
        found.append(_need(parameter.name, hints[parameter.name]))
    return tuple(found)


def _need(name: str, hint: Any) -> Need:
    if hint is str and name == "target":
        return Need(name, str, "target")
    origin, args = get_origin(hint), get_args(hint)
    if origin is All:
        return Need(name, args[0], "all")
    if origin in (Union, types.UnionType) and Unknown in args:
        return Need(name, next(a for a in args if a is not Unknown), "maybe")
    if parts := _TOGETHER.get(hint):
        return Need(name, hint, "together", parts)
    return Need(name, hint, "plain")


def _known(hint: Any) -> Any:
    """``T`` of ``T | Unknown``."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(a for a in get_args(hint) if a is not Unknown)
    return hint


# ---------------------------------------------------------------------------------------------------- probes


@dataclass(slots=True)
class Probe:
    """What to ask a link about one host (or the site), and a pure reading of the answer.

    Attributes:
        on: the role of the hosts it is asked of; None for the site.
        ask: returns an Ask, several, or None when there is nothing to ask there.
        read: turns the observations (one per ask, in order) into a fact or an Unknown.
        fact: type of the fact. ``many``: :attr:`read` returns a dict of facts by target.
        every: seconds between two askings while it is in view; 0 means with every sweep.
        reads_errors: :attr:`read` is also called when some observation has no answer (``Observation.error``).
        volatile: a lost API makes the fact unknown at once; otherwise the last one stays, shown as stale.
    """

    name: str
    ask: Callable[..., Ask | Sequence[Ask] | None]
    on: frozenset[Role] | None
    cost: Cost
    needs: tuple[Need, ...]
    every: float = 0.0
    reads_errors: bool = False
    volatile: bool = False
    fact: type = object
    many: bool = False
    read: Callable[..., Any] | None = None

    def parse(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: the pure reading of the answer; its return annotation names the fact type."""
        hint = _known(get_type_hints(function)["return"])
        if get_origin(hint) is dict:
            self.many, hint = True, _known(get_args(hint)[1])
        self.fact, self.read = hint, function
        return function


def probe(
    *on: Role, cost: Cost = Cost.PASSIVE, every: float = 0.0, reads_errors: bool = False, volatile: bool = False
) -> Callable[[Callable[..., Any]], Probe]:
    """Register a probe of hosts with one of the roles, or of the site when none is given.

    A host probe's first parameter is the :class:`~kedge.model.Host`; further ones are facts it must know first.
    """

    def decorate(function: Callable[..., Any]) -> Probe:
        return Probe(
            name=f"{function.__module__}.{function.__name__}",
            ask=function,
            on=frozenset(on) or None,
            cost=cost,
            needs=needs_of(function),
            every=every,
            reads_errors=reads_errors,
            volatile=volatile,
        )

    return decorate


# ---------------------------------------------------------------------------------------------------- checks


@dataclass(frozen=True, slots=True)
class Check:
    """A pure judgement over facts, with its place, its relations and its fixes."""

    code: str
    title: Text
    kind: Kind
    each: Each
    function: Callable[..., Verdict | Sequence[Verdict]]
    needs_facts: tuple[Need, ...]
    needs: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()
    cost: Cost = Cost.PASSIVE
    doc: str = field(default="", compare=False)


def check(
    code: str,
    title: Text,
    *,
    on: Kind,
    each: Each | None = None,
    needs: Sequence[str] = (),
    explained_by: Sequence[str] = (),
    fixes: Sequence[str] = (),
    hops: Sequence[Hop] = (),
    cost: Cost = Cost.PASSIVE,
) -> Callable[[Callable[..., Verdict | Sequence[Verdict]]], Check]:
    """Register a check.

    Args:
        code: stable for ever, e.g. ``KE206``.
        on: the component it belongs to.
        each: over which targets it runs, when that differs from the component's own.
        needs: codes without which this one has no meaning: when one of them fails this is ``skip``.
        explained_by: codes whose failure explains a failure of this one, most telling first.
        fixes: ids of fixes that help.
        hops: path hops whose status it decides.
        cost: the cost of the dearest probe behind it.
    """

    def decorate(function: Callable[..., Verdict | Sequence[Verdict]]) -> Check:
        return Check(
            code=code,
            title=title,
            kind=on,
            each=each or on.each,
            function=function,
            needs_facts=needs_of(function),
            needs=tuple(needs),
            explained_by=tuple(explained_by),
            fixes=tuple(fixes),
            hops=tuple(hops),
            cost=cost,
            doc=inspect.getdoc(function) or "",
        )

    return decorate


def passed(text: Text, *, seen: Text | str | None = None, expected: Text | str | None = None, **more: Any) -> Verdict:
    """It is as it should be."""
    return Verdict(Status.PASS, text, expected, seen, **more)


def info(text: Text, *, expected: Text | str | None = None, seen: Text | str | None = None, **more: Any) -> Verdict:
    """Worth knowing, nothing to do."""
    return Verdict(Status.INFO, text, expected, seen, **more)


def warned(text: Text, *, expected: Text | str | None = None, seen: Text | str | None = None, **more: Any) -> Verdict:
    """Not what breaks things now, but it will or might."""
    return Verdict(Status.WARN, text, expected, seen, **more)


def failed(text: Text, *, expected: Text | str | None = None, seen: Text | str | None = None, **more: Any) -> Verdict:
    """Broken: measured, not guessed."""
    return Verdict(Status.FAIL, text, expected, seen, **more)


def skipped(text: Text) -> Verdict:
    """It has no meaning here."""
    return Verdict(Status.SKIP, text)


def not_known(unknown: Unknown | Text) -> Verdict:
    """It cannot be told; the sentence says what is missing and what would settle it."""
    return Verdict(Status.UNKNOWN, unknown.text if isinstance(unknown, Unknown) else unknown)


# ----------------------------------------------------------------------------------------------------- fixes


@dataclass(frozen=True, slots=True)
class Draft:
    """What a fix function returns: the steps and who notices. The registry makes the Plan of it."""

    steps: tuple[Step, ...]
    impact: Text
    title: Text | None = None
    risk: Risk | None = None


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """A fix has nothing to offer here, and why."""

    text: Text


def draft(*steps: Step, impact: Text, title: Text | None = None, risk: Risk | None = None) -> Draft:
    """What a fix would do, step by step, and its impact."""
    return Draft(steps, impact, title, risk)


@dataclass(frozen=True, slots=True)
class Fix:
    """A pure proposal over facts. ``function`` returns a Draft or NotApplicable."""

    id: str
    title: Text
    answers: tuple[str, ...]
    risk: Risk
    verify: tuple[str, ...]
    expect: tuple[str, ...]
    verify_seconds: float
    function: Callable[..., Draft | NotApplicable]
    needs_facts: tuple[Need, ...]
    on_demand: bool = False
    doc: str = field(default="", compare=False)


def fix(
    id: str,
    title: Text,
    *,
    answers: Sequence[str],
    risk: Risk,
    verify: Sequence[str],
    expect: Sequence[str] = (),
    verify_seconds: float = 60.0,
    on_demand: bool = False,
) -> Callable[[Callable[..., Draft | NotApplicable]], Fix]:
    """Register a fix: the codes it answers, and the codes that prove that it worked.

    Args:
        on_demand: it is offered whatever its findings say: a test rather than a repair.
    """

    def decorate(function: Callable[..., Draft | NotApplicable]) -> Fix:
        return Fix(
            id=id,
            title=title,
            answers=tuple(answers),
            risk=risk,
            verify=tuple(verify),
            expect=tuple(expect),
            verify_seconds=verify_seconds,
            function=function,
            needs_facts=needs_of(function),
            on_demand=on_demand,
            doc=inspect.getdoc(function) or "",
        )

    return decorate


# -------------------------------------------------------------------------------------------------- registry


@dataclass(frozen=True, slots=True)
class Registry:
    """All plugins that were found, and the sentences of those that could not be loaded."""

    probes: tuple[Probe, ...] = ()
    checks: tuple[Check, ...] = ()
    fixes: tuple[Fix, ...] = ()
    problems: tuple[Text, ...] = ()

    def check(self, code: str) -> Check:
        """The check with this code; KeyError when there is none."""
        return next((c for c in self.checks if c.code == code), None) or _missing(code)

    def fix(self, id: str) -> Fix:
        """The fix with this id; KeyError when there is none."""
        return next((f for f in self.fixes if f.id == id), None) or _missing(id)

    def without_intrusive(self) -> Registry:
        """The same without what periodic sweeps must never run."""
        return replace(self, probes=tuple(p for p in self.probes if p.cost is not Cost.INTRUSIVE))


def _missing(name: str) -> Any:
    raise KeyError(name)


def fact_target(each: Each, target: str) -> str:
    """The target under which a fact of this check stands first."""
    return SITE if each is Each.SITE else target
