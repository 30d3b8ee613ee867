"""Finds in a log the failures that still hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from kedge.facts.logs import LogHit
from kedge.logs.klog import KlogLine, lines_of
from kedge.logs.signatures import Signature

RECENT = timedelta(minutes=10)
"""A failure this much older than the end of its log is the past, whatever came after it."""

_SHOWN = 400


def classify(text: str, table: Sequence[Signature], now: datetime | None = None) -> tuple[LogHit, ...]:
    """Failures that no newer line contradicts, each once with its count, oldest first.

    Args:
        text: the log. table: which signatures to look for.
        now: when the log was read; dates the hits for logs that are written in UTC.
    """
    read = list(lines_of(text))
    healthy: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], list[tuple[int, Signature]]] = {}
    for number, line in enumerate(read):
        signature, node = _match(line, table)
        if signature is None or signature.kind == "benign":
            continue
        if signature.kind == "health":
            healthy.update({(topic, node): number for topic in signature.topics})
        else:
            found.setdefault((signature.id, node), []).append((number, signature))
    end = max((line.at for line in read if line.at is not None), default=None)
    hits = [
        _hit(places, node, read, now)
        for (_id, node), places in found.items()
        if not _is_past(places[-1], node, healthy, read, end)
    ]
    return tuple(sorted(hits, key=lambda hit: hit.number))


def _match(line: KlogLine, table: Iterable[Signature]) -> tuple[Signature | None, str]:
    for signature in table:
        if found := signature.pattern.search(line.message):
            named = found.groupdict()
            return signature, named.get("node") or named.get("node2") or ""
    return None, ""


def _is_past(
    place: tuple[int, Signature],
    node: str,
    healthy: dict[tuple[str, str], int],
    read: Sequence[KlogLine],
    end: datetime | None,
) -> bool:
    """Contradicted by a newer sign of health on its topic (of that node; of any, for what names none), or long ago."""
    number, signature = place
    of_any = [at for (topic, _node), at in healthy.items() if topic == signature.topic]
    newest = healthy.get((signature.topic, node), -1) if node else max(of_any, default=-1)
    if newest > number:
        return True
    at = read[number].at
    return at is not None and end is not None and end - at > RECENT


def _hit(places: Sequence[tuple[int, Signature]], node: str, read: Sequence[KlogLine], now: datetime | None) -> LogHit:
    number, signature = places[-1]
    line = read[number]
    return LogHit(
        id=signature.id,
        meaning=signature.meaning.format(node=node or "?"),
        line=line.raw.strip()[:_SHOWN],
        number=number + 1,
        node=node,
        count=len(places),
        at=line.dated(now) if now is not None else None,
        topic=signature.topic,
    )
