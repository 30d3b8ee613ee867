"""Gathers what a site answers while it is looked at, and makes the content of a bundle of it."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from kedge import __version__
from kedge.asks import Ask, HostAsk
from kedge.bundles.codec import encoded
from kedge.bundles.redact import Redactor
from kedge.config import HostSettings, SiteSettings
from kedge.engine import SWEEP_COSTS, Engine
from kedge.model import Cost, Observation
from kedge.picture import Picture
from kedge.report import document, stamp
from kedge.sources.replay import informative

FORMAT = "kedge-tui/bundle/v1"
MANIFEST, FINDINGS, OBSERVATIONS, AUDIT = "manifest.json", "findings.json", "observations.jsonl", "audit.jsonl"
LIBRARIES = ("kubernetes", "paramiko", "textual", "msgspec")


class Gathered:
    """A witness of an engine: keeps the most informative answer to every ask, as a replay would."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, Ask], Observation] = {}

    def __call__(self, seen: Iterable[Observation]) -> None:
        """Take some answers in."""
        for one in seen:
            held = self._held.get((one.source, one.ask))
            if held is None or (informative(one), len(one.objects or ())) >= (
                informative(held),
                len(held.objects or ()),
            ):
                self._held[one.source, one.ask] = one

    def observations(self) -> tuple[Observation, ...]:
        """All of them, by source, in the order they came."""
        return tuple(sorted(self._held.values(), key=lambda one: one.source))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a bundle may hold, in bytes before compression."""

    whole: int = 256 * 2**20
    one: int = 32 * 2**20


@dataclass(slots=True)
class Content:
    """The files of a bundle, clean of secrets; ``manifest`` is what a person reads first."""

    manifest: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)


def content(
    engine: Engine,
    picture: Picture,
    gathered: Gathered,
    *,
    audit: Sequence[Mapping[str, Any]] = (),
    complete: bool = True,
    seconds: float = 0.0,
    costs: Iterable[Cost] = SWEEP_COSTS,
    redactor: Redactor | None = None,
    limits: Limits | None = None,
) -> Content:
    """Everything that goes into the archive.

    Args:
        audit: changes made from this machine, newest first.
        complete: False when the time was up before everything had answered.
        seconds: how long the look took. costs: what was asked; the rest is not run in the bundle either.
    """
    clean = redactor or Redactor()
    kept, missing = _rows(gathered.observations(), clean, limits or Limits())
    files = {
        FINDINGS: _json(clean.value(document(picture)), indent=1),
        OBSERVATIONS: b"".join(kept),
        AUDIT: b"".join(_json(clean.value(dict(entry))) for entry in audit),
    }
    manifest = {
        "apiVersion": FORMAT,
        "site": picture.site,
        "context": picture.context,
        "server": picture.server,
        "takenAt": stamp(picture.taken),
        "seconds": round(seconds, 1),
        "complete": complete,
        "asked": sorted(cost.value for cost in costs),
        "versions": _versions(),
        "summary": {status.value: count for status, count in picture.summary().items()},
        "observations": len(kept),
        "inventory": _inventory(engine.settings),
        "missing": missing,
        "problems": [str(problem) for problem in picture.problems],
    }
    manifest = clean.value(manifest)
    manifest["masked"] = [{"rule": rule, "count": count} for rule, count in sorted(clean.counts.items())]
    return Content(manifest, {MANIFEST: _json(manifest, indent=1), **files})


def _rows(seen: Sequence[Observation], clean: Redactor, limits: Limits) -> tuple[list[bytes], list[dict[str, Any]]]:
    """The lines that fit, and what is missing: what had no answer, and what was too large."""
    rows = [_json(clean.value(encoded(one))) for one in seen]
    missing = [_missing(one, one.error.reason.value, str(one.error.text)) for one in seen if one.error is not None]
    large = set()
    room = limits.whole - sum(map(len, rows))
    for position in sorted(range(len(rows)), key=lambda at: -len(rows[at])):
        if room >= 0 and len(rows[position]) <= limits.one:
            break
        room += len(rows[position])
        large.add(position)
        said = f"its {len(rows[position]) / 2**20:.1f} MiB are more than a bundle may hold"
        missing.append(_missing(seen[position], "too large", said))
    return [row for position, row in enumerate(rows) if position not in large], missing


def _missing(seen: Observation, reason: str, message: str) -> dict[str, Any]:
    asked = seen.what or (seen.ask.render() if isinstance(seen.ask, HostAsk) else repr(seen.ask))
    first = asked.splitlines()[0]
    return {"source": seen.source, "what": first, "reason": reason, "message": message}


def _inventory(settings: SiteSettings) -> dict[str, Any]:
    """What the config file says of the hosts, without how they are logged in to."""
    hosts = [
        HostSettings(
            match=host.match,
            node=host.node,
            address=host.address,
            port=host.port or (22 if host.user or host.jump else 0),
            local=host.local,
            runtime=host.runtime,
            roles=host.roles,
            paths=host.paths,
        )
        for host in settings.hosts
    ]
    built: dict[str, Any] = msgspec.to_builtins(SiteSettings(bundle=settings.bundle, hosts=tuple(hosts)))
    return {name: built[name] for name in ("bundle", "hosts")}


def _versions() -> dict[str, str]:
    found = {"kedge-tui": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _json(value: Any, indent: int | None = None) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"), default=str)
    return text.encode("utf-8", "replace") + b"\n"
