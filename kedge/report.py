"""Machine-readable and plain-text reports: thin renderers of one picture.

``-o json`` is frozen: names never change, fields are only added (design.md section 9). It is English
whatever the locale.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kedge.i18n import Text, as_json, translate
from kedge.model import Evidence, Finding, HopState, Status
from kedge.picture import Picture
from kedge.printable import one_line

API_VERSION = "kedge-tui/v1"

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


def document(picture: Picture) -> dict[str, Any]:
    """The one document that every format renders."""
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
        "results": [_result(finding) for finding in picture.findings],
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


def as_json_text(picture: Picture) -> str:
    """The document as JSON, one trailing newline."""
    return json.dumps(document(picture), ensure_ascii=False, indent=2) + "\n"


def as_table(picture: Picture) -> str:
    """For people: causes first, then one line per finding that deserves it, in the reader's language."""
    lines = []
    for cause in picture.causes:
        lines.append(f"{GLYPHS[Status.FAIL]} {cause.code} {one_line(cause.target)}: {_line(cause.text)}")
        lines += [f"    {name}: {_line(value)}" for name, value in _details(cause)]
    if lines:
        lines.append("")
    width = max((len(finding.target) for finding in picture.findings), default=1)
    for finding in picture.findings:
        because = f" (because {finding.because})" if finding.because else ""
        glyph, status = GLYPHS[finding.status], finding.status.value
        lines.append(
            f"{glyph} {status:<7} {finding.code} {one_line(finding.target):<{width}}  {_line(finding.text)}{because}"
        )
    counts = picture.summary()
    lines += ["", "  ".join(f"{GLYPHS[status]} {status.value} {counts[status]}" for status in Status)]
    return "\n".join(lines) + "\n"


def _line(text: Text | str) -> str:
    return one_line(translate(text))


def _details(finding: Finding) -> list[tuple[str, Text | str]]:
    named = (("expected", finding.expected), ("seen", finding.seen))
    shown: list[tuple[str, Text | str]] = [(name, value) for name, value in named if value]
    if finding.fixes:
        shown.append(("fixes", ", ".join(finding.fixes)))
    return shown


FORMATS: dict[str, Callable[[Picture], str]] = {"table": as_table, "json": as_json_text}
"""Output formats of ``kedge-tui check`` by name; further ones register here."""
