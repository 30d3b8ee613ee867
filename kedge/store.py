"""The facts of a site, each with the observations it was read from.

Keyed by (type, target). Putting an equal fact again keeps the old object, so that nothing downstream runs
for a change that is none; its observations are renewed all the same, because evidence has a date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kedge.i18n import _
from kedge.model import SITE, Evidence, Observation, Reason, Unknown
from kedge.plugins import All, Need

Key = tuple[type, str]

KUBERNETES = "kubernetes"
"""Source of what the API told (:mod:`kedge.sources.base`)."""

_NOTHING: Mapping[str, Any] = {}

NOT_ASKED = Unknown(Reason.NOT_ASKED, _("This was not asked yet"))


def missing(needs: Iterable[Need], values: Iterable[Any]) -> Unknown | None:
    """The first of some values that is not known and without which a plugin function is not called."""
    must = ("plain", "together")
    pairs = zip(needs, values, strict=True)
    return next((value for need, value in pairs if need.mode in must and isinstance(value, Unknown)), None)


class FactStore:
    """Facts by (type, target), with a log of what changed since it was last taken."""

    def __init__(self) -> None:
        self._facts: dict[Key, Any] = {}
        self._seen: dict[Key, tuple[Observation, ...]] = {}
        self._by_type: dict[type, dict[str, Any]] = {}
        self._changed: set[Key] = set()
        self._renewed: set[Key] = set()
        self._pointers: dict[Key, tuple[Evidence, ...]] = {}
        self._families: dict[type, All[Any]] = {}
        self._family_pointers: dict[type, tuple[Evidence, ...]] = {}

    def put(self, kind: type, target: str, value: Any, seen: Iterable[Observation] = ()) -> None:
        """Record a fact (or the Unknown in its place) and what it was read from."""
        key = (kind, target)
        self._seen[key] = observed = tuple(seen)
        self._pointers.pop(key, None)
        self._family_pointers.pop(kind, None)
        if key in self._facts and self._facts[key] == value:
            if observed and observed[0].source != KUBERNETES:
                self._renewed.add(key)
            return
        self._facts[key] = value
        self._by_type.setdefault(kind, {})[target] = value
        self._families.pop(kind, None)
        self._changed.add(key)

    def put_all(self, kind: type, values: Mapping[str, Any], seen: Iterable[Observation] = ()) -> None:
        """Record a whole family of facts; targets that are gone are forgotten."""
        observed = tuple(seen)
        for target in set(self._by_type.get(kind, {})) - set(values):
            self.forget(kind, target)
        for target, value in values.items():
            self.put(kind, target, value, observed)

    def forget(self, kind: type, target: str) -> None:
        """Drop a fact, as if it had never been asked."""
        if self._facts.pop((kind, target), None) is not None:
            self._by_type[kind].pop(target, None)
            self._families.pop(kind, None)
            self._seen.pop((kind, target), None)
            self._pointers.pop((kind, target), None)
            self._family_pointers.pop(kind, None)
            self._changed.add((kind, target))

    def forget_target(self, target: str) -> None:
        """Drop everything known of a host that left the site."""
        for kind in [kind for kind, by_target in self._by_type.items() if target in by_target]:
            self.forget(kind, target)

    def take_changed(self) -> frozenset[Key]:
        """The keys that changed since the last call."""
        changed, self._changed = frozenset(self._changed), set()
        return changed

    def take_renewed(self) -> frozenset[Key]:
        """The keys that a host told again, without a change, since the last call: their evidence is newer.

        What the API tells is left out: a list is told anew with every change of any of its objects.
        """
        renewed, self._renewed = frozenset(self._renewed - self._changed), set()
        return renewed

    def key_for(self, kind: type, target: str) -> Key | None:
        """The key under which this target finds the fact: its own, else the site's."""
        by_target = self._by_type.get(kind)
        if not by_target:
            return None
        return (kind, target) if target in by_target else (kind, SITE) if SITE in by_target else None

    def snapshot(self) -> FactStore:
        """The facts as they are now, to be judged on another thread; takes the log of changes along."""
        copy = FactStore()
        copy._facts = dict(self._facts)
        copy._seen = dict(self._seen)
        copy._by_type = {kind: dict(values) for kind, values in self._by_type.items()}
        copy._changed, self._changed = self._changed, set()
        copy._renewed, self._renewed = self._renewed, set()
        copy._pointers, copy._families = dict(self._pointers), dict(self._families)
        copy._family_pointers = dict(self._family_pointers)
        return copy

    def get(self, kind: type, target: str = SITE) -> Any:
        """The fact for this target, else the site's, else None when it was never asked."""
        key = self.key_for(kind, target)
        return None if key is None else self._facts[key]

    def known(self, kind: type, target: str = SITE) -> Any:
        """The fact, or None when it is unknown for whatever reason."""
        value = self.get(kind, target)
        return None if isinstance(value, Unknown) else value

    def all(self, kind: type) -> dict[str, Any]:
        """Every target's value of one type, unknown ones included."""
        return dict(self._by_type.get(kind, {}))

    def items(self) -> list[tuple[Key, Any]]:
        """Every key with its value."""
        return list(self._facts.items())

    def seen(self, key: Key) -> tuple[Observation, ...]:
        """The observations behind one fact."""
        return self._seen.get(key, ())

    def argument(self, need: Need, target: str) -> Any:
        """The value of one parameter of a plugin function."""
        return self.arguments((need,), target)[0][0]

    def arguments(self, needs: Iterable[Need], target: str) -> tuple[list[Any], list[Key]]:
        """The values of a plugin function's parameters, and the keys of the single facts among them."""
        values: list[Any] = []
        keys: list[Key] = []
        for need in needs:
            if need.mode == "target":
                values.append(target)
            elif need.mode == "all":
                values.append(self.family(need.type))
            elif need.parts:
                inside, own_keys = self.arguments(need.parts, target)
                values.append(missing(need.parts, inside) or need.type(*inside))
                keys += own_keys
            else:
                by_target = self._by_type.get(need.type, _NOTHING)
                found, own = by_target.get(target), target
                if found is None:
                    found, own = by_target.get(SITE), SITE
                values.append(NOT_ASKED if found is None else found)
                if found is not None:
                    keys.append((need.type, own))
        return values, keys

    def family(self, kind: type) -> All[Any]:
        """Every target's value of one type, unknown ones included; the same object until one of them changes."""
        found = self._families.get(kind)
        if found is None:
            found = self._families[kind] = All(self._by_type.get(kind, {}))
        return found

    def keys(self, kind: type) -> list[Key]:
        """The keys of every target's fact of one type."""
        return [(kind, target) for target in self._by_type.get(kind, ())]

    def evidence(self, keys: Iterable[Key], families: Iterable[type] = ()) -> tuple[Evidence, ...]:
        """Pointers to the observations behind some facts and whole families of them, each observation once."""
        found: dict[int, Evidence] = {}
        for key in keys:
            for pointer in self._pointers.get(key) or self._evidence_of(key):
                found.setdefault(id(pointer.observation), pointer)
        for kind in families:
            for pointer in self._evidence_of_all(kind):
                found.setdefault(id(pointer.observation), pointer)
        return tuple(found.values())

    def _evidence_of_all(self, kind: type) -> tuple[Evidence, ...]:
        """What a family rests on; kept, for a check of a thousand edges that reads all of them asks so often."""
        made = self._family_pointers.get(kind)
        if made is None:
            made = self._family_pointers[kind] = self.evidence(self.keys(kind))
        return made

    def _evidence_of(self, key: Key) -> tuple[Evidence, ...]:
        """What one fact rests on; made once, for a fact of the site is behind the findings of every edge."""
        made = tuple([Evidence(s.source, s.what, s.at, observation=s) for s in self._seen.get(key, ())])
        self._pointers[key] = made
        return made
