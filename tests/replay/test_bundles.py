"""A bundle of a site is judged as the site itself was: the same findings, causes and paths in every state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kedge.bundles import archive
from kedge.bundles.gather import Gathered, content
from kedge.bundles.redact import Redactor
from kedge.engine import Engine
from kedge.model import Cost
from kedge.opening import recorded_engine
from kedge.registry import discover
from kedge.report import document

RECORDINGS = Path(__file__).parents[1] / "recordings"
STATES = sorted(path.name for path in RECORDINGS.iterdir() if path.is_dir())


async def bundled(state: str, folder: Path, redactor: Redactor | None = None) -> tuple[Engine, Engine]:
    """The engine of a recorded state, and the engine of a bundle that was made of it."""
    first, gathered = recorded_engine(RECORDINGS / state, discover()), Gathered()
    first.tell(gathered)
    await first.look(tuple(Cost))
    made = content(first, first.picture(), gathered, costs=tuple(Cost), redactor=redactor)
    path = folder / "site.tar.gz"
    archive.write(path, made.files, 0)
    again = recorded_engine(path, discover())
    await again.look(tuple(Cost))
    return first, again


def told(engine: Engine) -> dict[str, Any]:
    """The report of an engine without what measuring it took."""
    whole = document(engine.picture())
    for result in whole["results"]:
        result["durationMs"] = 0
        result["evidence"] = sorted((one["source"], one["at"] or "") for one in result["evidence"] if one["what"])
    return whole


@pytest.mark.parametrize("state", STATES)
async def test_a_bundle_is_judged_as_its_site_was(state: str, tmp_path: Path) -> None:
    first, again = await bundled(state, tmp_path)
    assert told(again) == told(first)


async def test_other_addresses_lead_to_the_same_verdicts(tmp_path: Path) -> None:
    first, again = await bundled("dnat-guide-port", tmp_path, Redactor(addresses=True))
    verdicts = [
        [(one["code"], one["target"], one["status"], one["because"]) for one in told(engine)["results"]]
        for engine in (first, again)
    ]
    assert verdicts[0] == verdicts[1]
    assert b"10.99.0." not in b"".join(archive.read(tmp_path / "site.tar.gz").values())
