"""Machine-readable and plain-text reports: thin renderers of one picture.

``-o json`` is frozen: names never change, fields are only added. It is English
whatever the locale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from kedge.i18n import Text, _, as_json, translate
from kedge.model import Evidence, Finding, HopState, Status
from kedge.picture import Picture
from kedge.printable import one_line

API_VERSION = "kedge-tui/v1"

SCHEMA = Path(__file__).parent / "schemas" / "check-v1.json"
"""JSON Schema of :func:`document`."""

GLYPHS = {
    Status.PASS: "✓",
    Status.INFO: "i",
    Status.WARN: "!",
    Status.FAIL: "✗",
    Status.SKIP: "-",
    Status.UNKNOWN: "?",
}


def stamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


EVERYTHING = frozenset(Status)


def document(picture: Picture, show: frozenset[Status] = EVERYTHING) -> dict[str, Any]:
    """The one document that every format renders. ``show`` picks results by status; the summary counts all."""
    counts = picture.summary()
    return {
        "apiVersion": API_VERSION,
        "site": picture.site,
        "context": picture.context,
        "generatedAt": stamp(picture.taken),
        "summary": {status.value: counts[status] for status in Status},
        "causes": [
            {"code": cause.code, "target": cause.target, "message": as_json(cause.text)} for cause in picture.causes
        ],
        "results": [_result(finding) for finding in picture.findings if finding.status in show],
        "paths": [
            {
                "node": path.node,
                "hops": [_hop(hop) for hop in path.hops],
                "metricsHops": [_hop(hop) for hop in path.metrics],
            }
            for path in picture.paths
        ],
    }


def _result(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "title": as_json(finding.title),
        "component": finding.component,
        "target": finding.target,
        "status": finding.status.value,
        "message": as_json(finding.text),
        "expected": _value(finding.expected),
        "seen": _value(finding.seen),
        "because": finding.because,
        "becauseTarget": finding.because_target,
        "reason": finding.reason.value if finding.reason else None,
        "since": stamp(finding.since),
        "flaps": finding.flaps,
        "durationMs": round(finding.seconds * 1000),
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "fixes": list(finding.fixes),
    }


def _value(value: Text | str | None) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {"source": evidence.source, "what": evidence.what, "at": stamp(evidence.at)}


def _hop(hop: HopState) -> dict[str, Any]:
    return {"hop": hop.hop.value, "status": hop.status.value, "code": hop.code}


def as_json_text(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """The document as JSON, one trailing newline."""
    return json.dumps(document(picture, show), ensure_ascii=False, indent=2) + "\n"


def as_table(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """For people: causes first, then one line per finding, in the reader's language."""
    lines = []
    for cause in picture.causes:
        lines.append(f"{GLYPHS[Status.FAIL]} {cause.code} {one_line(cause.target)}: {said(cause.text)}")
        lines += [f"    {name}: {said(value)}" for name, value in details(cause)]
    if lines:
        lines.append("")
    findings = [finding for finding in picture.findings if finding.status in show]
    width = max((len(one_line(finding.target)) for finding in findings), default=1)
    lines += [*_rows(findings, width), "", summary(picture)]
    return "\n".join(lines) + "\n"


def _rows(findings: Sequence[Finding], width: int) -> Iterator[str]:
    """A host that cannot be asked says why once, with every code that waits for it."""
    silent: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.status is Status.UNKNOWN:
            silent.setdefault((finding.target, str(finding.text)), []).append(finding.code)
    for finding in findings:
        codes = silent.get((finding.target, str(finding.text)), []) if finding.status is Status.UNKNOWN else []
        if not codes or finding.code == codes[0]:
            also = _(" (so is {codes})").format(codes=", ".join(codes[1:]))
            yield row(finding, width) + (translate(also) if len(codes) > 1 else "")


def row(finding: Finding, width: int) -> str:
    """One finding on one line."""
    because = f" (because {finding.because})" if finding.because else ""
    target = f"{one_line(finding.target):<{width}}"
    return f"{GLYPHS[finding.status]} {finding.status.value:<7} {finding.code} {target}  {said(finding.text)}{because}"


def summary(picture: Picture) -> str:
    """How many findings have each status, on one line."""
    counts = picture.summary()
    return "  ".join(f"{GLYPHS[status]} {status.value} {counts[status]}" for status in Status)


def said(text: Text | str) -> str:
    """A sentence in the reader's language, on one line."""
    return one_line(translate(text))


def details(finding: Finding) -> list[tuple[str, Text | str]]:
    """What else a person wants to know of a finding, by name."""
    named = (("expected", finding.expected), ("seen", finding.seen))
    shown: list[tuple[str, Text | str]] = [(name, value) for name, value in named if value]
    if finding.fixes:
        shown.append(("fixes", ", ".join(finding.fixes)))
    return shown


class Format(Protocol):
    """Renders a picture as text that ends with a line break; results are those of the statuses in ``show``."""

    def __call__(self, picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
        """The text."""
        ...


FORMATS: dict[str, Format] = {"table": as_table, "json": as_json_text}
"""The two that everybody needs; :mod:`kedge.report_formats` has the rest."""
