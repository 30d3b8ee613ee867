"""EdgeCore's journal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kedge.asks import Journal
from kedge.facts.edgecore import EdgeCoreLog
from kedge.logs.classify import classify
from kedge.logs.signatures import EDGECORE
from kedge.model import Host, Observation, Role, Unknown
from kedge.plugins import probe
from kedge.probes.answers import failure
from kedge.probes.services import UNIT

LINES = 200

_MODULE = re.compile(r"Module edgestream (registered successfully|is disabled)", re.IGNORECASE)
_PROCESS = re.compile(r"\sedgecore\[(\d+)\]: ")


@probe(Role.EDGE, every=30.0)
def edgecore_log(host: Host) -> Journal:
    """The last lines of the unit."""
    return Journal(UNIT, LINES)


@edgecore_log.parse
def read_edgecore_log(seen: Observation) -> EdgeCoreLog | Unknown:
    """Only what the newest process wrote: what one before it said ended with it."""
    if seen.exit_code != 0:
        return failure(seen, f"journalctl -u {UNIT}")
    lines = seen.stdout.splitlines()
    first = _first_of_newest(lines)
    # Lines keep their numbers, so that a finding points into the journal as it is shown.
    text = "\n".join([""] * first + lines[first:])
    return EdgeCoreLog(classify(text, EDGECORE, seen.at), len(lines), _stream_loaded(text))


def _stream_loaded(text: str) -> bool | None:
    """What the process said at its start of the module edgestream (facts 4.3)."""
    said = _MODULE.findall(text)
    return said[-1] == "registered successfully" if said else None


def _first_of_newest(lines: Sequence[str]) -> int:
    """Index of the first line of the newest process, 0 when no line names one.

    The newest is the one that appeared last: a line of an older one may still follow, out of order.
    """
    first: dict[str, int] = {}
    for number, line in enumerate(lines):
        if found := _PROCESS.search(line):
            first.setdefault(found[1], number)
    return max(first.values(), default=0)
