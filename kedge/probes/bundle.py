"""The offline bundle, where the config file says that there is one."""

from __future__ import annotations

from kedge.asks import DirList, File
from kedge.facts.bundle import IMAGES, MANIFEST, NAT_SCRIPT, OfflineBundle
from kedge.model import Host, Observation, Role, Unknown
from kedge.plugins import probe
from kedge.probes.answers import failure

_COLUMNS = 9
"""Of ``ls -l``: mode, links, owner, group, size, month, day, time, name."""


@probe(Role.APISERVER, Role.CLOUDCORE, Role.METRICS, every=300.0, reads_errors=True)
def offline_bundle(host: Host) -> tuple[File, File, DirList] | None:
    """The manifest and the script that repairs may use, and which image archives there are."""
    if not host.paths.bundle:
        return None
    folder = OfflineBundle(host.paths.bundle)
    return File(folder.path(MANIFEST)), File(folder.path(NAT_SCRIPT)), DirList((folder.path(IMAGES),))


@offline_bundle.parse
def read_offline_bundle(manifest: Observation, script: Observation, images: Observation) -> OfflineBundle | Unknown:
    """A bundle that is not on this host has no parts; it may lie on the machine that the program runs on."""
    asked = images.ask.paths[0] if isinstance(images.ask, DirList) else ""
    folder = asked.removesuffix(f"/{IMAGES}")
    found = OfflineBundle(folder, _text(manifest), _text(script), _files(images))
    if found == OfflineBundle(folder) and all(seen.error is not None for seen in (manifest, script, images)):
        return failure(manifest, folder)
    return found


def _text(seen: Observation) -> str:
    return seen.stdout if seen.error is None and seen.exit_code == 0 and not seen.cut else ""


def _files(seen: Observation) -> tuple[str, ...]:
    """Plain files of a long listing; their names may hold spaces."""
    rows = (line.split(maxsplit=_COLUMNS - 1) for line in seen.stdout.splitlines() if line.startswith("-"))
    return tuple(sorted(row[-1] for row in rows if len(row) == _COLUMNS)) if seen.error is None else ()
