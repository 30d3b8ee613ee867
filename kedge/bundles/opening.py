"""Opens a bundle as a site: judged with today's checks, shown like a live one, nothing is contacted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from kedge.bundles import archive
from kedge.bundles.archive import BundleError
from kedge.bundles.codec import decoded
from kedge.bundles.gather import AUDIT, FINDINGS, FORMAT, MANIFEST, OBSERVATIONS
from kedge.config import HostSettings, SiteSettings
from kedge.engine import Engine, SiteName
from kedge.i18n import Text, _, ngettext
from kedge.model import Cost, Observation
from kedge.plugins import Registry
from kedge.sources.base import KUBERNETES, NoSource, Source, no_ssh
from kedge.sources.replay import ReplaySource


class Inventory(msgspec.Struct, frozen=True):
    """What the bundle keeps of the config file."""

    bundle: str = ""
    hosts: tuple[HostSettings, ...] = ()


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of ``manifest.json``; a person finds more in it."""

    api_version: str = ""
    site: str = ""
    context: str = ""
    server: str = ""
    taken_at: datetime | None = None
    complete: bool = True
    asked: list[str] = []
    inventory: Inventory = Inventory()
    missing: list[dict[str, Any]] = []
    masked: list[dict[str, Any]] = []
    versions: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read.

    Attributes:
        findings: the report as it was then. audit: changes that had been made, newest first.
        unread: lines that a newer version wrote and this one does not know.
    """

    manifest: Manifest
    observations: tuple[Observation, ...]
    findings: Mapping[str, Any] = field(default_factory=dict)
    audit: tuple[Mapping[str, Any], ...] = ()
    unread: int = 0


def read_bundle(path: Path) -> Bundle:
    """Read and check a bundle; raises BundleError with a sentence."""
    files = archive.read(path)
    manifest = _parsed(path, MANIFEST, files[MANIFEST], Manifest)
    if manifest.api_version.rpartition("/")[0] != FORMAT.rpartition("/")[0]:
        raise BundleError(_("{file} is no bundle of kedge-tui: its manifest says otherwise").format(file=path))
    if manifest.api_version != FORMAT:
        text = _("{file} was made by a newer kedge-tui ({format}); this one reads {known}")
        raise BundleError(text.format(file=path, format=manifest.api_version, known=FORMAT))
    seen = [_observation(path, at, line) for at, line in enumerate(files[OBSERVATIONS].splitlines(), 1)]
    known = tuple(one for one in seen if one is not None)
    findings = _parsed(path, FINDINGS, files.get(FINDINGS) or b"{}", dict)
    audit = tuple(_parsed(path, AUDIT, line, dict) for line in files.get(AUDIT, b"").splitlines())
    return Bundle(manifest, known, findings, audit, len(seen) - len(known))


def _observation(path: Path, number: int, line: bytes) -> Observation | None:
    try:
        return decoded(line)
    except ValueError as error:
        text = _("{file} is damaged: line {line} of {name} is no observation ({error})")
        raise BundleError(text.format(file=path, line=number, name=OBSERVATIONS, error=error)) from None


def _parsed(path: Path, name: str, body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = _("{file} is damaged: {name} cannot be read ({error})")
        raise BundleError(text.format(file=path, name=name, error=error)) from None


def bundled_engine(bundle: Bundle, registry: Registry) -> Engine:
    """An engine over a bundle."""
    manifest = bundle.manifest
    by_source: dict[str, list[Observation]] = {}
    for one in bundle.observations:
        by_source.setdefault(one.source, []).append(one)
    sources = {name: ReplaySource(name, seen) for name, seen in by_source.items()}

    def host(name: str) -> Source:
        return sources.get(name) or NoSource(name, no_ssh(name))

    engine = Engine(
        SiteName(manifest.site, manifest.context, manifest.server),
        registry if Cost.INTRUSIVE in manifest.asked else registry.without_intrusive(),
        SiteSettings(bundle=manifest.inventory.bundle, hosts=manifest.inventory.hosts),
        sources.get(KUBERNETES) or ReplaySource(KUBERNETES, ()),
        host,
        also=sources.keys() - {KUBERNETES},
        taken=manifest.taken_at,
    )
    engine.problems += tuple(_problems(bundle))
    return engine


def _problems(bundle: Bundle) -> Iterable[Text]:
    if not bundle.manifest.complete:
        yield _("The bundle was taken in a hurry: its time was up before everything had answered")
    if bundle.unread:
        text = ngettext(
            "The bundle holds {count} answer that this version does not know",
            "The bundle holds {count} answers that this version does not know",
            "count",
        )
        yield text.format(count=bundle.unread)
