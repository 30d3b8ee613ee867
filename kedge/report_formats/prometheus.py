"""``-o prom``: Prometheus' text format, for the textfile collector or a push gateway."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model import Finding, Status
from kedge.picture import Picture
from kedge.printable import printable
from kedge.report import EVERYTHING


def as_prometheus(picture: Picture, show: frozenset[Status] = EVERYTHING) -> str:
    """One series per result, its status as a label; the counts say everything, whatever is shown."""
    return "\n".join(_lines(picture, show)) + "\n"


def _lines(picture: Picture, show: frozenset[Status]) -> Iterator[str]:
    site = {"site": picture.site, "context": picture.context}
    yield from _head("kedge_tui_results", "How many checks said each status.")
    for status, count in picture.summary().items():
        yield _sample("kedge_tui_results", {**site, "status": status.value}, count)
    yield from _head("kedge_tui_cause", "What is broken and explained by nothing else.")
    for cause in picture.causes:
        yield _sample("kedge_tui_cause", {**site, "code": cause.code, "target": cause.target}, 1)
    yield from _head("kedge_tui_result", "What one check said of one target, as the label status.")
    for finding in picture.findings:
        if finding.status in show:
            yield _sample("kedge_tui_result", {**site, **_labels(finding)}, 1)
    yield from _head("kedge_tui_generated_timestamp_seconds", "When the site was judged.")
    yield _sample("kedge_tui_generated_timestamp_seconds", site, int(picture.taken.timestamp()))


def _labels(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "target": finding.target,
        "component": finding.component,
        "status": finding.status.value,
        "because": finding.because or "",
    }


def _head(name: str, about: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} gauge"


def _sample(name: str, labels: dict[str, str], value: int) -> str:
    inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inner}}} {value}"


def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
