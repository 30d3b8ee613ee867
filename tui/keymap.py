"""Keys that the config file binds otherwise: by the ids of bindings, with what cannot be had told in sentences."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence

from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode

from kedge.config import KeyChoice
from kedge.i18n import Text, _


def places() -> Iterator[type[DOMNode]]:
    """Every class of the screen that binds keys."""
    import tui

    seen: set[type] = set()
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for value in vars(importlib.import_module(module.name)).values():
            ours = isinstance(value, type) and issubclass(value, DOMNode) and value.__module__.startswith("tui.")
            if ours and "BINDINGS" in value.__dict__ and value not in seen:
                seen.add(value)
                yield value


def bindings_of(place: type[DOMNode]) -> list[Binding]:
    """What a class binds itself, one binding per key."""
    mapped = BindingsMap(place.__dict__["BINDINGS"]).key_to_bindings
    return [binding for bindings in mapped.values() for binding in bindings]


def keymap_of(chosen: Sequence[KeyChoice]) -> tuple[dict[str, str], tuple[Text, ...]]:
    """The keymap for Textual, and what is wrong with it: unknown ids, and keys that two actions of a place want."""
    bound = {place: bindings_of(place) for place in places()}
    known = {binding.id for bindings in bound.values() for binding in bindings if binding.id}
    keymap: dict[str, str] = {}
    problems: list[Text] = []
    for choice in chosen:
        if choice.id in known and choice.keys:
            keymap[choice.id] = ",".join(_as_textual(key) for key in choice.keys.split(","))
            continue
        near = difflib.get_close_matches(choice.id, known, 1)
        hint = _("; did you mean `{near}`?").format(near=near[0]) if near else _("")
        said = _("{place}: there is nothing called `{id}` to bind{hint}")
        problems.append(said.format(place=choice.place, id=choice.id, hint=hint))
    places_of = {choice.id: choice.place for choice in chosen}
    return keymap, (*problems, *_clashes(bound.values(), keymap, places_of))


def _as_textual(key: str) -> str:
    """``F2`` and ``Ctrl+R`` as Textual writes them; a single letter keeps its case."""
    name = key.strip()
    return name if len(name) == 1 else name.lower()


def _clashes(
    bound: Iterable[Sequence[Binding]], keymap: Mapping[str, str], places_of: Mapping[str, str]
) -> Iterator[Text]:
    for bindings in bound:
        taken: dict[str, str] = {}
        for binding in sorted(bindings, key=lambda binding: binding.id in keymap):
            own = binding.id or ""
            for key in keymap[own].split(",") if own in keymap else (binding.key,):
                other = taken.setdefault(key.strip(), own)
                if other != own and own in keymap:
                    said = _("{place}: `{key}` for {id} is taken by {other}")
                    yield said.format(place=places_of[own], key=key.strip(), id=own, other=other)
