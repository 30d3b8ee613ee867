"""EdgeCore's journal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kedge.asks import Journal, Service
from kedge.facts.edgecore import EdgeCoreLog
from kedge.facts.services import ServiceState
from kedge.logs.classify import classify
from kedge.logs.signatures import EDGECORE
from kedge.model import Host, Observation, Role, Unknown
from kedge.plugins import probe
from kedge.probes.answers import failure
from kedge.probes.services import UNIT, read_service

LINES = 200

_MODULE = re.compile(r"Module edgestream (registered successfully|is disabled)", re.IGNORECASE)
_PROCESS = re.compile(r"\sedgecore\[(\d+)\]: ")


@probe(Role.EDGE, every=30.0, reads_errors=True)
def edgecore_log(host: Host) -> tuple[Journal, Service]:
    """The last lines of the unit, and which process is the one that runs now."""
    return Journal(UNIT, LINES), Service(UNIT)


@edgecore_log.parse
def read_edgecore_log(seen: Observation, service: Observation | None = None) -> EdgeCoreLog | Unknown:
    """Only what the newest process wrote: what one before it said ended with it."""
    if seen.error is not None or seen.exit_code != 0:
        return failure(seen, f"journalctl -u {UNIT}")
    lines = seen.stdout.splitlines()
    state = read_service(service, UNIT) if service is not None else None
    own = _of_newest(lines, state.main_pid if isinstance(state, ServiceState) else 0)
    text = "\n".join(own)
    return EdgeCoreLog(classify(text, EDGECORE, seen.at), len(lines), _stream_loaded(text))


def _stream_loaded(text: str) -> bool | None:
    """What the process said at its start of the module edgestream (facts 4.3)."""
    said = _MODULE.findall(text)
    return said[-1] == "registered successfully" if said else None


def _of_newest(lines: Sequence[str], running: int) -> list[str]:
    """The lines of the process that runs, and of systemd since its start; all when no line names one.

    Others become empty: lines keep their numbers, so that a finding points into the journal as it is shown.

    Args:
        running: id of the process, 0 when it is not known; then it is the one that appeared last.
    """
    first: dict[str, int] = {}
    for number, line in enumerate(lines):
        if found := _PROCESS.search(line):
            first.setdefault(found[1], number)
    newest = str(running) if str(running) in first else max(first, key=lambda pid: first[pid], default="")
    start = first.get(newest, 0)
    return ["" if number < start or _is_of_another(line, newest) else line for number, line in enumerate(lines)]


def _is_of_another(line: str, process: str) -> bool:
    found = _PROCESS.search(line)
    return found is not None and found[1] != process
