"""Discovery of plugins by entry point, and the rules a set of them must keep.

A package that fails to import becomes a sentence in :attr:`Registry.problems`; the rest goes on. Of two plugins
with one name the second is left out, and the built-in ones come first, so no package can put its own check in the
place of one of ours; a probe without a parser is left out too. A relation to a code nobody has is only named.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TypeVar

from kedge.i18n import Text, _
from kedge.plugins import Check, Fix, Probe, Registry

log = logging.getLogger(__name__)

T = TypeVar("T", Probe, Check, Fix)

BUILT_IN = ("kedge.probes", "checks", "fixes")
"""This product's own plugins, found by the same door."""

GROUPS = ("kedge_tui.probes", "kedge_tui.checks", "kedge_tui.fixes")


def discover(points: Iterable[EntryPoint] | None = None) -> Registry:
    """Load every plugin that is installed, built-ins included (they use the same door)."""
    problems: list[Text] = []
    objects: list[Probe | Check | Fix] = []
    found = points if points is not None else [p for group in GROUPS for p in entry_points(group=group)]
    for point in sorted(found, key=lambda point: point.module not in BUILT_IN):
        for name in _module_names(point.module, problems):
            if (module := _imported(name, problems)) is not None:
                objects += _plugins(module)
    return build(objects, problems)


def build(objects: Iterable[Probe | Check | Fix], problems: Iterable[Text] = ()) -> Registry:
    """A registry of these plugins; those that break a rule are left out and named."""
    said = list(problems)
    probes = _unique([o for o in objects if isinstance(o, Probe)], lambda p: p.name, said)
    checks = _unique([o for o in objects if isinstance(o, Check)], lambda c: c.code, said)
    fixes = _unique([o for o in objects if isinstance(o, Fix)], lambda f: f.id, said)
    codes = {check.code for check in checks}
    for check in checks:
        for code in {*check.needs, *check.explained_by} - codes:
            said.append(_("{code} refers to {other}, which no check has").format(code=check.code, other=code))
    for fix in fixes:
        for code in {*fix.answers, *fix.verify, *fix.expect} - codes:
            said.append(_("The fix {fix} refers to {other}, which no check has").format(fix=fix.id, other=code))
    for probe in probes:
        if probe.read is None:
            said.append(_("The probe {name} is left out: nothing reads its answer (.parse)").format(name=probe.name))
    return Registry(
        probes=tuple(p for p in probes if p.read is not None),
        checks=tuple(sorted(checks, key=lambda c: c.code)),
        fixes=tuple(sorted(fixes, key=lambda f: f.id)),
        problems=tuple(said),
    )


def _unique(items: Iterable[T], key: Callable[[T], str], said: list[Text]) -> list[T]:
    """The first of each name; a second one is refused and named."""
    kept: dict[str, T] = {}
    for item in items:
        first = kept.setdefault(key(item), item)
        if first is not item:
            text = _("{name} of {module} is left out: {first} has a plugin of that name already")
            said.append(text.format(name=key(item), module=_home(item), first=_home(first)))
    return list(kept.values())


def _module_names(package: str, problems: list[Text]) -> Iterator[str]:
    """The package of an entry point and the modules in it."""
    root = _imported(package, problems)
    if root is not None:
        yield package
        yield from (found.name for found in pkgutil.iter_modules(getattr(root, "__path__", []), package + "."))


def _imported(name: str, problems: list[Text]) -> ModuleType | None:
    """A module, or None with a sentence about it; the others go on."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # a third party's import may raise anything
        log.exception("plugin %s failed to load", name)
        problems.append(_("The plugin {name} could not be loaded: {error}").format(name=name, error=error))
        return None


def _plugins(module: ModuleType) -> list[Probe | Check | Fix]:
    own = [value for value in vars(module).values() if isinstance(value, Probe | Check | Fix)]
    return [value for value in own if _home(value) == module.__name__]


def _home(plugin: Probe | Check | Fix) -> str:
    return plugin.ask.__module__ if isinstance(plugin, Probe) else plugin.function.__module__
